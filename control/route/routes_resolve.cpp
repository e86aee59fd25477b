// From what a route says to the hop it leads to.
#include <linux/netconf.h>
#include <net/if.h>

#include <algorithm>

#include "control/route/routes.hpp"

namespace weft {

IfIndex Routes::interface_of(int device) const {
    if (const auto it = settings_.interfaces.find(device); it != settings_.interfaces.end())
        return it->second;
    // A macvlan on a TAP (VRRP): its frames are the port's.
    const auto link = links_.find(device);
    if (link == links_.end() || !link->second.value.macvlan) return no_interface;
    const auto below = settings_.interfaces.find(link->second.value.below);
    return below == settings_.interfaces.end() ? no_interface : below->second;
}

bool Routes::is_resolved(const NextHop& to) const {
    const auto* neighbour = hops_.neighbour({.device = to.device, .v6 = to.v6, .address = to.address});
    return neighbour && Hop::state_of(neighbour->word) == NeighbourState::resolved;
}

bool Routes::alive(const KernelVia& via, bool v6) const {
    const auto link = links_.find(via.interface);
    const bool dark = link != links_.end() && !link->second.value.has_carrier();
    // Where links without carrier are ignored the kernel says that a next hop is dead for as long.
    if (via.flags & RTNH_F_DEAD && !(dark && via.flags & RTNH_F_LINKDOWN)) return false;
    if (link != links_.end() && !(link->second.value.flags & IFF_UP)) return false;
    return !dark || !ignores_linkdown(via.interface, v6);
}

bool Routes::ignores_linkdown(int device, bool v6) const {
    const auto& ignoring = ignoring_linkdown_[v6];
    // Setting it for all devices is told of each in IPv6 (addrconf_fixup_linkdown), and not in IPv4.
    return ignoring.contains(device) || (!v6 && ignoring.contains(NETCONFA_IFINDEX_ALL));
}

void Routes::netconf(const KernelNetconf& netconf) {
    auto& ignoring = ignoring_linkdown_[netconf.v6];
    if (ignoring.contains(netconf.index) == netconf.ignores_linkdown) return;
    if (netconf.ignores_linkdown)
        ignoring.insert(netconf.index);
    else
        ignoring.erase(netconf.index);
    resolve_again([&](const RouteAttributes& a) {
        return a.v6 == netconf.v6 && (netconf.index < 0 || leads_to(a, netconf.index));
    });
}

HopIndex Routes::via_hop(const KernelVia& via, const RouteAttributes& of) {
    HopFacts facts{.kind = HopKind::elsewhere,
                   .v6 = via.has_gateway ? via.gateway_v6 : of.v6,
                   .interface = interface_of(via.interface),
                   .mtu = of.mtu,
                   .device = via.interface};
    if (of.has_preferred) facts.source = of.preferred;
    if (via.encapsulates || facts.interface == no_interface) {
        facts.mtu = 0;
        facts.interface = no_interface;
        return hops_.take(facts);
    }
    const auto link = links_.find(via.interface);
    const auto flags = link == links_.end() ? 0 : link->second.value.flags;
    const bool asks = !(flags & (IFF_NOARP | IFF_POINTOPOINT | IFF_LOOPBACK));
    const bool has_mac = link == links_.end() || link->second.value.has_mac;
    if (!asks && (!has_mac || !via.has_gateway)) {
        facts.kind = HopKind::no_address;
    } else if (via.has_gateway) {
        facts.kind = HopKind::neighbour;
        facts.gateway = via.gateway;
    } else {
        facts.kind = HopKind::connected;
    }
    return hops_.take(facts);
}

HopIndex Routes::group_of(const std::vector<std::pair<KernelVia, std::uint32_t>>& vias,
                          const RouteAttributes& of, HopIndex former) {
    std::vector<Share> members;
    std::vector<bool> up;
    for (const auto& [via, weight] : vias) {
        const auto hop = via_hop(via, of);
        if (hop == no_hop) continue;
        members.push_back({hop, weight});
        up.push_back(alive(via, of.v6));
    }
    if (std::find(up.begin(), up.end(), true) == up.end()) {
        for (const auto& member : members)
            hops_.release(member.hop);
        return no_hop;
    }
    if (members.size() == 1) return members.front().hop;
    return hops_.take_group(members, up, former);
}

HopIndex Routes::resolve_object(const RouteAttributes& of, HopIndex former) {
    const auto it = nexthops_.find(of.nexthop);
    if (it == nexthops_.end()) return no_hop;
    const auto& object = it->second.value;
    if (object.fdb) return no_hop;
    if (object.blackhole) return hops_.take({.kind = HopKind::blackhole});
    std::vector<std::pair<KernelVia, std::uint32_t>> vias;
    if (object.group.empty()) vias.emplace_back(object.via, 1);
    for (const auto& member : object.group) {
        const auto at = nexthops_.find(member.id);
        if (at == nexthops_.end()) continue;
        if (at->second.value.blackhole) return hops_.take({.kind = HopKind::blackhole});
        vias.emplace_back(at->second.value.via, member.weight);
    }
    return group_of(vias, of, former);
}

/// With a reference; no_hop if it is not usable now.
HopIndex Routes::resolve(const RouteAttributes& of, HopIndex former) {
    const auto to_host = [&](HopKind kind) {
        return hops_.take(
            {.kind = kind,
             .v6 = of.v6,
             .interface = of.vias.empty() ? no_interface : interface_of(of.vias.front().interface)});
    };
    switch (of.type) {
        case RTN_LOCAL:
        case RTN_ANYCAST:
            return to_host(HopKind::local);
        case RTN_BROADCAST:
            return to_host(HopKind::broadcast);
        case RTN_MULTICAST:
            return to_host(HopKind::multicast);
        case RTN_BLACKHOLE:
            return hops_.take({.kind = HopKind::blackhole});
        case RTN_UNREACHABLE:
            return hops_.take({.kind = HopKind::unreachable});
        case RTN_PROHIBIT:
            return hops_.take({.kind = HopKind::prohibit});
        case RTN_THROW:
            return hops_.take({.kind = HopKind::next_table});
        default:
            break;
    }
    if (of.nexthop) return resolve_object(of, former);
    std::vector<std::pair<KernelVia, std::uint32_t>> vias;
    for (const auto& via : of.vias)
        vias.emplace_back(via, via.weight);
    return group_of(vias, of, former);
}

void Routes::resolve_again(const std::function<bool(const RouteAttributes&)>& concerned) {
    std::vector<bool> changed(attributes_.end());
    bool some = false;
    for (AttributesId id = 1; id < attributes_.end(); ++id) {
        auto& entry = attributes_[id];
        if (entry.references == 0 || !concerned(entry.attributes)) continue;
        const auto before = std::exchange(entry.hop, resolve(entry.attributes, entry.hop));
        if (before != entry.hop) changed[id] = some = true;
        if (before != no_hop) hops_.release(before);
    }
    if (!some) return;
    tables4_.refresh_all(changed);
    tables6_.refresh_all(changed);
}

bool Routes::leads_to(const RouteAttributes& a, int device) const {
    const auto object_leads = [&](std::uint32_t id) {
        const auto it = nexthops_.find(id);
        return it != nexthops_.end() && it->second.value.via.interface == device;
    };
    if (a.nexthop == 0)
        return std::any_of(a.vias.begin(), a.vias.end(),
                           [&](const KernelVia& via) { return via.interface == device; });
    const auto it = nexthops_.find(a.nexthop);
    if (it == nexthops_.end()) return false;
    const auto& group = it->second.value.group;
    return object_leads(a.nexthop) ||
           std::any_of(group.begin(), group.end(), [&](const auto& m) { return object_leads(m.id); });
}

bool Routes::some_route(const std::function<bool(const RouteAttributes&)>& fits) const {
    for (AttributesId id = 1; id < attributes_.end(); ++id)
        if (attributes_[id].references != 0 && fits(attributes_[id].attributes)) return true;
    return false;
}

void Routes::resolve_device(int device) {
    resolve_again([&](const RouteAttributes& a) { return leads_to(a, device); });
}

void Routes::nexthop(const KernelNexthop& nexthop, bool there) {
    const auto generation = generation_[static_cast<unsigned>(RouteDump::nexthops)];
    const auto it = nexthops_.find(nexthop.id);
    if (!there) {
        if (it == nexthops_.end()) return;
        nexthops_.erase(it);
        // Its IPv4 routes go without a message (net/ipv4/nexthop.c, __remove_nexthop_fib).
        wanted_ |= bit_of(RouteDump::routes4) | bit_of(RouteDump::routes6);
    } else if (it != nexthops_.end() && it->second.value == nexthop) {
        it->second.generation = generation;
        return;
    } else {
        nexthops_[nexthop.id] = {nexthop, generation};
    }
    resolve_again([&](const RouteAttributes& a) {
        if (a.nexthop == 0) return false;
        if (a.nexthop == nexthop.id) return true;
        const auto object = nexthops_.find(a.nexthop);
        if (object == nexthops_.end()) return false;
        const auto& group = object->second.value.group;
        return std::any_of(group.begin(), group.end(),
                           [&](const auto& member) { return member.id == nexthop.id; });
    });
}

}  // namespace weft
