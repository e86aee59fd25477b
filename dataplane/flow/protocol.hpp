// What a protocol says of a packet of a connection, and what they share (nf_conntrack_l4proto.h).
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/flow/config.hpp"
#include "dataplane/flow/entry.hpp"

namespace weft {

enum class L4Verdict : std::uint8_t {
    accept,
    invalid,  ///< no part of the connection (-NF_ACCEPT): goes on without one
    repeat,   ///< begins a new connection over this closed one: remove this, look up again (-NF_REPEAT)
    remove,   ///< belongs to the connection, which it ends at once
};

/// Milliseconds of the tracker's clock, which wraps after 49 days; spans are below 24 days.
using FlowTime = std::uint32_t;
[[nodiscard]] constexpr std::int32_t milliseconds_until(FlowTime then, FlowTime now) noexcept {
    return static_cast<std::int32_t>(then - now);
}
[[nodiscard]] constexpr std::uint32_t span_of(std::uint32_t seconds) noexcept {
    return std::min(seconds, 0x7fff'ffffU / 1000) * 1000;
}

/// nf_ct_refresh: `seconds` from now on, or from when it is confirmed.
inline void refresh(FlowState& state, std::uint32_t seconds, FlowTime now) noexcept {
    const std::uint16_t status = state.status.load(std::memory_order_relaxed);
    if (status & FlowStatus::fixed_timeout) return;
    const FlowTime deadline = span_of(seconds) + (status & FlowStatus::confirmed ? now : 0);
    if (state.deadline.load(std::memory_order_relaxed) != deadline)
        state.deadline.store(deadline, std::memory_order_relaxed);
}

}  // namespace weft
