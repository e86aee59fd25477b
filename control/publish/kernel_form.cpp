#include "control/publish/kernel_form.hpp"

#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>

#include "control/address/words.hpp"
#include "control/kernel/netlink.hpp"
#include "control/route/commands/edit.hpp"
#include "control/route/commands/words.hpp"

namespace weft {

namespace {

bool is_down(const Model& model, const std::string& device) {
    const auto* link = model.find(device);
    return link && !link->up;
}

bool same_via(const KernelVia& there, const KernelVia& wanted) {
    return there.has_gateway == wanted.has_gateway &&
           (!wanted.has_gateway ||
            (there.gateway_v6 == wanted.gateway_v6 && there.gateway == wanted.gateway)) &&
           (wanted.interface == 0 || there.interface == wanted.interface) &&
           ((there.flags ^ wanted.flags) & RTNH_F_ONLINK) == 0 && there.weight == wanted.weight;
}

/// In any order: IPv6 keeps its own.
bool same_vias(const std::vector<KernelVia>& there, const std::vector<KernelVia>& wanted) {
    if (there.size() != wanted.size()) return false;
    std::vector<bool> taken(there.size());
    return std::all_of(wanted.begin(), wanted.end(), [&](const KernelVia& via) -> bool {
        for (std::size_t i = 0; i < there.size(); ++i)
            if (!taken[i] && same_via(there[i], via)) return taken[i] = true;
        return false;
    });
}

}  // namespace

KernelRoute kernel_route(const RouteSpec& spec, const IndexOf& index_of) {
    KernelRoute route = spec.route;
    route.protocol = weft_protocol;
    for (std::size_t i = 0; i < route.vias.size(); ++i)
        if (!spec.devices[i].empty()) route.vias[i].interface = index_of(spec.devices[i]);
    if (route.vias.size() == 1) route.flags |= route.vias.front().flags;
    return route;
}

KernelNexthop kernel_nexthop(const NexthopSpec& spec, const IndexOf& index_of) {
    KernelNexthop nexthop = spec.nexthop;
    nexthop.protocol = weft_protocol;
    if (!spec.device.empty()) nexthop.via.interface = index_of(spec.device);
    return nexthop;
}

KernelNeighbour kernel_neighbour(const NeighbourKeySpec& key, const NeighbourSpec& spec,
                                 const IndexOf& index_of) {
    KernelNeighbour neighbour;
    neighbour.interface = index_of(key.device);
    neighbour.v6 = key.v6;
    neighbour.address = key.address;
    neighbour.state = spec.noarp ? NUD_NOARP : spec.managed ? NUD_NONE : NUD_PERMANENT;
    neighbour.flags =
        static_cast<std::uint8_t>((spec.router ? NTF_ROUTER : 0) | (spec.external ? NTF_EXT_LEARNED : 0));
    if (spec.managed) neighbour.extended_flags = NTF_EXT_MANAGED;
    neighbour.has_mac = spec.has_mac;
    neighbour.mac = spec.mac;
    neighbour.protocol = weft_protocol;
    return neighbour;
}

KernelRule kernel_rule(const KernelRule& spec) {
    KernelRule rule = spec;
    rule.protocol = weft_protocol;
    return rule;
}

bool satisfies(const KernelRoute& there, const KernelRoute& wanted) {
    if (there.v6 != wanted.v6 || there.table != wanted.table || there.length != wanted.length ||
        there.destination != wanted.destination || there.priority != wanted.priority ||
        there.type != wanted.type || there.nexthop != wanted.nexthop ||
        there.preference != wanted.preference || there.has_preferred != wanted.has_preferred ||
        there.metrics_set != wanted.metrics_set || there.metrics_locked != wanted.metrics_locked ||
        there.tos != wanted.tos || there.source_length != wanted.source_length ||
        there.source != wanted.source)
        return false;
    if (there.has_preferred && there.preferred != wanted.preferred) return false;
    if (there.metrics != wanted.metrics) return false;
    if (!there.v6 && !wanted.nexthop && there.scope != wanted.scope) return false;
    return wanted.nexthop || leads_nowhere(wanted.type) || same_vias(there.vias, wanted.vias);
}

bool satisfies(const KernelNexthop& there, const KernelNexthop& wanted) {
    if (there.id != wanted.id || there.blackhole != wanted.blackhole || there.group != wanted.group)
        return false;
    if (!wanted.group.empty()) return true;
    if (there.family != wanted.family || wanted.blackhole) return there.family == wanted.family;
    return there.via.interface == wanted.via.interface && there.via.has_gateway == wanted.via.has_gateway &&
           (!wanted.via.has_gateway || there.via.gateway == wanted.via.gateway) &&
           ((there.flags ^ wanted.flags) & RTNH_F_ONLINK) == 0;
}

bool satisfies(const KernelNeighbour& there, const KernelNeighbour& wanted) {
    // what the kernel manages has the state and the address that it finds
    const bool managed = wanted.extended_flags & NTF_EXT_MANAGED;
    return there.interface == wanted.interface && there.v6 == wanted.v6 && there.address == wanted.address &&
           (managed || (there.state == wanted.state && there.has_mac && there.mac == wanted.mac)) &&
           ((there.flags ^ wanted.flags) & (NTF_ROUTER | NTF_EXT_LEARNED)) == 0 &&
           ((there.extended_flags ^ wanted.extended_flags) & NTF_EXT_MANAGED) == 0;
}

bool satisfies(const KernelRule& there, const KernelRule& wanted) {
    auto same = there;
    same.protocol = wanted.protocol;
    return same == wanted;
}

bool waits(const Model& model, const Dark& dark, const NexthopSpec& spec) {
    if (spec.nexthop.group.empty()) return is_down(model, spec.device) || dark.contains(spec.device);
    return without_waiting(model, dark, spec).nexthop.group.empty();
}

NexthopSpec without_waiting(const Model& model, const Dark& dark, const NexthopSpec& spec) {
    NexthopSpec rest = spec;
    std::erase_if(rest.nexthop.group, [&](const KernelNexthop::Member& member) {
        const auto it = model.routing.nexthops.find(member.id);
        return it != model.routing.nexthops.end() && it->second.nexthop.group.empty() &&
               waits(model, dark, it->second);
    });
    return rest;
}

bool waits(const Model& model, const Dark& dark, const RouteSpec& spec) {
    if (const auto it = model.routing.nexthops.find(spec.route.nexthop); it != model.routing.nexthops.end())
        return waits(model, dark, it->second);
    for (std::size_t i = 0; i < spec.devices.size(); ++i) {
        const auto& via = spec.route.vias[i];
        const auto device = spec.devices[i].empty() && via.has_gateway
                                ? device_of_gateway(model, via.gateway_v6, via.gateway)
                                : spec.devices[i];
        if (is_down(model, device)) return true;
    }
    return false;
}

Result<> check_gateways(const Model& model, const RouteSpec& spec) {
    for (std::size_t i = 0; i < spec.devices.size(); ++i) {
        const KernelVia& via = spec.route.vias[i];
        const auto& named = spec.devices[i];
        const bool of_link = via.gateway_v6 && address6::link_local(via.gateway.bytes) && !named.empty();
        if (!via.has_gateway || via.flags & RTNH_F_ONLINK || of_link) continue;
        const auto device = device_of_gateway(model, via.gateway_v6, via.gateway);
        if (device.empty() || (!named.empty() && named != device))
            return refuse(spec.route.v6 ? "RTNETLINK answers: No route to host"
                                        : "Error: Nexthop has invalid gateway.");
    }
    return {};
}

namespace {

/// Collects what the kernel makes of addresses.
class Maker {
  public:
    Maker(const Model& model, const IndexOf& index_of) : model_(model), index_of_(index_of) {}

    ModelRouting make() {
        for (const auto& [name, link] : model_.links) {
            KernelLinkFacts facts;
            facts.index = index_of_(name);
            if (link.up) facts.flags = IFF_UP;
            facts.mtu = link.mtu.value_or(1500);
            facts.name = name;
            made_.links.push_back(facts);
        }
        for (const auto& address : model_.addresses)
            if (model_.find(address.device)->up) add_address(address);
        for (const auto& [id, spec] : model_.routing.nexthops)
            if (!waits(model_, {}, spec))
                made_.nexthops.push_back(kernel_nexthop(without_waiting(model_, {}, spec), index_of_));
        for (const auto& [key, spec] : model_.routing.routes)
            if (!waits(model_, {}, spec)) made_.routes.push_back(with_devices(spec));
        for (const auto& [key, spec] : model_.routing.neighbours)
            if (model_.find(key.device)->up)
                made_.neighbours.push_back(kernel_neighbour(key, spec, index_of_));
        add_rules();
        return std::move(made_);
    }

  private:
    KernelRoute with_devices(const RouteSpec& spec) const {
        auto route = kernel_route(spec, index_of_);
        for (auto& via : route.vias)
            if (via.interface == 0 && via.has_gateway)
                via.interface = index_of_(device_of_gateway(model_, via.gateway_v6, via.gateway));
        return route;
    }

    KernelRoute& add_route(const command::IpPrefix& to, std::uint32_t table, std::uint8_t type, int device) {
        KernelRoute route;
        route.v6 = to.v6;
        route.length = static_cast<std::uint8_t>(to.length);
        route.destination = bytes_of(to);
        route.table = table;
        route.type = type;
        route.protocol = RTPROT_KERNEL;
        if (to.v6 && type == RTN_UNICAST) route.priority = 256;  // IP6_RT_PRIO_ADDRCONF
        KernelVia via;
        via.interface = device;
        route.vias.push_back(via);
        made_.routes.push_back(std::move(route));
        return made_.routes.back();
    }

    void add_local(const command::IpPrefix& to, std::uint8_t type, int device, const IpAddress& source) {
        auto& route = add_route(to, RT_TABLE_LOCAL, type, device);
        route.scope = RT_SCOPE_UNIVERSE;
        if (!to.v6) route.scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK;
        if (to.v6) return;
        route.has_preferred = true;
        route.preferred = source;
    }

    /// net/ipv4/fib_frontend.c, fib_add_ifaddr; net/ipv6/addrconf.c, addrconf_prefix_route.
    void add_address(const AddressSpec& spec) {
        const int device = index_of_(spec.device);
        const auto local = parsed(spec);
        auto host = local;
        host.length = local.v6 ? 128 : 32;
        const auto source = bytes_of(local);
        made_.addresses.push_back(
            {.index = device,
             .v6 = local.v6,
             .length = static_cast<std::uint8_t>(local.length),
             .scope = RT_SCOPE_UNIVERSE,
             .flags = IFA_F_PERMANENT,
             .local = source,
             .network = spec.peer ? bytes_of(*command::parse_prefix(*spec.peer)) : source});
        add_local(host, RTN_LOCAL, device, source);
        const auto network = first_of(spec.peer ? *command::parse_prefix(*spec.peer) : local);
        if (network.length < host.length || spec.peer) {
            auto& route = add_route(network, RT_TABLE_MAIN, RTN_UNICAST, device);
            if (!local.v6) {
                route.scope = RT_SCOPE_LINK;
                route.has_preferred = true;
                route.preferred = source;
            }
        }
        if (local.v6 || network.length > 30) return;
        auto last = last_of(network);
        last.length = 32;
        add_local(last, RTN_BROADCAST, device, source);
    }

    void add_rules() {
        for (const bool v6 : {false, true})
            for (const auto& [priority, table] :
                 {std::pair{0u, RT_TABLE_LOCAL}, std::pair{32766u, RT_TABLE_MAIN},
                  std::pair{32767u, RT_TABLE_DEFAULT}}) {
                if (v6 && table == RT_TABLE_DEFAULT) continue;
                KernelRule rule;
                rule.v6 = v6;
                rule.priority = priority;
                rule.table = static_cast<std::uint32_t>(table);
                rule.action = FR_ACT_TO_TBL;
                rule.protocol = RTPROT_KERNEL;
                made_.rules.push_back(rule);
            }
        for (const auto& [key, rule] : model_.routing.rules)
            made_.rules.push_back(kernel_rule(rule));
        std::stable_sort(made_.rules.begin(), made_.rules.end(), [](const auto& a, const auto& b) {
            return std::tie(a.v6, a.priority) < std::tie(b.v6, b.priority);
        });
    }

    const Model& model_;
    const IndexOf& index_of_;
    ModelRouting made_;
};

}  // namespace

ModelRouting routing_of(const Model& model, const IndexOf& index_of) {
    return Maker(model, index_of).make();
}

}  // namespace weft
