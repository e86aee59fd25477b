#include "dataplane/ingress/veth.hpp"

#include "dataplane/hook/traced.hpp"
#include "dataplane/ingress/ingress.hpp"
#include "dataplane/observe/observer.hpp"

namespace weft {

Verdict into_veth(Packet& packet, const Interface& out, Context& context) noexcept {
    if (!out.up) return Verdict::drop(DropReason::egress_interface_down);
    if (!out.carrier) return Verdict::drop(DropReason::egress_no_carrier);
    // is_skb_forwardable asks the peer
    if (exceeds(packet, out.mtu) || exceeds(packet, context.topology->interface(out.peer).mtu))
        return Verdict::drop(DropReason::egress_too_big);
    if (packet.meta.hops >= max_hops) return Verdict::drop(DropReason::ingress_too_many_hops);
    ++packet.meta.hops;
    packet.meta.iif = out.peer;
    packet.meta.connection_state = 0;  // skb_scrub_packet
    // Behind it the packet is routed anew, perhaps to a neighbour that is not known yet.
    packet.meta.flags &= static_cast<std::uint8_t>(~(traced_bit | PacketFlags::resolved));
    const std::uint32_t length = packet.length();
    Packet* one = &packet;
    if (context.veths->enqueue(&one, 1) == 0) return Verdict::drop(DropReason::egress_backlog_full);
    (*context.counters)[out.index].sent.add(1, length);
    return Verdict::consumed();
}

namespace {

Verdict leave_veth(Packet& packet, Context& context) noexcept {
    if (!context.topology->exists(packet.meta.iif)) return Verdict::drop(DropReason::handover_gone);
    const Interface& in = context.topology->interface(packet.meta.iif);
    if (!in.up) return Verdict::drop(DropReason::ingress_interface_down);
    if (Packet* one = &packet; context.observer) {
        context.observer->sends(&one, 1, in.peer, context);
        context.observer->passes(packet, in.index, Seen::received, context);
    }
    auto& counters = (*context.counters)[in.index];
    counters.received.add(1, packet.length());
    if (packet.ethernet().destination.is_group()) counters.multicast.add(1);
    if (!classify_tag(packet)) return Verdict::drop(DropReason::ingress_truncated_tag);
    return enter(packet, in, context);
}

}  // namespace

unsigned leave_veths(Context& context) noexcept {
    Packet* packets[batch_size];
    const unsigned count = context.veths->dequeue(packets, batch_size);
    for (unsigned i = 0; i < count; ++i) {
        const Verdict verdict = leave_veth(*packets[i], context);
        context.follow(*packets[i], verdict, packets[i]->meta.iif);
    }
    return count;
}

}  // namespace weft
