// LOG (net/netfilter/xt_LOG.c).
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/hook/packet.hpp"

namespace weft {

/// Gives the packet as it is now to who writes the lines; it is lost if there are more than those can take.
void log_packet(const Packet&, const hook::LogTarget&, const hook::View&, const Context&) noexcept;

}  // namespace weft
