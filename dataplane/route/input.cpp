#include "dataplane/route/input.hpp"

#include "dataplane/hook/hooks.hpp"
#include "dataplane/host/host.hpp"
#include "dataplane/observe/observer.hpp"
#include "dataplane/route/datagram.hpp"
#include "dataplane/route/icmp.hpp"
#include "dataplane/route/lookup.hpp"
#include "dataplane/route/options.hpp"
#include "weft/net/address.hpp"

namespace weft {

namespace {

Verdict refuse_route(Packet& packet, IcmpError error, DropReason reason, Context& context) noexcept {
    send_icmp_error(packet, error, 0, context);
    return Verdict::drop(reason);
}

[[gnu::always_inline]] inline DropReason judge_source(const RouteKey& key, const RouteAnswer& way,
                                                      const Routing& routing, const HopTable& hops) noexcept {
    if (key.v6) return DropReason::count;  // as Linux, which asks for the source of IPv4 only
    const std::uint8_t rp_filter = routing.interface(key.iif).rp_filter;
    RouteKey back = key;
    std::swap(back.source, back.destination);
    if (way.kind == HopKind::broadcast) back.source = {};
    // As if an answer came by the interface that this packet leaves by, or were the host's own.
    back.iif = leaves(way.kind) ? hops[way.index].interface : no_interface;
    back.mark = 0;
    const RouteAnswer answer = find_route(back, routing, hops);
    switch (answer.kind) {
        case HopKind::local:
            return DropReason::route_martian_source;
        case HopKind::neighbour:
        case HopKind::connected:
        case HopKind::no_address:
            if (rp_filter != 1 || leads_to(answer.table_entry, key.iif, hops)) return DropReason::count;
            return DropReason::route_rp_filter;
        default:
            return rp_filter != 0 ? DropReason::route_rp_filter : DropReason::count;
    }
}

/// Options are looked at once it is known where the packet goes (ip_rcv_finish_core, ip_rcv_options).
OptionFault judge_options(Packet& packet, HopKind to, Context& context) noexcept {
    if (ipv4(packet).header_size() == sizeof(Ipv4Header)) return {};
    const auto fault =
        check_options4(packet, context.routing->interface(packet.meta.iif).accept_source_route);
    if (fault.answered && to != HopKind::broadcast)
        send_icmp_error(packet, IcmpError::bad_header, fault.pointer, context);
    return fault;
}

Verdict follow_route(Packet& packet, const RouteKey& key, Context& context) noexcept {
    const RouteAnswer route = find_route(key, *context.routing, *context.hops);
    if (route.kind == HopKind::local || route.kind == HopKind::broadcast || leaves(route.kind))
        if (const auto martian = judge_source(key, route, *context.routing, *context.hops);
            martian != DropReason::count)
            return Verdict::drop(martian);
    if (!key.v6)
        if (const auto fault = judge_options(packet, route.kind, context); !fault.none())
            return Verdict::drop(fault.reason);
    switch (route.kind) {
        case HopKind::local:
        case HopKind::broadcast:
        case HopKind::multicast:
            return IpInput::to_host(packet, context);
        case HopKind::neighbour:
        case HopKind::connected:
        case HopKind::no_address:
            packet.meta.hop = route.index;
            packet.meta.oif = (*context.hops)[route.index].interface;
            return Verdict::to(StageId::ip_forward);
        case HopKind::blackhole:
            return Verdict::drop(DropReason::route_blackhole);
        case HopKind::prohibit:
            return refuse_route(packet, IcmpError::prohibited, DropReason::route_prohibited, context);
        case HopKind::unreachable:
            return refuse_route(packet, key.v6 ? IcmpError::no_route : IcmpError::host_unreachable,
                                DropReason::route_unreachable, context);
        case HopKind::elsewhere:
            return Verdict::drop(DropReason::route_elsewhere);
        default:
            return refuse_route(packet, IcmpError::no_route, DropReason::route_no_route, context);
    }
}

/// To a client that has no address yet: its server answers to the one it is going to have (RFC 2131 4.1).
bool is_dhcp_reply(Packet& packet) noexcept {
    const Ipv4Header& ip = ipv4(packet);
    const auto at = static_cast<std::uint16_t>(packet.meta.l3_offset + ip.header_size());
    constexpr std::uint16_t client = 68;
    return ip.protocol == ip_protocol::udp && packet.head_length() >= at + sizeof(UdpHeader) &&
           packet.header<UdpHeader>(at)->destination_port.host() == client;
}

/// ip_route_input_slow: what no route can make right.
Verdict receive4(Packet& packet, Context& context) noexcept {
    if (const auto bad = check_ipv4(packet); bad != DropReason::count) return Verdict::drop(bad);
    if (has_rules(false, context)) [[unlikely]] {
        if (is_to_gather_for_host(packet)) return gather_local(packet, context);
        if (waits_for_rest(packet, context)) return gather_input(packet, context);
        if (const auto end = pass_prerouting(packet, context)) return *end;
    }
    const Ipv4Header& ip = ipv4(packet);
    const std::uint32_t source = ip.source.host(), destination = ip.destination.host();
    const RoutedInterface& in = context.routing->interface(packet.meta.iif);
    if (address4::multicast(source) || source == address4::broadcast)
        return Verdict::drop(DropReason::route_martian_source);
    if (address4::multicast(destination)) {
        if (address4::loopback(source)) return Verdict::drop(DropReason::route_martian_source);
        return IpInput::to_host(packet, context);  // the kernel knows its groups, and judges the options
    }
    if (in.source4 == IpAddress{} && is_dhcp_reply(packet)) return IpInput::to_host(packet, context);
    if (destination == address4::broadcast || (source == 0 && destination == 0))
        return IpInput::to_host(packet, context);
    if (address4::zero_net(source) || address4::loopback(source))
        return Verdict::drop(DropReason::route_martian_source);
    if (address4::zero_net(destination) || address4::loopback(destination))
        return Verdict::drop(DropReason::route_martian_destination);
    return follow_route(packet, key_of(packet, *context.routing), context);
}

Verdict receive6(Packet& packet, Context& context) noexcept {
    if (const auto bad = check_ipv6(packet); bad != DropReason::count) return Verdict::drop(bad);
    const Ipv6Header& ip = ipv6(packet);
    if (address6::multicast(ip.source) || address6::loopback(ip.source))
        return Verdict::drop(DropReason::route_martian_source);
    if (address6::loopback(ip.destination)) return Verdict::drop(DropReason::route_martian_destination);
    const auto fault = check_hop_by_hop(packet);
    if (fault.answered) send_icmp_error(packet, IcmpError::unknown_option, fault.pointer, context);
    if (!fault.none()) return Verdict::drop(fault.reason);
    if (has_rules(true, context)) [[unlikely]] {
        if (waits_for_rest(packet, context)) return gather_input(packet, context);
        if (const auto end = pass_prerouting(packet, context)) return *end;
    }
    if (address6::multicast(ip.destination)) {
        // RFC 4291 2.7: reserved, and of one interface
        if (address6::scope(ip.destination) <= 1) return Verdict::drop(DropReason::route_martian_destination);
        return IpInput::to_host(packet, context);
    }
    return follow_route(packet, key_of(packet, *context.routing), context);
}

}  // namespace

DropReason check_source(const RouteKey& key, const RouteAnswer& way, const Routing& routing,
                        const HopTable& hops) noexcept {
    return judge_source(key, way, routing, hops);
}

Verdict IpInput::to_host(Packet& packet, Context& context) noexcept {
    const Interface& in = context.topology->interface(packet.meta.iif);
    // No rule can hold back what the kernel has had, or nobody gets: none counts it as dropped.
    if (has_rules(is_ipv6(packet), context) && !in.kernel_takes) [[unlikely]] {
        if (host_waits_for_rest(packet, context)) return gather_local(packet, context);
        if (const auto end = pass_input(packet, context)) return *end;
    }
    return give_kernel(packet, context);
}

bool IpInput::is_for_host(Packet& packet, Context& context) noexcept {
    const RouteKey key = key_of(packet, *context.routing);
    const RouteAnswer way = find_route(key, *context.routing, *context.hops);
    return way.kind == HopKind::local &&
           check_source(key, way, *context.routing, *context.hops) == DropReason::count;
}

Verdict IpInput::receive(Packet& packet, Context& context) noexcept {
    packet.meta.l3_offset = ethernet_header_size;
    const Verdict verdict = is_ipv6(packet) ? receive6(packet, context) : receive4(packet, context);
    // ip_forward then decides before this stage returns, and would be told of first.
    if (context.observer && verdict == Verdict::to(StageId::ip_forward) &&
        has_rules(is_ipv6(packet), context))
        context.observer->decided(id, Observer::by_packet, &packet, verdict, context);
    return verdict;
}

}  // namespace weft
