// The tracker's connections as `conntrack` sees, finds and ends them: packets in, text out.
#include "control/publish/flow/connections.hpp"

#include <gtest/gtest.h>

#include "control/flow/print.hpp"
#include "tests/unit/flow_packets.hpp"

namespace weft {
namespace {

using namespace test;

constexpr std::uint8_t SYN = tcp_flag::syn, ACK = tcp_flag::ack;

struct FlowConnections : testing::Test {
    Tracker tracker;
    TrackedConnections connections{[this] { return &tracker; }, {4}, [this] { return tracker.now; }};

    std::vector<conntrack::Entry> all(std::uint32_t places = 100) {
        std::vector<conntrack::Entry> seen;
        for (std::uint32_t at = 0;;) {
            at = connections.walk(at, places, [&](const conntrack::Entry& e) { seen.push_back(e); });
            if (at == 0) return seen;
        }
    }
    std::string text() {
        std::string lines;
        for (const auto& entry : all())
            lines += print(entry) + '\n';
        return lines;
    }
};

TEST_F(FlowConnections, EachProtocol) {
    const Ends web{1, 2, 40000, 80};
    tracker.pass(ip4(web, 6, tcp(web, SYN, 1000)));
    tracker.pass(ip4(web.back(), 6, tcp(web.back(), SYN | ACK, 5000, 1001)));
    tracker.pass(ip4(web, 6, tcp(web, ACK, 1001, 5001)));
    tracker.pass(ip4({1, 2, 40001, 53}, 17, udp({1, 2, 40001, 53})), 7);
    tracker.pass(ip4({1, 2}, 1, icmp(8, 0, 77 << 16)));
    tracker.pass(ip6({1, 2, 40001, 53}, 17, udp({1, 2, 40001, 53})));
    EXPECT_EQ(text(),
              "tcp      6 432000 ESTABLISHED src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 src=10.0.0.2 "
              "dst=10.0.0.1 sport=80 dport=40000 [ASSURED] mark=0 use=1\n"
              "udp      17 30 src=10.0.0.1 dst=10.0.0.2 sport=40001 dport=53 [UNREPLIED] src=10.0.0.2 "
              "dst=10.0.0.1 sport=53 dport=40001 mark=0 zone=7 use=1\n"
              "icmp     1 30 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=77 [UNREPLIED] src=10.0.0.2 "
              "dst=10.0.0.1 type=0 code=0 id=77 mark=0 use=1\n"
              "udp      17 30 src=fd00::1 dst=fd00::2 sport=40001 dport=53 [UNREPLIED] src=fd00::2 "
              "dst=fd00::1 sport=53 dport=40001 mark=0 use=1\n");
    EXPECT_EQ(all(1).size(), 4U) << "in whatever pieces";
    EXPECT_EQ(connections.totals().count, 4U);
    EXPECT_GT(connections.totals().buckets, 0U);
}

/// nf_ct_acct_ext_add: whether a connection is counted is decided when it begins, and stays.
TEST_F(FlowConnections, CountersAreOfConnectionsThatBeganWithThem) {
    const auto packet = [&](std::uint16_t port) { return ip4({1, 2, port, 53}, 17, udp({1, 2, port, 53})); };
    tracker.config.acct = true;
    tracker.pass(packet(1));
    tracker.pass(packet(1));
    ASSERT_TRUE(all()[0].original_count);
    EXPECT_EQ(all()[0].original_count->packets, 2U);
    EXPECT_EQ(all()[0].original_count->bytes, 64U);
    EXPECT_EQ(all()[0].reply_count->packets, 0U);
    tracker.config.acct = false;
    tracker.pass(packet(1));
    EXPECT_EQ(all()[0].original_count->packets, 3U) << "it goes on";
    ASSERT_TRUE(connections.end(all()[0]));
    tracker.age_all();
    tracker.pass(packet(2));  // in the same place
    EXPECT_FALSE(all()[0].original_count);
    tracker.config.acct = true;
    tracker.pass(packet(2));
    EXPECT_FALSE(all()[0].original_count) << "with what another had counted";
}

TEST_F(FlowConnections, TimesOfConnectionsThatBeganWithThem) {
    const auto packet = [&](std::uint16_t port) { return ip4({1, 2, port, 53}, 17, udp({1, 2, port, 53})); };
    tracker.pass(packet(1));
    tracker.config.timestamp = true;
    tracker.pass(packet(2));
    const auto seen = all();
    EXPECT_FALSE(seen[0].start);
    EXPECT_EQ(seen[1].start, 1'800'000'000);
    EXPECT_EQ(entry_of(tracker.all()[1], 1'800'000'005).delta_seconds, 5U);
}

TEST_F(FlowConnections, EndsWhatWasSeenAndNothingElse) {
    const auto packet = ip4({1, 2, 1, 53}, 17, udp({1, 2, 1, 53}));
    tracker.pass(packet);
    const auto seen = all()[0];
    EXPECT_TRUE(connections.end(seen));
    EXPECT_FALSE(connections.end(seen));
    EXPECT_TRUE(all().empty());
    tracker.age_all();
    tracker.pass(packet);
    ASSERT_EQ(all().size(), 1U);
    EXPECT_FALSE(connections.end(seen)) << "the same tuple, but another connection";
    EXPECT_NE(all()[0].id, seen.id);
}

TEST_F(FlowConnections, FindsByEitherTuple) {
    tracker.pass(ip4({1, 2, 40001, 53}, 17, udp({1, 2, 40001, 53})));
    tracker.pass(ip6({1, 2, 40001, 53}, 17, udp({1, 2, 40001, 53})));
    tracker.pass(ip4({1, 2}, 1, icmp(8, 0, 77 << 16)));
    for (auto wanted : all()) {
        const auto id = wanted.id;
        ASSERT_TRUE(connections.find(wanted));
        EXPECT_EQ(connections.find(wanted)->id, id);
        std::swap(wanted.original, wanted.reply);
        ASSERT_TRUE(connections.find(wanted));
        EXPECT_EQ(connections.find(wanted)->id, id);
        wanted.zone = 3;
        EXPECT_FALSE(connections.find(wanted));
    }
}

TEST_F(FlowConnections, Statistics) {
    const auto packet = [](std::uint16_t port) { return ip4({1, 2, port, 53}, 17, udp({1, 2, port, 53})); };
    tracker.see(ip4({1, 2}, 1, icmp(0, 0, 5 << 16)));  // an answer to nothing
    const auto quick = tracker.see(packet(1)), slow = tracker.see(packet(1));
    FlowRef other = 0;
    EXPECT_EQ(tracker.confirm(quick.ref, tracker.moment()), Confirmed::done);
    EXPECT_EQ(tracker.confirm(slow.ref, tracker.moment(), &other), Confirmed::clash);
    tracker.discard(slow.ref, tracker.moment());
    tracker.config.max = 1;
    tracker.pass(packet(2));
    const auto all = connections.statistics();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].cpu, 4U);
    EXPECT_EQ(all[0].invalid, 1U);
    EXPECT_EQ(all[0].insert_failed, 1U);
    EXPECT_EQ(all[0].clash_resolve, 1U);
    EXPECT_EQ(all[0].early_drop + all[0].drop, 1U) << "the first made room, or this one was dropped";
}

/// As ctnetlink told `conntrack -E` of the same packets on Linux 6.18.
TEST_F(FlowConnections, Events) {
    std::vector<std::string> said;
    const auto take = [&] {
        const auto lost = connections.take_events([&](const conntrack::Happened& one) {
            said.push_back(print(one.event, one.entry, {}, one.mark_changed));
        });
        EXPECT_EQ(lost, 0U);
        return std::exchange(said, {});
    };
    using Lines = std::vector<std::string>;
    const Ends web{1, 2, 40000, 80};
    const std::string to = "src=10.0.0.1 dst=10.0.0.2 sport=40000 dport=80 ",
                      from = "src=10.0.0.2 dst=10.0.0.1 sport=80 dport=40000";
    tracker.pass(ip4({1, 2, 1, 53}, 17, udp({1, 2, 1, 53})));
    EXPECT_EQ(take(), Lines{}) << "nobody listens";
    connections.want_events(true);
    tracker.pass(ip4(web, 6, tcp(web, SYN, 1000)));
    tracker.pass(ip4(web.back(), 6, tcp(web.back(), SYN | ACK, 5000, 1001)));
    const auto t = tracker.pass(ip4(web, 6, tcp(web, ACK, 1001, 5001)));
    tracker.pass(ip4(web, 6, tcp(web, ACK, 1001, 5001)));
    EXPECT_EQ(take(), (Lines{"    [NEW] tcp      6 120 SYN_SENT " + to + "[UNREPLIED] " + from,
                             " [UPDATE] tcp      6 60 SYN_RECV " + to + from,
                             " [UPDATE] tcp      6 432000 ESTABLISHED " + to + from + " [ASSURED]"}));
    tracker.set_mark(t.ref, 9, tracker.moment());
    tracker.set_mark(t.ref, 9, tracker.moment());
    EXPECT_EQ(take(), Lines{" [UPDATE] tcp      6 432000 ESTABLISHED " + to + from + " [ASSURED] mark=9"});
    tracker.set_mark(t.ref, 0, tracker.moment());
    EXPECT_EQ(take(), Lines{" [UPDATE] tcp      6 432000 ESTABLISHED " + to + from + " [ASSURED] mark=0"});
    connections.end(all()[1]);
    EXPECT_EQ(take(), Lines{}) << "its owner tells";
    tracker.age_all();
    EXPECT_EQ(take(), Lines{"[DESTROY] tcp      6 432000 ESTABLISHED " + to + from + " [ASSURED]"});
    tracker.wait(31);
    tracker.age_all();
    EXPECT_EQ(take(), Lines{"[DESTROY] udp      17 src=10.0.0.1 dst=10.0.0.2 sport=1 dport=53 [UNREPLIED] "
                            "src=10.0.0.2 dst=10.0.0.1 sport=53 dport=1"});
    connections.want_events(false);
    tracker.pass(ip4({1, 2, 1, 53}, 17, udp({1, 2, 1, 53})));
    EXPECT_EQ(take(), Lines{});
}

/// As ctnetlink told `conntrack -E expect` on Linux 6.18.
TEST_F(FlowConnections, EventsOfExpectations) {
    std::vector<std::string> said;
    const auto take = [&] {
        EXPECT_EQ(connections.take_expectation_events(
                      [&](conntrack::Event event, const conntrack::Expectation& one) {
                          said.push_back(print(event, one));
                      }),
                  0U);
        return std::exchange(said, {});
    };
    using Lines = std::vector<std::string>;
    const Ends control{1, 2, 4000, 21};
    const auto master = tracker.see(ip4(control, 6, tcp(control, SYN, 1)));
    tracker.assign_helper(master.ref, FlowHelper::ftp);
    ASSERT_EQ(tracker.confirm(master.ref, tracker.moment()), Confirmed::done);
    const auto expect = [&](std::uint16_t port) {
        Expectation what{};
        what.source = to_address(be32{0x0a000002});
        what.source_mask.bytes.fill(0xff);
        what.destination = to_address(be32{0x0a000001});
        what.destination_port = be16{port};
        what.protocol = ip_protocol::tcp;
        EXPECT_EQ(tracker.expect(master.ref, what, tracker.moment()), Expected::added);
    };
    const auto line = [](const std::string& event, unsigned seconds, unsigned port) {
        return event + " " + std::to_string(seconds) +
               " proto=6 src=10.0.0.2 dst=10.0.0.1 sport=0 dport=" + std::to_string(port) +
               " mask-src=255.255.255.255 mask-dst=255.255.255.255 sport=0 dport=65535 master-src=10.0.0.1 "
               "master-dst=10.0.0.2 sport=4000 dport=21 class=0 helper=ftp";
    };
    expect(5000);
    EXPECT_EQ(take(), Lines{}) << "nobody listens";
    connections.want_expectation_events(true);
    tracker.wait(1);
    expect(5001);
    EXPECT_EQ(take(), (Lines{line("[DESTROY]", 299, 5000), line("    [NEW]", 300, 5001)}));
    EXPECT_TRUE(connections.forget(connections.expectations()[0]));
    EXPECT_TRUE(connections.expectations().empty());
    EXPECT_EQ(take(), Lines{line("[DESTROY]", 300, 5001)});
    expect(5002);
    tracker.flush();
    EXPECT_EQ(take(), (Lines{line("    [NEW]", 300, 5002), line("[DESTROY]", 300, 5002)}))
        << "with its master";
    connections.want_expectation_events(false);
    EXPECT_EQ(take(), Lines{});
}

// nf_ct_ecache_ext_add, __nf_conntrack_eventmask_report: what a rule's --ctevents leave.
TEST_F(FlowConnections, OnlySelectedEventsAreTold) {
    const Ends web{1, 2, 40000, 80};
    const auto told = [&](std::uint16_t events) {
        connections.want_events(true);
        const auto begun = tracker.see(ip4(web, 6, tcp(web, SYN, 1000)));
        tracker.select_events(begun.ref, {events, 0});
        EXPECT_EQ(tracker.confirm(begun.ref, tracker.moment()), Confirmed::done);
        tracker.pass(ip4(web.back(), 6, tcp(web.back(), SYN | ACK, 5000, 1001)));
        const auto t = tracker.pass(ip4(web, 6, tcp(web, ACK, 1001, 5001)));
        tracker.set_mark(t.ref, 9, tracker.moment());
        connections.end(all()[0]);
        tracker.age_all();
        std::string said;
        static_cast<void>(connections.take_events([&](const conntrack::Happened& one) {
            said += one.mark_changed                           ? 'm'
                    : one.event == conntrack::Event::created   ? 'n'
                    : one.event == conntrack::Event::destroyed ? 'd'
                                                               : 'u';
        }));
        connections.want_events(false);
        return said;
    };
    EXPECT_EQ(told(0xffff), "nuumd");
    EXPECT_EQ(told(ToldEvents::created), "n");
    EXPECT_EQ(told(ToldEvents::destroyed), "d");
    EXPECT_EQ(told(ToldEvents::reply), "u") << "the answer";
    EXPECT_EQ(told(ToldEvents::assured), "u") << "the end of the handshake";
    EXPECT_EQ(told(ToldEvents::protocol), "nuu") << "the state of TCP is news at the beginning, too";
    EXPECT_EQ(told(ToldEvents::mark), "m");
    EXPECT_EQ(told(ToldEvents::related | ToldEvents::helper), "");
    EXPECT_EQ(told(0), "") << "only --expevents were given";
}

TEST_F(FlowConnections, AMarkBeforeConfirmationIsPartOfTheBeginning) {
    connections.want_events(true);
    const auto t = tracker.see(ip4({1, 2, 1, 53}, 17, udp({1, 2, 1, 53})));
    tracker.set_mark(t.ref, 9, tracker.moment());
    ASSERT_EQ(tracker.confirm(t.ref, tracker.moment()), Confirmed::done);
    int told = 0;
    static_cast<void>(connections.take_events([&](const conntrack::Happened& one) {
        ++told;
        EXPECT_EQ(one.event, conntrack::Event::created);
        EXPECT_EQ(one.entry.mark, 9U);
    }));
    EXPECT_EQ(told, 1);
}

TEST(FlowEvents, WhatControlDoesNotTakeIsLostAndCounted) {
    FlowEvents events;
    events.listen(true);
    FlowEvent event{};
    for (std::uint32_t i = 0; i < FlowEvents::capacity + 5; ++i) {
        event.view.ref = i;
        events.push(event);
    }
    EXPECT_EQ(events.lost(), 5U);
    std::uint32_t next = 0;
    events.take([&](const FlowEvent& taken) { EXPECT_EQ(taken.view.ref, next++); });
    EXPECT_EQ(next, FlowEvents::capacity) << "the oldest are kept, in order";
    events.push(event);
    events.take([&](const FlowEvent&) { ++next; });
    EXPECT_EQ(next, FlowEvents::capacity + 1);
}

TEST(FlowConnectionsOfNoTracker, AreNone) {
    TrackedConnections none{[] { return nullptr; }, {1, 2}};
    EXPECT_EQ(none.totals().count, 0U);
    EXPECT_EQ(none.walk(0, 100, [](const conntrack::Entry&) { FAIL(); }), 0U);
    EXPECT_FALSE(none.find({}));
    EXPECT_FALSE(none.end({}));
    none.want_events(true);
    EXPECT_EQ(none.take_events([](const conntrack::Happened&) { FAIL(); }), 0U);
    EXPECT_EQ(none.statistics().size(), 2U);
    none.want_expectation_events(true);
    EXPECT_EQ(none.take_expectation_events([](conntrack::Event, const conntrack::Expectation&) { FAIL(); }),
              0U);
    none.forget_expectations();
    EXPECT_FALSE(none.forget({}));
}

}  // namespace
}  // namespace weft
