// The workers' tracker as control asks it.
#pragma once

#include <functional>

#include "control/flow/connections.hpp"
#include "dataplane/flow/tracker.hpp"

namespace weft {

class TrackedConnections final : public conntrack::Connections {
  public:
    /// `tracker` gives the tracker that workers use at the time; null while there is none. It must live until
    /// the call in which it was asked for is over.
    explicit TrackedConnections(std::function<FlowTracker*()> tracker) : tracker_(std::move(tracker)) {}

    conntrack::Totals totals() override;

  private:
    std::function<FlowTracker*()> tracker_;
};

}  // namespace weft
