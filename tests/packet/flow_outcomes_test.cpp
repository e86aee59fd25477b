// `show flows`: what workers keep for a flow's next packets, or why they keep nothing.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "control/hook/program.hpp"
#include "control/publish/flow_outcomes.hpp"
#include "tests/packet/router.hpp"

namespace weft::test {
namespace {

class FlowOutcomesTest : public testing::TestWithParam<RigOptions> {
  protected:
    Router router{GetParam()};
    Rig& rig = router.rig;
    PublishedRules published{rig.shared(),
                             [](std::string_view) { return std::shared_ptr<const hook::AddressSet>(); }};
    FlowOutcomes outcomes{rig.shared(), published, [this] { return rig.names(); },
                          [] { return FlowTime{1'000'000}; }};

    void rules(const std::string& text, const std::string& more = {}) {
        FilteringInput input{
            .rules = {}, .interfaces = {{"a", rig.index("a")}, {"b", rig.index("b")}}, .flows = {}};
        const std::vector<std::string> words = {"iptables-restore"};
        const auto outcome = hook::run_restore(input.rules.edit(hook::Family::ip), {}, words,
                                               more + "*filter\n:FORWARD ACCEPT\n" + text + "COMMIT\n");
        ASSERT_EQ(outcome.status, 0) << outcome.errors;
        rig.while_offline([&] { published.publish(input); });
    }
    /// One of `from` (a or b); what comes out is of no interest.
    void send(bool from_a, Ip ip) {
        rig.send(from_a ? "a" : "b", from_a ? router.from_a(ip) : router.from_b(ip));
        static_cast<void>(rig.all_sent());
    }
    void udp(bool from_a) {
        const Ip ip = from_a ? Ip("10.0.1.2", "10.0.2.2") : Ip("10.0.2.2", "10.0.1.2");
        send(from_a, Ip(ip).payload(20).udp(from_a ? 1000 : 53, from_a ? 53 : 1000));
    }
    /// The workers, who are the test's own thread else, answer from another.
    std::vector<conntrack::Flow> all() {
        for (auto& worker : rig.shared().workers)
            worker->runs = true;
        std::atomic<bool> done{false};
        std::thread workers([&] {
            while (!done)
                rig.run();
        });
        std::vector<conntrack::Flow> flows;
        std::uint32_t cursor = 0;
        do
            cursor = outcomes.walk(
                cursor, 4096, [](const conntrack::Entry&) { return true; },
                [&](const conntrack::Flow& flow) { flows.push_back(flow); });
        while (cursor != 0);
        done = true;
        workers.join();
        for (auto& worker : rig.shared().workers)
            worker->runs = false;
        return flows;
    }
    conntrack::Flow one() {
        const auto flows = all();
        EXPECT_EQ(flows.size(), 1u);
        return flows.empty() ? conntrack::Flow{} : flows.front();
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, FlowOutcomesTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

using Places = std::vector<hook::RulePlace>;
using hook::TableId;

TEST_P(FlowOutcomesTest, TellsWhereAFlowGoesByWhichRules) {
    rules("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n-A FORWARD -i a -p udp\n",
          "*mangle\n-A PREROUTING -p udp --dport 53 -j MARK --set-mark 3\nCOMMIT\n");
    EXPECT_EQ(all().size(), 0u);
    udp(true);
    auto flow = one();
    EXPECT_TRUE(flow.known);
    EXPECT_EQ(flow.worker, 0u);
    EXPECT_EQ(flow.entry.original.destination_port, 53);
    const auto& there = flow.original;
    EXPECT_TRUE(there.kept);
    EXPECT_EQ(there.slow, "");
    EXPECT_EQ(there.hindrance, "");
    EXPECT_EQ(there.in + " " + there.out + " " + there.gateway, "a b 10.0.2.2");
    EXPECT_EQ(there.gateway_mac, parse_mac(host_b));
    EXPECT_EQ(there.mark, 3u);
    EXPECT_FALSE(there.answered);
    EXPECT_EQ(there.rules, (Places{{TableId::mangle, "PREROUTING", 1},
                                   {TableId::mangle, "PREROUTING", 0},
                                   {TableId::mangle, "FORWARD", 0},
                                   {TableId::filter, "FORWARD", 2},
                                   {TableId::filter, "FORWARD", 0},
                                   {TableId::mangle, "POSTROUTING", 0}}));
    EXPECT_EQ(there.more_rules, 0u);
    EXPECT_FALSE(flow.reply.kept);
    EXPECT_EQ(flow.reply.slow, "no packet of it has come yet");

    udp(false);
    flow = one();
    EXPECT_EQ(flow.original.hindrance, "the connection has been answered since");
    EXPECT_TRUE(flow.reply.kept);
    EXPECT_TRUE(flow.reply.answered);
    EXPECT_EQ(flow.reply.in + " " + flow.reply.out + " " + flow.reply.gateway, "b a 10.0.1.2");
    EXPECT_EQ(flow.reply.mark, 0u);
    EXPECT_EQ(flow.reply.rules[2], (hook::RulePlace{TableId::filter, "FORWARD", 1}));

    udp(true);
    EXPECT_EQ(one().original.hindrance, "");
    rules("-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n");
    EXPECT_FALSE(one().original.kept);
    EXPECT_EQ(one().original.slow, "the rules are others since");
    udp(true);
    EXPECT_EQ(one().original.rules, (Places{{TableId::filter, "FORWARD", 1}}));
}

TEST_P(FlowOutcomesTest, TellsOnWhatAnOutcomeRests) {
    rules(std::string("-A FORWARD -p udp -m mac --mac-source ") + host_a +
          " -m connmark ! --mark 5 -j ACCEPT\n-A FORWARD -m addrtype --src-type LOCAL -j DROP\n"
          "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n");
    udp(true);
    auto there = one().original;
    EXPECT_EQ(there.source_mac, parse_mac(host_a));
    EXPECT_EQ(there.connection_mark, 0u);
    EXPECT_FALSE(there.routes) << "no rule before has asked";
    auto& tracker = *rig.shared().filtering.get().tracker;
    static_cast<void>(
        tracker.walk(0, 4096, 1'000'000, [&](const FlowView& flow) { tracker.mark(flow.ref) = 5; }));
    EXPECT_EQ(one().original.hindrance, "the connection has another mark now");
    udp(true);
    EXPECT_EQ(one().original.hindrance, "");
    EXPECT_TRUE(one().original.routes);
    router.route("198.51.100.0/24", router.hop({.interface = "b", .gateway = "10.0.2.2", .mac = host_b}));
    rig.run();
    EXPECT_EQ(one().original.gateway, "") << "the address may be of another type";
    udp(true);
    EXPECT_EQ(one().original.gateway, "10.0.2.2");
    rig.shared().hops.raise_generation();
    EXPECT_EQ(one().original.gateway, "") << "it will be looked up";
    udp(true);
    EXPECT_EQ(one().original.gateway, "10.0.2.2");
}

TEST_P(FlowOutcomesTest, RoutesFarAwayMayChange) {
    rules("-A FORWARD -m conntrack --ctstate NEW\n");
    udp(true);
    const auto other = [&] { return router.hop({.interface = "b", .gateway = "10.0.2.2", .mac = host_b}); };
    for (const char* far : {"198.51.100.0/24", "10.16.0.0/12", "64.0.0.0/2", "2001:db8:5::/48"}) {
        router.route(far, other());
        EXPECT_EQ(one().original.gateway, "10.0.2.2") << far;
    }
    for (const char* near : {"10.0.2.128/25", "10.0.0.0/12", "8.0.0.0/5", "0.0.0.0/0"}) {
        router.route(near, other());
        EXPECT_EQ(one().original.gateway, "") << near << ": it will be looked up";
        udp(true);
        EXPECT_EQ(one().original.gateway, "10.0.2.2");
    }
    router.interface("a").rp_filter = 1;
    router.publish();
    udp(true);
    udp(true);
    EXPECT_EQ(one().original.gateway, "10.0.2.2");
    router.route("10.0.1.128/25", other());
    EXPECT_EQ(one().original.gateway, "") << "the way back";
    // It is asked about, too, where some network is the router's own.
    router.interface("a").rp_filter = 0;
    router.routing().local_networks4 = true;
    router.publish();
    udp(true);
    udp(true);
    EXPECT_EQ(one().original.gateway, "10.0.2.2");
    router.route("10.0.1.128/26", other());
    EXPECT_EQ(one().original.gateway, "") << "the way back";
}

TEST_P(FlowOutcomesTest, ANeighbourThatIsForgottenHinders) {
    rules("-A FORWARD -m conntrack --ctstate NEW\n");
    const HopIndex hop = router.hop({.interface = "b", .gateway = "10.0.2.2", .mac = host_b});
    router.route("10.0.2.2/32", hop);
    router.publish();
    udp(true);
    EXPECT_EQ(one().original.hindrance, "");
    rig.shared().hops[hop].neighbour = Hop::pack({}, NeighbourState::unknown);
    EXPECT_EQ(one().original.hindrance, "the next hop's MAC address is not known");
    EXPECT_FALSE(one().original.gateway_mac.has_value());
}

struct Case {
    const char* rule;
    const char* slow;
};
TEST_P(FlowOutcomesTest, TellsWhyRulesLeaveNone) {
    for (const auto& [rule, slow] :
         {Case{"-m length --length 0:9000", "a rule asks for its length"},
          Case{"-m conntrack --ctexpire 0:9000", "a rule asks when the connection expires"},
          Case{"-m limit --limit 100/s", "a rule has a limit"},
          Case{"-m recent --set", "a rule asks or fills a recent list"}, Case{"-j LOG", "a rule logs it"},
          Case{"-m conntrack ! --ctstatus ASSURED",
               "a rule asks for a status that the connection may get yet"},
          Case{"-j CONNMARK --set-mark 7", "rules give the connection another mark"}}) {
        rules(std::string("-A FORWARD -m conntrack --ctstate NEW\n-A FORWARD ") + rule + "\n");
        rig.shared().filtering.get().tracker->flush();
        rig.run();
        udp(true);
        EXPECT_FALSE(one().original.kept) << rule;
        EXPECT_EQ(one().original.slow, slow) << rule;
    }
}

TEST_P(FlowOutcomesTest, TellsWhatPacketsLeaveNone) {
    const std::string asks = "-A FORWARD -m conntrack --ctstate NEW\n";
    rules(asks);
    const auto begin = [&] {
        rig.shared().filtering.get().tracker->flush();
        rig.run();
    };
    const Bytes echo{8, 0, 0xf7, 0xff, 0, 0, 0, 0};
    send(true, Ip("10.0.1.2", "10.0.2.2").payload(echo).protocol(1));
    EXPECT_EQ(one().original.slow, "it is neither TCP nor UDP");

    begin();
    Bytes syn{0x10, 0, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0x20, 0, 0, 0, 0, 0};
    send(true, Ip("10.0.1.2", "10.0.2.2").payload(syn).protocol(6).summed());
    EXPECT_EQ(one().original.slow, "TCP begins or ends");

    begin();
    send(true, Ip("10.0.1.2", "10.0.1.1").payload(20).udp(1000, 53));
    EXPECT_EQ(one().original.slow, "it goes to the host");

    begin();
    udp(true);
    rules(asks + "-A FORWARD -j DROP\n");
    udp(true);
    EXPECT_EQ(one().original.slow, "it was dropped");

    rules(asks, "*raw\n-A PREROUTING -j CT --zone 3\nCOMMIT\n");
    begin();
    udp(true);
    EXPECT_EQ(one().original.slow, "its connection is in a zone");
}

// A flow that ended meanwhile, or whose worker does not run, is told of as far as it is known.
TEST_P(FlowOutcomesTest, WhatNoWorkerAnswersIsUnknown) {
    rules("-A FORWARD -m conntrack --ctstate NEW\n");
    udp(true);
    unsigned seen = 0;
    static_cast<void>(outcomes.walk(
        0, 4096, [](const conntrack::Entry&) { return true; },
        [&](const conntrack::Flow& flow) {
            ++seen;
            EXPECT_FALSE(flow.known);
            EXPECT_EQ(flow.entry.original.destination_port, 53);
        }));
    EXPECT_EQ(seen, 1u);
}

// However long the way through the rules, an answer has its bounds.
TEST_P(FlowOutcomesTest, ALongPathIsCutShort) {
    std::string many;
    for (int i = 0; i < 100; ++i)
        many += "-A FORWARD -p udp\n";
    rules("-A FORWARD -m conntrack --ctstate NEW\n" + many);
    udp(true);
    const auto there = one().original;
    EXPECT_EQ(there.rules.size(), FlowQuestion::most_rules);
    EXPECT_EQ(there.more_rules, 102u - FlowQuestion::most_rules);
    EXPECT_EQ(there.rules.back(), (hook::RulePlace{TableId::filter, "FORWARD", 64}));
}

}  // namespace
}  // namespace weft::test
