#include "dataplane/nat/address.hpp"

#include <algorithm>

#include "dataplane/route/header.hpp"
#include "dataplane/route/lookup.hpp"

namespace weft {

namespace {

be32 next_hop4(Packet& packet, IfIndex oif, const Context& context) noexcept {
    const RouteAnswer route = find_route(key_of(packet, *context.routing), *context.routing, *context.hops);
    const Hop& hop = (*context.hops)[route.index];
    return route.kind == HopKind::neighbour && !hop.v6 && hop.interface == oif ? to_be32(hop.gateway)
                                                                               : ipv4(packet).destination;
}

bool is_on(be32 address, const NetworkAddress4& network) noexcept {
    return (address.host() ^ network.address.host()) >> (32 - network.length) == 0;
}

IpAddress masquerade_address4(Packet& packet, IfIndex oif, const Context& context) noexcept {
    const RoutedInterface& out = context.routing->interface(oif);
    if (out.networks4.size() > 1) {
        const be32 next = next_hop4(packet, oif, context);
        for (const NetworkAddress4& own : out.networks4)
            if (is_on(next, own)) return to_address(own.address);
    }
    if (out.source4 != IpAddress{}) return out.source4;
    const auto& all = context.routing->interfaces;
    const auto other = std::find_if(all.begin(), all.end(), [](const RoutedInterface& interface) {
        return interface.source4 != IpAddress{};
    });
    return other == all.end() ? IpAddress{} : other->source4;
}

IpAddress masquerade_address6(Packet& packet, IfIndex oif, const Context& context) noexcept {
    const RoutedInterface& out = context.routing->interface(oif);
    const auto& to = ipv6(packet).destination;
    constexpr std::uint8_t link_scope = 2;
    const bool stays =
        address6::link_local(to) || (address6::multicast(to) && address6::scope(to) <= link_scope);
    return stays && out.link_local != IpAddress{} ? out.link_local : out.source6;
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

bool has_address(IfIndex index, const IpAddress& address, bool v6, const Context& context) noexcept {
    const RoutedInterface& interface = context.routing->interface(index);
    if (address == (v6 ? interface.source6 : interface.source4)) return true;
    if (!v6 && std::any_of(interface.networks4.begin(), interface.networks4.end(),
                           [&](const NetworkAddress4& own) { return to_address(own.address) == address; }))
        return true;
    const RouteAnswer own = find_route({.destination = address, .v6 = v6}, *context.routing, *context.hops);
    return own.kind == HopKind::local && (*context.hops)[own.index].interface == index;
}

}  // namespace weft
