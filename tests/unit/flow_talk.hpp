// A TCP conversation, segment by segment, past the state machine alone.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "dataplane/flow/tcp.hpp"

namespace weft {

inline void PrintTo(TcpState state, std::ostream* out) {
    *out << (static_cast<unsigned>(state) < tcp_state_count ? tcp_state_names[static_cast<unsigned>(state)]
                                                            : "INVALID or IGNORE");
}
inline void PrintTo(L4Verdict verdict, std::ostream* out) {
    static constexpr const char* names[] = {"accept", "invalid", "repeat", "remove"};
    *out << names[static_cast<unsigned>(verdict)];
}

namespace test {

constexpr std::uint8_t FIN = tcp_flag::fin, SYN = tcp_flag::syn, RST = tcp_flag::rst, ACK = tcp_flag::ack,
                       PSH = tcp_flag::psh;
constexpr unsigned original = 0, reply = 1;

struct Segment {
    std::uint8_t flags;
    std::uint32_t seq = 0, ack = 0, payload = 0;
    std::uint16_t window = 10'000;
    std::vector<std::uint8_t> options = {};
};

/// The client (original) begins at 1000, the server (reply) at 5000.
class Talk {
  public:
    FlowConfig config;
    FlowState state{};
    FlowTime now = 1'000'000;

    L4Verdict send(unsigned direction, const Segment& s) {
        const TcpSegment segment{s.seq,
                                 s.ack,
                                 s.payload,
                                 s.window,
                                 s.flags,
                                 static_cast<std::uint8_t>(s.options.size()),
                                 reinterpret_cast<const std::byte*>(s.options.data())};
        const auto verdict = track_tcp(state, direction, segment, config, now);
        // As the tracker does it afterwards.
        if (verdict == L4Verdict::accept && !state.has(FlowStatus::confirmed)) {
            state.set(FlowStatus::confirmed);
            state.deadline.store(state.deadline.load() + now);
        }
        if (verdict == L4Verdict::accept && direction == reply) state.set(FlowStatus::seen_reply);
        return verdict;
    }
    [[nodiscard]] TcpState is() const { return state.tcp.state(); }
    [[nodiscard]] bool assured() const { return state.has(FlowStatus::assured); }
    /// Seconds until it ends.
    [[nodiscard]] int left() const { return milliseconds_until(state.deadline.load(), now) / 1000; }

    void open(std::vector<std::uint8_t> client = {}, std::vector<std::uint8_t> server = {}) {
        ASSERT_EQ(send(original, {SYN, 1000, 0, 0, 10'000, client}), L4Verdict::accept);
        ASSERT_EQ(send(reply, {SYN | ACK, 5000, 1001, 0, 10'000, server}), L4Verdict::accept);
        ASSERT_EQ(send(original, {ACK, 1001, 5001}), L4Verdict::accept);
    }
    void go(TcpState wanted) {
        switch (wanted) {
            case TcpState::syn_sent:
                send(original, {SYN, 1000});
                break;
            case TcpState::syn_sent2:
                send(original, {SYN, 1000});
                send(reply, {SYN, 5000});
                break;
            case TcpState::syn_recv:
                send(original, {SYN, 1000});
                send(reply, {SYN | ACK, 5000, 1001});
                break;
            case TcpState::fin_wait:
                open();
                send(original, {FIN | ACK, 1001, 5001});
                break;
            case TcpState::close_wait:
                go(TcpState::fin_wait);
                send(reply, {ACK, 5001, 1002});
                break;
            case TcpState::last_ack:
                go(TcpState::close_wait);
                send(reply, {FIN | ACK, 5001, 1002});
                break;
            case TcpState::time_wait:
                go(TcpState::last_ack);
                send(original, {ACK, 1002, 5002});
                break;
            case TcpState::close:
                open();
                send(reply, {RST, 5001});
                break;
            default:
                open();
                break;
        }
        ASSERT_EQ(is(), wanted);
    }
};

}  // namespace test
}  // namespace weft
