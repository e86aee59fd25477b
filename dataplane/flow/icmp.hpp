// ICMP and ICMPv6 as nf_conntrack_proto_icmp.c and nf_conntrack_proto_icmpv6.c of Linux 6.1 track them.
#pragma once

#include <cstdint>

#include "dataplane/flow/parse.hpp"
#include "dataplane/flow/protocol.hpp"

namespace weft {

/// What conntrack does with a message; the checksum is the caller's.
enum class IcmpClass : std::uint8_t {
    query,      ///< is looked up like any packet, which most types do not survive: they have no inverse
    error,      ///< belongs to the connection of the packet that it quotes
    untracked,  ///< neighbour discovery and multicast listeners
    invalid
};
[[nodiscard]] IcmpClass classify_icmp(const L4View&) noexcept;
[[nodiscard]] IcmpClass classify_icmpv6(const L4View&) noexcept;
/// Bytes of a message before what it quotes.
inline constexpr std::uint32_t icmp_header_size = 8;

/// A query's type that may begin a connection.
[[nodiscard]] constexpr bool icmp_begins(std::uint8_t type) noexcept {
    return type == 8 || type == 13 || type == 15 || type == 17;
}
[[nodiscard]] constexpr bool icmpv6_begins(std::uint8_t type) noexcept {
    return type == 128 || type == 139;
}

}  // namespace weft
