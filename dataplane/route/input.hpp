// ip_input: an IP packet is received on an interface; is it sound, and where does it go?
//   reads   the IP header and its options
//   writes  l3_offset, hop, oif; the frame's padding is cut off
//   to      ip_forward, punt
//   tables  Routing, FIB, Hop, Interface
//   Linux   ip_rcv_core, ip_route_input_slow, fib_validate_source; ip6_rcv_core, ip6_route_input
#pragma once

#include "dataplane/hook/hooks.hpp"
#include "dataplane/route/header.hpp"

namespace weft {

struct RouteKey;
struct RouteAnswer;

/// RFC 3704 and net/ipv4/fib_frontend.c, __fib_validate_source; also of sources that are our own. To be asked
/// where a packet's route leads on. count: let it pass. `way`: that route, as rules are asked for an answer
/// that comes by it, without mark (src_valid_mark is 0).
[[nodiscard]] DropReason check_source(const RouteKey& key, const RouteAnswer& way, const Routing& routing,
                                      const HopTable& hops) noexcept;

struct IpInput {
    static constexpr StageId id = StageId::ip_input;
    struct Prepared {};

    static void prepare(Packet&, Prepared&, Context&) noexcept {}
    static Verdict decide(Packet& packet, const Prepared&, Context& context) noexcept {
        return with_own_head(packet, head_bytes(packet, context), context, [&](Packet& own) {
            const Verdict verdict = receive(own, context);
            if (verdict != Verdict::to(StageId::ip_forward) || !has_rules(is_ipv6(own), context)) [[likely]]
                return verdict;
            // The next packet of its flow is to find its connection confirmed, as in Linux.
            context.emit(own, StageId::ip_forward);
            context.run_now(StageId::ip_forward, context);
            return Verdict::consumed();
        });
    }

    /// Of a packet whose head is its own.
    static Verdict receive(Packet& packet, Context& context) noexcept;
    /// The same, when it is known that it is for the host.
    static Verdict to_host(Packet& packet, Context& context) noexcept;
    /// Whether its destination is one of the host's addresses and its source may speak to it: what the route
    /// says now, without rules.
    static bool is_for_host(Packet& packet, Context& context) noexcept;

  private:
    static std::uint32_t head_bytes(Packet& packet, const Context& context) noexcept {
        return has_rules(is_ipv6(packet), context) ? hook_head_bytes : ip_head_bytes;
    }
};
static_assert(Stage<IpInput>);

}  // namespace weft
