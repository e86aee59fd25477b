// A trace in sentences.
#pragma once

#include <vector>

#include "control/model/live.hpp"
#include "control/publish/name_history.hpp"
#include "control/publish/route_text.hpp"
#include "control/publish/rule_book.hpp"
#include "dataplane/observe/trace.hpp"

namespace weft {

/// Each packet with its steps, in the order in which they were taken. `source` says of a route by which rule,
/// prefix and table it was found, where that is still known; `rules` which rules a step of netfilter is
/// about.
[[nodiscard]] std::vector<TracedPacket> tell(const Trace& trace, const NameHistory& history,
                                             const RouteSource& source = {}, const FindRules& rules = {});

}  // namespace weft
