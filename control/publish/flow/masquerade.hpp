// Connections that MASQUERADE gave an address which is gone (net/netfilter/nf_nat_masquerade.c,
// masq_inet_event and masq_device_event).
#pragma once

#include <string>
#include <vector>

#include "dataplane/flow/tracker.hpp"

namespace weft {

/// Ends those that left by one of these addresses, as rtnetlink tells them ("10.0.0.5/24"). Returns how many.
std::size_t end_masqueraded(FlowTracker& tracker, const std::vector<std::string>& addresses, FlowTime now);

}  // namespace weft
