// Finishes a checksum that a sender left to whoever sends the frame on (as Linux's skb_checksum_help).
#pragma once

#include <cstdint>

#include "weft/packet.hpp"

namespace weft {

/// True if the field and the start of the sum lie in the frame. For packets with ChecksumState::unfinished.
[[nodiscard]] bool checksum_fits(const Packet& packet) noexcept;

/// Sums [checksum_start, end of the packet) over all segments, stores the complement at checksum_start +
/// checksum_offset and sets the state to good. As in Linux a sum of zero is stored as 0xffff, which UDP needs
/// and which is the same number. Nothing to do, and true, unless the state is unfinished. False, with nothing
/// changed, if the offsets contradict the frame. The segment that holds the field must be writable().
[[nodiscard]] bool finish_checksum(Packet& packet) noexcept;

}  // namespace weft
