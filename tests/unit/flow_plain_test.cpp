// What is plain is followed as everything else is: the connection ends up the same, byte by byte.
#include "dataplane/flow/plain_follow.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>

#include "dataplane/flow/udp.hpp"

namespace weft {
namespace {

/// As the way of known flows asks, whose outcome for the reply direction is there after the first one.
bool is_settled(std::uint16_t status, unsigned direction) {
    return (status & plain::settling) == FlowStatus::confirmed &&
           (direction == 0 || status & FlowStatus::seen_reply);
}

using Bytes = std::array<std::byte, sizeof(FlowState)>;

Bytes bytes_of(const FlowState& state) {
    Bytes bytes;
    std::memcpy(bytes.data(), static_cast<const void*>(&state), sizeof state);
    return bytes;
}
void restore(FlowState& state, const Bytes& bytes) {
    std::memcpy(static_cast<void*>(&state), bytes.data(), sizeof state);
}

/// Connections, segments and sysctls at random, near enough to each other to be within windows often.
class Random {
  public:
    std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(engine_() % n); }
    bool one_in(std::uint32_t n) { return below(n) == 0; }
    std::uint8_t byte() { return static_cast<std::uint8_t>(below(256)); }
    /// A number near `to`, often a little beside it.
    std::uint32_t near(std::uint32_t to) {
        if (one_in(3)) return to + below(3) - 1;
        return one_in(50) ? static_cast<std::uint32_t>(engine_()) : to + below(200'000) - 100'000;
    }
    std::uint32_t seconds() { return one_in(40) ? below(0xffff'ffff) : 1 + below(1000); }

    FlowConfig config() {
        FlowConfig config;
        if (one_in(2)) {
            config.tcp_timeout.established = one_in(2) ? 432'000 : seconds();
            config.tcp_timeout.max_retrans = seconds();
            config.tcp_timeout.unacknowledged = seconds();
            config.udp_timeout = seconds();
            config.udp_timeout_stream = seconds();
        }
        config.tcp_max_retrans = one_in(4) ? byte() : 3;
        config.tcp_be_liberal = one_in(10);
        return config;
    }
    void fill(FlowState& state, std::uint32_t (&base)[2]) {
        for (auto& b : base)
            b = static_cast<std::uint32_t>(engine_());
        state.status = static_cast<std::uint16_t>(
            FlowStatus::confirmed | (one_in(3) ? 0 : FlowStatus::seen_reply) |
            (one_in(3) ? 0 : FlowStatus::assured) | (one_in(30) ? FlowStatus::fixed_timeout : 0) |
            (one_in(30) ? FlowStatus::nat_clash : 0) | (one_in(100) ? FlowStatus::dying : 0));
        if (one_in(30)) state.status = static_cast<std::uint16_t>(state.status & ~FlowStatus::confirmed);
        state.deadline = near(1'000'000);
        for (unsigned side = 0; side < 2; ++side) {
            TcpSide& s = state.tcp.side[side];
            s = {near(base[side]), near(base[side]), one_in(10) ? 0 : below(200'000), near(base[!side])};
            state.tcp_flags[side] = one_in(3) ? byte() : static_cast<std::uint8_t>(below(64) & ~8U);
            state.tcp.set_scale(side, below(15));
        }
        state.tcp.last_ack = near(base[0]);
        state.tcp.last_end = near(base[1]);
        state.tcp.last_length = static_cast<std::uint16_t>(below(2000));
        state.tcp.last_win = static_cast<std::uint16_t>(below(3));
        state.tcp.retransmissions = one_in(3) ? byte() : std::uint8_t{0};
        state.tcp.set_now(one_in(8) ? static_cast<TcpState>(below(tcp_state_count)) : TcpState::established,
                          static_cast<TcpKind>(below(6)), below(2));
    }
    /// A header and as many bytes as `length` says.
    void write(TcpHeader& header, std::byte* options, std::uint32_t& length, unsigned direction,
               const std::uint32_t (&base)[2], const TcpTrack& last) {
        header.sequence = be32{near(base[direction])};
        header.acknowledgement = be32{near(base[!direction])};
        header.window = be16{static_cast<std::uint16_t>(one_in(4) ? below(3) : below(0x10000))};
        header.flags =
            static_cast<std::uint8_t>(one_in(12) ? byte() : 0x10 | (below(2) << 3) | (byte() & 0xe0));
        header.data_offset = static_cast<std::uint8_t>((one_in(12)  ? below(16)
                                                        : one_in(2) ? 5U
                                                                    : 8U)
                                                           << 4 |
                                                       below(16));
        length = 20 + below(1480);
        for (unsigned i = 0; i < 40; ++i)
            options[i] = std::byte{byte()};
        constexpr std::uint8_t time_stamp[] = {1, 1, 8, 10}, sack[] = {1, 1, 5, 10};
        if (!one_in(5)) std::memcpy(options, one_in(6) ? sack : time_stamp, 4);
        if (!one_in(4)) return;
        // The last one again.
        length = std::uint32_t{last.last_length} + 4 * (header.data_offset >> 4);
        header.sequence = be32{last.last_end - last.last_length};
        header.acknowledgement = be32{last.last_ack};
        header.window = be16{last.last_win};
    }

  private:
    std::mt19937_64 engine_{20'231'126};
};

TEST(FlowPlain, AMillionSegmentsAreFollowedAsTheKernelDoes) {
    constexpr unsigned rounds = 1'000'000;
    Random random;
    unsigned plain_ones = 0, again = 0, unseen = 0;
    for (unsigned i = 0; i < rounds; ++i) {
        FlowState state{}, full{};
        std::uint32_t base[2];
        random.fill(state, base);
        const FlowConfig config = random.config();
        const unsigned direction = random.below(2);
        struct {
            TcpHeader header{};
            std::byte rest[1600]{};
        } segment;
        std::uint32_t length;
        random.write(segment.header, segment.rest, length, direction, base, state.tcp);
        if (length < sizeof(TcpHeader)) continue;
        const auto* const l4 = reinterpret_cast<const std::byte*>(&segment);
        const FlowTime now = 1'000'000 + random.below(1000);
        const Bytes before = bytes_of(state);
        restore(full, before);
        const std::uint16_t status = state.status;
        if (!is_settled(status, direction) ||
            !plain::follow_ack(state, status, direction, l4, length, {config, now})) {
            ASSERT_EQ(bytes_of(state), before) << "round " << i << ": no, but something has changed";
            continue;
        }
        const auto parsed = parse_tcp({l4, length, length, ip_protocol::tcp});
        ASSERT_TRUE(parsed) << "round " << i;
        ASSERT_EQ(track_tcp(full, direction, *parsed, config, now), L4Verdict::accept) << "round " << i;
        ASSERT_EQ(bytes_of(state), bytes_of(full)) << "round " << i;
        ++plain_ones;
        again += state.tcp.retransmissions != 0;
        unseen += !(status & FlowStatus::seen_reply);
    }
    // It has to have been about something.
    EXPECT_GT(plain_ones, rounds / 20);
    EXPECT_GT(again, rounds / 1000);
    EXPECT_GT(unseen, rounds / 1000);
}

TEST(FlowPlain, UdpIsFollowedAsTheKernelDoes) {
    Random random;
    unsigned plain_ones = 0, streams = 0;
    for (unsigned i = 0; i < 200'000; ++i) {
        FlowState state{}, full{};
        std::uint32_t base[2];
        random.fill(state, base);
        const FlowTime now = 1'000'000 + random.below(1000);
        state.udp.stream_from = now + random.below(5) - 2;
        const FlowConfig config = random.config();
        const unsigned direction = random.below(2);
        UdpHeader header{};
        const std::uint32_t length = 8 + random.below(100);
        header.length = be16{static_cast<std::uint16_t>(random.one_in(2) ? length : random.below(120))};
        const auto* const l4 = reinterpret_cast<const std::byte*>(&header);
        const Bytes before = bytes_of(state);
        restore(full, before);
        const std::uint16_t status = state.status;
        if (!is_settled(status, direction)) continue;
        const bool sound = is_sound_udp({l4, length, length, ip_protocol::udp});
        ASSERT_EQ(plain::follow_udp(state, status, l4, length, {config, now}), sound) << "round " << i;
        if (sound) track_udp(full, config, now);
        ASSERT_EQ(bytes_of(state), bytes_of(full)) << "round " << i;
        ++plain_ones;
        streams += (state.status ^ status) == FlowStatus::assured;
    }
    EXPECT_GT(plain_ones, 100'000u);
    EXPECT_GT(streams, 1000u);
}

}  // namespace
}  // namespace weft
