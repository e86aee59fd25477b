#include "dataplane/bridge/forward.hpp"

#include <cstring>

#include "dataplane/host/host.hpp"
#include "dataplane/ingress/enter.hpp"
#include "dataplane/observe/observer.hpp"

namespace weft {

namespace {

// Copying so much costs less than attaching to it; headers a later stage may edit lie within header_room.
constexpr std::uint16_t copy_whole = 256, header_room = 128;

bool takes(const BridgePort& from, const BridgePort& to, GroupKind kind, bool from_host) noexcept {
    switch (kind) {
        case GroupKind::unknown_unicast:
            return to.flood;
        case GroupKind::multicast:
            return to.mcast_flood || from_host;
        case GroupKind::broadcast:
            return to.bcast_flood || from_host;
    }
    static_cast<void>(from);
    return false;
}

void send_copy(Packet& packet, const BridgePort& from, const BridgePort& to, Context& context) noexcept {
    Packet* copy = copy_packet(packet, context.pool);
    if (!copy) {
        context.count_drop(DropReason::bridge_no_mbuf, to.interface, packet.length());
        return;
    }
    copy->meta.flags |= PacketFlags::flooded;
    context.follow(*copy, forward(*copy, from, to), to.interface);
}

void copy_up(Packet& packet, const Bridge& bridge, Context& context) noexcept {
    Packet* copy = copy_packet(packet, context.pool);
    if (!copy) {
        context.count_drop(DropReason::bridge_no_mbuf, bridge.interface, packet.length());
        return;
    }
    copy->meta.flags |= PacketFlags::flooded;
    context.follow(*copy, pass_up(*copy, bridge, context), bridge.interface);
}

bool receives(const Packet& packet, const Bridge& bridge, const Context& context) noexcept {
    return context.topology->interface(bridge.interface).up &&
           (!bridge.vlan_filtering || bridge.self.vlans->member(packet.meta.bridge_vid));
}

// The kernel's copy of a flooded frame. Made only if its queue has room, so that a flood costs forwarding
// nothing.
void pass_copy_up(Packet& packet, const Bridge& bridge, Context& context) noexcept {
    if (!receives(packet, bridge, context)) return;
    const Interface& self = context.topology->interface(bridge.interface);
    if (const auto why = kernel_would_refuse(packet, self, context); why != DropReason::count)
        return context.count_drop(why, bridge.interface, packet.length());
    copy_up(packet, bridge, context);
}

}  // namespace

Verdict forward_shared(Packet& packet, const BridgePort& from, const BridgePort& to,
                       Context& context) noexcept {
    if (writable(packet)) return forward(packet, from, to);
    Packet* own = make_writable_head(&packet, context.pool, header_room);
    if (!own) return Verdict::drop(DropReason::bridge_no_mbuf);
    context.follow(*own, forward(*own, from, to), to.interface);
    return Verdict::consumed();
}

void pass_copy_above(Packet& packet, const Bridge& bridge, Context& context) noexcept {
    if (receives(packet, bridge, context)) copy_up(packet, bridge, context);
}

Packet* copy_packet(Packet& packet, rte_mempool* pool) noexcept {
    if (packet.length() <= copy_whole && packet.nb_segs == 1) {
        rte_mbuf* whole = rte_pktmbuf_alloc(pool);
        if (!whole) return nullptr;
        std::memcpy(rte_pktmbuf_mtod(whole, std::byte*), packet.data(), packet.head_length());
        whole->data_len = packet.data_len;
        whole->pkt_len = packet.pkt_len;
        Packet::from(whole)->meta = packet.meta;
        return Packet::from(whole);
    }
    rte_mbuf* shared = rte_pktmbuf_clone(&packet, pool);
    if (!shared) return nullptr;
    Packet::from(shared)->meta = packet.meta;
    Packet* copy = make_writable_head(Packet::from(shared), pool, header_room);
    if (!copy) rte_pktmbuf_free(shared);
    return copy;
}

Verdict pass_up(Packet& packet, const Bridge& bridge, Context& context) noexcept {
    const Interface& self = context.topology->interface(bridge.interface);
    auto& meta = packet.meta;
    const bool above = is_for_above(packet, context);
    meta.iif = bridge.interface;
    if (!self.up) return Verdict::drop(DropReason::bridge_bridge_down);
    if (bridge.vlan_filtering) {
        if (!bridge.self.vlans->member(meta.bridge_vid)) return Verdict::drop(DropReason::bridge_vlan_egress);
        if (!vlan_egress(packet, *bridge.self.vlans)) return Verdict::drop(DropReason::bridge_no_mbuf);
    }
    if (++meta.hops > max_hops) return Verdict::drop(DropReason::ingress_too_many_hops);
    auto& ethernet = packet.ethernet();
    auto& counters = (*context.counters)[bridge.interface];
    counters.received.add(1, packet.length());
    if (context.observer) context.observer->passes(packet, bridge.interface, Seen::received, context);
    if (ethernet.destination.is_group())
        counters.multicast.add(1);
    else if (!above)
        ethernet.destination = self.mac;  // a member's address is ours too; the TAP knows only its own
    if (!classify_tag(packet)) return Verdict::drop(DropReason::ingress_truncated_tag);
    return enter(packet, self, context);
}

Verdict flood(Packet& packet, const BridgePort& from, const Bridge& bridge, GroupKind kind, bool host,
              Context& context) noexcept {
    const bool from_host = &from == &bridge.self;
    const bool above = kind == GroupKind::unknown_unicast && !from_host && is_for_above(packet, context);
    const BridgePort* last = nullptr;
    for (const auto index : bridge.members) {
        const BridgePort& to = context.topology->bridge_ports[index];
        DropReason why{};
        if (!may_forward(from, to, why) || !takes(from, to, kind, from_host)) continue;
        if (to.vlans && !to.vlans->member(packet.meta.bridge_vid)) continue;
        if (last) send_copy(packet, from, *last, context);
        last = &to;
    }
    if (!last)
        return host || above ? pass_up(packet, bridge, context) : Verdict::drop(DropReason::bridge_no_port);
    if (host) pass_copy_up(packet, bridge, context);
    if (above) pass_copy_above(packet, bridge, context);
    return forward_shared(packet, from, *last, context);
}

}  // namespace weft
