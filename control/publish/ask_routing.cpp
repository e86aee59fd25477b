// What commands ask of routing: the kernel's objects, and what workers have made of them.
#include <fmt/format.h>
#include <net/if.h>

#include <cstring>

#include "control/publish/kernel_form.hpp"
#include "control/publish/switch.hpp"
#include "control/route/commands/words.hpp"
#include "dataplane/route/lookup.hpp"

namespace weft {

namespace {

/// With --no-kernel weft's own numbers are the indexes.
IndexOf own_index(const Indexes& indexes) {
    return [&indexes](const std::string& name) {
        const auto number = indexes.interfaces.find(name);
        return number ? int{*number} : 0;
    };
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
        RouteFound found{.kind = answer.kind};
        if (answer.index == no_hop) return found;
        const Hop& hop = shared_.hops[answer.index];
        found.mtu = hop.mtu;
        found.source = hop.source;
        if (!key.v6) {
            AddressKey<4> address;
            std::memcpy(address.data(), key.destination.bytes.data(), address.size());
            const auto origin = routes.tables4().origin(answer.table, address, key.source, key.tos);
            if (origin) found.tos = origin->tos;
        }
        if (hop.interface != no_interface) {
            found.device = names().interface(hop.interface);
            const auto& interface = routing.interface(hop.interface);
            if (found.source == IpAddress{}) found.source = key.v6 ? interface.source6 : interface.source4;
        }
        if (found.kind == HopKind::local) found.source = key.destination;
        if (found.kind == HopKind::neighbour && hop.gateway != key.destination) {
            found.has_gateway = true;
            found.gateway_v6 = hop.v6;
            found.gateway = hop.gateway;
        }
        if (!question.oif.empty() && found.device != question.oif)
            return refuse("RTNETLINK answers: Network is unreachable");
        return found;
    });
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

/// The routes that workers have are as the model says, at once: there is no kernel to say them.
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
}

}  // namespace weft
