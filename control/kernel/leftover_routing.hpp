// Routing that a dead weftd left in a namespace.
#pragma once

#include "control/kernel/netlink.hpp"

namespace weft {

/// Removes routes, rules and next hops of weft's protocol, if no interface of any weftd is there: whose they
/// are cannot be told else. Returns how many.
Result<std::size_t> remove_leftover_routing(Netlink& netlink);

}  // namespace weft
