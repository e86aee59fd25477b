// IPv4 fragmentation (RFC 791 3.2, RFC 1812 4.2.2.7; net/ipv4/ip_output.c, ip_do_fragment), by rte_ip_frag.
#pragma once

#include "dataplane/context.hpp"

namespace weft {

/// The most pieces a datagram is cut into: 64 KiB at an MTU of 68 without options.
inline constexpr std::uint16_t max_fragments = 1368;

/// Cuts a datagram, which may itself be a fragment, into pieces of at most `mtu` bytes from the IP header on.
/// Their payloads share the packet's segments; each has a first segment with the Ethernet header, the
/// packet's metadata and an IP header with its checksum; of the options those that are to be copied stand in
/// all pieces, the rest in the first. Returns how many there are in out[], owned by the caller as is
/// `packet`, which must be freed; 0 if there is no buffer, or it would be more than max_fragments.
[[nodiscard]] unsigned fragment4(Packet& packet, std::uint16_t mtu, rte_mempool* pool,
                                 Packet* out[max_fragments]) noexcept;

}  // namespace weft
