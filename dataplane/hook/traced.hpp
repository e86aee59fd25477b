// Packets whose way through the rules is told: those that a TRACE rule has matched (net/netfilter/xt_TRACE.c
// sets skb->nf_trace, trace_packet of net/ipv4/netfilter/ip_tables.c tells), and those that a trace or a
// rehearsal follows.
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/hook/hook_program.hpp"
#include "dataplane/hook/packet.hpp"

namespace weft {

/// A TRACE rule has matched it. A bit of Metadata::flags, which enters weft and the far end of a veth pair
/// unset (skb_scrub_packet); it goes with the packet from worker to worker.
inline constexpr std::uint8_t traced_bit = 32;

[[nodiscard]] inline bool is_traced(const Packet& packet) noexcept {
    return packet.meta.flags & traced_bit;
}

/// Whether there may be something to tell of this packet, now or after the next rule.
[[nodiscard]] bool is_told_of(const Packet&, bool v6, const Context&) noexcept;

/// The target TRACE: from the next rule on it is told of.
void begin_to_trace(Packet&, const hook::View&, const Context&) noexcept;

/// It meets a rule, or gets a policy, at a hook.
void tell_rule(Packet&, const hook::View&, hook::Hook, hook::RuleId, Context&) noexcept;
/// It has come to the end of a chain that is not built in.
void tell_end(Packet&, const hook::View&, hook::Hook, hook::ChainSlot, Context&) noexcept;
/// What conntrack says of it.
void tell_connection(Packet&, hook::Hook, Context&) noexcept;

/// Its addresses and ports around a translation, which it tells of.
class ToldTranslation {
  public:
    ToldTranslation(Packet&, hook::Hook, Context&) noexcept;
    /// Tells what has changed since.
    void tell() noexcept;

  private:
    Packet& packet_;
    hook::Hook at_;
    Context& context_;
    bool watches_;
    hook::View before_;
};

}  // namespace weft
