#include "dataplane/route/forward.hpp"

#include <time.h>

#include <algorithm>

#include "dataplane/route/icmp.hpp"
#include "dataplane/route/lookup.hpp"
#include "dataplane/route/options.hpp"
#include "dataplane/route/ttl.hpp"
#include "weft/net/address.hpp"

namespace weft {

namespace {

constexpr std::uint16_t do_not_fragment = 0x4000;
constexpr std::uint16_t least_mtu6 = 1280;

std::uint32_t milliseconds_of_day() noexcept {
    timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return static_cast<std::uint32_t>(now.tv_sec % 86400 * 1000 + now.tv_nsec / 1'000'000);
}

IpAddress next_hop(const Hop& hop, const IpAddress& destination) noexcept {
    return hop.kind == HopKind::neighbour ? hop.gateway : destination;
}

/// A source on the network itself is told of the better way (net/ipv4/route.c, __mkroute_input: the route
/// back has link scope).
void tell_better_way4(Packet& packet, const Hop& hop, Context& context) noexcept {
    const Ipv4Header& ip = ipv4(packet);
    const IpAddress source = to_address(ip.source);
    const RouteAnswer back =
        find_route({.destination = source, .iif = packet.meta.iif}, *context.routing, *context.hops);
    const Hop& to_source = (*context.hops)[back.index];
    const bool on_link =
        back.kind == HopKind::connected || (back.kind == HopKind::neighbour && to_source.gateway == source);
    if (on_link && to_source.interface == packet.meta.iif)
        send_redirect(packet, next_hop(hop, to_address(ip.destination)), hop, context);
}

/// net/ipv6/ndisc.c, ndisc_send_redirect: to the destination itself, or to a router by its link-local
/// address.
void tell_better_way6(Packet& packet, const Hop& hop, Context& context) noexcept {
    const IpAddress destination{ipv6(packet).destination}, target = next_hop(hop, destination);
    if (target == destination || address6::link_local(target.bytes))
        send_redirect(packet, target, hop, context);
}

be32 address_of_interface(const Hop& hop, Context& context) noexcept {
    const IpAddress own =
        hop.source != IpAddress{} ? hop.source : context.routing->interface(hop.interface).source4;
    return to_be32(own);
}

Verdict too_big6(Packet& packet, std::uint16_t mtu, Context& context) noexcept {
    send_icmp_error(packet, IcmpError::too_big, mtu, context);
    return Verdict::drop(DropReason::route_too_big);
}

}  // namespace

bool exceeds_mtu(Packet& packet, std::uint16_t mtu) noexcept {
    const auto& meta = packet.meta;
    if (meta.gso_type == GsoType::none) return l3_length(packet) > mtu;
    // skb_gso_validate_network_len: the headers and gso_size
    const std::uint32_t start = meta.checksum_start;
    std::uint32_t headers = start - meta.l3_offset;
    if (meta.gso_type == GsoType::udp)
        headers += sizeof(UdpHeader);
    else if (packet.head_length() >= start + sizeof(TcpHeader))
        headers += (packet.header<TcpHeader>(static_cast<std::uint16_t>(start))->data_offset >> 4) * 4u;
    return headers + meta.gso_size > mtu;
}

Verdict IpForward::forward4(Packet& packet, Context& context) noexcept {
    Ipv4Header& ip = ipv4(packet);
    const Hop& hop = (*context.hops)[packet.meta.hop];
    if (ip.ttl <= 1) {
        send_icmp_error(packet, IcmpError::ttl_exceeded, 0, context);
        return Verdict::drop(DropReason::route_ttl_expired);
    }
    const std::uint16_t mtu = mtu_of(hop, context);
    if (ip.fragment.host() & do_not_fragment && exceeds_mtu(packet, mtu)) {
        send_icmp_error(packet, IcmpError::too_big, mtu, context);
        return Verdict::drop(DropReason::route_too_big);
    }
    if (packet.meta.oif == packet.meta.iif && context.routing->interface(packet.meta.iif).send_redirects)
        tell_better_way4(packet, hop, context);
    decrease_ttl(ip);
    if (ip.header_size() > sizeof(Ipv4Header))
        record_route(packet, address_of_interface(hop, context), milliseconds_of_day());
    return Verdict::to(StageId::ip_output);
}

Verdict IpForward::forward6(Packet& packet, Context& context) noexcept {
    Ipv6Header& ip = ipv6(packet);
    const Hop& hop = (*context.hops)[packet.meta.hop];
    if (address6::link_local(ip.destination)) return Verdict::drop(DropReason::route_martian_destination);
    if (ip.hop_limit <= 1) {
        send_icmp_error(packet, IcmpError::ttl_exceeded, 0, context);
        return Verdict::drop(DropReason::route_ttl_expired);
    }
    const bool same = packet.meta.oif == packet.meta.iif;
    // On the link that it came from it may stay (ip6_forward).
    if (!same && address6::unspecified(ip.source)) return Verdict::drop(DropReason::route_martian_source);
    if (!same && address6::link_local(ip.source)) {
        send_icmp_error(packet, IcmpError::beyond_scope, 0, context);
        return Verdict::drop(DropReason::route_martian_source);
    }
    if (same && context.routing->interface(packet.meta.iif).send_redirects)
        tell_better_way6(packet, hop, context);
    // The interface's MTU counts before the hop limit is taken down, a route's after it
    // (ip6_dst_mtu_maybe_forward, ip6_finish_output): what is quoted tells them apart.
    const std::uint16_t of_device = std::max(context.topology->interface(hop.interface).mtu, least_mtu6);
    if (exceeds_mtu(packet, of_device)) return too_big6(packet, of_device, context);
    --ip.hop_limit;
    const std::uint16_t mtu = std::max(mtu_of(hop, context), least_mtu6);
    if (exceeds_mtu(packet, mtu)) return too_big6(packet, mtu, context);
    return Verdict::to(StageId::ip_output);
}

}  // namespace weft
