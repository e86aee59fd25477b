#include "dataplane/hook/reroute.hpp"

#include <algorithm>

#include "dataplane/route/forward.hpp"
#include "dataplane/route/icmp.hpp"
#include "dataplane/route/lookup.hpp"
#include "weft/net/address.hpp"

namespace weft {

namespace {

/// Of the link that the kernel chose, whatever routes say.
bool stays_on_link(Packet& packet) noexcept {
    if (packet.ethernet().destination.is_group()) return true;
    return is_ipv6(packet) && address6::link_local(ipv6(packet).destination);
}

/// ip_finish_output and ip6_fragment: what the host sends is not cut if it says so, nor in IPv6.
bool is_too_long(Packet& packet, std::uint16_t mtu) noexcept {
    constexpr std::uint16_t do_not_fragment = 0x4000;
    const bool whole = is_ipv6(packet) || ipv4(packet).fragment.host() & do_not_fragment;
    return whole && exceeds_mtu(packet, mtu);
}

}  // namespace

Verdict route_changed(Packet& packet, bool readdressed, Context& context) noexcept {
    // The kernel's own marks stay with it: any mark is of a rule.
    if (!readdressed && (packet.meta.mark == 0 || stays_on_link(packet))) return Verdict::to(StageId::egress);
    const RouteAnswer route = find_route(key_of(packet, *context.routing), *context.routing, *context.hops);
    if (readdressed && route.kind == HopKind::local) return Verdict::drop(DropReason::nat_to_host);
    if (!leaves(route.kind)) {
        const bool refused = route.kind == HopKind::none || route.kind == HopKind::blackhole ||
                             route.kind == HopKind::prohibit || route.kind == HopKind::unreachable;
        return refused || readdressed ? Verdict::drop(DropReason::route_no_route)
                                      : Verdict::to(StageId::egress);
    }
    const Hop& hop = (*context.hops)[route.index];
    const std::uint16_t mtu = mtu_of(hop, context);
    if (is_too_long(packet, mtu)) {
        send_icmp_error(packet, IcmpError::too_big, mtu, context);
        return Verdict::drop(DropReason::route_too_big);
    }
    packet.meta.hop = route.index;
    packet.meta.oif = hop.interface;
    return Verdict::to(StageId::ip_output);
}

}  // namespace weft
