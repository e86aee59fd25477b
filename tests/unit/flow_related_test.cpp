// ICMP errors and the connections they speak of (nf_conntrack_inet_error, nf_conntrack_proto_icmp.c).
#include <gtest/gtest.h>

#include "tests/unit/flow_packets.hpp"

namespace weft {
namespace {

using namespace test;

constexpr Ends dns{1, 2, 4000, 53};
const Bytes query = ip4(dns, 17, udp(dns)), answer = ip4(dns.back(), 17, udp(dns.back()));

/// 10.0.0.9, a router, or the host itself, says that a packet came no further.
Bytes error_to(std::uint8_t to, const Bytes& quoted, std::uint8_t type = 3) {
    return ip4({9, to}, 1, icmp(type, 1, 0, quoted));
}

TEST(FlowRelated, AnErrorForAPacketOfTheOriginalDirectionIsRelatedReply) {
    Tracker tracker;
    const auto flow = tracker.pass(query);
    const auto deadline = tracker.state_of(flow.ref).deadline.load();
    tracker.wait(3);
    for (const std::uint8_t type : {3, 4, 5, 11, 12}) {
        const auto error = tracker.pass(error_to(1, query, type));
        EXPECT_EQ(error.kind, Tracked::tracked) << unsigned{type};
        EXPECT_EQ(error.info, CtInfo::related_reply);
        EXPECT_EQ(error.ref, flow.ref | 1);
        EXPECT_FALSE(error.fresh);
    }
    EXPECT_EQ(tracker.state_of(flow.ref).deadline.load(), deadline);  // it keeps nothing alive
    EXPECT_FALSE(tracker.state_of(flow.ref).has(FlowStatus::seen_reply));
}

TEST(FlowRelated, AnErrorForAnAnswerIsRelated) {
    Tracker tracker;
    const auto flow = tracker.pass(query);
    const auto error = tracker.pass(error_to(2, answer));
    EXPECT_EQ(error.info, CtInfo::related);
    EXPECT_EQ(error.ref, flow.ref);
}

TEST(FlowRelated, EightBytesOfTheQuotedPacketAreEnough) {
    Tracker tracker;
    const Ends web{1, 2, 4000, 80};
    const auto syn = ip4(web, 6, tcp(web, tcp_flag::syn, 1));
    const auto flow = tracker.pass(syn);
    EXPECT_EQ(tracker.pass(error_to(1, Bytes(syn.begin(), syn.begin() + 28))).ref, flow.ref | 1);
    EXPECT_EQ(tracker.pass(error_to(1, Bytes(syn.begin(), syn.begin() + 24))).ref, flow.ref | 1);
    EXPECT_EQ(tracker.pass(error_to(1, Bytes(syn.begin(), syn.begin() + 23))).kind, Tracked::invalid);
}

TEST(FlowRelated, AnErrorAboutAPingBelongsToIt) {
    Tracker tracker;
    const auto ping = ip4({1, 2}, 1, icmp(8, 0, 0x00070001));
    const auto flow = tracker.pass(ping);
    EXPECT_EQ(tracker.pass(error_to(1, ping, 11)).ref, flow.ref | 1);
}

TEST(FlowRelated, AnErrorAboutNothingKnownIsInvalid) {
    Tracker tracker;
    EXPECT_EQ(tracker.pass(error_to(1, query)).kind, Tracked::invalid);
    tracker.pass(query);
    EXPECT_EQ(tracker.pass(error_to(1, ip4({1, 2}, 17, udp({1, 2, 4001, 53})))).kind, Tracked::invalid);
    EXPECT_EQ(tracker.pass(error_to(1, error_to(1, query))).kind,
              Tracked::invalid);  // an error has no inverse
}

/// "outer daddr != inner": a packet quoted that fits, sent to a third.
TEST(FlowRelated, AnErrorToAThirdIsInvalid) {
    Tracker tracker;
    tracker.pass(query);
    EXPECT_EQ(tracker.pass(error_to(7, query)).kind, Tracked::invalid);
    EXPECT_EQ(tracker.pass(error_to(2, query)).kind, Tracked::invalid);
}

TEST(FlowRelated, AnErrorAboutATranslatedPacketComesToTheTranslator) {
    Tracker tracker;
    const auto t = tracker.see(query);
    tracker.set_reply(t.ref, Tuple4{be32{0x0a000002}, be32{0x0a000009}, be16{53}, be16{1024}});
    ASSERT_EQ(tracker.confirm(t.ref, tracker.moment()), Confirmed::done);
    const Ends outside{9, 2, 1024, 53};
    const auto error = tracker.pass(ip4({2, 9}, 1, icmp(3, 3, 0, ip4(outside, 17, udp(outside)))));
    EXPECT_EQ(error.ref, t.ref | 1);
    EXPECT_EQ(error.info, CtInfo::related_reply);
}

TEST(FlowRelated, IPv6ErrorsLikewise) {
    Tracker tracker;
    const auto packet = ip6(dns, 17, udp(dns));
    const auto flow = tracker.pass(packet);
    for (const std::uint8_t type : {1, 2, 3, 4, 100}) {
        const auto error = tracker.pass(ip6({9, 1}, 58, icmp(type, 0, 1280, packet)));
        EXPECT_EQ(error.info, CtInfo::related_reply) << unsigned{type};
        EXPECT_EQ(error.ref, flow.ref | 1);
    }
    EXPECT_EQ(tracker.pass(ip6({9, 3}, 58, icmp(2, 0, 1280, packet))).kind, Tracked::invalid);
}

TEST(FlowRelated, AQuotedLaterFragmentIsInvalid) {
    Tracker tracker;
    tracker.pass(query);
    auto fragment = query;
    fragment[7] = 9;
    EXPECT_EQ(tracker.pass(error_to(1, fragment)).kind, Tracked::invalid);
}

}  // namespace
}  // namespace weft
