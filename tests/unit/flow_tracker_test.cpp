// A packet's way through conntrack as net/netfilter/nf_conntrack_core.c of Linux 6.1 has it, with UDP, ICMP
// and what has no tracker of its own.
#include "dataplane/flow/tracker.hpp"

#include <gtest/gtest.h>

#include "tests/unit/flow_packets.hpp"

namespace weft {

void PrintTo(CtInfo info, std::ostream* out) {
    static constexpr const char* names[] = {"ESTABLISHED", "RELATED", "NEW", "ESTABLISHED_REPLY",
                                            "RELATED_REPLY"};
    *out << names[static_cast<unsigned>(info)];
}

namespace {

using namespace test;

constexpr std::uint8_t SYN = tcp_flag::syn, ACK = tcp_flag::ack, RST = tcp_flag::rst, FIN = tcp_flag::fin;
constexpr Ends dns{1, 2, 4000, 53}, web{1, 2, 4000, 80};
const Bytes query = ip4(dns, 17, udp(dns)), answer = ip4(dns.back(), 17, udp(dns.back()));

TEST(FlowTracker, AUdpFlowIsNewThenAnsweredThenEstablished) {
    Tracker tracker;
    const auto first = tracker.pass(query);
    EXPECT_EQ(first.kind, Tracked::tracked);
    EXPECT_EQ(first.info, CtInfo::fresh);
    EXPECT_EQ(tracker.pass(query).info, CtInfo::fresh);
    const auto back = tracker.pass(answer);
    EXPECT_EQ(back.info, CtInfo::established_reply);
    EXPECT_EQ(back.ref, first.ref | 1);
    EXPECT_EQ(tracker.pass(query).info, CtInfo::established);
    EXPECT_EQ(tracker.count(), 1U);
}

/// nf_conntrack_proto_udp.c: a stream, assured and kept for 120 s, is what is answered and alive after 2 s.
TEST(FlowTracker, AUdpFlowIsAssuredAfterTwoSeconds) {
    Tracker tracker;
    const auto ref = tracker.pass(query).ref;
    EXPECT_EQ(tracker.left(ref), 30);
    tracker.pass(answer);
    tracker.now += 2000;
    tracker.pass(query);
    EXPECT_FALSE(tracker.state_of(ref).has(FlowStatus::assured));
    EXPECT_EQ(tracker.left(ref), 30);
    tracker.now += 1;
    tracker.pass(query);
    EXPECT_TRUE(tracker.state_of(ref).has(FlowStatus::assured));
    EXPECT_EQ(tracker.left(ref), 120);
}

TEST(FlowTracker, AnUnansweredUdpFlowStaysSo) {
    Tracker tracker;
    const auto ref = tracker.pass(query).ref;
    tracker.wait(20);
    tracker.pass(query);
    EXPECT_EQ(tracker.left(ref), 30);
    EXPECT_FALSE(tracker.state_of(ref).has(FlowStatus::assured | FlowStatus::seen_reply));
}

TEST(FlowTracker, UdpLengthsThatLieAreInvalid) {
    Tracker tracker;
    for (const std::uint8_t length : {7, 13}) {
        auto packet = query;
        packet[25] = length;
        EXPECT_EQ(tracker.pass(packet).kind, Tracked::invalid);
    }
    EXPECT_EQ(tracker.count(), 0U);
    auto lite = ip4(dns, 136, udp(dns));
    lite[25] = 0;  // all covered
    EXPECT_EQ(tracker.pass(lite).kind, Tracked::tracked);
    lite[26] = lite[27] = 0;  // no checksum
    EXPECT_EQ(tracker.pass(lite).kind, Tracked::invalid);
}

TEST(FlowTracker, UdpLiteIsAssuredByTheFirstAnswer) {
    Tracker tracker;
    const auto ref = tracker.pass(ip4(dns, 136, udp(dns))).ref;
    tracker.pass(ip4(dns.back(), 136, udp(dns)));
    auto back = udp(dns.back());
    tracker.pass(ip4(dns.back(), 136, back));
    EXPECT_EQ(tracker.left(ref), 30);  // the status is from before the answer
    tracker.pass(ip4(dns.back(), 136, back));
    EXPECT_EQ(tracker.left(ref), 120);
    EXPECT_TRUE(tracker.state_of(ref).has(FlowStatus::assured));
}

TEST(FlowTracker, WithoutATrackerOfItsOwnAProtocolIsGeneric) {
    Tracker tracker;
    const auto esp = ip4({1, 2}, 50, {0, 0, 8, 0}), back = ip4({2, 1}, 50, {0, 0, 8, 0});
    const auto ref = tracker.pass(esp).ref;
    EXPECT_EQ(tracker.left(ref), 600);
    EXPECT_EQ(tracker.pass(back).ref, ref | 1);
    const Ends other{1, 2, 7, 8};
    EXPECT_NE(tracker.pass(ip4(other, 33, udp(other))).ref, tracker.pass(ip4(web, 33, udp(web))).ref);
}

TEST(FlowTracker, PingHasOneConnectionAnIdentifier) {
    Tracker tracker;
    const auto ping = ip4({1, 2}, 1, icmp(8, 0, 0x00070001)), other = ip4({1, 2}, 1, icmp(8, 0, 0x00080001));
    const auto first = tracker.pass(ping);
    EXPECT_EQ(first.info, CtInfo::fresh);
    EXPECT_EQ(tracker.left(first.ref), 30);
    const auto pong = tracker.pass(ip4({2, 1}, 1, icmp(0, 0, 0x00070001)));
    EXPECT_EQ(pong.info, CtInfo::established_reply);
    EXPECT_EQ(pong.ref, first.ref | 1);
    EXPECT_EQ(tracker.pass(ping).info, CtInfo::established);
    EXPECT_EQ(tracker.pass(other).info, CtInfo::fresh);
}

TEST(FlowTracker, IcmpThatAsksNothingIsInvalid) {
    Tracker tracker;
    for (unsigned type = 0; type < 256; ++type) {
        const bool asks = type == 8 || type == 13 || type == 15 || type == 17;
        const auto packet = ip4({1, 2}, 1, icmp(static_cast<std::uint8_t>(type), 0, type << 16));
        EXPECT_EQ(tracker.pass(packet).kind, asks ? Tracked::tracked : Tracked::invalid) << type;
    }
    EXPECT_EQ(tracker.count(), 4U);
    EXPECT_EQ(tracker.pass(ip4({1, 2}, 58, icmp(128, 0, 1))).kind, Tracked::invalid);  // ICMPv6 over IPv4
    EXPECT_EQ(tracker.pass(ip6({1, 2}, 1, icmp(8, 0, 1))).kind, Tracked::invalid);
    EXPECT_EQ(tracker.count(), 4U);
}

TEST(FlowTracker, Icmpv6EchoIsTrackedAndNeighbourDiscoveryIsNot) {
    Tracker tracker;
    for (unsigned type = 0; type < 256; ++type) {
        auto wanted = Tracked::invalid;
        if (type == 128 || type == 139) wanted = Tracked::tracked;
        if ((type >= 130 && type <= 136) || type == 143) wanted = Tracked::untracked;
        const auto packet = ip6({1, 2}, 58, icmp(static_cast<std::uint8_t>(type), 0, type << 16));
        EXPECT_EQ(tracker.pass(packet).kind, wanted) << type;
    }
    const auto echo = tracker.pass(ip6({1, 2}, 58, icmp(128, 0, 128 << 16)));
    EXPECT_EQ(tracker.pass(ip6({2, 1}, 58, icmp(129, 0, 128 << 16))).ref, echo.ref | 1);
}

TEST(FlowTracker, IPv6IsTrackedLikeIPv4) {
    Tracker tracker;
    const auto first = tracker.pass(ip6(web, 6, tcp(web, SYN, 1000)));
    EXPECT_EQ(first.info, CtInfo::fresh);
    EXPECT_EQ(tracker.pass(ip6(web.back(), 6, tcp(web.back(), SYN | ACK, 5000, 1001))).ref, first.ref | 1);
    EXPECT_EQ(tracker.state_of(first.ref).tcp.state(), TcpState::syn_recv);
    EXPECT_EQ(tracker.pass(ip4(web, 6, tcp(web, SYN, 1000))).info, CtInfo::fresh);
}

TEST(FlowTracker, ZonesAreConnectionsOfTheirOwn) {
    Tracker tracker;
    const auto seven = tracker.pass(query, 7), eight = tracker.pass(query, 8);
    EXPECT_NE(seven.ref, eight.ref);
    EXPECT_EQ(tracker.pass(answer, 7).ref, seven.ref | 1);
    EXPECT_EQ(tracker.pass(answer, 9).info, CtInfo::fresh);
}

// nf_ct_zone_id, resolve_normal_ct: a zone of one direction leaves the other in zone 0.
TEST(FlowTracker, AZoneOfOneDirectionLeavesTheOtherInNone) {
    Tracker tracker;
    const auto original = tracker.pass(query, FlowZones{7, 0});
    EXPECT_EQ(original.info, CtInfo::fresh);
    EXPECT_EQ(tracker.pass(query, FlowZones{7, 0}).ref, original.ref);
    EXPECT_EQ(tracker.pass(answer).ref, original.ref | 1) << "no rule names the answer's zone";
    EXPECT_EQ(tracker.pass(answer, FlowZones{7, 0}).ref, original.ref | 1)
        << "whose zone is the original's alone";
    EXPECT_EQ(tracker.pass(answer, 7).info, CtInfo::fresh);
    ASSERT_EQ(tracker.count(), 1U) << "whose answers would be the other's packets: a clash, as in Linux";
    const auto seen = tracker.all();
    EXPECT_EQ(seen[0].kind.zone, 7);
    EXPECT_EQ(seen[0].reply_zone, 0);

    const auto other = tracker.pass(ip4({3, 4, 5, 6}, 17, udp({3, 4, 5, 6})), FlowZones{0, 9});
    EXPECT_EQ(tracker.pass(ip4({3, 4, 5, 6}, 17, udp({3, 4, 5, 6}))).ref, other.ref);
    EXPECT_EQ(tracker.pass(ip4({4, 3, 6, 5}, 17, udp({4, 3, 6, 5})), 9).ref, other.ref | 1);
    EXPECT_EQ(tracker.pass(ip4({4, 3, 6, 5}, 17, udp({4, 3, 6, 5})), FlowZones{0, 9}).ref, other.ref | 1);
    EXPECT_EQ(tracker.pass(ip4({4, 3, 6, 5}, 17, udp({4, 3, 6, 5}))).info, CtInfo::fresh);
}

// Two hosts, each in a zone of its own direction, that send to each other: each its own connection, as
// resolve_normal_ct finds them.
TEST(FlowTracker, OppositeZonesOfOneDirectionAreTwoConnections) {
    Tracker tracker;
    const auto one = tracker.pass(answer, FlowZones{0, 7}), two = tracker.pass(query, FlowZones{7, 0});
    EXPECT_EQ(one.info, CtInfo::fresh);
    EXPECT_EQ(two.info, CtInfo::fresh);
    EXPECT_EQ(tracker.count(), 2u);
    EXPECT_EQ(tracker.pass(query, FlowZones{7, 0}).ref, two.ref);
    EXPECT_EQ(tracker.pass(answer, FlowZones{0, 7}).ref, one.ref);
}

// nf_conntrack_inet_error looks its connection up in the same way.
TEST(FlowTracker, ErrorsFindAConnectionWithAZoneOfOneDirection) {
    Tracker tracker;
    const auto original = tracker.pass(query, FlowZones{7, 0});
    const auto error = tracker.see(ip4({2, 1}, 1, icmp(3, 1, 0, query)));
    EXPECT_EQ(error.ref, original.ref | 1);
    EXPECT_EQ(error.info, CtInfo::related_reply);
}

TEST(FlowTracker, WhatIsNoPacketIsInvalid) {
    Tracker tracker;
    for (std::size_t length = 0; length < query.size() - 4; ++length)
        EXPECT_EQ(tracker.pass(Bytes(query.begin(), query.begin() + static_cast<long>(length))).kind,
                  Tracked::invalid)
            << length;
    EXPECT_EQ(tracker.pass(Bytes(40, 0x77)).kind, Tracked::invalid);
    EXPECT_EQ(tracker.count(), 0U);
}

TEST(FlowTracker, ASynOnAClosedConnectionBeginsANewOne) {
    Tracker tracker;
    const auto one = tracker.pass(ip4(web, 6, tcp(web, SYN, 1000)));
    tracker.pass(ip4(web.back(), 6, tcp(web.back(), SYN | ACK, 5000, 1001)));
    tracker.pass(ip4(web, 6, tcp(web, ACK, 1001, 5001)));
    tracker.pass(ip4(web, 6, tcp(web, FIN | ACK, 1001, 5001)));
    tracker.pass(ip4(web.back(), 6, tcp(web.back(), FIN | ACK, 5001, 1002)));
    tracker.pass(ip4(web, 6, tcp(web, ACK, 1002, 5002)));
    ASSERT_EQ(tracker.state_of(one.ref).tcp.state(), TcpState::time_wait);
    const auto two = tracker.pass(ip4(web, 6, tcp(web, SYN, 90'000)));
    EXPECT_EQ(two.info, CtInfo::fresh);
    EXPECT_NE(two.ref, one.ref);
    EXPECT_TRUE(tracker.state_of(one.ref).has(FlowStatus::dying));
    EXPECT_EQ(tracker.state_of(two.ref).tcp.state(), TcpState::syn_sent);
    EXPECT_EQ(tracker.count(), 1U);
}

TEST(FlowTracker, ARefusedConnectionEndsAtOnce) {
    Tracker tracker;
    const auto syn = tracker.pass(ip4(web, 6, tcp(web, SYN, 1000)));
    const auto refused = tracker.pass(ip4(web.back(), 6, tcp(web.back(), RST | ACK, 0, 1001)));
    EXPECT_EQ(refused.info, CtInfo::established_reply);
    EXPECT_EQ(tracker.count(), 0U);
    EXPECT_EQ(tracker.state_of(syn.ref).version(), refused.version);  // not freed while the batch runs
    tracker.age_all();
    EXPECT_EQ(tracker.pass(ip4(web, 6, tcp(web, SYN, 1000))).info, CtInfo::fresh);
}

TEST(FlowTracker, AReplyToElsewhereIsFoundWhereItWillCome) {
    Tracker tracker;
    const auto t = tracker.see(query);
    ASSERT_TRUE(t.fresh);
    // masqueraded as 10.0.0.9 port 1024
    const Ends translated{9, 2, 1024, 53};
    tracker.set_reply(t.ref, Tuple4{be32{0x0a000002}, be32{0x0a000009}, be16{53}, be16{1024}});
    ASSERT_EQ(tracker.confirm(t.ref, tracker.moment()), Confirmed::done);
    EXPECT_EQ(tracker.pass(ip4(translated.back(), 17, udp(translated.back()))).ref, t.ref | 1);
    // the same reply is not free for another
    const Ends second{3, 2, 4000, 53};
    const auto other = tracker.see(ip4(second, 17, udp(second)));
    tracker.set_reply(other.ref, Tuple4{be32{0x0a000002}, be32{0x0a000009}, be16{53}, be16{1024}});
    FlowRef holder = 0;
    EXPECT_EQ(tracker.confirm(other.ref, tracker.moment(), &holder), Confirmed::clash);
    EXPECT_EQ(holder, t.ref | 1);
    tracker.set_reply(other.ref, Tuple4{be32{0x0a000002}, be32{0x0a000009}, be16{53}, be16{1025}});
    EXPECT_EQ(tracker.confirm(other.ref, tracker.moment()), Confirmed::done);
}

/// A source's query that leaves by an outside port of 10.0.0.9, which is to be its own.
Tracked independent(Tracker& tracker, std::uint8_t host, std::uint8_t to, std::uint16_t port,
                    unsigned worker) {
    const Ends ends{host, to, 4000, 53};
    const auto t = tracker.see(ip4(ends, 17, udp(ends)), 0, worker);
    tracker.set_reply(t.ref, Tuple4{be32{0x0a000000u + to}, be32{0x0a000009}, be16{53}, be16{port}});
    tracker.state_of(t.ref).set(FlowStatus::src_nat_done | FlowStatus::src_nat |
                                FlowStatus::endpoint_independent);
    return t;
}

TEST(FlowTracker, AnOutsideEndIsOneSourcesWhicheverWorkerBegan) {
    Tracker tracker(1000, 2);
    // Both were chosen before either is entered.
    const auto one = independent(tracker, 3, 2, 5000, 0), two = independent(tracker, 4, 5, 5000, 1);
    FlowRef other = 0;
    ASSERT_EQ(tracker.confirm(one.ref, tracker.moment(0), &other), Confirmed::done);
    EXPECT_EQ(tracker.confirm(two.ref, tracker.moment(1), &other), Confirmed::clash);
    EXPECT_EQ(other, 0u);
    EXPECT_EQ(tracker.counts(1).insert_failed.load(), 1u);
    tracker.discard(two.ref, tracker.moment(1));
    // Of the same source all may have it, by another worker too.
    const auto three = independent(tracker, 3, 6, 5000, 1);
    EXPECT_EQ(tracker.confirm(three.ref, tracker.moment(1)), Confirmed::done);
    // Nor may another source have it towards the same peer.
    const auto again = independent(tracker, 4, 2, 5001, 1), clash = independent(tracker, 7, 2, 5001, 0);
    EXPECT_EQ(tracker.confirm(again.ref, tracker.moment(1)), Confirmed::done);
    EXPECT_EQ(tracker.confirm(clash.ref, tracker.moment(0)), Confirmed::clash);
    tracker.discard(clash.ref, tracker.moment(0));
    // When the holder's time is over it is free.
    tracker.wait(31);
    const auto later = independent(tracker, 8, 2, 5000, 0);
    EXPECT_EQ(tracker.confirm(later.ref, tracker.moment(0)), Confirmed::done);
    EXPECT_EQ(tracker
                  .source_behind(Tuple4{be32{1}, be32{0x0a000009}, be16{1}, be16{5000}},
                                 FlowKind{0, ip_protocol::udp, 0}, tracker.now)
                  ->source,
              be32{0x0a000008});
    tracker.age_all(0);
    tracker.age_all(1);
    EXPECT_EQ(tracker.count(), 1u);
}

TEST(FlowTracker, AnOutsideEndStaysASourcesWhileOneConnectionOfManyLives) {
    Tracker tracker(1000);
    const auto lasting = independent(tracker, 3, 2, 5000, 0);
    ASSERT_EQ(tracker.confirm(lasting.ref, tracker.moment()), Confirmed::done);
    tracker.state_of(lasting.ref).deadline = tracker.now + 120'000;
    for (unsigned peer = 10; peer < 110; ++peer) {
        const auto probe = independent(tracker, 3, peer, 5000, 0);
        ASSERT_EQ(tracker.confirm(probe.ref, tracker.moment()), Confirmed::done);
    }
    tracker.now += 30'500;  // they are over, and nobody has freed them yet
    const auto behind = tracker.source_behind(Tuple4{be32{1}, be32{0x0a000009}, be16{1}, be16{5000}},
                                              FlowKind{0, ip_protocol::udp, 0}, tracker.now);
    ASSERT_TRUE(behind);
    EXPECT_EQ(behind->source, be32{0x0a000003});
    const auto other = independent(tracker, 4, 200, 5000, 0);
    EXPECT_EQ(tracker.confirm(other.ref, tracker.moment()), Confirmed::clash);
}

/// A peer's query to an outside port of 10.0.0.9, by which the source of independent() is reached.
Tracked inward(Tracker& tracker, std::uint8_t peer, std::uint8_t host, std::uint16_t port, unsigned worker) {
    const Ends ends{peer, 9, 7, port};
    const auto t = tracker.see(ip4(ends, 17, udp(ends)), 0, worker);
    tracker.set_reply(t.ref, Tuple4{be32{0x0a000000u + host}, be32{0x0a000000u + peer}, be16{4000}, be16{7}});
    tracker.state_of(t.ref).set(FlowStatus::src_nat_done | FlowStatus::dst_nat | FlowStatus::inward);
    return t;
}

// RFC 4787 REQ-6: whoever began it.
TEST(FlowTracker, AnOutsideEndStaysWhileOneThatBeganOutsideLives) {
    Tracker tracker(1000, 2);
    const FlowKind kind{0, ip_protocol::udp, 0};
    const Tuple4 end{be32{1}, be32{0x0a000009}, be16{1}, be16{5000}};
    const auto first = independent(tracker, 3, 2, 5000, 0);
    ASSERT_EQ(tracker.confirm(first.ref, tracker.moment(0)), Confirmed::done);
    const auto lasting = inward(tracker, 7, 3, 5000, 1);
    ASSERT_EQ(tracker.confirm(lasting.ref, tracker.moment(1)), Confirmed::done);
    tracker.state_of(lasting.ref).deadline = tracker.now + 120'000;
    tracker.wait(31);
    tracker.age_all(0);
    const auto behind = tracker.source_behind(end, kind, tracker.now);
    ASSERT_TRUE(behind);
    EXPECT_EQ(behind->source, be32{0x0a000003});
    EXPECT_EQ(behind->source_port, be16{4000});
    const auto rival = independent(tracker, 4, 20, 5000, 0);
    EXPECT_EQ(tracker.confirm(rival.ref, tracker.moment(0)), Confirmed::clash);
    tracker.discard(rival.ref, tracker.moment(0));
    // The source's next connection becomes what it is outside; only one that keeps its port asks for that.
    Tuple4 next{be32{0x0a000003}, be32{0x0a000021}, be16{4000}, be16{53}};
    const auto any = [](const Tuple4&) { return true; };
    EXPECT_FALSE(tracker.map_source(next, kind, tracker.now, false, any));
    ASSERT_TRUE(tracker.map_source(next, kind, tracker.now, true, any));
    EXPECT_EQ(next.source, be32{0x0a000009});
    EXPECT_EQ(next.source_port, be16{5000});
    // Nor does anybody outside reach another host by it.
    const auto false_way = inward(tracker, 8, 4, 5000, 0);
    EXPECT_EQ(tracker.confirm(false_way.ref, tracker.moment(0)), Confirmed::clash);
    tracker.discard(false_way.ref, tracker.moment(0));
    tracker.wait(120);
    tracker.age_all(1);
    EXPECT_FALSE(tracker.source_behind(end, kind, tracker.now));
    const auto later = independent(tracker, 4, 20, 5000, 0);
    EXPECT_EQ(tracker.confirm(later.ref, tracker.moment(0)), Confirmed::done);
    EXPECT_EQ(tracker.count(), 1u);
}

TEST(FlowTracker, AnotherWorkersConnectionIsNamedAndNotTouched) {
    Tracker tracker(1000, 2);
    const auto first = tracker.pass(query, 0, 0);
    const auto deadline = tracker.state_of(first.ref).deadline.load();
    tracker.wait(5);
    const auto there = tracker.see(answer, 0, 1);
    EXPECT_EQ(there.kind, Tracked::elsewhere);
    EXPECT_EQ(there.ref, first.ref | 1);
    EXPECT_EQ(there.version & FlowState::owner_mask, 0U);
    EXPECT_EQ(tracker.state_of(first.ref).deadline.load(), deadline);
}

TEST(FlowTracker, PacketsAndBytesAreCountedIfAsked) {
    Tracker tracker;
    tracker.config.acct = tracker.config.timestamp = true;
    tracker.pass(query);
    tracker.pass(query);
    tracker.pass(answer);
    const auto seen = tracker.all();
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].packets[0], 2U);
    EXPECT_EQ(seen[0].bytes[0], 2 * query.size());
    EXPECT_EQ(seen[0].packets[1], 1U);
    EXPECT_EQ(seen[0].start, 1'800'000'000U);
}

}  // namespace
}  // namespace weft
