// From bytes to tuples: nf_ct_get_tuple and get_l4proto of net/netfilter/nf_conntrack_core.c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/flow/tuple.hpp"

namespace weft {

/// A transport header and what follows. Borrowed bytes.
struct L4View {
    const std::byte* data;
    std::uint32_t head;    ///< bytes that can be read at `data`
    std::uint32_t length;  ///< bytes there are, by the IP header, of header and payload
    std::uint8_t protocol;
    bool fragment = false;  ///< the first of several: the rest of the payload is elsewhere
};

/// What follows an IPv4 header of which `head` contiguous bytes can be read. Nothing if the packet is a later
/// fragment (it has no ports), or shorter than its header says. `quoted`: by an ICMP error, which cuts
/// packets off, so that the length in the header means nothing.
[[nodiscard]] std::optional<L4View> find_l4(const Ipv4Header&, std::uint32_t head,
                                            bool quoted = false) noexcept;
/// The same behind IPv6's extension headers (ipv6_skip_exthdr: hop-by-hop, routing, fragment,
/// authentication, destination options).
[[nodiscard]] std::optional<L4View> find_l4(const Ipv6Header&, std::uint32_t head,
                                            bool quoted = false) noexcept;

/// TCP, UDP, UDP-Lite, SCTP, DCCP: ports. ICMP of either version: identifier, type and code. GRE: gre_keys.
/// All else: zeros. False if they are not there: then `tuple` is as it was.
[[nodiscard]] bool read_tuple(const Ipv4Header&, const L4View&, Tuple4& tuple) noexcept;
[[nodiscard]] bool read_tuple(const Ipv6Header&, const L4View&, Tuple6& tuple) noexcept;

}  // namespace weft
