// GRE as net/netfilter/nf_conntrack_proto_gre.c of Linux 6.18 tracks it.
#pragma once

#include <optional>

#include "dataplane/flow/parse.hpp"
#include "dataplane/flow/protocol.hpp"

namespace weft {

/// What stands in for ports. PPTP's (version 1): the call ID as destination, 0 as source, since only PPTP's
/// helper could tell the other end's. Of other versions zeros. Nothing if the packet is no PPTP and says so.
struct GreKeys {
    be16 source, destination;
};
[[nodiscard]] std::optional<GreKeys> gre_keys(const L4View&) noexcept;

/// Assured by the first packet after an answer. Time-outs are those of its beginning. Owner only.
void track_gre(FlowState&, const FlowConfig&, FlowTime now) noexcept;

}  // namespace weft
