// What a trace tells of a decision of IP: the route, its hop and neighbour, as they are at the time.
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/observe/trace.hpp"

namespace weft {

/// The route by which ip_input gave this verdict on a packet that is still its; found is false if it asked
/// for none. Looks the route up again, by worker threads.
[[nodiscard]] TracedRoute route_of_input(Packet& packet, Verdict verdict, Context& context) noexcept;

/// The hop that a packet has, before ip_forward or ip_output decides of it.
[[nodiscard]] TracedRoute route_ahead(const Packet& packet, Context& context) noexcept;

}  // namespace weft
