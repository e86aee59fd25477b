// Connections whose outside port a change of blocks makes another subscriber's (RFC 6888 REQ-14: who had a
// port is known by the blocks alone).
#pragma once

#include <vector>

#include "control/hook/port_blocks.hpp"
#include "dataplane/flow/tracker.hpp"

namespace weft {

/// Ends those that have their port by blocks which ended, and those whose port began to be another's, unless
/// some rule's blocks still say that it is theirs. Returns how many. Workers obey the changed rules by now.
std::size_t end_outside_blocks(FlowTracker& tracker, const hook::PortBlockChange& change, FlowTime now);

}  // namespace weft
