// Where an IP packet goes that host has let in, or that was handed over: to the batch path that may know its
// way, else to ip_input.
#pragma once

#include "dataplane/hook/hooks.hpp"
#include "dataplane/observe/observer.hpp"
#include "dataplane/route/header.hpp"

namespace weft {

/// Nothing of its flow that is before it is overtaken.
inline Verdict enter_ip(Packet& packet, Context& context) noexcept {
    const bool v6 = is_ipv6(packet);
    const bool has_no_rules = !has_rules(v6, context);
    if (!has_no_rules && !context.filtering->tracks[v6]) return Verdict::to(StageId::ip_input);
    const StageId batch = has_no_rules ? StageId::route_input : StageId::flow_input;
    if (!context.observer || !context.observer->follows(packet)) [[likely]]
        return Verdict::to(batch);
    // Who follows it is to see each stage.
    if (context.holds(batch)) context.run_now(batch, context);
    return Verdict::to(StageId::ip_input);
}

}  // namespace weft
