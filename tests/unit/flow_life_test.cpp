// How connections age, give way, are deleted and shown; with a clock of the tests' own.
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "tests/unit/flow_packets.hpp"

namespace weft {
namespace {

using namespace test;

Bytes datagram(std::uint16_t port) {
    const Ends ends{1, 2, port, 53};
    return ip4(ends, 17, udp(ends));
}
Bytes reply_to(std::uint16_t port) {
    const Ends ends{2, 1, 53, port};
    return ip4(ends, 17, udp(ends));
}
void make_stream(Tracker& tracker, std::uint16_t port) {
    tracker.pass(datagram(port));
    tracker.pass(reply_to(port));
    tracker.now += 2001;
    tracker.pass(datagram(port));
}

TEST(FlowLife, ItEndsWhenItsTimeIsOverAndNotBefore) {
    Tracker tracker;
    tracker.pass(datagram(1));
    tracker.now += 29'000;
    tracker.age_all();
    EXPECT_EQ(tracker.count(), 1U);
    tracker.now += 2000;
    tracker.age_all();
    EXPECT_EQ(tracker.count(), 0U);
    EXPECT_EQ(tracker.table().shape().refs, 0U);
}

TEST(FlowLife, ARefreshedConnectionIsPutOffWithoutTouchingTheWheel) {
    Tracker tracker;
    tracker.pass(datagram(1));
    for (int i = 0; i < 100; ++i) {
        tracker.wait(20);
        tracker.pass(datagram(1));
        tracker.age_all();
        ASSERT_EQ(tracker.count(), 1U);
    }
    tracker.wait(31);
    tracker.age_all();
    EXPECT_EQ(tracker.count(), 0U);
}

TEST(FlowLife, WhatIsOverIsNotFoundThoughNobodyAgedIt) {
    Tracker tracker;
    const auto first = tracker.pass(datagram(1));
    tracker.wait(30);
    EXPECT_EQ(tracker.pass(reply_to(1)).info, CtInfo::fresh);  // a connection of its own
    EXPECT_EQ(tracker.count(), 1U);
    EXPECT_TRUE(tracker.state_of(first.ref).has(FlowStatus::dying));
    EXPECT_EQ(tracker.all().size(), 1U);
}

TEST(FlowLife, FiveDaysAreLooksEvery300Seconds) {
    Tracker tracker;
    const auto ref = tracker.pass(datagram(1)).ref;
    tracker.state_of(ref).deadline.store(tracker.now + 432'000'000);
    for (int i = 0; i < 431'000 / 250; ++i) {
        tracker.wait(250);
        tracker.age_all();
        ASSERT_EQ(tracker.count(), 1U) << i;
    }
    tracker.wait(2000);
    tracker.age_all();
    EXPECT_EQ(tracker.count(), 0U);
}

TEST(FlowLife, TheClockMayWrap) {
    Tracker tracker;
    tracker.now = 0xffff'ffff - 10'000;
    tracker.pass(datagram(1));
    tracker.wait(25);
    tracker.age_all();
    EXPECT_EQ(tracker.count(), 1U);
    tracker.wait(10);
    tracker.age_all();
    EXPECT_EQ(tracker.count(), 0U);
}

TEST(FlowLife, ManyThatEndInOneSecondTakeManyShortCalls) {
    constexpr std::uint32_t flows = 20'000;
    Tracker tracker(flows);
    for (std::uint32_t i = 0; i < flows; ++i)
        tracker.pass(datagram(static_cast<std::uint16_t>(i)));
    ASSERT_EQ(tracker.count(), flows);
    tracker.wait(40);
    unsigned calls = 0;
    for (std::uint32_t before = flows; tracker.count(); ++calls, before = tracker.count()) {
        const unsigned looked = tracker.age(tracker.moment(), 64);
        ASSERT_LE(looked, 64U + 14);
        ASSERT_LE(before - tracker.count(), 64U + 14);
    }
    EXPECT_GE(calls, flows / 78);
}

TEST(FlowLife, AnEntryIsOftenUsedAgain) {
    Tracker tracker(100);
    std::set<std::uint32_t> entries;
    for (int round = 0; round < 200; ++round) {
        for (std::uint16_t port = 0; port < 100; ++port) {
            const auto t = tracker.pass(datagram(port));
            ASSERT_EQ(t.kind, Tracked::tracked);
            entries.insert(t.ref >> 1);
        }
        tracker.wait(31);
        tracker.age_all();
        ASSERT_EQ(tracker.count(), 0U);
    }
    EXPECT_LE(entries.size(), 100U + 256);
    EXPECT_LT(tracker.wheel(0).chunks_touched(), 40U);
}

/// Connections that are refused at once, for as long as anybody likes, cost no memory.
TEST(FlowLife, WhatEndsAtOnceLeavesNothingInTheWheel) {
    Tracker tracker(100);
    const Ends web{1, 2, 4000, 80};
    for (int i = 0; i < 10'000; ++i) {
        tracker.pass(ip4(web, 6, tcp(web, tcp_flag::syn, 1000)));
        tracker.pass(ip4(web.back(), 6, tcp(web.back(), tcp_flag::rst | tcp_flag::ack, 0, 1001)));
        ASSERT_EQ(tracker.count(), 0U);
        tracker.age(tracker.moment(), 1);
    }
    EXPECT_LT(tracker.wheel(0).chunks_touched(), 4U);
}

/// early_drop: one that is not assured gives way to a new one, an assured one does not.
TEST(FlowLife, AFullTableDropsWhatIsNotAssured) {
    Tracker tracker(20);
    tracker.config.max = 10;
    for (std::uint16_t port = 0; port < 10; ++port)
        tracker.pass(datagram(port));
    EXPECT_EQ(tracker.count(), 10U);
    EXPECT_EQ(tracker.pass(datagram(100)).kind, Tracked::tracked);
    EXPECT_EQ(tracker.count(), 10U);
    EXPECT_EQ(tracker.early_drops(), 1U);
    EXPECT_EQ(tracker.pass(reply_to(100)).info, CtInfo::established_reply);

    Tracker assured(20);
    assured.config.max = 10;
    for (std::uint16_t port = 0; port < 10; ++port)
        make_stream(assured, port);
    EXPECT_EQ(assured.pass(datagram(100)).kind, Tracked::full);
    EXPECT_EQ(assured.count(), 10U);
    EXPECT_EQ(assured.pass(datagram(5)).info, CtInfo::established);
    assured.config.max = 0;  // no limit but the table's
    EXPECT_EQ(assured.pass(datagram(100)).kind, Tracked::tracked);
}

TEST(FlowLife, WhatIsOverGivesWayThoughAssured) {
    Tracker tracker(20);
    tracker.config.max = 10;
    for (std::uint16_t port = 0; port < 10; ++port)
        make_stream(tracker, port);
    tracker.wait(130);
    EXPECT_EQ(tracker.pass(datagram(100)).kind, Tracked::tracked);
}

/// gc_worker from 95 % of nf_conntrack_max on.
TEST(FlowLife, ACrowdedTableEndsUnassuredOnesWhenItLooksAtThem) {
    Tracker tracker(200);
    tracker.config.max = 100;
    for (std::uint16_t port = 0; port < 96; ++port)
        tracker.pass(datagram(port));
    tracker.wait(29);
    for (std::uint16_t port = 0; port < 96; ++port)
        tracker.pass(datagram(port));  // another 30 s
    tracker.wait(2);
    tracker.age_all();
    EXPECT_EQ(tracker.count(), 94U);
}

TEST(FlowLife, DeletedConnectionsAreGoneAtOnce) {
    Tracker tracker;
    for (std::uint16_t port = 0; port < 50; ++port)
        tracker.pass(datagram(port));
    const auto seen = tracker.all();
    ASSERT_EQ(seen.size(), 50U);
    for (const auto& view : seen)
        EXPECT_TRUE(view.tuple4[0].source_port.host() % 2 == 0 || tracker.remove(view));
    EXPECT_EQ(tracker.count(), 25U);
    EXPECT_EQ(tracker.pass(datagram(1)).info, CtInfo::fresh);
    EXPECT_FALSE(tracker.remove(seen[1]));  // what was seen is another now, or none
    tracker.flush();
    EXPECT_EQ(tracker.count(), 0U);
    EXPECT_EQ(tracker.all().size(), 0U);
    EXPECT_EQ(tracker.table().shape().refs, 0U);
    tracker.age_all();
    tracker.pass(datagram(1));
    EXPECT_EQ(tracker.count(), 1U);
}

TEST(FlowLife, AViewSaysWhatConntrackPrints) {
    Tracker tracker;
    const Ends web{1, 2, 4000, 80};
    const auto t = tracker.pass(ip6(web, 6, tcp(web, tcp_flag::syn, 1000)), 7);
    tracker.mark(t.ref).store(42);
    tracker.wait(20);
    const auto seen = tracker.all();
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].kind.protocol, 6);
    EXPECT_EQ(seen[0].kind.zone, 7);
    EXPECT_EQ(seen[0].tcp_state, TcpState::syn_sent);
    EXPECT_EQ(seen[0].seconds_left, 100U);
    EXPECT_EQ(seen[0].mark, 42U);
    EXPECT_EQ(seen[0].tuple6[1].destination_port.host(), 4000);
    EXPECT_EQ(seen[0].status, FlowStatus::confirmed);
}

TEST(FlowLife, AConnectionThatIsNotConfirmedIsCountedAndNotShown) {
    Tracker tracker;
    const auto t = tracker.see(datagram(1));
    EXPECT_EQ(tracker.count(), 1U);
    EXPECT_EQ(tracker.all().size(), 0U);
    EXPECT_EQ(tracker.see(reply_to(1)).info, CtInfo::fresh);
    tracker.discard(t.ref, tracker.moment());
    EXPECT_EQ(tracker.count(), 1U);
}

/// Two packets of a new flow before either is confirmed: the second finds the tuple taken.
TEST(FlowLife, TheSecondOfTwoClashes) {
    Tracker tracker;
    const auto one = tracker.see(datagram(1)), two = tracker.see(datagram(1));
    ASSERT_NE(one.ref, two.ref);
    EXPECT_EQ(tracker.confirm(one.ref, tracker.moment()), Confirmed::done);
    FlowRef holder = 0;
    EXPECT_EQ(tracker.confirm(two.ref, tracker.moment(), &holder), Confirmed::clash);
    EXPECT_EQ(holder, one.ref);
    tracker.discard(two.ref, tracker.moment());
    EXPECT_EQ(tracker.count(), 1U);
}

}  // namespace
}  // namespace weft
