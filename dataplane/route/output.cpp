#include "dataplane/route/output.hpp"

#include "dataplane/egress/finish.hpp"
#include "dataplane/egress/segment.hpp"
#include "dataplane/host/host.hpp"
#include "dataplane/route/forward.hpp"
#include "dataplane/route/fragment.hpp"
#include "dataplane/route/icmp.hpp"
#include "dataplane/route/lookup.hpp"
#include "weft/next_hop.hpp"

namespace weft {

namespace {

/// The gateway of its hop, or its own destination on a connected network.
NextHop next_hop_of(Packet& packet, const Hop& hop) noexcept {
    NextHop to{.interface = hop.interface, .v6 = is_ipv6(packet), .device = hop.device, .address = {}};
    if (hop.kind == HopKind::neighbour) {
        to.v6 = hop.v6;
        to.address = hop.gateway;
    } else if (to.v6) {
        to.address.bytes = ipv6(packet).destination;
    } else {
        to.address = to_address(ipv4(packet).destination);
    }
    return to;
}

}  // namespace

Verdict IpOutput::leave(Packet& packet, const Hop& hop, std::uint64_t neighbour, Context& context) noexcept {
    EthernetHeader& ethernet = packet.ethernet();
    ethernet.destination = MacAddress::from_raw(neighbour);
    ethernet.source = MacAddress::from_raw(hop.own.load(std::memory_order_relaxed));
    const std::uint16_t mtu = mtu_of(hop, context);
    // What is too long in IPv6 was refused before.
    if (ethernet.type.host() != ether_type::ipv4 || l3_length(packet) <= mtu || !exceeds_mtu(packet, mtu))
        [[likely]]
        return Verdict::to(StageId::egress);
    if (packet.meta.gso_type != GsoType::none) return leave_in_segments(packet, context);
    // A checksum is of the datagram, not of its pieces (ip_do_fragment, skb_checksum_help).
    if (packet.meta.checksum == ChecksumState::unfinished) {
        const std::uint32_t through =
            packet.meta.checksum_start + packet.meta.checksum_offset + std::uint32_t{sizeof(be16)};
        if (packet.head_length() < through || !finish_checksum(packet))
            return Verdict::drop(DropReason::egress_bad_offload);
    }
    Packet* pieces[max_fragments];
    const unsigned count = fragment4(packet, mtu, context.pool, pieces);
    if (count == 0) return Verdict::drop(DropReason::route_no_mbuf);
    for (unsigned i = 0; i < count; ++i)
        context.emit(*pieces[i], StageId::egress);
    Packet::free(&packet);
    return Verdict::consumed();
}

/// Segments that are still too long are cut here, one by one (ip_finish_output_gso): what comes behind the
/// packet may not leave before them.
Verdict IpOutput::leave_in_segments(Packet& packet, Context& context) noexcept {
    Packet* segments[max_segments];
    DropReason why{};
    const unsigned count = segment(packet, 0, context.pool, segments, max_segments, why);
    if (count == 0) return Verdict::drop(why);
    for (unsigned i = 0; i < count; ++i) {
        Prepared prepared;
        prepare(*segments[i], prepared, context);
        context.follow(*segments[i], decide(*segments[i], prepared, context), segments[i]->meta.oif);
    }
    return Verdict::consumed();
}

Verdict route_again(Packet& packet, Context& context) noexcept {
    const RouteAnswer route = find_route(key_of(packet, *context.routing), *context.routing, *context.hops);
    if (!leaves(route.kind)) return Verdict::drop(DropReason::route_no_route);
    packet.meta.hop = route.index;
    return Verdict::to(StageId::ip_output);
}

Verdict IpOutput::unresolved(Packet& packet, const Hop& hop, std::uint64_t neighbour,
                             Context& context) noexcept {
    if (hop.kind == HopKind::neighbour && Hop::state_of(neighbour) == NeighbourState::failed) {
        send_icmp_error(packet, IcmpError::host_unreachable, 0, context);
        return Verdict::drop(DropReason::route_neighbour_failed);
    }
    if (hop.kind != HopKind::neighbour && hop.kind != HopKind::connected)
        return Verdict::drop(DropReason::route_no_route);
    // Held once already: it would go round.
    if (packet.meta.flags & PacketFlags::resolved) return Verdict::drop(DropReason::route_neighbour_failed);
    if (!context.punt) return Verdict::drop(DropReason::route_neighbour_unknown);
    if (!write_next_hop(packet, next_hop_of(packet, hop))) return Verdict::drop(DropReason::route_no_mbuf);
    return punt(packet, PuntClass::unresolved);
}

}  // namespace weft
