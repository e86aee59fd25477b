// Who polls what: the workers' plans, replaced so that no queue ever has two owners.
#pragma once

#include <vector>

#include "dataplane/worker/shared.hpp"

namespace weft {

/// Makes `queues` (by worker) what the workers poll and wakes them. A queue that moves rests until its former
/// owner has let go of it. When this returns, no worker polls, or waits for, anything that is not in
/// `queues`. Control thread only.
void replace_plans(Shared& shared, const std::vector<std::vector<ReceiveQueue>>& queues);

}  // namespace weft
