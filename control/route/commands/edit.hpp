// Changes to what a model says of routing.
#pragma once

#include <string>

#include "control/model/model.hpp"

namespace weft {

/// What goes with an interface, as in the kernel: routes by it (of IPv6 only that next hop), its next hops,
/// what names them, and its neighbours. Rules stay ([detached]).
void forget_device(RoutingSpec& routing, const std::string& device);
/// A next hop, where groups and routes name it, and they with it when nothing is left.
void forget_nexthop(RoutingSpec& routing, std::uint32_t id);

/// Whether routes of a type (RTN_*) have no next hop: blackhole, unreachable, prohibit, throw.
[[nodiscard]] bool leads_nowhere(std::uint8_t type);

/// Whether the kernel takes the route only when another one leads to its gateway, or an object is there.
[[nodiscard]] bool needs_others(const KernelRoute& route);

/// The interface that a gateway without one is reached by: that of the longest network among the model's
/// addresses that has it, else of a route to it without a gateway. Empty: none.
[[nodiscard]] std::string device_of_gateway(const Model& model, bool v6, const IpAddress& gateway);

}  // namespace weft
