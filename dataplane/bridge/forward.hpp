// The bridge's decision carried out: to one port, to many, to the host (Linux net/bridge/br_forward.c).
#pragma once

#include "dataplane/bridge/vlan.hpp"
#include "dataplane/context.hpp"

namespace weft {

enum class GroupKind : std::uint8_t { unknown_unicast, multicast, broadcast };

/// should_deliver, except VLAN membership. Null if `to` may take a frame from `from`, else why not.
inline bool may_forward(const BridgePort& from, const BridgePort& to, DropReason& why) noexcept {
    if (&from == &to && !to.hairpin) [[unlikely]]
        return why = DropReason::bridge_same_port, false;
    if (to.state != PortState::forwarding) [[unlikely]]
        return why = DropReason::bridge_egress_blocked, false;
    if (from.isolated && to.isolated) [[unlikely]]
        return why = DropReason::bridge_isolated, false;
    return true;
}

/// One frame to one port.
inline Verdict forward(Packet& packet, const BridgePort& from, const BridgePort& to) noexcept {
    DropReason why{};
    if (!may_forward(from, to, why)) [[unlikely]]
        return Verdict::drop(why);
    if (to.vlans) {
        if (!to.vlans->member(packet.meta.bridge_vid)) [[unlikely]]
            return Verdict::drop(DropReason::bridge_vlan_egress);
        if (!vlan_egress(packet, *to.vlans)) [[unlikely]]
            return Verdict::drop(DropReason::bridge_no_mbuf);
    }
    packet.meta.oif = to.interface;
    return Verdict::to(StageId::egress);
}

/// The same of a frame whose first segment others may share.
Verdict forward_shared(Packet& packet, const BridgePort& from, const BridgePort& to,
                       Context& context) noexcept;

/// Whether a device above the bridge that the frame came in on has its destination for an address of its own,
/// which makes Linux's bridge promiscuous: it has no filter of unicast addresses (net/core/dev_addr_lists.c,
/// dev_uc_add; net/core/dev.c, __dev_set_rx_mode).
inline bool is_for_above(Packet& packet, const Context& context) noexcept {
    return context.routing->interface(packet.meta.iif).accepts(packet.ethernet().destination);
}

/// A copy of a frame that is_for_above() to the bridge's own interface, besides what else becomes of it.
void pass_copy_above(Packet& packet, const Bridge& bridge, Context& context) noexcept;

/// The frame to the bridge's own interface (br_pass_frame_up).
Verdict pass_up(Packet& packet, const Bridge& bridge, Context& context) noexcept;

/// The frame to every port that takes this kind, and to the host if `host` says so; each but the last gets a
/// copy with a first segment of its own. Frames the host made (`from` is the bridge's self) ignore the flood
/// flags for groups, as br_flood does.
Verdict flood(Packet& packet, const BridgePort& from, const Bridge& bridge, GroupKind kind, bool host,
              Context& context) noexcept;

/// A copy whose first segment is nobody else's: short frames whole, longer ones share what follows the
/// headers. Null if no buffer is free.
Packet* copy_packet(Packet& packet, rte_mempool* pool) noexcept;

}  // namespace weft
