#include "dataplane/nat/address.hpp"

#include <algorithm>

#include "dataplane/route/header.hpp"
#include "dataplane/route/lookup.hpp"
#include "dataplane/route/source_address.hpp"

namespace weft {

namespace {

IpAddress bytes_of(be32 address) noexcept {
    return to_address(address);
}
const IpAddress& bytes_of(const IpAddress& address) noexcept {
    return address;
}

be32 next_hop4(Packet& packet, IfIndex oif, const Context& context) noexcept {
    const RouteAnswer route = find_route(key_of(packet, *context.routing), *context.routing, *context.hops);
    const Hop& hop = (*context.hops)[route.index];
    return route.kind == HopKind::neighbour && !hop.v6 && hop.interface == oif ? to_be32(hop.gateway)
                                                                               : ipv4(packet).destination;
}

bool is_on(be32 address, const NetworkAddress4& network) noexcept {
    return std::uint64_t{address.host() ^ network.network.host()} >> (32 - network.length) == 0;
}

/// inet_select_addr.
IpAddress masquerade_address4(Packet& packet, IfIndex oif, const Context& context) noexcept {
    const auto& own = context.routing->interface(oif).networks4;
    const auto first = std::find_if(own.begin(), own.end(), [](const auto& one) { return one.global; });
    if (first == own.end()) return context.routing->any_source4;
    if (own.size() > 1) {
        const be32 next = next_hop4(packet, oif, context);
        for (const NetworkAddress4& one : own)
            if (one.global && is_on(next, one)) return to_address(one.address);
    }
    return to_address(first->address);
}

IpAddress masquerade_address6(Packet& packet, IfIndex oif, const Context& context) noexcept {
    return choose_source6({ipv6(packet).destination}, oif, *context.routing);
}

}  // namespace

IpAddress masquerade_address(Packet& packet, const NatPlace& place, const Context& context) noexcept {
    return is_ipv6(packet) ? masquerade_address6(packet, place.oif, context)
                           : masquerade_address4(packet, place.oif, context);
}

IpAddress redirect_address(Packet& packet, const NatPlace& place, const Context& context) noexcept {
    const bool v6 = is_ipv6(packet);
    if (place.at == hook::Hook::output) {
        IpAddress loopback;
        if (v6)
            loopback.bytes[15] = 1;
        else
            loopback = to_address(be32{0x7f000001});
        return loopback;
    }
    const RoutedInterface& in = context.routing->interface(place.iif);
    if (!v6) return in.source4;
    return address6::link_local(ipv6(packet).destination) ? in.link_local : in.source6;
}

bool may_keep(Packet& packet, const NatPlace& place, const IpAddress& address,
              const Context& context) noexcept {
    const RoutedInterface& interface = context.routing->interface(place.oif);
    const bool v6 = is_ipv6(packet);
    const auto is_it = [&](const auto& own) { return bytes_of(own.address) == address; };
    if (v6 ? std::any_of(interface.sources6.begin(), interface.sources6.end(), is_it)
           : std::any_of(interface.networks4.begin(), interface.networks4.end(), is_it))
        return true;
    const RouteAnswer own = find_route({.destination = address, .v6 = v6}, *context.routing, *context.hops);
    if (own.kind == HopKind::local && (*context.hops)[own.index].interface == place.oif) return true;
    return address == masquerade_address(packet, place, context);
}

}  // namespace weft
