// The hooks of netfilter as the stages of IP pass them, the slow way: one packet, every rule that concerns
// it.
//
//   ip_input      PREROUTING: raw -300, conntrack -200, mangle -150, nat -100;
//                 INPUT: mangle, filter, security, nat 100, confirm
//   ip_forward    FORWARD: mangle, filter, security; POSTROUTING: mangle, nat 100, confirm
//   from a TAP,   OUTPUT: raw, conntrack, mangle, nat -100, filter, security; POSTROUTING
//   and our own
//
// Each function says how the packet ends there, or nothing if it goes on. To be called only if has_rules().
// Linux: NF_HOOK in ip_rcv, ip_local_deliver, ip_forward, ip_output, __ip_local_out and their IPv6 sisters.
#pragma once

#include <bit>
#include <memory>
#include <optional>
#include <vector>

#include "dataplane/context.hpp"
#include "dataplane/flow/fragments.hpp"
#include "dataplane/hook/filtering.hpp"
#include "dataplane/hook/log_ring.hpp"
#include "dataplane/hook/paths.hpp"
#include "dataplane/hook/rule_counters.hpp"
#include "dataplane/hook/walk.hpp"
#include "dataplane/nat/choose.hpp"

namespace weft {

/// The fragments of a datagram whose first is being looked at for all of them; none: a packet is whole.
struct Datagram {
    Packet* const* pieces = nullptr;
    unsigned count = 0;
    std::uint32_t length = 0;           ///< bytes from the first's IP header on, payload of all
    std::uint32_t fragment_header = 0;  ///< bytes of it that a whole packet would not have
};

/// What the hooks have done with the packet in hand so far.
struct Recording {
    std::vector<hook::RuleId> path;
    SlowWay slow{};                     ///< kept: other packets of its flow may use it
    bool marks_connection = false;      ///< some rule sets the connection's mark
    std::uint16_t status = 0;           ///< of the connection, FlowStatus, before rules
    std::uint32_t connection_mark = 0;  ///< the same
};

/// Of one worker.
struct HookWork {
    static constexpr unsigned nobody = ~0U;

    std::array<RuleCounters, 2>* counters;  ///< by hook::Family
    hook::Trail trail;
    Recording recording;
    FlowPaths paths;
    std::uint32_t generation = 0;  ///< Filtering's, whose rules paths name
    std::uint32_t routes = 0;      ///< HopTable's, of this round
    std::uint32_t changes = 0;     ///< RouteChanges::ended() before this round
    /// Another in each round before which rules or `routes` have changed. With what is known of the
    /// destination's region it tells whether an outcome stands as it is; both only grow, so their sum does.
    std::uint32_t epoch = 1;
    /// Connections that packets of this round began: those not confirmed at its end are forgotten.
    std::vector<Tracked> begun;
    HookLog* log;
    FragmentTable* fragments;
    NatRandom random;
    /// Whose sources the last connections became (their `source`), by which the next ones' are foreseen.
    Tuple4 foreseen4{};
    Tuple6 foreseen6{};
    hook::ConnectionFacts of_template;  ///< of the packet in hand, between a CT rule and conntrack
    Datagram datagram;
    hook::PortRange drawn{};  ///< where the last port that translation drew came from; 0-0: from nowhere
    /// For in_one_piece(): as long as an IP packet can be.
    std::unique_ptr<std::byte[]> whole = std::make_unique<std::byte[]>(65'536 + 40);
    unsigned handed_to = nobody;  ///< the worker that a datagram has to go to
    /// Packets for other workers, by worker; given at the end of the round, or when there are enough.
    std::vector<PacketVector> for_others;
};

/// How a hook ends a packet, or nothing: it goes on. As std::optional, but one word that is written and read
/// whole, since every hook of every first packet returns some.
class PacketEnd {
  public:
    constexpr PacketEnd() noexcept = default;
    constexpr PacketEnd(Verdict end) noexcept : word_(ended | std::bit_cast<std::uint16_t>(end)) {}
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return word_ & ended; }
    [[nodiscard]] constexpr Verdict operator*() const noexcept {
        return std::bit_cast<Verdict>(static_cast<std::uint16_t>(word_));
    }
    [[nodiscard]] constexpr Verdict value_or(Verdict otherwise) const noexcept {
        return *this ? **this : otherwise;
    }

  private:
    static constexpr std::uint32_t ended = 1 << 16;
    std::uint32_t word_ = 0;
};

/// Bytes of a frame that hooks want in the first segment: of an ICMP error, both IP headers with all options.
inline constexpr std::uint32_t hook_head_bytes = 256;

[[nodiscard]] inline bool has_rules(bool v6, const Context& context) noexcept {
    return context.filtering->of(v6) != nullptr;
}

[[nodiscard]] PacketEnd pass_prerouting(Packet&, Context&) noexcept;
[[nodiscard]] PacketEnd pass_input(Packet&, Context&) noexcept;
/// oif is where it is going.
[[nodiscard]] PacketEnd pass_forward(Packet&, Context&) noexcept;
/// iif: by which it came; no_interface if the host or weft made it.
[[nodiscard]] PacketEnd pass_postrouting(Packet&, IfIndex iif, Context&) noexcept;
/// Of a packet that the host or weft itself made.
[[nodiscard]] PacketEnd pass_output(Packet&, Context&) noexcept;

/// Both of a packet that leaves the host, whose l3_offset is set: the stage of `way`, ip_output if a mark or
/// another destination has given it another route, or its end.
[[nodiscard]] Verdict pass_host(Packet&, Verdict way, Context&) noexcept;

/// Bytes from the IP header on, of a datagram of all its fragments.
[[nodiscard]] inline std::uint32_t whole_length(const Packet& packet, const Context& context) noexcept {
    return context.hooks->datagram.count ? context.hooks->datagram.length
                                         : packet.length() - packet.meta.l3_offset;
}

/// What rules see and count: a gathered IPv6 datagram is without its fragment header (nf_ct_frag6_reasm).
[[nodiscard]] inline std::uint32_t rule_length(const Packet& packet, const Context& context) noexcept {
    return whole_length(packet, context) - context.hooks->datagram.fragment_header;
}

/// Forgets connections whose first packet went nowhere, and ages. Between bursts. True if there is more to
/// age now.
bool settle_connections(Context&) noexcept;

}  // namespace weft
