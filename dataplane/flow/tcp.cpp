// States and time-outs of TCP (nf_conntrack_tcp_packet).
#include "dataplane/flow/tcp.hpp"

#include <algorithm>
#include <cstring>

namespace weft {

namespace {

constexpr bool before(std::uint32_t a, std::uint32_t b) noexcept {
    return static_cast<std::int32_t>(a - b) < 0;
}

/// tcp_new: false if nothing can begin with this segment.
bool begin(FlowState& state, const TcpSegment& segment, const FlowConfig& config) noexcept {
    const TcpState next = tcp_transition(0, segment.kind(), TcpState::none);
    if (next == TcpState::invalid || (next != TcpState::syn_sent && !config.tcp_loose)) return false;
    TcpTrack& tcp = state.tcp;
    store_words(&tcp, TcpTrack{});  // others may still look at the entry's last connection
    state.tcp_flags[0] = state.tcp_flags[1] = 0;
    TcpSide& side = tcp.side[0];
    side.end = side.maxend = segment.end();
    side.maxwin = segment.window ? segment.window : 1;
    if (next == TcpState::syn_sent) {
        const TcpOptions options = parse_tcp_options(segment);
        tcp.set_scale(0, options.scale);
        state.tcp_flags[0] = options.flags;
    } else {
        // Its history is lost: be liberal, as scales are unknown.
        side.maxend += side.maxwin;
        state.tcp_flags[0] = state.tcp_flags[1] = TcpSideFlags::sack_permitted | TcpSideFlags::be_liberal;
    }
    tcp.set_now(TcpState::none, TcpKind::none, 0);
    return true;
}

/// One segment on its way through.
struct Step {
    FlowState& state;
    unsigned direction;
    const TcpSegment& segment;
    const FlowConfig& config;
    FlowTime now;
    TcpTrack& tcp = state.tcp;
    TcpKind kind = segment.kind();
    TcpState was = tcp.state(), next = tcp_transition(direction, kind, was);

    enum class Way : std::uint8_t { check_window, in_window, accept, invalid, repeat };

    /// What the states alone say.
    [[nodiscard]] Way decide() noexcept {
        switch (next) {
            case TcpState::syn_sent:
                if (was < TcpState::time_wait) return Way::check_window;
                if (may_reopen()) return Way::repeat;
                return ignore();
            case TcpState::ignore:
                return ignore();
            case TcpState::invalid:
                return Way::invalid;
            case TcpState::time_wait:
                return is_challenge_ack() ? Way::accept : Way::check_window;
            case TcpState::syn_sent2:
                tcp.set_last_flags(tcp.last_flags() | TcpLastFlags::simultaneous_open);
                return Way::check_window;
            case TcpState::syn_recv:
                if (direction == 1 && kind == TcpKind::ack &&
                    tcp.last_flags() & TcpLastFlags::simultaneous_open)
                    next = TcpState::established;
                return Way::check_window;
            case TcpState::close:
                return kind == TcpKind::rst ? reset() : Way::check_window;
            default:
                return Way::check_window;
        }
    }
    /// A SYN on a closed or aborted connection.
    [[nodiscard]] bool may_reopen() const noexcept {
        return (state.tcp_flags[0] | state.tcp_flags[1]) & TcpSideFlags::close_init ||
               (tcp.last_direction() == direction && tcp.last_kind() == TcpKind::rst);
    }
    /// Lets pass what may be right although we are not in step: a SYN in the original direction, a SYN-ACK of
    /// the reply, an ACK that answers the first SYN. What is remembered of it lets us follow if the other
    /// side goes along.
    [[nodiscard]] Way ignore() noexcept {
        if (kind == TcpKind::synack && tcp.last_kind() == TcpKind::syn && tcp.last_direction() != direction &&
            segment.ack == tcp.last_end) {
            follow_ignored_syn();
            return Way::check_window;
        }
        tcp.set_now(was, kind, direction);
        tcp.last_end = segment.end();
        tcp.last_length = static_cast<std::uint16_t>(segment.end() - segment.seq);
        tcp.last_win = segment.window;
        if (kind == TcpKind::syn && direction == 0) {
            const TcpOptions options = parse_tcp_options(segment);
            tcp.set_last_scale(options.scale);
            // RFC 5961 4: in last_ack an ACK that challenges this SYN would look like that of the FIN.
            tcp.set_last_flags(options.flags |
                               (was == TcpState::last_ack ? TcpLastFlags::expect_challenge_ack : 0));
        }
        if (was == TcpState::syn_sent && kind == TcpKind::ack && direction == 1) tcp.last_ack = segment.ack;
        return Way::accept;
    }
    void follow_ignored_syn() noexcept {
        was = TcpState::syn_sent;
        next = TcpState::syn_recv;
        const unsigned other = tcp.last_direction();
        TcpSide& side = tcp.side[other];
        side.end = side.maxend = tcp.last_end;
        side.maxwin = tcp.last_win ? tcp.last_win : 1;
        tcp.set_scale(other, tcp.last_scale());
        tcp.set_last_flags(tcp.last_flags() & ~unsigned{TcpLastFlags::expect_challenge_ack});
        state.tcp_flags[other] =
            tcp.last_flags() & (TcpSideFlags::window_scale | TcpSideFlags::sack_permitted);
        tcp.side[direction] = {};
        tcp.set_scale(direction, 0);
        state.tcp_flags[direction] &= TcpSideFlags::be_liberal;
    }
    /// RFC 5961: the answer to a SYN that we let pass, which acknowledges no FIN.
    [[nodiscard]] bool is_challenge_ack() const noexcept {
        if (was != TcpState::last_ack || kind != TcpKind::ack || tcp.last_direction() == direction ||
            tcp.last_kind() != TcpKind::syn || !(tcp.last_flags() & TcpLastFlags::expect_challenge_ack))
            return false;
        tcp.set_last_flags(tcp.last_flags() & ~unsigned{TcpLastFlags::expect_challenge_ack});
        return true;
    }
    [[nodiscard]] bool established() const noexcept {
        return was == TcpState::established && state.has(FlowStatus::assured);
    }
    [[nodiscard]] Way reset() noexcept {
        // The tuple of one that is closing may be in use again: what we know of its numbers is old.
        if (tcp_is_closing(was)) return Way::in_window;
        if (state.tcp_flags[!direction] & TcpSideFlags::maxack_set && tcp.last_kind() != TcpKind::syn) {
            const std::uint32_t expected = tcp.side[!direction].maxack;
            // Most likely the answer to a SYN that we let pass.
            if (segment.seq == 0 && !established()) return Way::check_window;
            if (before(segment.seq, expected) && !config.tcp_ignore_invalid_rst) return Way::invalid;
            if (!established() || segment.seq == expected || follows_last_data()) return Way::check_window;
            next = was;  // not exact: it may be answered by a challenge ACK (RFC 5961 3)
        }
        if (answers_ignored() && segment.ack == tcp.last_end) return Way::in_window;
        if (was == TcpState::syn_sent && tcp.last_kind() == TcpKind::ack && tcp.last_direction() == 1 &&
            segment.seq == tcp.last_ack)
            return Way::in_window;  // after a challenge ACK that we let pass
        return Way::check_window;
    }
    [[nodiscard]] bool follows_last_data() const noexcept {
        return tcp.last_kind() == TcpKind::ack && tcp.last_direction() == direction &&
               segment.seq == tcp.last_end;
    }
    /// A RST for a SYN or an ACK that we let pass. That for a SYN comes from the other side (so 6.18; 6.1
    /// does not ask).
    [[nodiscard]] bool answers_ignored() const noexcept {
        return (state.has(FlowStatus::seen_reply) && tcp.last_kind() == TcpKind::syn &&
                tcp.last_direction() != direction) ||
               (!state.has(FlowStatus::assured) && tcp.last_kind() == TcpKind::ack);
    }
    /// A FIN or RST outside the window, answered by another: the two sides and we are out of step, so it
    /// should not stay for days (nf_tcp_handle_invalid).
    void shorten_if_out_of_step() noexcept {
        const std::uint16_t status = state.status.load(std::memory_order_relaxed);
        if (!(status & FlowStatus::assured) || status & FlowStatus::fixed_timeout) return;
        const auto closes = [](TcpKind k) { return k == TcpKind::fin || k == TcpKind::rst; };
        if (!closes(kind)) return;
        if (tcp.last_direction() == direction || !closes(tcp.last_kind())) {
            tcp.set_now(tcp.state(), kind, direction);
            return;
        }
        const std::int32_t left = milliseconds_until(state.deadline.load(std::memory_order_relaxed), now);
        const std::uint32_t span = span_of(config.tcp_timeout.unacknowledged);
        if (left >= 120'000 && left > static_cast<std::int32_t>(span))
            state.deadline.store(now + span, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint32_t seconds() const noexcept {
        const TcpTimeouts& t = config.tcp_timeout;
        const std::uint32_t full = t.of(next);
        if (tcp.retransmissions >= config.tcp_max_retrans && full > t.max_retrans) return t.max_retrans;
        if (kind == TcpKind::rst) return t.close;
        if ((state.tcp_flags[0] | state.tcp_flags[1]) & TcpSideFlags::unacknowledged &&
            full > t.unacknowledged)
            return t.unacknowledged;
        if (tcp.last_win == 0 && full > t.max_retrans) return t.max_retrans;
        return full;
    }
    [[nodiscard]] L4Verdict accept() noexcept {
        tcp.set_now(next, kind, direction);
        if (was != next && next == TcpState::fin_wait) state.tcp_flags[direction] |= TcpSideFlags::close_init;
        std::uint32_t time = seconds();
        if (!state.has(FlowStatus::seen_reply)) {
            if (segment.has(tcp_flag::rst)) return L4Verdict::remove;
            // Retransmitted SYNs would keep an entry alive for ever.
            if (kind == TcpKind::syn && was == TcpState::syn_sent) return L4Verdict::accept;
            if (next == TcpState::established) time = std::min(time, config.tcp_timeout.unacknowledged);
        } else if (next == TcpState::established && !state.has(FlowStatus::assured) &&
                   (was == TcpState::syn_recv || was == TcpState::established)) {
            state.set(FlowStatus::assured);
        }
        refresh(state, time, now);
        return L4Verdict::accept;
    }
};

}  // namespace

L4Verdict track_tcp(FlowState& state, unsigned direction, const TcpSegment& segment, const FlowConfig& config,
                    FlowTime now) noexcept {
    if (!state.has(FlowStatus::confirmed) && !begin(state, segment, config)) return L4Verdict::invalid;
    Step step{state, direction, segment, config, now};
    switch (step.decide()) {
        case Step::Way::accept:
            return L4Verdict::accept;
        case Step::Way::invalid:
            return L4Verdict::invalid;
        case Step::Way::repeat:
            return L4Verdict::repeat;
        case Step::Way::in_window:
            return step.accept();
        case Step::Way::check_window:
            break;
    }
    switch (check_window(state, direction, segment, config)) {
        case TcpWindow::ignore:
            return L4Verdict::accept;
        case TcpWindow::invalid:
            step.shorten_if_out_of_step();
            return L4Verdict::invalid;
        case TcpWindow::accept:
            break;
    }
    return step.accept();
}

}  // namespace weft
