#include "dataplane/egress/egress.hpp"

#include "dataplane/egress/tag.hpp"
#include "dataplane/ingress/veth.hpp"
#include "dataplane/observe/observer.hpp"

namespace weft {

Verdict Egress::through_virtual(Packet& packet, Context& context) noexcept {
    auto& meta = packet.meta;
    const Interface& out = context.topology->interface(meta.oif);
    switch (out.kind) {
        case InterfaceKind::vlan: {
            if (!out.up) return Verdict::drop(DropReason::egress_interface_down);
            if (++meta.hops > max_hops) return Verdict::drop(DropReason::ingress_too_many_hops);
            if (exceeds(packet, out.mtu)) return Verdict::drop(DropReason::egress_too_big);
            if (meta.tag_place == TagPlace::stripped && !insert_stripped(packet))
                return Verdict::drop(DropReason::egress_no_mbuf);
            (*context.counters)[out.index].sent.add(1, packet.length());
            if (context.observer) context.observer->passes(packet, out.index, Seen::sent, context);
            meta.tag_place = TagPlace::stripped;
            meta.vlan_tpid = out.tpid;
            meta.vlan_tci = out.vid;
            meta.oif = out.parent;
            return Verdict::to(StageId::egress);
        }
        case InterfaceKind::bridge:
            if (++meta.hops > max_hops) return Verdict::drop(DropReason::ingress_too_many_hops);
            return out.up ? Verdict::to(StageId::bridge_output)
                          : Verdict::drop(DropReason::egress_interface_down);
        case InterfaceKind::veth:
            return into_veth(packet, out, context);
        case InterfaceKind::dummy:
            if (!out.up) return Verdict::drop(DropReason::egress_interface_down);
            if (exceeds(packet, out.mtu)) return Verdict::drop(DropReason::egress_too_big);
            if (Packet* one = &packet; context.observer) context.observer->sends(&one, 1, out.index, context);
            (*context.counters)[out.index].sent.add(1, packet.length());  // dummy_xmit
            Packet::free(&packet);
            return Verdict::consumed();
        default:
            return Verdict::drop(DropReason::handover_gone);
    }
}

Verdict Egress::finish_and_collect(Packet& packet, const Interface& out, Context& context) noexcept {
    Packet* ready[max_segments];
    DropReason why{};
    const unsigned count = prepare_for_port(&packet, out.offloads, context.pool, ready, max_segments, why);
    if (count == 0) return Verdict::drop(why);
    for (unsigned i = 0; i < count; ++i)
        collect(*ready[i], out.port, context);
    return Verdict::consumed();
}

}  // namespace weft
