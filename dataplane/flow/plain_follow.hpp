// What FlowTracker::follow() does for the packets that are most: UDP of a confirmed connection, and TCP
// segments within the window of an established one that do nothing but carry data and acknowledge.
//
// Each says false, and has changed nothing, of a packet that it does not know to be such: follow() is for
// that one. Else the connection is afterwards what follow() would have made of it; not asked for here are
// accounting and events. Owner only. The tests compare both, byte by byte, on random segments.
#pragma once

#include <cstring>

#include "dataplane/flow/deadlines.hpp"
#include "dataplane/flow/tcp.hpp"
#include "weft/net/ip.hpp"

namespace weft::plain {

namespace detail {
constexpr bool is_before(std::uint32_t a, std::uint32_t b) noexcept {
    return static_cast<std::int32_t>(a - b) < 0;
}
inline void keep_until(FlowState& state, FlowTime deadline) noexcept {
    if (state.deadline.load(std::memory_order_relaxed) != deadline)
        state.deadline.store(deadline, std::memory_order_relaxed);
}
}  // namespace detail

/// Of one with this status packets of this direction set no bit but assured.
[[nodiscard]] constexpr bool is_settled(std::uint16_t status, unsigned direction) noexcept {
    constexpr std::uint16_t asked = FlowStatus::confirmed | FlowStatus::dying | FlowStatus::fixed_timeout |
                                    FlowStatus::nat_clash | FlowStatus::seq_adjust | FlowStatus::helper;
    return (status & asked) == FlowStatus::confirmed && (direction == 0 || status & FlowStatus::seen_reply);
}

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
[[nodiscard]] inline bool follow_ack(FlowState& state, std::uint16_t status, unsigned direction,
                                     const std::byte* l4, std::uint32_t length,
                                     const FlowDeadlines& due) noexcept {
    using detail::is_before;
    constexpr std::uint8_t shape = tcp_flag::fin | tcp_flag::syn | tcp_flag::rst | tcp_flag::ack;
    constexpr std::uint8_t bare = 5, with_options = 8;  // words of a header; RFC 7323 appendix A
    constexpr std::uint8_t time_stamp_alone[] = {1, 1, 8, 10};
    constexpr std::uint32_t least_ack_window = 66'000;
    const auto& header = *reinterpret_cast<const TcpHeader*>(l4);
    const unsigned words = header.data_offset >> 4;
    if (words != bare && (words != with_options || length < 4 * with_options ||
                          std::memcmp(l4 + sizeof header, time_stamp_alone, sizeof time_stamp_alone) != 0))
        [[unlikely]]
        return false;
    TcpTrack& tcp = state.tcp;
    TcpSide& sender = tcp.side[direction];
    TcpSide& receiver = tcp.side[!direction];
    const std::uint32_t seq = header.sequence.host(), ack = header.acknowledgement.host(),
                        end = seq + length - 4 * words;
    const std::uint16_t window = header.window.host();
    // Not one jump after the other: nearly all fit.
    const unsigned fits =
        unsigned{is_before(seq, sender.maxend + 1)} & unsigned{is_before(ack, receiver.end + 1)} &
        unsigned{receiver.maxwin == 0 || is_before(sender.end - receiver.maxwin - 1, end)} &
        unsigned{is_before(receiver.end - std::max(sender.maxwin, least_ack_window) - 1, ack)};
    if ((header.flags & shape) != tcp_flag::ack || tcp.state() != TcpState::established ||
        sender.maxwin == 0 || !fits || !due.tcp_is_usual) [[unlikely]]
        return false;

    std::uint8_t& of_sender = state.tcp_flags[direction];
    std::uint8_t& of_receiver = state.tcp_flags[!direction];
    const std::uint32_t win = std::uint32_t{window} << tcp.scale(direction);
    sender.maxwin = std::max(sender.maxwin, win);
    if (is_before(sender.end, end)) {
        sender.end = end;
        of_sender |= TcpSideFlags::unacknowledged;
    }
    if (!(of_sender & TcpSideFlags::maxack_set) || is_before(sender.maxack, ack)) {
        sender.maxack = ack;
        of_sender |= TcpSideFlags::maxack_set;
    }
    if (receiver.maxwin && is_before(sender.maxend, end)) receiver.maxwin += end - sender.maxend;
    if (is_before(receiver.maxend - 1, ack + win)) receiver.maxend = ack + win + (win == 0);
    if (ack == receiver.end) of_receiver &= static_cast<std::uint8_t>(~TcpSideFlags::unacknowledged);

    const auto payload = static_cast<std::uint16_t>(end - seq);
    const unsigned again = unsigned{tcp.last_ack == ack} & unsigned{tcp.last_end == end} &
                           unsigned{tcp.last_length == payload} & unsigned{tcp.last_win == window} &
                           unsigned{tcp.last_direction() == direction};
    tcp.retransmissions = again ? static_cast<std::uint8_t>(tcp.retransmissions + 1) : std::uint8_t{0};
    tcp.last_ack = ack;
    tcp.last_end = end;
    tcp.last_length = payload;
    tcp.last_win = window;
    tcp.set_now(TcpState::established, TcpKind::ack, direction);

    const bool answered = status & FlowStatus::seen_reply;
    if (answered && !(status & FlowStatus::assured)) [[unlikely]]
        state.set(FlowStatus::assured);
    FlowDeadlines::Haste haste = window == 0 ? FlowDeadlines::retransmitted : FlowDeadlines::none;
    if ((of_sender | of_receiver) & TcpSideFlags::unacknowledged) haste = FlowDeadlines::unacknowledged;
    if (tcp.retransmissions >= due.max_retransmissions) haste = FlowDeadlines::retransmitted;
    detail::keep_until(state, due.established[haste][answered]);
    return true;
}

}  // namespace weft::plain
