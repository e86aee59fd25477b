// The outcome of a packet's way through the hooks, kept with its connection for the next packets of the same
// direction (flow_batch).
#pragma once

#include "dataplane/hook/hooks.hpp"

namespace weft {

/// At PREROUTING, before any rule is asked.
void begin_recording(const Packet&, Context&) noexcept;
/// Once conntrack has seen it: what its connection was like before rules changed it.
void record_connection(const Packet&, Context&) noexcept;

/// At the end of POSTROUTING: a packet in transit that every hook has let pass. Keeps nothing if that rests
/// on what another packet of the flow may not share, but why.
void remember(Packet&, Context&) noexcept;

/// Why this packet of its flow, which went the slow way, has left no outcome: FlowDirection::slow.
void note_slow(const Packet&, SlowWay, const Context&) noexcept;

}  // namespace weft
