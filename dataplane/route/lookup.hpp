// Where a packet goes: the rules in their order, the table that each names, the member of a group.
#pragma once

#include "dataplane/context.hpp"
#include "weft/routing.hpp"

namespace weft {

/// What rules ask of a packet. Addresses: of IPv4 in the first four bytes.
struct RouteKey {
    IpAddress source{}, destination{};
    bool v6 = false;
    std::uint8_t tos = 0;        ///< asked_tos() of the packet's TOS or traffic class
    IfIndex iif = no_interface;  ///< no_interface: the host itself sends it
    std::uint32_t mark = 0;
    std::uint32_t flow_hash = 0;  ///< for groups
};

/// What routes and rules ask of a TOS: of IPv4 the four bits of RFC 1349 that are not ECN's today (RT_TOS,
/// fib_dscp_masked_match), of IPv6 the whole of the DSCP.
[[nodiscard]] constexpr std::uint8_t asked_tos(std::uint8_t tos, bool v6) noexcept {
    return tos & (v6 ? 0xfc : 0x1c);
}

/// The answer: a hop that is no group, or what a rule or no rule says (then index is no_hop and kind tells).
struct RouteAnswer {
    HopIndex index = no_hop;
    HopKind kind = HopKind::none;
    HopIndex table_entry = no_hop;  ///< what the table has: index, or the group it is of
    std::uint16_t table = 0;        ///< into Routing::tables
    std::uint16_t rule = 0;         ///< one more than the index of the rule; 0: there are none, or none fits
    bool by_tos = false;            ///< with another TOS it may be another one, whatever the rules
};

/// Whether packets leave by such a hop, to a neighbour or without one.
[[nodiscard]] constexpr bool leaves(HopKind kind) noexcept {
    return kind == HopKind::neighbour || kind == HopKind::connected || kind == HopKind::no_address;
}

/// The end of a chain of choices (HopKind::choice), itself if it is none: of IPv4 the route of the packet's
/// TOS comes before the one without (net/ipv4/fib_trie.c, fib_table_lookup), of IPv6 that of the longest
/// prefix of its source (net/ipv6/ip6_fib.c, fib6_node_lookup). by_tos becomes true where a TOS was asked
/// for.
[[nodiscard]] HopIndex route_of(HopIndex found, const RouteKey& key, const HopTable& hops,
                                bool& by_tos) noexcept;

/// net/ipv4/fib_rules.c, fib_lookup, and net/ipv6/fib6_rules.c.
[[nodiscard]] RouteAnswer find_route(const RouteKey& key, const Routing& routing,
                                     const HopTable& hops) noexcept;

/// Whether packets leave by the interface, or by several of which it is one. `entry`: of a table, no choice.
[[nodiscard]] bool leads_to(HopIndex entry, IfIndex interface, const HopTable& hops) noexcept;

/// The key of a packet whose IP header was checked, received on meta.iif.
[[nodiscard]] RouteKey key_of(Packet& packet, const Routing& routing) noexcept;

/// Hash of a flow for groups, as fib_multipath_hash_policy says: addresses alone, or with protocol and ports;
/// of an ICMP error the addresses of the packet that it quotes, so that it goes the way of its flow. All 32
/// bits are good.
[[nodiscard]] std::uint32_t flow_hash4(Packet& packet, bool l4, std::uint32_t secret) noexcept;
[[nodiscard]] std::uint32_t flow_hash6(Packet& packet, bool l4, std::uint32_t secret) noexcept;

}  // namespace weft
