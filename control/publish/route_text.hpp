// The route by which a stage of IP decided, in iproute2's words.
#pragma once

#include <functional>
#include <string>

#include "control/publish/names.hpp"
#include "dataplane/observe/trace.hpp"

namespace weft {

/// "rule 500, 10.0.0.0/8 metric 20 in table main"; empty: not known.
using RouteSource = std::function<std::string(const TracedRoute& route)>;

/// What a stage of IP found: `asked` before it decided, `step` after; empty for the other stages, and if it
/// did not get as far as a route.
[[nodiscard]] std::string route_text(const TraceStep& asked, const TraceStep& step, const Names& names,
                                     const RouteSource& source);

}  // namespace weft
