// host: a frame is received on an interface of its own: IP is routed, the kernel takes the rest of what is
// for it.
//   reads   destination, EtherType
//   writes  punt_class; takes priority tags off
//   to      flow_input, route_input, ip_input, punt; a sub-interface behind a priority tag
//   tables  Interface, RoutedInterface
//   Linux   eth_type_trans (pkt_type), ip_rcv's test for PACKET_OTHERHOST; __netif_receive_skb_core from
//           check_vlan_id on
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/punt/class.hpp"
#include "dataplane/route/enter.hpp"

namespace weft {

/// DropReason::count if the kernel's TAP of `interface` would take the frame now, else why not.
[[nodiscard]] DropReason kernel_would_refuse(Packet& packet, const Interface& interface,
                                             Context& context) noexcept;

/// The frame, received on meta.iif, to that interface's TAP.
inline Verdict punt(Packet& packet, PuntClass which) noexcept {
    packet.meta.punt_class = which;
    return Verdict::to(StageId::punt);
}

/// The same as the frame's own class, if the interface has a TAP.
Verdict give_kernel(Packet& packet, Context& context) noexcept;

struct Host {
    static constexpr StageId id = StageId::host;
    struct Prepared {};

    static void prepare(Packet&, Prepared&, Context&) noexcept {}

    static Verdict decide(Packet& packet, const Prepared&, Context& context) noexcept {
        const Interface& in = context.topology->interface(packet.meta.iif);
        const auto& destination = packet.ethernet().destination;
        if (!in.up) return Verdict::drop(DropReason::ingress_interface_down);
        if (!destination.is_group() && destination != in.mac &&
            !context.routing->interface(in.index).accepts(destination))
            return Verdict::drop(DropReason::host_not_for_us);
        if (packet.meta.tag_place != TagPlace::none) [[unlikely]]
            return take_tagged(packet, context);
        return is_routed(packet, context) ? enter_ip(packet, context) : give_kernel(packet, context);
    }

  private:
    /// IP of a family that has routes. Without any the host has no address of the family either: whatever
    /// comes is for the kernel's sockets (DHCP) or nobody.
    static bool is_routed(Packet& packet, const Context& context) noexcept;
    /// A priority tag is no VLAN (IEEE 802.1Q 9.3). All of them come off, as behind the TAP the kernel would
    /// take them off, and ask no rules of weft's.
    static Verdict take_tagged(Packet& packet, Context& context) noexcept;
    static Verdict take_untagged(Packet& packet, Context& context) noexcept;
};
static_assert(Stage<Host>);

}  // namespace weft
