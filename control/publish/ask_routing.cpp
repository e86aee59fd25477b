// What commands ask of routing: the kernel's objects, and what workers have made of them.
#include <fmt/format.h>
#include <linux/in_route.h>
#include <net/if.h>

#include <cstring>

#include "control/publish/kernel_form.hpp"
#include "control/publish/switch.hpp"
#include "control/route/commands/words.hpp"
#include "dataplane/route/input.hpp"
#include "dataplane/route/lookup.hpp"
#include "dataplane/route/source_address.hpp"

namespace weft {

namespace {

/// With --no-kernel weft's own numbers are the indexes.
IndexOf own_index(const Indexes& indexes) {
    return [&indexes](const std::string& name) {
        const auto number = indexes.interfaces.find(name);
        return number ? int{*number} : 0;
    };
}

/// What no worker decides: packets to a group or to all hosts of a link, which are the kernel's whoever sent
/// them, and those of the host by an interface that was chosen for them, or to no address, which is the host
/// itself (net/ipv4/route.c, ip_route_output_key_hash_rcu).
bool is_the_kernels(const RouteQuestion& question) {
    const auto to = bytes_of(question.to);
    if (question.to.v6 ? address6::multicast(to.bytes)
                       : address4::multicast(to_be32(to).host()) || to_be32(to).host() == address4::broadcast)
        return true;
    return question.iif.empty() && (!question.oif.empty() || to == IpAddress{});
}

HopKind kind_of(const KernelRoute& route) {
    switch (route.type) {
        case RTN_LOCAL:
            return HopKind::local;
        case RTN_BROADCAST:
            return HopKind::broadcast;
        case RTN_MULTICAST:
            return HopKind::multicast;
        default:
            return HopKind::connected;
    }
}

/// Whether IpInput drops a packet for its addresses where it would go on by its route. Of IPv6 the kernel
/// asks for no source here.
bool is_martian(const RouteKey& key, const RouteAnswer& answer, const Routing& routing,
                const HopTable& hops) {
    if (key.v6) return false;
    const std::uint32_t from = to_be32(key.source).host(), to = to_be32(key.destination).host();
    if (address4::multicast(from) || from == address4::broadcast || address4::zero_net(from) ||
        address4::loopback(from) || address4::zero_net(to) || address4::loopback(to))
        return true;
    const bool passes =
        answer.kind == HopKind::local || answer.kind == HopKind::broadcast || leaves(answer.kind);
    return passes && check_source(key, answer, routing, hops) != DropReason::count;
}

/// Whether the host may send from an address: of IPv4 it has to be its own (net/ipv4/route.c,
/// ip_route_output_key_hash_rcu).
bool may_send_from(const RouteKey& key, const Routing& routing, const HopTable& hops) {
    RouteKey own;
    own.destination = key.source;
    return key.v6 || weft::find_route(own, routing, hops).kind == HopKind::local;
}

/// What only the kernel's own tables say of the route that workers have found.
void take_origin(RouteFound& found, const RouteKey& key, const RouteAnswer& answer, const Routes& routes,
                 const Routing& routing) {
    const auto take = [&](const auto& origin) {
        if (!origin) return;
        found.tos = origin->tos;
        found.protocol = origin->protocol;
        found.preference = origin->preference;
        found.table = origin->table;
        found.metric = origin->priority;
        found.has_gateway = origin->to_gateway;
    };
    if (key.v6)
        return take(routes.tables6().origin(answer.table, key.destination.bytes, key.source, key.tos));
    AddressKey<4> address;
    std::memcpy(address.data(), key.destination.bytes.data(), address.size());
    take(routes.tables4().origin(answer.table, address, key.source, key.tos));
    // Without rules the kernel has one table of both (net/ipv4/fib_frontend.c, fib_new_table).
    if (routing.rules4.empty() && found.table == RT_TABLE_LOCAL) found.table = RT_TABLE_MAIN;
}

}  // namespace

Result<> Switch::visit_routes(bool v6, const std::function<void(const KernelRoute&)>& visit) {
    if (options_.kernel) {
        // A dump that begins anew would show routes twice: all are gathered first.
        std::vector<KernelRoute> all;
        auto done = tap_netlink_.visit_routes(
            v6, [&] { all.clear(); }, [&](const KernelRoute& route) { all.push_back(route); });
        if (!done) return done;
        for (const auto& route : all)
            visit(route);
        return {};
    }
    for (const auto& route : routing_of(model_, own_index(indexes_)).routes)
        if (route.v6 == v6) visit(route);
    return {};
}

Result<std::vector<KernelNexthop>> Switch::nexthops() {
    if (options_.kernel) return tap_netlink_.nexthops();
    return routing_of(model_, own_index(indexes_)).nexthops;
}

Result<std::vector<KernelNeighbour>> Switch::neighbours() {
    if (!options_.kernel) return routing_of(model_, own_index(indexes_)).neighbours;
    auto all = tap_netlink_.neighbours();
    if (!all) return all;
    std::erase_if(*all,
                  [&](const KernelNeighbour& neighbour) { return !is_own_device(neighbour.interface); });
    return all;
}

Result<std::vector<KernelRule>> Switch::policy_rules(bool v6) {
    if (options_.kernel) return tap_netlink_.policy_rules(v6);
    auto rules = routing_of(model_, own_index(indexes_)).rules;
    std::erase_if(rules, [&](const KernelRule& rule) { return rule.v6 != v6; });
    return rules;
}

std::string Switch::device_name(int kernel_index) {
    if (!options_.kernel) return names().interface(static_cast<IfIndex>(kernel_index));
    for (const auto& [name, live] : taps_)
        if (live.tap.index() == kernel_index) return name;
    auto link = tap_netlink_.link(kernel_index);
    return link && *link ? (*link)->name : fmt::format("if{}", kernel_index);
}

Result<> Switch::delete_neighbour(const KernelNeighbour& neighbour) {
    if (!options_.kernel) return {};
    auto done = tap_netlink_.change_neighbour(neighbour, RouteVerb::del);
    return done || is_gone(done.error()) ? Result<>{} : done;
}

Result<RouteFound> Switch::find_route(const RouteQuestion& question) {
    if (options_.kernel && is_the_kernels(question)) return ask_kernel(question);
    RouteKey key;
    key.v6 = question.to.v6;
    key.destination = bytes_of(question.to);
    if (question.from) key.source = bytes_of(*question.from);
    key.tos = asked_tos(question.tos, key.v6);
    key.mark = question.mark;
    if (!question.iif.empty()) key.iif = *indexes_.interfaces.find(question.iif);
    return with_routes([&](const Routes& routes) -> Result<RouteFound> {
        const Routing& routing = shared_.routing.get();
        const auto answer = weft::find_route(key, routing, shared_.hops);
        if (question.iif.empty() && question.from && !may_send_from(key, routing, shared_.hops))
            return refuse("RTNETLINK answers: Network is unreachable");
        if (!question.iif.empty() && is_martian(key, answer, routing, shared_.hops))
            return refuse("RTNETLINK answers: Invalid argument");
        RouteFound found{.kind = answer.kind};
        if (answer.index == no_hop) return found;
        const Hop& hop = shared_.hops[answer.index];
        found.mtu = hop.mtu;
        found.source = hop.source;
        take_origin(found, key, answer, routes, routing);
        if (hop.interface != no_interface) {
            found.device = names().interface(hop.interface);
            const auto& interface = routing.interface(hop.interface);
            if (found.source == IpAddress{})
                found.source =
                    key.v6 ? choose_source6(key.destination, hop.interface, routing) : interface.source4;
        }
        if (found.kind == HopKind::local) found.source = key.destination;
        // Of a neighbour on the link the hop is its own, without one in the route.
        found.has_gateway |= hop.gateway != key.destination;
        found.has_gateway &= found.kind == HopKind::neighbour;
        if (found.has_gateway) {
            found.gateway_v6 = hop.v6;
            found.gateway = hop.gateway;
        }
        if (question.iif.empty() && !question.oif.empty() && found.device != question.oif)
            return refuse("RTNETLINK answers: Network is unreachable");
        return found;
    });
}

Result<RouteFound> Switch::ask_kernel(const RouteQuestion& question) {
    const auto index = index_in(taps_);
    KernelRouteQuestion asked{.v6 = question.to.v6,
                              .tos = question.tos,
                              .to = bytes_of(question.to),
                              .from = {},
                              .iif = index(question.iif),
                              .oif = index(question.oif),
                              .mark = question.mark};
    // Of 0 the kernel would take it that nobody said any.
    if ((!question.iif.empty() && !asked.iif) || (!question.oif.empty() && !asked.oif))
        return Error{.message = "the kernel has no interface of this name, so it cannot be asked"};
    if (question.from) asked.from = bytes_of(*question.from);
    const auto route = tap_netlink_.route_to(asked);
    if (!route) return route.error();
    RouteFound found{.kind = kind_of(*route)};
    found.source = route->preferred;
    found.mtu = static_cast<std::uint16_t>(std::min(route->mtu(), 65535u));
    found.tos = route->tos;
    found.protocol = route->protocol;
    found.preference = route->preference;
    found.heard = !route->v6 && route->flags & RTCF_LOCAL;
    found.table = route->table;
    found.metric = route->priority;
    if (route->vias.empty()) return found;
    const KernelVia& via = route->vias.front();
    found.device = device_name(via.interface);
    found.has_gateway = via.has_gateway;
    found.gateway_v6 = via.gateway_v6;
    found.gateway = via.gateway;
    return found;
}

std::vector<AdjacencyState> Switch::adjacencies() {
    return with_routes([&](const Routes& routes) {
        std::vector<AdjacencyState> all;
        const auto names = this->names();
        routes.hops().visit([&](HopIndex index, std::uint32_t references) {
            const Hop& hop = shared_.hops[index];
            AdjacencyState state{.index = index, .kind = hop.kind};
            if (hop.interface != no_interface) state.device = names.interface(hop.interface);
            state.v6 = hop.v6;
            state.gateway = hop.gateway;
            const auto word = hop.neighbour.load();
            state.state = Hop::state_of(word);
            state.mac = MacAddress::from_raw(word);
            state.own = MacAddress::from_raw(hop.own.load());
            state.mtu = hop.mtu;
            state.routes = references;
            if (hop.kind == HopKind::group) {
                std::map<std::uint32_t, unsigned> members;
                for (std::uint32_t i = 0; i < 1u << hop.bucket_bits; ++i)
                    ++members[shared_.hops.bucket(hop.first_bucket + i).load()];
                state.members.assign(members.begin(), members.end());
            }
            if (hop.kind == HopKind::choice)
                for (const std::uint32_t way : {0u, 1u})
                    state.members.emplace_back(shared_.hops.bucket(hop.first_bucket + way).load(), 1);
            all.push_back(std::move(state));
        });
        return all;
    });
}

/// The routes that workers have are as the model says, at once: there is no kernel to say them, nor which
/// addresses have gone.
void Switch::feed_own_routes(const Model& model) {
    const auto made = routing_of(model, own_index(indexes_));
    auto effective = effective_now(model);
    Routes& routes = *own_routes_;
    const auto tell = [&](RouteDump kind, auto&& messages) {
        routes.begin(kind);
        messages();
        routes.end(kind);
    };
    tell(RouteDump::links, [&] {
        for (auto link : made.links) {
            link.has_mac = true;
            link.mac = effective.at(link.name).mac;
            link.mtu = effective.at(link.name).mtu;
            routes.link(link, true);
        }
    });
    tell(RouteDump::addresses, [&] {
        for (const auto& address : made.addresses)
            routes.address(address, true, NLM_F_MULTI);
    });
    tell(RouteDump::nexthops, [&] {
        for (const auto& nexthop : made.nexthops)
            routes.nexthop(nexthop, true);
    });
    tell(RouteDump::neighbours, [&] {
        for (const auto& neighbour : made.neighbours)
            routes.neighbour(neighbour, true);
    });
    for (const bool v6 : {false, true}) {
        tell(v6 ? RouteDump::routes6 : RouteDump::routes4, [&] {
            for (const auto& route : made.routes)
                if (route.v6 == v6) routes.route(route, true, NLM_F_MULTI);
        });
        tell(v6 ? RouteDump::rules6 : RouteDump::rules4, [&] {
            for (const auto& rule : made.rules)
                if (rule.v6 == v6) routes.rule(rule, true);
        });
    }
    routes.settle();
    std::set<KnownAddresses::Address> there;
    for (const auto& address : model.addresses)
        if (model.find(address.device)->up)
            there.emplace(int{*indexes_.interfaces.find(address.device)}, address.address);
    if (const auto gone = known_addresses_.replace(std::move(there)); !gone.empty()) on_addresses_gone(gone);
}

}  // namespace weft
