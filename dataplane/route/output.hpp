// ip_output: a packet leaves by a hop: the neighbour's address, fragments.
//   reads   hop, the IP header
//   writes  oif, the Ethernet header
//   to      egress; punt (class unresolved) while the neighbour is being asked for
//   tables  Hop, Interface
//   Linux   ip_finish_output2, ip_do_fragment, neigh_resolve_output; ip6_finish_output2
#pragma once

#include "dataplane/route/header.hpp"

namespace weft {

struct IpOutput {
    static constexpr StageId id = StageId::ip_output;
    struct Prepared {
        std::uint64_t neighbour;
    };

    static void prepare(Packet& packet, Prepared& out, Context& context) noexcept {
        out.neighbour = (*context.hops)[packet.meta.hop].neighbour.load(std::memory_order_acquire);
    }
    static Verdict decide(Packet& packet, const Prepared& in, Context& context) noexcept {
        const Hop& hop = (*context.hops)[packet.meta.hop];
        packet.meta.oif = hop.interface;
        hop.touch(context.now_seconds);
        if (hop.kind == HopKind::no_address) return leave(packet, hop, in.neighbour, context);
        if (hop.kind != HopKind::neighbour || Hop::state_of(in.neighbour) != NeighbourState::resolved)
            [[unlikely]]
            return unresolved(packet, hop, in.neighbour, context);
        return leave(packet, hop, in.neighbour, context);
    }

  private:
    /// With the Ethernet header written; in pieces if it is too long.
    static Verdict leave(Packet& packet, const Hop& hop, std::uint64_t neighbour, Context& context) noexcept;
    static Verdict leave_in_segments(Packet& packet, Context& context) noexcept;
    /// Held by control until the neighbour answers, or refused if it did not.
    static Verdict unresolved(Packet& packet, const Hop& hop, std::uint64_t neighbour,
                              Context& context) noexcept;
};
static_assert(Stage<IpOutput>);

/// A packet that was held: the next hop is known now, its hop may be another one. TTL and checks are behind
/// it.
[[nodiscard]] Verdict route_again(Packet& packet, Context& context) noexcept;

}  // namespace weft
