// What a connection remembers of SCTP (struct ip_ct_sctp).
#pragma once

#include <atomic>
#include <cstdint>

#include "weft/sctp_state.hpp"

namespace weft {

struct SctpTrack {
    std::uint32_t
        tag[2];    ///< that packets of a direction have to carry, as it lies on the wire; 0: not known
    bool init[2];  ///< the direction began with an INIT that is not settled
    std::uint8_t state_;
    bool heartbeat_failed;  ///< a HEARTBEAT came with another tag, from last_direction
    std::uint8_t last_direction;

    [[nodiscard]] SctpState state() const noexcept {
        return static_cast<SctpState>(
            std::atomic_ref(const_cast<std::uint8_t&>(state_)).load(std::memory_order_relaxed));
    }
    void set(SctpState state) noexcept {
        // Others read it, to show it or to find what may go first when the table is full.
        std::atomic_ref(state_).store(static_cast<std::uint8_t>(state), std::memory_order_relaxed);
    }
};

}  // namespace weft
