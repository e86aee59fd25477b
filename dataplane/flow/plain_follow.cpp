#include "dataplane/flow/plain_follow.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace weft::plain {

namespace {

using detail::is_before;

template <class T>
T load(const void* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

/// The header has no option but perhaps a time stamp alone (RFC 7323 appendix A). `words`: of it.
bool is_plain_header(const std::byte* l4, unsigned words, std::uint32_t length) noexcept {
    constexpr unsigned bare = 5, with_time_stamp = 8;
    constexpr std::uint8_t time_stamp_alone[] = {1, 1, 8, 10};
    return words == bare ||
           (words == with_time_stamp && length >= 4 * with_time_stamp &&
            std::memcmp(l4 + sizeof(TcpHeader), time_stamp_alone, sizeof time_stamp_alone) == 0);
}

/// TcpTrack's last segment as two words. True if it was the same one.
bool note_last(TcpTrack& tcp, std::uint32_t ack, std::uint32_t end, std::uint16_t length,
               std::uint16_t window) noexcept {
    static_assert(offsetof(TcpTrack, last_end) == offsetof(TcpTrack, last_ack) + 4 &&
                  offsetof(TcpTrack, last_length) == offsetof(TcpTrack, last_ack) + 8 &&
                  offsetof(TcpTrack, last_win) == offsetof(TcpTrack, last_ack) + 10);
    auto* const at = reinterpret_cast<std::byte*>(&tcp) + offsetof(TcpTrack, last_ack);
    const std::uint64_t numbers = ack | std::uint64_t{end} << 32;
    const std::uint32_t sizes = length | std::uint32_t{window} << 16;
    const bool same = load<std::uint64_t>(at) == numbers && load<std::uint32_t>(at + 8) == sizes;
    std::memcpy(at, &numbers, sizeof numbers);
    std::memcpy(at + 8, &sizes, sizeof sizes);
    return same;
}

}  // namespace

bool follow_ack(FlowState& state, std::uint16_t status, unsigned direction, const std::byte* l4,
                std::uint32_t length, const FlowDeadlines& due) noexcept {
    constexpr std::uint8_t shape = tcp_flag::fin | tcp_flag::syn | tcp_flag::rst | tcp_flag::ack;
    constexpr std::uint32_t least_ack_window = 66'000;
    const auto& header = *reinterpret_cast<const TcpHeader*>(l4);
    const unsigned words = header.data_offset >> 4;
    TcpTrack& tcp = state.tcp;
    TcpSide& sender = tcp.side[direction];
    TcpSide& receiver = tcp.side[!direction];
    const std::uint32_t seq = header.sequence.host(), ack = header.acknowledgement.host(),
                        payload = length - 4 * words, end = seq + payload;
    const std::uint16_t window = header.window.host();
    // Not one jump after the other: nearly all fit.
    const unsigned fits =
        unsigned{is_before(seq, sender.maxend + 1)} & unsigned{is_before(ack, receiver.end + 1)} &
        (unsigned{receiver.maxwin == 0} | unsigned{is_before(sender.end - receiver.maxwin - 1, end)}) &
        unsigned{is_before(receiver.end - std::max(sender.maxwin, least_ack_window) - 1, ack)};
    if (!is_plain_header(l4, words, length) || (header.flags & shape) != tcp_flag::ack ||
        tcp.state() != TcpState::established || sender.maxwin == 0 || !fits || !due.tcp_is_usual) [[unlikely]]
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

    const bool again = note_last(tcp, ack, end, static_cast<std::uint16_t>(payload), window) &&
                       tcp.last_direction() == direction;
    tcp.retransmissions = again ? static_cast<std::uint8_t>(tcp.retransmissions + 1) : std::uint8_t{0};
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
