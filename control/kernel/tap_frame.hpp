// One frame to or from a kernel TAP's descriptor with its virtio-net header.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "weft/packet.hpp"

struct rte_mempool;

namespace weft {

enum class TapWrite : std::uint8_t { sent, down, refused };

/// Writes all segments with their offload state, a stripped tag back in its place. The packet stays the
/// caller's.
[[nodiscard]] TapWrite write_to_tap(int descriptor, const Packet& packet) noexcept;

/// Reads frames into packets; the TAP thread's own.
class TapReader {
  public:
    enum class Outcome : std::uint8_t {
        frame,       ///< packet is the caller's
        empty,       ///< nothing is waiting
        gone,        ///< the device was deleted
        no_mbuf,     ///< a frame was read and lost
        truncated,   ///< "
        bad_header,  ///< "
    };
    struct Answer {
        Outcome outcome;
        Packet* packet = nullptr;
        std::uint32_t length = 0;  ///< of the frame, lost ones too
    };
    explicit TapReader(rte_mempool* pool);
    ~TapReader();
    TapReader(const TapReader&) = delete;
    TapReader& operator=(const TapReader&) = delete;

    /// The packet has length, data, and of its metadata what a port's receive sets; tag_place is none.
    Answer read(int descriptor) noexcept;

  private:
    bool extend(Packet& head, std::uint32_t length) noexcept;

    rte_mempool* pool_;
    rte_mbuf* spare_ = nullptr;      ///< for the next frame, kept when there was none
    std::vector<std::byte> bounce_;  ///< what does not fit into the first segment
};

}  // namespace weft
