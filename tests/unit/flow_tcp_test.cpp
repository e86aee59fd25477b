// TCP's states, windows and time-outs: net/netfilter/nf_conntrack_proto_tcp.c of Linux 6.1.
#include "dataplane/flow/tcp.hpp"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/flow_talk.hpp"

namespace weft {
namespace {

using namespace test;

/// The kernel's tcp_conntracks as its source prints it.
constexpr const char* kernel_table[2][6] = {
    {"sSS sSS sIG sIG sIG sIG sIG sSS sSS sS2", "sIV sIV sSR sIV sIV sIV sIV sIV sIV sSR",
     "sIV sIV sFW sFW sLA sLA sLA sTW sCL sIV", "sES sIV sES sES sCW sCW sTW sTW sCL sIV",
     "sIV sCL sCL sCL sCL sCL sCL sCL sCL sCL", "sIV sIV sIV sIV sIV sIV sIV sIV sIV sIV"},
    {"sIV sS2 sIV sIV sIV sIV sIV sSS sIV sS2", "sIV sSR sIG sIG sIG sIG sIG sIG sIG sSR",
     "sIV sIV sFW sFW sLA sLA sLA sTW sCL sIV", "sIV sIG sSR sES sCW sCW sTW sTW sCL sIG",
     "sIV sCL sCL sCL sCL sCL sCL sCL sCL sCL", "sIV sIV sIV sIV sIV sIV sIV sIV sIV sIV"}};

TEST(FlowTcp, TheTableIsTheKernels) {
    static constexpr const char* short_names[] = {"sNO", "sSS", "sSR", "sES", "sFW", "sCW",
                                                  "sLA", "sTW", "sCL", "sS2", "sIV", "sIG"};
    for (unsigned direction = 0; direction < 2; ++direction)
        for (unsigned kind = 0; kind < 6; ++kind) {
            std::istringstream row(kernel_table[direction][kind]);
            for (unsigned state = 0; state < tcp_state_count; ++state) {
                std::string wanted;
                row >> wanted;
                const auto next =
                    tcp_transition(direction, static_cast<TcpKind>(kind), static_cast<TcpState>(state));
                EXPECT_EQ(short_names[static_cast<unsigned>(next)], wanted)
                    << direction << ' ' << kind << ' ' << state;
            }
        }
}

/// tcp_valid_flags, and the lengths that tcp_error looks at.
TEST(FlowTcp, FlagsAndLengthsThatNoTcpSendsAreInvalid) {
    unsigned valid = 0;
    std::byte header[24] = {};
    header[12] = std::byte{0x50};
    for (unsigned flags = 0; flags < 64; ++flags) {
        header[13] = std::byte(flags);
        valid += parse_tcp({header, 24, 24, ip_protocol::tcp}).has_value();
    }
    EXPECT_EQ(valid, 9U * 2);  // each with PSH and without
    header[13] = std::byte{ACK | 0xc0};
    EXPECT_TRUE(parse_tcp({header, 20, 20, ip_protocol::tcp}));
    EXPECT_FALSE(parse_tcp({header, 19, 19, ip_protocol::tcp}));
    header[12] = std::byte{0x40};
    EXPECT_FALSE(parse_tcp({header, 24, 24, ip_protocol::tcp}));
    header[12] = std::byte{0x70};
    EXPECT_FALSE(parse_tcp({header, 24, 24, ip_protocol::tcp}));
    header[12] = std::byte{0x60};
    const auto segment = parse_tcp({header, 24, 24, ip_protocol::tcp});
    ASSERT_TRUE(segment);
    EXPECT_EQ(segment->options_length, 4);
    EXPECT_EQ(segment->payload, 0U);
}

TEST(FlowTcp, OptionsEndWhereTheyLie) {
    const auto options_of = [](const std::vector<std::uint8_t>& bytes) {
        return parse_tcp_options({0, 0, 0, 0, SYN, static_cast<std::uint8_t>(bytes.size()),
                                  reinterpret_cast<const std::byte*>(bytes.data())});
    };
    EXPECT_EQ(options_of({1, 3, 3, 7}).scale, 7);
    EXPECT_EQ(options_of({1, 3, 3, 99}).scale, 14);                           // RFC 7323 2.3
    EXPECT_EQ(options_of({4, 2, 3, 3}).flags, TcpSideFlags::sack_permitted);  // the second is cut off
    EXPECT_EQ(options_of({0, 4, 2, 1}).flags, 0);
    EXPECT_EQ(options_of({9, 0, 4, 2}).flags, 0);  // a length below two
    EXPECT_EQ(options_of({9, 1, 4, 2}).flags, 0);
    EXPECT_EQ(options_of({9}).flags, 0);
}

TEST(FlowTcp, AConversationFromSynToTimeWait) {
    Talk talk;
    EXPECT_EQ(talk.send(original, {SYN, 1000}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::syn_sent);
    EXPECT_EQ(talk.left(), 120);
    EXPECT_EQ(talk.send(reply, {SYN | ACK, 5000, 1001}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::syn_recv);
    EXPECT_EQ(talk.left(), 60);
    EXPECT_FALSE(talk.assured());
    EXPECT_EQ(talk.send(original, {ACK, 1001, 5001}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::established);
    EXPECT_TRUE(talk.assured());
    EXPECT_EQ(talk.left(), 432'000);
    EXPECT_EQ(talk.send(original, {ACK | PSH, 1001, 5001, 100}), L4Verdict::accept);
    EXPECT_EQ(talk.left(), 300);  // nf_conntrack_tcp_timeout_unacknowledged
    EXPECT_EQ(talk.send(reply, {ACK, 5001, 1101}), L4Verdict::accept);
    EXPECT_EQ(talk.left(), 432'000);
    EXPECT_EQ(talk.send(original, {FIN | ACK, 1101, 5001}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::fin_wait);
    EXPECT_EQ(talk.left(), 120);
    EXPECT_EQ(talk.send(reply, {ACK, 5001, 1102}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::close_wait);
    EXPECT_EQ(talk.left(), 60);
    EXPECT_EQ(talk.send(reply, {FIN | ACK, 5001, 1102}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::last_ack);
    EXPECT_EQ(talk.left(), 30);
    EXPECT_EQ(talk.send(original, {ACK, 1102, 5002}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::time_wait);
    EXPECT_EQ(talk.left(), 120);
}

struct Case {
    const char* what;
    TcpState from;
    unsigned direction;
    Segment segment;
    L4Verdict verdict;
    TcpState to;
};

TEST(FlowTcp, StateAndSegmentGiveStateAndVerdict) {
    using S = TcpState;
    using V = L4Verdict;
    const Case cases[] = {
        {"retransmitted SYN", S::syn_sent, original, {SYN, 1000}, V::accept, S::syn_sent},
        {"ACK before the SYN-ACK", S::syn_sent, original, {ACK, 1001, 5001}, V::invalid, S::syn_sent},
        {"ACK of the server: half open", S::syn_sent, reply, {ACK, 7000, 900}, V::accept, S::syn_sent},
        {"refused", S::syn_sent, reply, {RST | ACK, 0, 1001}, V::remove, S::close},
        {"refused, with a wrong number",
         S::syn_sent,
         reply,
         {RST | ACK, 0, 77'000'000},
         V::invalid,
         S::syn_sent},
        {"simultaneous open", S::syn_sent, reply, {SYN, 5000}, V::accept, S::syn_sent2},
        {"its SYN-ACK", S::syn_sent2, original, {SYN | ACK, 1000, 5001}, V::accept, S::syn_recv},
        {"FIN too early", S::syn_sent2, original, {FIN | ACK, 1001, 5001}, V::invalid, S::syn_sent2},
        {"retransmitted SYN-ACK", S::syn_recv, reply, {SYN | ACK, 5000, 1001}, V::accept, S::syn_recv},
        {"ACK of the server", S::syn_recv, reply, {ACK, 5001, 1001}, V::accept, S::syn_recv},
        {"FIN instead of the ACK", S::syn_recv, original, {FIN | ACK, 1001, 5001}, V::accept, S::fin_wait},
        {"SYN in an open connection", S::established, original, {SYN, 1001}, V::accept, S::established},
        {"SYN of the server", S::established, reply, {SYN, 5001}, V::invalid, S::established},
        {"SYN-ACK of the client",
         S::established,
         original,
         {SYN | ACK, 1001, 5001},
         V::invalid,
         S::established},
        {"beyond the window",
         S::established,
         original,
         {ACK, 1'000'000, 5001, 10},
         V::invalid,
         S::established},
        {"data never seen acknowledged",
         S::established,
         reply,
         {ACK, 5001, 2000},
         V::invalid,
         S::established},
        {"below the window: ignored",
         S::established,
         original,
         {ACK, 4'294'900'000U, 5001},
         V::accept,
         S::established},
        {"RST below the window", S::established, reply, {RST, 4000}, V::invalid, S::established},
        {"RST at the right number", S::established, reply, {RST, 5001}, V::accept, S::close},
        {"RST within the window, not exact", S::established, reply, {RST, 5010}, V::accept, S::established},
        {"FIN of the other side", S::fin_wait, reply, {FIN | ACK, 5001, 1002}, V::accept, S::last_ack},
        {"SYN while it closes", S::fin_wait, original, {SYN, 9000}, V::accept, S::fin_wait},
        {"FIN again", S::last_ack, reply, {FIN | ACK, 5001, 1002}, V::accept, S::last_ack},
        {"RST while it closes, any number", S::last_ack, reply, {RST, 77}, V::accept, S::close},
        {"ACK again", S::time_wait, original, {ACK, 1002, 5002}, V::accept, S::time_wait},
        {"opened again", S::time_wait, original, {SYN, 900'000}, V::repeat, S::time_wait},
        {"opened again from the other side", S::time_wait, reply, {SYN, 900'000}, V::repeat, S::time_wait},
        {"SYN after a RST of the other side", S::close, original, {SYN, 9000}, V::accept, S::close},
        {"SYN-ACK after a RST", S::close, reply, {SYN | ACK, 5000, 1001}, V::accept, S::close},
    };
    for (const auto& c : cases) {
        Talk talk;
        talk.go(c.from);
        EXPECT_EQ(talk.send(c.direction, c.segment), c.verdict) << c.what;
        EXPECT_EQ(talk.is(), c.to) << c.what;
    }
}

TEST(FlowTcp, WhatCanBeginAConnection) {
    for (const auto& [flags, loose, verdict] : {std::tuple{std::uint8_t{SYN}, true, L4Verdict::accept},
                                                {SYN, false, L4Verdict::accept},
                                                {ACK, true, L4Verdict::accept},
                                                {ACK, false, L4Verdict::invalid},  // nf_conntrack_tcp_loose
                                                {SYN | ACK, true, L4Verdict::invalid},
                                                {FIN | ACK, true, L4Verdict::invalid},
                                                {RST, true, L4Verdict::invalid}}) {
        Talk talk;
        talk.config.tcp_loose = loose;
        EXPECT_EQ(talk.send(original, {flags, 1000, 5000}), verdict) << unsigned{flags};
    }
}

TEST(FlowTcp, OnePickedUpInTheMiddleIsAssuredByAnAnswer) {
    Talk talk;
    EXPECT_EQ(talk.send(original, {ACK, 1000, 5000, 100}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::established);
    EXPECT_EQ(talk.left(), 300);  // not five days
    EXPECT_EQ(talk.send(reply, {ACK, 5000, 1100}), L4Verdict::accept);
    EXPECT_FALSE(talk.assured());
    EXPECT_EQ(talk.send(original, {ACK, 1100, 5000}), L4Verdict::accept);
    EXPECT_TRUE(talk.assured());
    // its scales are unknown: be liberal
    EXPECT_EQ(talk.send(original, {ACK, 5'000'000, 5000}), L4Verdict::accept);
}

TEST(FlowTcp, RetransmittedSynsDoNotRenewTheTime) {
    Talk talk;
    talk.send(original, {SYN, 1000});
    talk.now += 50'000;
    EXPECT_EQ(talk.send(original, {SYN, 1000}), L4Verdict::accept);
    EXPECT_EQ(talk.left(), 70);
}

TEST(FlowTcp, SimultaneousOpenEndsEstablished) {
    Talk talk;
    talk.send(original, {SYN, 1000});
    talk.send(reply, {SYN, 5000});
    EXPECT_EQ(talk.is(), TcpState::syn_sent2);
    EXPECT_EQ(talk.send(original, {SYN | ACK, 1000, 5001}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::syn_recv);
    EXPECT_EQ(talk.send(reply, {ACK, 5001, 1001}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::established);
}

TEST(FlowTcp, WindowsAreScaledIfBothSidesSaySo) {
    const std::vector<std::uint8_t> scale_by_128{3, 3, 7, 0};
    Talk both;
    both.open(scale_by_128, scale_by_128);
    both.send(reply, {ACK, 5001, 1001, 0, 200});  // 25,600 bytes
    EXPECT_EQ(both.send(original, {ACK, 1001 + 24'000, 5001, 100}), L4Verdict::accept);
    Talk one;
    one.open(scale_by_128, {});
    EXPECT_EQ(one.send(original, {ACK, 1001 + 24'000, 5001, 100}), L4Verdict::invalid);
    one.config.tcp_be_liberal = true;
    EXPECT_EQ(one.send(original, {ACK, 1001 + 24'000, 5001, 100}), L4Verdict::accept);
}

TEST(FlowTcp, ASackBlockCountsAsAcknowledgementIfPermitted) {
    const std::vector<std::uint8_t> permitted{4, 2, 0, 0};
    const std::vector<std::uint8_t> block{1, 1, 5, 10, 0, 0, 0x27, 0x10, 0, 0, 0x4e, 0x20};  // to 20000
    Talk talk;
    talk.open(permitted, permitted);
    EXPECT_EQ(talk.send(reply, {ACK, 5001, 1001, 0, 10'000, block}), L4Verdict::invalid);  // never sent
    Talk without;
    without.open();
    EXPECT_EQ(without.send(reply, {ACK, 5001, 1001, 0, 10'000, block}), L4Verdict::accept);
}

TEST(FlowTcp, AFewBytesMoreThanAllowedPassAndMayBeAcknowledged) {
    Talk talk;
    talk.open();
    EXPECT_EQ(talk.send(original, {ACK, 1001, 5001, 10'000}), L4Verdict::accept);
    EXPECT_EQ(talk.send(original, {ACK, 11'001 + 1, 5001, 500}), L4Verdict::accept);  // ignored
    EXPECT_EQ(talk.send(reply, {ACK, 5001, 11'502}), L4Verdict::accept);
}

TEST(FlowTcp, ManyRetransmissionsShortenTheTime) {
    Talk talk;
    talk.open();
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(talk.send(reply, {ACK, 5001, 1001}), L4Verdict::accept);
    EXPECT_EQ(talk.left(), 432'000);
    talk.send(reply, {ACK, 5001, 1001});
    EXPECT_EQ(talk.left(), 300);  // nf_conntrack_tcp_max_retrans is 3
    talk.send(original, {ACK, 1001, 5001});
    EXPECT_EQ(talk.left(), 432'000);
}

TEST(FlowTcp, AClosedWindowShortensTheTime) {
    Talk talk;
    talk.open();
    talk.send(reply, {ACK, 5001, 1001, 0, 0});
    EXPECT_EQ(talk.left(), 300);
}

/// The client has crashed and begins again; the server answers the SYN that we let pass.
TEST(FlowTcp, AnIgnoredSynIsFollowedWhenTheServerAnswersIt) {
    Talk talk;
    talk.open();
    EXPECT_EQ(talk.send(original, {SYN, 800'000}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::established);
    EXPECT_EQ(talk.send(reply, {SYN | ACK, 900'000, 800'001}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::syn_recv);
    EXPECT_EQ(talk.send(original, {ACK, 800'001, 900'001}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::established);
}

TEST(FlowTcp, ARstForAnIgnoredSynEndsTheConnection) {
    Talk talk;
    talk.open();
    talk.send(original, {SYN, 800'000});
    EXPECT_EQ(talk.send(reply, {RST | ACK, 0, 800'001}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::close);
    EXPECT_EQ(talk.left(), 10);
}

/// Found by comparison with Linux 6.18: the numbers of an ignored ACK and a retransmitted SYN fit by chance.
TEST(FlowTcp, ARstOfWhoSentTheSynIsNoAnswerToIt) {
    Talk talk;
    talk.send(original, {SYN, 1000});
    talk.send(reply, {ACK, 7000, 900});
    EXPECT_EQ(talk.send(original, {SYN, 800'000}), L4Verdict::accept);
    EXPECT_EQ(talk.send(original, {RST | ACK, 800'001, 7000}), L4Verdict::invalid);
    EXPECT_EQ(talk.is(), TcpState::syn_sent);
}

/// RFC 5961 4: the ACK that challenges a SYN is not that of the FIN.
TEST(FlowTcp, AChallengeAckDoesNotEndLastAck) {
    Talk talk;
    talk.go(TcpState::last_ack);
    EXPECT_EQ(talk.send(original, {SYN, 800'000}), L4Verdict::accept);
    EXPECT_EQ(talk.send(reply, {ACK, 5002, 1002}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::last_ack);
    EXPECT_EQ(talk.send(original, {ACK, 1002, 5002}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::time_wait);
}

/// A challenge ACK in syn_sent, and the RST by which the client answers it.
TEST(FlowTcp, ARstAfterAChallengeAckClosesAHalfOpenConnection) {
    Talk talk;
    talk.send(original, {SYN, 1000});
    EXPECT_EQ(talk.send(reply, {ACK, 7000, 600'000}), L4Verdict::accept);
    EXPECT_EQ(talk.send(original, {RST, 600'000}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::close);
}

TEST(FlowTcp, WrongRstsAreTakenIfSysctlSaysSo) {
    Talk talk;
    talk.open();
    talk.config.tcp_ignore_invalid_rst = true;
    EXPECT_EQ(talk.send(reply, {RST, 4990}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::established);
}

TEST(FlowTcp, ARstOfATrainIsBelieved) {
    Talk talk;
    talk.open();
    talk.send(reply, {ACK | PSH, 5001, 1001, 19});
    EXPECT_EQ(talk.send(reply, {RST | ACK, 5020, 1001}), L4Verdict::accept);
    EXPECT_EQ(talk.is(), TcpState::close);
}

/// nf_tcp_handle_invalid: FIN and RST outside the window from both sides.
TEST(FlowTcp, ClosingOutOfStepShortensTheTime) {
    Talk talk;
    talk.open();
    EXPECT_EQ(talk.send(original, {FIN | ACK, 90'000'000, 5001}), L4Verdict::invalid);
    EXPECT_EQ(talk.left(), 432'000);
    EXPECT_EQ(talk.send(reply, {FIN | ACK, 90'000'000, 1001}), L4Verdict::invalid);
    EXPECT_EQ(talk.left(), 300);
}

TEST(FlowTcp, AFixedTimeoutStays) {
    Talk talk;
    talk.open();
    talk.state.set(FlowStatus::fixed_timeout);
    talk.send(original, {FIN | ACK, 1001, 5001});
    EXPECT_EQ(talk.is(), TcpState::fin_wait);
    EXPECT_EQ(talk.left(), 432'000);
}

}  // namespace
}  // namespace weft
