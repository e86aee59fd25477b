// Window tracking after Guido van Rooij, "Real Stateful TCP Packet Filtering in IP Filter", as the kernel's
// tcp_in_window has it. A segment must intersect the window:
//
//   upper bound of data             seq <= sender.maxend
//   lower bound of data             end >= sender.end - receiver.maxwin
//   upper bound of (S)ACK           sack <= receiver.end
//   lower bound of (S)ACK           sack >= receiver.end - max(sender.maxwin, 66000)
#include <algorithm>

#include "dataplane/flow/tcp.hpp"

namespace weft {

namespace {

constexpr bool before(std::uint32_t a, std::uint32_t b) noexcept {
    return static_cast<std::int32_t>(a - b) < 0;
}
constexpr bool after(std::uint32_t a, std::uint32_t b) noexcept {
    return before(b, a);
}

/// What the check looks at, and changes.
struct Check {
    FlowState& state;
    unsigned direction;
    const TcpSegment& segment;
    const FlowConfig& config;
    std::uint32_t seq = segment.seq, end = segment.end(), ack = segment.ack, sack = ack, win = segment.window;

    [[nodiscard]] TcpTrack& tcp() const noexcept { return state.tcp; }
    [[nodiscard]] TcpSide& sender() const noexcept { return state.tcp.side[direction]; }
    [[nodiscard]] TcpSide& receiver() const noexcept { return state.tcp.side[!direction]; }
    [[nodiscard]] std::uint8_t& sender_flags() const noexcept { return state.tcp_flags[direction]; }
    [[nodiscard]] std::uint8_t& receiver_flags() const noexcept { return state.tcp_flags[!direction]; }

    /// Who is liberal accepts what is outside.
    [[nodiscard]] TcpWindow outside(TcpWindow verdict) const noexcept {
        const bool liberal = sender_flags() & TcpSideFlags::be_liberal || config.tcp_be_liberal;
        return liberal ? TcpWindow::accept : verdict;
    }
    /// Greatest age of an acknowledgement, in bytes.
    [[nodiscard]] std::uint32_t ack_window() const noexcept {
        return std::max<std::uint32_t>(sender().maxwin, 66'000);
    }

    /// A SYN or SYN-ACK tells all of its side.
    void begin_sender() const noexcept {
        sender().end = sender().maxend = end;
        sender().maxwin = win ? win : 1;
        if (segment.options_length) {
            const TcpOptions options = parse_tcp_options(segment);
            tcp().set_scale(direction, options.scale);
            sender_flags() =
                static_cast<std::uint8_t>((sender_flags() & TcpSideFlags::be_liberal) | options.flags);
        }
        // RFC 7323 2.2: windows are scaled only if both sides said so.
        if (direction == 1 && !(sender_flags() & receiver_flags() & TcpSideFlags::window_scale)) {
            tcp().set_scale(0, 0);
            tcp().set_scale(1, 0);
        }
    }
    /// Picked up in the middle of a connection.
    void guess_sender() const noexcept {
        const std::uint32_t scaled = win << tcp().scale(direction);
        sender().end = end;
        sender().maxwin = scaled ? scaled : 1;
        sender().maxend = end + sender().maxwin;
        if (receiver().maxwin == 0)
            receiver().end = receiver().maxend = sack;
        else if (sack == receiver().end + 1)
            ++receiver().end;  // the answer to a keepalive
    }
    [[nodiscard]] TcpWindow over_upper_bound() const noexcept {
        const std::uint32_t overshot = end - sender().maxend + 1, window = receiver().maxwin;
        const bool ack_ok =
            after(sack, receiver().end - ack_window() - 1) && before(sack, receiver().end + 1);
        if (window && after(end, sender().end - window - 1) && ack_ok && overshot <= window) {
            // Some send more than they may. If the other side takes it, it must be able to acknowledge it.
            sender().end = end;
            sender_flags() |= TcpSideFlags::unacknowledged;
            return outside(TcpWindow::ignore);
        }
        return outside(TcpWindow::invalid);
    }
    void update() noexcept {
        if (!segment.has(tcp_flag::syn)) win <<= tcp().scale(direction);
        sender().maxwin = std::max(sender().maxwin, win + (sack - ack));
        if (after(end, sender().end)) {
            sender().end = end;
            sender_flags() |= TcpSideFlags::unacknowledged;
        }
        if (segment.has(tcp_flag::ack) &&
            (!(sender_flags() & TcpSideFlags::maxack_set) || after(ack, sender().maxack))) {
            sender().maxack = ack;
            sender_flags() |= TcpSideFlags::maxack_set;
        }
        if (receiver().maxwin && after(end, sender().maxend)) receiver().maxwin += end - sender().maxend;
        if (after(sack + win, receiver().maxend - 1)) receiver().maxend = sack + win + (win == 0);
        if (ack == receiver().end)
            receiver_flags() &= static_cast<std::uint8_t>(~TcpSideFlags::unacknowledged);
    }
    void count_retransmission() const noexcept {
        TcpTrack& t = tcp();
        const auto length = static_cast<std::uint16_t>(end - seq);
        if (t.last_direction() == direction && t.last_end == end && t.last_length == length &&
            t.last_ack == ack && t.last_win == segment.window) {
            ++t.retransmissions;
            return;
        }
        t.set_now(t.state(), t.last_kind(), direction);
        t.last_end = end;
        t.last_length = length;
        t.last_ack = ack;
        t.last_win = segment.window;
        t.retransmissions = 0;
    }
};

}  // namespace

TcpWindow check_window(FlowState& state, unsigned direction, const TcpSegment& segment,
                       const FlowConfig& config) noexcept {
    Check check{state, direction, segment, config};
    const TcpState now = state.tcp.state();
    TcpSide& sender = check.sender();
    TcpSide& receiver = check.receiver();
    const bool syn = segment.has(tcp_flag::syn), ack = segment.has(tcp_flag::ack),
               rst = segment.has(tcp_flag::rst);

    if (check.receiver_flags() & TcpSideFlags::sack_permitted) check.sack = highest_sack(segment);
    check.ack -= segment.ack_change;
    check.sack -= segment.ack_change;

    if (sender.maxwin == 0) {
        if (syn) {
            check.begin_sender();
            if (!ack) return TcpWindow::accept;  // simultaneous open
        } else {
            check.guess_sender();
        }
    } else if (syn && after(check.end, sender.end) &&
               (now == TcpState::syn_sent || now == TcpState::syn_recv)) {
        check.begin_sender();  // begun again with greater numbers
        if (direction == 1 && !ack) return TcpWindow::accept;
    }
    // Without an acknowledgement as if it had the right one; some RSTs acknowledge 0.
    if (!ack || (rst && check.ack == 0)) check.ack = check.sack = receiver.end;
    if (rst && check.seq == 0 && now == TcpState::syn_sent) check.seq = check.end = sender.end;

    if (!before(check.seq, sender.maxend + 1)) return check.over_upper_bound();
    if (!before(check.sack, receiver.end + 1)) return check.outside(TcpWindow::invalid);
    if (receiver.maxwin && !after(check.end, sender.end - receiver.maxwin - 1))
        return check.outside(TcpWindow::ignore);  // a retransmission of what is acknowledged
    if (!after(check.sack, receiver.end - check.ack_window() - 1))
        return check.outside(TcpWindow::ignore);  // an acknowledgement that was long under way
    check.update();
    if (segment.kind() == TcpKind::ack) check.count_retransmission();
    return TcpWindow::accept;
}

}  // namespace weft
