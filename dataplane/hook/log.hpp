// LOG (net/netfilter/xt_LOG.c).
#pragma once

#include <string_view>

#include "dataplane/context.hpp"
#include "dataplane/hook/log_ring.hpp"
#include "dataplane/hook/packet.hpp"

namespace weft {

/// What a line is to say besides the packet.
struct LogWords {
    LogOf of;
    std::string_view prefix;
    std::uint8_t level, flags;  ///< as of hook::LogTarget
};

/// Gives the packet as it is now to who writes the lines; it is lost if there are more of its kind than those
/// can take.
void log_packet(Packet&, const LogWords&, const hook::View&, const Context&) noexcept;

}  // namespace weft
