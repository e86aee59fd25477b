// egress: a frame leaves by an interface.
//   reads   oif, length, tag, offload state
//   writes  oif and tag (sub-interfaces), the frame where the port cannot do what is left to do
//   to      the port's transmit buffer (where a qdisc sits), bridge_output (sub-interface over a bridge),
//           the veth pair's ring
//   tables  Interface
//   Linux   dev_queue_xmit, validate_xmit_skb (net/core/dev.c); is_skb_forwardable for the length
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/egress/prepare.hpp"
#include "dataplane/egress/transmit.hpp"
#include "dataplane/ingress/ingress.hpp"

namespace weft {

struct Egress {
    static constexpr StageId id = StageId::egress;
    struct Prepared {};

    static void prepare(Packet&, Prepared&, Context&) noexcept {}

    static Verdict decide(Packet& packet, const Prepared&, Context& context) noexcept {
        const Interface& out = context.topology->interface(packet.meta.oif);
        if (out.kind != InterfaceKind::port) [[unlikely]]
            return through_virtual(packet, context);
        return by_port(packet, out, context);
    }

  private:
    static Verdict by_port(Packet& packet, const Interface& out, Context& context) noexcept {
        if (!out.up) [[unlikely]]
            return Verdict::drop(DropReason::egress_interface_down);
        if (!out.carrier) [[unlikely]]
            return Verdict::drop(DropReason::egress_no_carrier);
        const auto& meta = packet.meta;
        if (packet.length() > out.mtu + std::uint32_t{ethernet_header_size} &&
            meta.gso_type == GsoType::none && !fits_with_tags(packet, out.mtu)) [[unlikely]]
            return Verdict::drop(DropReason::egress_too_big);
        if (detail::wants_of(packet) != 0) [[unlikely]]
            return finish_and_collect(packet, out, context);
        collect(packet, out.port, context);
        return Verdict::consumed();
    }
    /// Sub-interfaces push their tag and go on below; a bridge's own interface is the bridge's output.
    static Verdict through_virtual(Packet& packet, Context& context) noexcept;
    /// Checksum, segmentation, tag: what the port leaves to us.
    static Verdict finish_and_collect(Packet& packet, const Interface& out, Context& context) noexcept;
};
static_assert(Stage<Egress>);

}  // namespace weft
