#include "control/publish/flow/connections.hpp"

namespace weft {

conntrack::Totals TrackedConnections::totals() {
    auto* tracker = tracker_();
    return tracker ? conntrack::Totals{tracker->count(), tracker->table().buckets()} : conntrack::Totals{};
}

}  // namespace weft
