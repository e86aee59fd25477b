// Which of the queues to the kernel a frame takes.
#pragma once

#include "weft/packet.hpp"

namespace weft {

/// By destination and protocol. What has no upper layer that can be read (fragments but the first, headers
/// cut short) is of class host or broadcast. Any frame of at least an Ethernet header.
[[nodiscard]] PuntClass punt_class_of(Packet& packet) noexcept;

}  // namespace weft
