#include "dataplane/bridge/input.hpp"

#include "dataplane/host/host.hpp"

namespace weft {

void BridgeInput::count_unlearned(Packet& packet, Learned learned, Context& context) noexcept {
    auto& counters = (*context.counters)[packet.meta.iif];
    switch (learned) {
        case Learned::own:
            return counters.own_source.add(1);
        case Learned::held:
            return counters.move_held.add(1);
        case Learned::port_limit:
        case Learned::bridge_limit:
            return counters.learn_limited.add(1);
        case Learned::full:
            return counters.fdb_full.add(1);
        default:
            return;
    }
}

/// What the kernel gets goes by host: it may be IP, which INPUT is asked about (br_handle_local_finish).
Verdict BridgeInput::link_local(Packet& packet, const Prepared& in, Context& context) noexcept {
    const std::uint8_t which = packet.ethernet().destination.bytes[5];
    const Interface& device = context.topology->interface(packet.meta.iif);
    const std::uint16_t mask = in.port->group_fwd_mask | in.bridge->group_fwd_mask;
    const bool bpdu_floods = which == 0 && !in.bridge->stp;
    const bool forwarded = bpdu_floods || (mask >> which & 1);
    if (!forwarded) {
        constexpr std::uint8_t pause = 1;  // a frame of the link, which br_handle_frame drops untaught
        const PortState state = in.port->state;
        if (which != pause && in.port->learning && in.refused == DropReason::count &&
            (state == PortState::learning || state == PortState::forwarding))
            learn(packet, in, context);
        return kernel_would_refuse(packet, device, context) == DropReason::count
                   ? Verdict::to(StageId::host)
                   : Verdict::drop(DropReason::bridge_link_local);
    }
    if (which == 0 && kernel_would_refuse(packet, device, context) == DropReason::count) {
        if (Packet* copy = copy_packet(packet, context.pool))
            context.follow(*copy, Verdict::to(StageId::host), device.index);
        else
            context.count_drop(DropReason::bridge_no_mbuf, device.index, packet.length());
    }
    if (in.refused != DropReason::count) return Verdict::drop(in.refused);
    return decide_forwardable(packet, in, context, *in.port, packet.ethernet());
}

}  // namespace weft
