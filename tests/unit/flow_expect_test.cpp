// Expected connections: net/netfilter/nf_conntrack_expect.c and init_conntrack of nf_conntrack_core.c.
#include "dataplane/flow/expect.hpp"

#include <gtest/gtest.h>

#include "tests/unit/flow_packets.hpp"

namespace weft {
namespace {

using namespace test;

constexpr Ends control{1, 2, 4000, 21};

IpAddress host(std::uint8_t number) {
    return to_address(be32{0x0a000000U + number});
}

/// TCP from a host's any port to another's.
Expectation data_to(std::uint8_t from, std::uint8_t to, std::uint16_t port) {
    Expectation what{};
    what.source = host(from);
    what.source_mask.bytes.fill(0xff);
    what.destination = host(to);
    what.destination_port = be16{port};
    what.protocol = ip_protocol::tcp;
    return what;
}

struct Expecting : Tracker {
    explicit Expecting(unsigned workers = 1) : Tracker(1000, workers) {}
    /// A connection with FTP's helper, confirmed.
    FlowRef master(Ends ends = control) {
        const auto begun = see(ip4(ends, 6, tcp(ends, tcp_flag::syn, 1)));
        assign_helper(begun.ref, FlowHelper::ftp);
        EXPECT_EQ(confirm(begun.ref, moment()), Confirmed::done);
        return begun.ref;
    }
    Expected expects(FlowRef ref, const Expectation& what) { return expect(ref, what, moment()); }
    Tracked syn(Ends ends, unsigned worker = 0) {
        return pass(ip4(ends, 6, tcp(ends, tcp_flag::syn, 9)), 0, worker);
    }
    std::size_t there() { return expectations().all(now).size(); }
};

TEST(FlowExpect, WhatIsExpectedIsRelatedAndInheritsTheMark) {
    Expecting t(2);
    const FlowRef ref = t.master();
    t.set_mark(ref, 7, t.moment());
    ASSERT_EQ(t.expects(ref, data_to(2, 1, 5000)), Expected::added);
    EXPECT_TRUE(t.expectations().any());
    EXPECT_EQ(t.syn({3, 1, 20, 5000}).info, CtInfo::fresh) << "from another host";
    EXPECT_EQ(t.syn({2, 1, 20, 5001}).info, CtInfo::fresh) << "to another port";
    const auto data = t.syn({2, 1, 20, 5000}, 1);
    EXPECT_EQ(data.info, CtInfo::related);
    EXPECT_TRUE(t.state_of(data.ref).has(FlowStatus::expected));
    EXPECT_FALSE(t.state_of(data.ref).has(FlowStatus::helper));
    EXPECT_EQ(t.mark(data.ref).load(), 7U);
    EXPECT_EQ(t.there(), 0U) << "used once";
    EXPECT_EQ(t.syn({2, 1, 21, 5000}).info, CtInfo::fresh);
}

/// For translation: only the connection that was expected, not what has its entry later.
TEST(FlowExpect, WhatFollowsItsMasterKnowsHow) {
    Expecting t;
    auto what = data_to(2, 1, 5000);
    what.follow = {.wanted = true, .source = host(2), .destination = host(9), .destination_port = be16{5001}};
    ASSERT_EQ(t.expects(t.master(), what), Expected::added);
    const auto data = t.syn({2, 1, 20, 5000});
    const FlowExtra& extra = t.extra(data.ref);
    EXPECT_TRUE(extra.follow.wanted);
    EXPECT_EQ(extra.follow.destination, host(9));
    EXPECT_EQ(extra.follower, data.version);
}

TEST(FlowExpect, PermanentStaysAndInactiveIsPassedOver) {
    Expecting t;
    const FlowRef ref = t.master(), other = t.master({5, 6, 1, 21});
    auto what = data_to(2, 1, 5000);
    what.flags = Expectation::permanent;
    ASSERT_EQ(t.expects(ref, what), Expected::added);
    EXPECT_EQ(t.syn({2, 1, 20, 5000}).info, CtInfo::related);
    EXPECT_EQ(t.syn({2, 1, 21, 5000}).info, CtInfo::related);
    what = data_to(6, 5, 5000);
    what.flags = Expectation::inactive;
    ASSERT_EQ(t.expects(other, what), Expected::added);
    EXPECT_EQ(t.syn({6, 5, 20, 5000}).info, CtInfo::fresh);
}

TEST(FlowExpect, EndsWithItsTimeOrItsMaster) {
    Expecting t;
    const FlowRef ref = t.master();
    ASSERT_EQ(t.expects(ref, data_to(2, 1, 5000)), Expected::added);
    t.config.tcp_timeout.syn_sent = 1000;
    t.syn(control);
    t.wait(299);
    EXPECT_EQ(t.there(), 1U);
    t.wait(1);
    EXPECT_EQ(t.there(), 0U);
    EXPECT_EQ(t.syn({2, 1, 20, 5000}).info, CtInfo::fresh);
    t.expectations().age(t.now);
    EXPECT_EQ(t.expectations().count(), 0U);
}

TEST(FlowExpect, GoesWithItsMaster) {
    Expecting t;
    const FlowRef ref = t.master();
    ASSERT_EQ(t.expects(ref, data_to(2, 1, 5000)), Expected::added);
    t.flush();
    EXPECT_EQ(t.expectations().count(), 0U);
    EXPECT_EQ(t.syn({2, 1, 20, 5000}).info, CtInfo::fresh);
    t.age_all();
    // Its last packet may have come after another thread ended it.
    const FlowRef next = t.master({7, 8, 1, 21});
    t.flush();
    ASSERT_EQ(t.expects(next, data_to(8, 7, 5000)), Expected::added);
    EXPECT_EQ(t.syn({8, 7, 20, 5000}).info, CtInfo::fresh) << "the master is dying";
    t.age_all();
    EXPECT_EQ(t.expectations().count(), 0U);
}

/// An unconfirmed master's cannot be known at the other end.
TEST(FlowExpect, WaitsForItsMastersConfirmation) {
    Expecting t;
    const auto begun = t.see(ip4(control, 6, tcp(control, tcp_flag::syn, 1)));
    t.assign_helper(begun.ref, FlowHelper::ftp);
    ASSERT_EQ(t.expects(begun.ref, data_to(2, 1, 5000)), Expected::added);
    EXPECT_EQ(t.syn({2, 1, 20, 5000}).info, CtInfo::fresh);
    t.discard(begun.ref, t.moment());
    EXPECT_EQ(t.expectations().count(), 0U);
}

TEST(FlowExpect, AMasterHasOneAndTheOlderMakesRoom) {
    Expecting t;
    const FlowRef ref = t.master();
    ASSERT_EQ(t.expects(ref, data_to(2, 1, 5000)), Expected::added);
    ASSERT_EQ(t.expects(ref, data_to(2, 1, 5001)), Expected::added);
    const auto all = t.expectations().all(t.now);
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].destination_port.host(), 5001);
    EXPECT_EQ(all[0].helper, FlowHelper::ftp);
    t.wait(100);
    ASSERT_EQ(t.expects(ref, data_to(2, 1, 5001)), Expected::added) << "the same: anew";
    EXPECT_EQ(milliseconds_until(t.expectations().all(t.now)[0].deadline, t.now), 300'000);
    EXPECT_EQ(t.expectations().count(), 1U);
}

/// expect_clash.
TEST(FlowExpect, AnothersPlaceIsTaken) {
    Expecting t;
    const FlowRef ref = t.master(), other = t.master({1, 2, 4001, 21});
    ASSERT_EQ(t.expects(ref, data_to(2, 1, 5000)), Expected::added);
    EXPECT_EQ(t.expects(other, data_to(2, 1, 5000)), Expected::busy);
    auto any = data_to(2, 1, 5000);
    any.source_mask = {};
    EXPECT_EQ(t.expects(other, any), Expected::busy) << "the masks' common part decides";
    EXPECT_EQ(t.expects(other, data_to(3, 1, 5000)), Expected::added) << "of another host";
}

TEST(FlowExpect, AreAtMostExpectMax) {
    Expecting t;
    t.config.expect_max = 3;
    for (std::uint16_t n = 0; n < 4; ++n) {
        const FlowRef ref = t.master({1, 2, static_cast<std::uint16_t>(4000 + n), 21});
        EXPECT_EQ(t.expects(ref, data_to(2, 1, static_cast<std::uint16_t>(6000 + n))),
                  n < 3 ? Expected::added : Expected::full);
    }
    EXPECT_EQ(t.expectations().count(), 3U);
}

// Each helper has its own room: requests of TFTP, which nobody answers, shut out no FTP.
TEST(FlowExpect, OneHelperTakesNoOthersRoom) {
    Expecting t;
    t.config.expect_max = 3;
    for (std::uint16_t n = 0; n < 5; ++n) {
        const FlowRef ref = t.master({1, 2, static_cast<std::uint16_t>(4000 + n), 21});
        t.extra(ref).helper = FlowHelper::tftp;
        EXPECT_EQ(t.expects(ref, data_to(2, 1, static_cast<std::uint16_t>(6000 + n))),
                  n < 3 ? Expected::added : Expected::full);
    }
    const FlowRef ftp = t.master({1, 2, 5000, 21});
    EXPECT_EQ(t.expects(ftp, data_to(2, 1, 7000)), Expected::added);
    EXPECT_EQ(t.expectations().count(), 4U);
    // Its end gives the room back.
    const auto all = t.expectations().all(t.now);
    EXPECT_TRUE(t.expectations().remove(all[0].number));
    const FlowRef another = t.master({1, 2, 5001, 21});
    t.extra(another).helper = all[0].helper;
    EXPECT_EQ(t.expects(another, data_to(2, 1, 7001)), Expected::added);
}

TEST(FlowExpect, TellsWhoListens) {
    Expecting t;
    const FlowRef ref = t.master();
    t.expectations().listen(true);
    ASSERT_EQ(t.expects(ref, data_to(2, 1, 5000)), Expected::added);
    const auto number = t.expectations().all(t.now)[0].number;
    EXPECT_TRUE(t.expectations().remove(number));
    EXPECT_FALSE(t.expectations().remove(number));
    const auto events = t.expectations().take_events();
    ASSERT_EQ(events.size(), 2U);
    EXPECT_TRUE(events[0].created);
    EXPECT_FALSE(events[1].created);
    EXPECT_EQ(events[1].what.destination_port.host(), 5000);
    EXPECT_TRUE(t.expectations().take_events().empty());
}

TEST(FlowExpect, FlushTakesAllThatThereAre) {
    Expecting t;
    for (std::uint16_t n = 0; n < 700; ++n)
        ASSERT_EQ(t.expects(t.master({1, 2, static_cast<std::uint16_t>(4000 + n), 21}),
                            data_to(2, 1, static_cast<std::uint16_t>(6000 + n))),
                  Expected::added);
    t.expectations().listen(true);
    t.expectations().flush();
    EXPECT_EQ(t.expectations().count(), 0U);
    EXPECT_EQ(t.expectations().take_events().size(), 700U);
    EXPECT_EQ(t.expectations().lost(), 0U);
    t.expectations().flush();
    ASSERT_EQ(t.expects(t.master({3, 2, 1, 21}), data_to(2, 3, 5000)), Expected::added);
    EXPECT_EQ(t.there(), 1U);
}

/// What nobody took.
TEST(FlowExpect, EventsThatHaveNoRoomAreCounted) {
    Expecting t;
    const FlowRef ref = t.master();
    t.expectations().listen(true);
    for (unsigned n = 0; n < 3000; ++n)
        ASSERT_EQ(t.expects(ref, data_to(2, 1, static_cast<std::uint16_t>(1024 + n))), Expected::added);
    EXPECT_EQ(t.expectations().take_events().size() + t.expectations().lost(), 3000U + 2999U);
    EXPECT_GT(t.expectations().lost(), 0U);
}

// nf_ct_expect_event_report: by the expmask of the master.
TEST(FlowExpect, TellsWhatTheMastersRuleHasSelected) {
    Expecting t;
    t.expectations().listen(true);
    std::uint16_t port = 4000;
    for (const unsigned events : {0u, 1u, 2u, 3u}) {
        const FlowRef ref = t.master({1, 2, ++port, 21});
        t.select_events(ref, {0, static_cast<std::uint8_t>(events)});
        ASSERT_EQ(t.expects(ref, data_to(2, 1, port)), Expected::added);
        EXPECT_TRUE(t.expectations().remove(t.expectations().all(t.now)[0].number));
        unsigned told = 0;
        for (const auto& event : t.expectations().take_events())
            told |= event.created ? ToldEvents::expectation_created : ToldEvents::expectation_gone;
        EXPECT_EQ(told, events);
    }
}

/// Many come and go, and none is lost or left.
TEST(FlowExpect, ChainsStayWhole) {
    Expecting t;
    std::vector<FlowRef> masters;
    for (std::uint16_t n = 0; n < 300; ++n)
        masters.push_back(t.master({1, 2, static_cast<std::uint16_t>(4000 + n), 21}));
    for (unsigned round = 0; round < 20; ++round)
        for (std::uint16_t n = 0; n < 300; ++n)
            if ((n + round) % 3)
                ASSERT_EQ(t.expects(masters[n], data_to(2, 1, static_cast<std::uint16_t>(10'000 + n))),
                          Expected::added);
            else
                t.syn({2, 1, static_cast<std::uint16_t>(round + 1), static_cast<std::uint16_t>(10'000 + n)});
    for (const FlowRef ref : masters)
        t.remove(*t.view(ref >> 1, t.now));
    EXPECT_EQ(t.expectations().count(), 0U);
}

/// tcp_in_window: acknowledgements are of what the other side was given.
TEST(FlowExpect, WindowsKnowOfTheAdjustment) {
    Expecting t;
    const FlowRef ref = t.master();
    const Ends& c = control;
    t.pass(ip4(c.back(), 6, tcp(c.back(), tcp_flag::syn | tcp_flag::ack, 5000, 2)));
    t.pass(ip4(c, 6, tcp(c, tcp_flag::ack, 2, 5001)));
    auto line = tcp(c, tcp_flag::ack, 2, 5001);
    line.resize(line.size() + 20);
    EXPECT_EQ(t.pass(ip4(c, 6, line)).info, CtInfo::established);
    const auto answer = ip4(c.back(), 6, tcp(c.back(), tcp_flag::ack, 5001, 2 + 20 + 7));
    EXPECT_EQ(t.pass(answer).kind, Tracked::invalid) << "of what was never sent";
    t.extra(ref).adjust[0].change(2, 7);
    t.state_of(ref).set(FlowStatus::seq_adjust);
    EXPECT_EQ(t.pass(answer).info, CtInfo::established_reply);
}

}  // namespace
}  // namespace weft
