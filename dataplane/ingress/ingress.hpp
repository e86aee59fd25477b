// ingress: a frame comes from a port.
//   reads   the Ethernet header and outermost tag; offload state the port left
//   writes  iif, port_iif, tag fields, and zeroes mark, hops, flags, queue_class
//   to      bridge_input (member of a bridge), host (interface of its own)
//   tables  the port's Interface
//   Linux   __netif_receive_skb_core, eth_type_trans
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/ingress/enter.hpp"

namespace weft {

/// Whether a frame longer than an untagged one of this MTU is within MTU + 14 + 4 a tag.
[[nodiscard]] bool fits_with_tags(Packet& packet, std::uint16_t mtu) noexcept;

/// Whether a frame is longer than this MTU and its tags allow. A GSO frame never is: its segments are not.
inline bool exceeds(Packet& packet, std::uint16_t mtu) noexcept {
    return packet.length() > mtu + std::uint32_t{ethernet_header_size} &&
           packet.meta.gso_type == GsoType::none && !fits_with_tags(packet, mtu);
}

struct Ingress {
    static constexpr StageId id = StageId::ingress;
    struct Prepared {};

    static void prepare(Packet&, Prepared&, Context&) noexcept {}

    static Verdict decide(Packet& packet, const Prepared&, Context& context) noexcept {
        const Interface& in = *context.receiving;
        auto& meta = packet.meta;
        enter_metadata(packet, in);
        context.received_bytes += packet.length();
        if (packet.head_length() < ethernet_header_size) [[unlikely]]
            return Verdict::drop(DropReason::ingress_runt);
        if (!classify_tag(packet)) [[unlikely]]
            return Verdict::drop(DropReason::ingress_truncated_tag);
        if (packet.length() > in.mtu + std::uint32_t{ethernet_header_size} &&
            meta.gso_type == GsoType::none && !fits_with_tags(packet, in.mtu)) [[unlikely]]
            return Verdict::drop(DropReason::ingress_oversize);
        context.received_groups += packet.ethernet().destination.is_group();
        return enter(packet, in, context);
    }
};
static_assert(Stage<Ingress>);

}  // namespace weft
