// TCPMSS (net/netfilter/xt_TCPMSS.c).
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/hook/packet.hpp"

namespace weft {

enum class MssDone : std::uint8_t { as_it_was, lowered, added, broken };

/// Lowers the largest segment that the packet's sender may be sent, or adds the option where a segment has
/// none and no data; sums and lengths follow, and the view. broken: no sound TCP header, a path whose MTU
/// leaves no room, or no room for the option: the packet is to be dropped.
[[nodiscard]] MssDone set_mss(Packet&, const hook::TcpmssTarget&, hook::View&, Context&) noexcept;

}  // namespace weft
