// Routes, next-hop objects, neighbours and policy rules that weft writes to the kernel (protocol 119): what
// rtnetlink says of them (kernel/route_message.hpp), with names in the place of the kernel's indexes.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "control/kernel/route_message.hpp"

namespace weft {

/// What tells routes apart that may stand for one another (net/ipv4/fib_trie.c, net/ipv6/ip6_fib.c). Integers
/// in host order.
struct RouteKeySpec {
    bool v6 = false;
    std::uint32_t table = RT_TABLE_MAIN;
    std::uint8_t length = 0;
    IpAddress destination{};
    std::uint32_t priority = 0;
    std::uint8_t tos = 0, source_length = 0;
    IpAddress source{};
    friend auto operator<=>(const RouteKeySpec& a, const RouteKeySpec& b) {
        const auto of = [](const RouteKeySpec& k) {
            return std::tie(k.v6, k.table, k.destination.bytes, k.length, k.priority, k.tos, k.source_length,
                            k.source.bytes);
        };
        return of(a) <=> of(b);
    }
    friend bool operator==(const RouteKeySpec&, const RouteKeySpec&) = default;
};

[[nodiscard]] inline RouteKeySpec key_of(const KernelRoute& route) {
    return {route.v6,       route.table, route.length,        route.destination,
            route.priority, route.tos,   route.source_length, route.source};
}

/// Kept as the kernel gives it back: priority of IPv6 not 0, its scope 0.
struct RouteSpec {
    KernelRoute route{};                 ///< the interface of each via is 0
    std::vector<std::string> devices{};  ///< of each via; empty: the kernel finds it by the gateway
    [[nodiscard]] RouteKeySpec key() const { return key_of(route); }
    friend bool operator==(const RouteSpec&, const RouteSpec&) = default;
};

struct NexthopSpec {
    KernelNexthop nexthop{};  ///< without interface
    std::string device{};
    friend bool operator==(const NexthopSpec&, const NexthopSpec&) = default;
};

struct NeighbourKeySpec {
    std::string device{};
    bool v6 = false;
    IpAddress address{};
    friend auto operator<=>(const NeighbourKeySpec& a, const NeighbourKeySpec& b) {
        return std::tie(a.device, a.v6, a.address.bytes) <=> std::tie(b.device, b.v6, b.address.bytes);
    }
    friend bool operator==(const NeighbourKeySpec&, const NeighbourKeySpec&) = default;
};

/// `nud permanent` or `nud noarp`: the kernel does not age it. Or `managed`: the kernel resolves it by itself
/// and keeps it so, whether it is used or not.
struct NeighbourSpec {
    bool noarp = false, router = false, managed = false, external = false;
    bool has_mac = true;  ///< false: only of one that is managed
    MacAddress mac{};
    friend bool operator==(const NeighbourSpec&, const NeighbourSpec&) = default;
};

struct RoutingSpec {
    std::multimap<RouteKeySpec, RouteSpec> routes;  ///< of one key in the order given
    std::map<std::uint32_t, NexthopSpec> nexthops;  ///< by id
    std::map<NeighbourKeySpec, NeighbourSpec> neighbours;
    std::multimap<std::pair<bool, std::uint32_t>, KernelRule> rules;  ///< by family (v6) and priority
    friend bool operator==(const RoutingSpec&, const RoutingSpec&) = default;
};

}  // namespace weft
