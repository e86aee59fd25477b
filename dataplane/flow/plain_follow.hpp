// What FlowTracker::follow() does for the packets that are most: UDP of a confirmed connection, and TCP
// segments within the window of an established one that do nothing but carry data and acknowledge.
//
// Each says false, and has changed nothing, of a packet that it does not know to be such: follow() is for
// that one. Else the connection is afterwards what follow() would have made of it; not asked for here are
// accounting and events. Owner only. The tests compare both, byte by byte, on random segments.
#pragma once

#include "dataplane/flow/deadlines.hpp"
#include "dataplane/flow/tcp.hpp"
#include "weft/net/ip.hpp"

namespace weft::plain {

namespace detail {
constexpr bool is_before(std::uint32_t a, std::uint32_t b) noexcept {
    return static_cast<std::int32_t>(a - b) < 0;
}
/// Nearly always it is that one already: packets of a millisecond write it once.
inline void keep_until(FlowState& state, FlowTime deadline) noexcept {
    if (state.deadline.load(std::memory_order_relaxed) != deadline)
        state.deadline.store(deadline, std::memory_order_relaxed);
}
}  // namespace detail

/// Bits of FlowStatus that have to be `confirmed` and nothing else. Of such a connection packets of the
/// original direction, and those of the other after a reply was seen, set no bit but assured.
inline constexpr std::uint16_t settling = FlowStatus::confirmed | FlowStatus::dying |
                                          FlowStatus::fixed_timeout | FlowStatus::nat_clash |
                                          FlowStatus::seq_adjust | FlowStatus::helper;

/// track_udp. `l4`: 8 bytes or more, `length` of them and what follows; of a settled connection.
[[nodiscard]] inline bool follow_udp(FlowState& state, std::uint16_t status, const std::byte* l4,
                                     std::uint32_t length, const FlowDeadlines& due) noexcept {
    const std::uint32_t said = reinterpret_cast<const UdpHeader*>(l4)->length.host();
    if (said - sizeof(UdpHeader) > length - sizeof(UdpHeader)) [[unlikely]]
        return false;
    const bool stream =
        (status & FlowStatus::seen_reply) && detail::is_before(state.udp.stream_from, due.now);
    if (stream && !(status & FlowStatus::assured)) [[unlikely]]
        state.set(FlowStatus::assured);
    detail::keep_until(state, stream ? due.udp_stream : due.udp);
    return true;
}

/// track_tcp. `l4`: a header of `length` bytes with what follows, 20 or more; of a settled connection.
[[nodiscard]] bool follow_ack(FlowState& state, std::uint16_t status, unsigned direction, const std::byte* l4,
                              std::uint32_t length, const FlowDeadlines& due) noexcept;

}  // namespace weft::plain
