// A trace in sentences.
#pragma once

#include <vector>

#include "control/model/live.hpp"
#include "control/publish/names.hpp"
#include "dataplane/observe/trace.hpp"

namespace weft {

/// Each packet with its steps, in the order in which they were taken.
[[nodiscard]] std::vector<TracedPacket> tell(const Trace& trace, const Names& names);

}  // namespace weft
