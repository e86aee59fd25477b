// What a connection remembers of TCP (struct ip_ct_tcp): 48 bytes, and TcpSideFlags of both sides beside
// them.
#pragma once

#include <atomic>
#include <cstdint>

#include "weft/tcp_state.hpp"

namespace weft {

/// What a segment is by its flags (enum tcp_bit_set).
enum class TcpKind : std::uint8_t { syn, synack, fin, ack, rst, none };

struct TcpSideFlags {
    static constexpr std::uint8_t window_scale = 1, sack_permitted = 2, close_init = 4, be_liberal = 8,
                                  unacknowledged = 16, maxack_set = 32;
};
/// Of TcpTrack::last_flags; of the first two the values are TcpSideFlags'.
struct TcpLastFlags {
    static constexpr std::uint8_t window_scale = 1, sack_permitted = 2, expect_challenge_ack = 4,
                                  simultaneous_open = 8;
};

/// One side (struct ip_ct_tcp_state). Sequence numbers, and windows in bytes.
struct TcpSide {
    std::uint32_t end;     ///< greatest sequence number plus length that it sent
    std::uint32_t maxend;  ///< end of what the other side lets it send
    std::uint32_t maxwin;  ///< greatest window that it offered; 0: nothing seen of it
    std::uint32_t maxack;  ///< greatest acknowledgement that it sent; valid if maxack_set
};

struct TcpTrack {
    TcpSide side[2];
    std::uint32_t last_ack;
    std::uint32_t last_end;
    std::uint16_t last_length;  ///< last_end minus the sequence number
    std::uint16_t last_win;     ///< as it stood in the header
    std::uint8_t scale_[2];     ///< 4 bits each: of the sides; of the last ignored SYN, and TcpLastFlags
    std::uint8_t now_;          ///< 4 bits state, 3 bits kind and 1 bit direction of the last segment
    std::uint8_t retransmissions;

    [[nodiscard]] unsigned scale(unsigned side) const noexcept { return scale_[0] >> 4 * side & 15; }
    void set_scale(unsigned side, unsigned scale) noexcept {
        scale_[0] = static_cast<std::uint8_t>((scale_[0] & ~(15U << 4 * side)) | scale << 4 * side);
    }
    [[nodiscard]] unsigned last_scale() const noexcept { return scale_[1] & 15; }
    void set_last_scale(unsigned scale) noexcept {
        scale_[1] = static_cast<std::uint8_t>((scale_[1] & 0xf0) | scale);
    }
    [[nodiscard]] std::uint8_t last_flags() const noexcept { return scale_[1] >> 4; }
    void set_last_flags(unsigned flags) noexcept {
        scale_[1] = static_cast<std::uint8_t>((scale_[1] & 0x0f) | flags << 4);
    }
    [[nodiscard]] TcpState state() const noexcept { return static_cast<TcpState>(now() & 15); }
    [[nodiscard]] TcpKind last_kind() const noexcept { return static_cast<TcpKind>(now_ >> 4 & 7); }
    [[nodiscard]] unsigned last_direction() const noexcept { return now_ >> 7; }
    void set_now(TcpState state, TcpKind kind, unsigned direction) noexcept {
        // Others read the state, to show it or to find what may go first when the table is full.
        std::atomic_ref(now_).store(
            static_cast<std::uint8_t>(static_cast<unsigned>(state) | static_cast<unsigned>(kind) << 4 |
                                      direction << 7),
            std::memory_order_relaxed);
    }

  private:
    [[nodiscard]] std::uint8_t now() const noexcept {
        return std::atomic_ref(const_cast<std::uint8_t&>(now_)).load(std::memory_order_relaxed);
    }
};
static_assert(sizeof(TcpTrack) == 48);

}  // namespace weft
