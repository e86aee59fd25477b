#include "dataplane/hook/routed_addresses.hpp"

#include "dataplane/route/lookup.hpp"
#include "weft/net/address.hpp"

namespace weft {

namespace {

using hook::Family;
using hook::WayBack;

/// Whether a packet's destination is what an answer may come from.
bool is_unicast(bool v6, const IpAddress& address) noexcept {
    if (v6) return !address6::multicast(address.bytes);
    const std::uint32_t number = to_be32(address).host();
    return !address4::multicast(number) && !address4::zero_net(number) && number != address4::broadcast;
}

std::uint8_t traffic_class(const hook::View& packet) noexcept {
    const std::uint8_t* const ip = packet.ip_header;
    return packet.family == Family::ip ? ip[1] : static_cast<std::uint8_t>(ip[0] << 4 | ip[1] >> 4);
}

}  // namespace

std::uint8_t RoutedAddresses::type(Family family, const IpAddress& address, IfIndex limit) const noexcept {
    constexpr std::uint8_t unicast = 1, local = 2, broadcast = 3, multicast = 5, unreachable = 7;
    const bool v6 = family == Family::ip6;
    if (v6 && address6::multicast(address.bytes)) return multicast;
    if (!v6) {
        const std::uint32_t number = to_be32(address).host();
        if (address4::zero_net(number) || number == address4::broadcast) return broadcast;
        if (address4::multicast(number)) return multicast;
    }
    const RouteAnswer answer =
        find_route({.destination = address, .v6 = v6}, *context_.routing, *context_.hops);
    const Hop& hop = (*context_.hops)[answer.index];
    const bool here = limit == no_interface || hop.interface == limit;
    if (answer.kind == HopKind::local && here) return local;
    if (answer.kind == HopKind::broadcast && here) return broadcast;
    return v6 && !leaves(answer.kind) && answer.kind != HopKind::local ? unreachable : unicast;
}

WayBack RoutedAddresses::way_back(const hook::View& packet, std::uint32_t mark) const noexcept {
    const bool v6 = packet.family == Family::ip6;
    const IpAddress& own = context_.routing->interface(packet.iif).link_local;
    // Every link has such addresses, so a link that has one itself is asked alone (RT6_LOOKUP_F_IFACE).
    if (v6 && address6::link_local(packet.source.bytes) && !(own == IpAddress{}))
        return {.kind = packet.source == own ? WayBack::to_host : WayBack::leaves, .same = true};
    const RouteKey back{.source = is_unicast(v6, packet.destination) ? packet.destination : IpAddress{},
                        .destination = packet.source,
                        .v6 = v6,
                        .tos = asked_tos(traffic_class(packet), v6),
                        .mark = mark};
    const RouteAnswer answer = find_route(back, *context_.routing, *context_.hops);
    WayBack way{.by_tos = answer.by_tos};
    if (answer.kind == HopKind::local)
        way.kind = WayBack::to_host;
    else if (leaves(answer.kind) || answer.kind == HopKind::elsewhere)
        way.kind = WayBack::leaves;
    else
        return way;
    way.same = answer.kind != HopKind::elsewhere && leads_to(answer.table_entry, packet.iif, *context_.hops);
    return way;
}

}  // namespace weft
