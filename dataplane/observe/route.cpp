#include "dataplane/observe/route.hpp"

#include "dataplane/route/forward.hpp"
#include "dataplane/route/lookup.hpp"

namespace weft {

namespace {

TracedRoute route_by(HopIndex index, HopKind kind, Context& context) noexcept {
    TracedRoute route{.found = true, .kind = kind};
    if (index == no_hop) return route;
    const Hop& hop = (*context.hops)[index];
    const std::uint64_t neighbour = hop.neighbour.load(std::memory_order_acquire);
    route.v6 = hop.v6;
    route.gateway = hop.gateway;
    route.neighbour = Hop::state_of(neighbour);
    if (route.neighbour == NeighbourState::resolved) route.mac = MacAddress::from_raw(neighbour);
    route.interface = hop.interface;
    if (hop.interface != no_interface) route.mtu = mtu_of(hop, context);
    return route;
}

/// Whether ip_input decided by a route: then the header is sound and may be asked again.
bool asked_routes(Verdict verdict) noexcept {
    if (verdict.is_stage()) return true;
    if (!verdict.is_drop()) return false;
    switch (verdict.reason()) {
        case DropReason::route_no_route:
        case DropReason::route_blackhole:
        case DropReason::route_prohibited:
        case DropReason::route_unreachable:
        case DropReason::route_elsewhere:
        case DropReason::route_rp_filter:
            return true;
        default:
            return false;
    }
}

}  // namespace

TracedRoute route_of_input(Packet& packet, Verdict verdict, Context& context) noexcept {
    if (!asked_routes(verdict)) return {};
    const RouteKey key = key_of(packet, *context.routing);
    const RouteAnswer answer = find_route(key, *context.routing, *context.hops);
    // What ip_input has for the host without asking for a route: groups, DHCP.
    const bool for_host = answer.kind == HopKind::local || answer.kind == HopKind::broadcast ||
                          answer.kind == HopKind::multicast;
    if (verdict == Verdict::to(StageId::punt) && !for_host) return {};
    TracedRoute route = route_by(answer.index, answer.kind, context);
    route.of_group = answer.table_entry != answer.index;
    route.asked = true;
    route.asked_v6 = key.v6;
    route.tos = key.tos;
    route.source = key.source;
    route.destination = key.destination;
    route.table = answer.table;
    route.rule = answer.rule;
    return route;
}

TracedRoute route_ahead(const Packet& packet, Context& context) noexcept {
    return route_by(packet.meta.hop, (*context.hops)[packet.meta.hop].kind, context);
}

}  // namespace weft
