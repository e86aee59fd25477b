// host: a frame is received on an interface that routes; the kernel takes what is addressed to it.
//   reads   destination, EtherType
//   writes  punt_class
//   to      punt
//   tables  Interface
//   Linux   eth_type_trans (pkt_type), ip_rcv's test for PACKET_OTHERHOST
#pragma once

#include "dataplane/context.hpp"

namespace weft {

/// The queue a frame for the kernel takes: by destination and protocol, RFC 826 and RFC 4861 apart.
[[nodiscard]] PuntClass punt_class_of(Packet& packet) noexcept;

/// DropReason::count if the kernel's TAP of `interface` would take the frame now, else why not.
[[nodiscard]] DropReason kernel_would_refuse(Packet& packet, const Interface& interface,
                                             Context& context) noexcept;

/// The frame, received on meta.iif, to that interface's TAP.
inline Verdict punt(Packet& packet, PuntClass which) noexcept {
    packet.meta.punt_class = which;
    return Verdict::to(StageId::punt);
}

struct Host {
    static constexpr StageId id = StageId::host;
    struct Prepared {};

    static void prepare(Packet&, Prepared&, Context&) noexcept {}

    static Verdict decide(Packet& packet, const Prepared&, Context& context) noexcept {
        const Interface& in = context.topology->interface(packet.meta.iif);
        const auto& destination = packet.ethernet().destination;
        if (!in.up) return Verdict::drop(DropReason::ingress_interface_down);
        if (!destination.is_group() && destination != in.mac)
            return Verdict::drop(DropReason::host_not_for_us);
        if (!in.has_tap || !context.punt) return Verdict::drop(DropReason::punt_no_kernel);
        return punt(packet, punt_class_of(packet));
    }
};
static_assert(Stage<Host>);

}  // namespace weft
