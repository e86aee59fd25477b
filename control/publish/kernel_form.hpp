// What a model says of routing in the form that rtnetlink has, and whether the kernel has it already.
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/model/model.hpp"

namespace weft {

/// The kernel's index of an interface; 0: none.
using IndexOf = std::function<int(const std::string& name)>;
/// Of TAPs by name, which have to outlive it.
template <class Taps>
[[nodiscard]] IndexOf index_in(const Taps& taps) {
    return [&taps](const std::string& name) {
        const auto it = taps.find(name);
        return it == taps.end() ? 0 : it->second.tap.index();
    };
}

/// With weft's protocol.
[[nodiscard]] KernelRoute kernel_route(const RouteSpec& spec, const IndexOf& index_of);
[[nodiscard]] KernelNexthop kernel_nexthop(const NexthopSpec& spec, const IndexOf& index_of);
[[nodiscard]] KernelNeighbour kernel_neighbour(const NeighbourKeySpec& key, const NeighbourSpec& spec,
                                               const IndexOf& index_of);
[[nodiscard]] KernelRule kernel_rule(const KernelRule& spec);

/// Whether the kernel's object is what is wanted; what the kernel adds (state, an interface found by the
/// gateway) does not count.
[[nodiscard]] bool satisfies(const KernelRoute& there, const KernelRoute& wanted);
[[nodiscard]] bool satisfies(const KernelNexthop& there, const KernelNexthop& wanted);
[[nodiscard]] bool satisfies(const KernelNeighbour& there, const KernelNeighbour& wanted);
[[nodiscard]] bool satisfies(const KernelRule& there, const KernelRule& wanted);

/// Whether the route cannot be while an interface is down: it waits. A next-hop object needs a carrier, too
/// (nh_create_ipv4); `dark`: interfaces without one. A group waits only for all its members.
using Dark = std::set<std::string>;
[[nodiscard]] bool waits(const Model& model, const Dark& dark, const RouteSpec& spec);
[[nodiscard]] bool waits(const Model& model, const Dark& dark, const NexthopSpec& spec);
/// The group without the members that wait.
[[nodiscard]] NexthopSpec without_waiting(const Model& model, const Dark& dark, const NexthopSpec& spec);

/// What the kernel would refuse of a route's gateways, in its words: such as are on no link, or not on the
/// one that is named (net/ipv4/fib_semantics.c, fib_check_nh_v4_gw; net/ipv6/route.c, ip6_validate_gw).
[[nodiscard]] Result<> check_gateways(const Model& model, const RouteSpec& spec);

/// Everything that the kernel would have of a model, with IfIndexes in the place of its indexes: for
/// --no-kernel. Routes of addresses and networks included (fib_add_ifaddr, addrconf). Only what is up.
struct ModelRouting {
    std::vector<KernelLinkFacts> links;
    std::vector<KernelAddressFacts> addresses;
    std::vector<KernelNexthop> nexthops;
    std::vector<KernelNeighbour> neighbours;
    std::vector<KernelRoute> routes;
    std::vector<KernelRule> rules;
};
[[nodiscard]] ModelRouting routing_of(const Model& model, const IndexOf& index_of);

}  // namespace weft
