// What helpers do with the packets of their connections, at the last hook (nf_confirm, priority 300).
#pragma once

#include "dataplane/hook/hooks.hpp"

namespace weft {

/// How the packet ends there, or nothing.
[[nodiscard]] PacketEnd help_connection(Packet&, Context&) noexcept;

}  // namespace weft
