// `explain` through the rules: what they would do, and that nothing is another than before.
#include <gtest/gtest.h>

#include "control/publish/trace_text.hpp"
#include "dataplane/observe/rehearsal.hpp"
#include "tests/packet/firewall.hpp"

namespace weft::test {
namespace {

using Texts = std::vector<std::string>;

struct ExplainRules : testing::TestWithParam<RigOptions> {
    Firewall firewall{GetParam()};
    Router& router = firewall.router;
    Rig& rig = firewall.rig;

    std::uint64_t now_us = 0;

    /// The steps of netfilter, and how the packet ends.
    Texts explained(const char* on, const Bytes& frame) {
        rte_mbuf* m = rte_pktmbuf_alloc(rig.shared().pool);
        std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(frame.size())), frame.data(),
                    frame.size());
        Packet::from(m)->meta = {};
        const auto trace = rehearse(*Packet::from(m), rig.index(on),
                                    {.topology = rig.shared().topology.get(),
                                     .routing = rig.shared().routing.get(),
                                     .hops = rig.shared().hops,
                                     .fdb = rig.shared().fdb,
                                     .pool = rig.shared().pool,
                                     .now_us = now_us,
                                     .kernel = true,
                                     .filtering = &rig.shared().filtering.get()});
        const RuleBook book = firewall.book();
        const auto packets = tell(*trace, rig.names(), {}, [&](std::uint32_t) { return &book; });
        Texts all;
        for (const auto& step : packets.at(0).steps)
            if (step.stage[0] < 'a' || step.stage == "sent" || step.stage == "dropped" ||
                step.stage == "punt")
                all.push_back(step.stage + " " + step.what);
        return all;
    }
    Texts from_a(const Ip& ip) { return explained("a", router.from_a(ip)); }
    Texts from_b(const Ip& ip) { return explained("b", router.from_b(ip)); }

    /// Of all connections: what a packet of theirs, or their age, would change.
    std::vector<std::string> connections() {
        std::vector<std::string> all;
        FlowTracker& tracker = firewall.tracker();
        static_cast<void>(tracker.walk(0, 4096, 0, [&](const FlowView& flow) {
            const FlowEntry& entry = tracker.table().pool()[flow.ref >> 1];
            all.emplace_back(reinterpret_cast<const char*>(&entry), sizeof entry);
        }));
        return all;
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, ExplainRules,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

Ip udp4() {
    return Ip("10.0.1.2", "10.0.2.2").payload(20).udp(1000, 53);
}
Ip udp6() {
    return Ip("2001:db8:1::2", "2001:db8:2::2").payload(20).udp(1000, 53);
}
const std::string to_lan =
    "*filter\n:FORWARD DROP [0:0]\n:LAN - [0:0]\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT\n"
    "-A FORWARD -i a -j LAN\n-A LAN -p tcp -m tcp --dport 22 -j REJECT --reject-with tcp-reset\n"
    "-A LAN -p udp -m udp --dport 53 -j ACCEPT\nCOMMIT\n";

TEST_P(ExplainRules, RulesOfForwardInBothFamilies) {
    firewall.rules(to_lan, to_lan);
    for (const Ip& ip : {udp4(), udp6()}) {
        const auto steps = from_a(ip);
        ASSERT_EQ(steps.size(), 4u);
        EXPECT_EQ(steps[0], "PREROUTING conntrack: NEW");
        EXPECT_EQ(steps[1], "FORWARD filter:FORWARD:rule:2 -A FORWARD -i a -j LAN");
        EXPECT_EQ(steps[2], "FORWARD filter:LAN:rule:2 -A LAN -p udp -m udp --dport 53 -j ACCEPT");
        EXPECT_TRUE(steps[3].ends_with(" bytes by b, untagged")) << steps[3];
    }
    const auto denied = from_a(Ip("10.0.1.2", "10.0.2.2").payload(20).udp(1000, 54));
    ASSERT_EQ(denied.size(), 5u);
    EXPECT_EQ(denied[2], "FORWARD filter:LAN:return:3");
    EXPECT_EQ(denied[3], "FORWARD filter:FORWARD:policy:3 -P FORWARD DROP");
    EXPECT_TRUE(denied[4].starts_with("dropped hook/dropped at a: ")) << denied[4];
    EXPECT_TRUE(rig.all_sent().empty());
}

TEST_P(ExplainRules, RejectEndsItAndAnswersNobody) {
    firewall.rules("*filter\n-A FORWARD -j REJECT\nCOMMIT\n", "*filter\n-A FORWARD -j REJECT\nCOMMIT\n");
    auto steps = from_a(udp4());
    ASSERT_EQ(steps.size(), 3u);
    EXPECT_EQ(steps[1],
              "FORWARD filter:FORWARD:rule:1 -A FORWARD -j REJECT --reject-with icmp-port-unreachable");
    EXPECT_TRUE(steps[2].starts_with("dropped hook/rejected at a: ")) << steps[2];
    steps = from_a(udp6());
    ASSERT_EQ(steps.size(), 3u);
    EXPECT_EQ(steps[1],
              "FORWARD filter:FORWARD:rule:1 -A FORWARD -j REJECT --reject-with icmp6-port-unreachable");
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::hook_rejected), 0u);
}

TEST_P(ExplainRules, ForTheHost) {
    firewall.rules("*filter\n-A INPUT -p udp -j DROP\nCOMMIT\n", "");
    const auto steps = from_a(Ip("10.0.1.2", "10.0.1.1").payload(20).udp(1000, 53));
    ASSERT_EQ(steps.size(), 3u);
    EXPECT_EQ(steps[1], "INPUT filter:INPUT:rule:1 -A INPUT -p udp -j DROP");
    EXPECT_TRUE(steps[2].starts_with("dropped hook/dropped at a: ")) << steps[2];
}

// Neither is a connection begun by asking, nor does one that is there notice.
TEST_P(ExplainRules, ConnectionsAreAskedAndStayAsTheyAre) {
    firewall.rules(to_lan, to_lan);
    static_cast<void>(from_a(udp4()));
    EXPECT_EQ(firewall.tracker().count(), 0u);
    rig.send("a", router.from_a(udp4()));
    EXPECT_EQ(rig.sent("b").size(), 1u);
    const auto before = connections();
    ASSERT_EQ(before.size(), 1u);
    const auto counted = firewall.counts(false, "FORWARD"), in_lan = firewall.counts(false, "LAN");
    auto steps = from_b(Ip("10.0.2.2", "10.0.1.2").payload(20).udp(53, 1000));
    ASSERT_EQ(steps.size(), 3u);
    EXPECT_EQ(steps[0], "PREROUTING conntrack: ESTABLISHED, in reply direction");
    EXPECT_EQ(steps[1],
              "FORWARD filter:FORWARD:rule:1 -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT");
    EXPECT_EQ(connections(), before) << "it has seen no reply";
    steps = from_a(udp4());
    EXPECT_EQ(steps[0], "PREROUTING conntrack: NEW") << "of a connection without a reply";
    EXPECT_EQ(firewall.tracker().count(), 1u);
    EXPECT_EQ(firewall.counts(false, "FORWARD"), counted);
    EXPECT_EQ(firewall.counts(false, "LAN"), in_lan);
}

TEST_P(ExplainRules, StatesThatAreNoConnections) {
    firewall.rules(
        "*raw\n-A PREROUTING -p udp -j CT --notrack\nCOMMIT\n*filter\n-A FORWARD -m state --state "
        "NEW\nCOMMIT\n",
        "");
    auto steps = from_a(udp4());
    ASSERT_GE(steps.size(), 3u);
    EXPECT_EQ(steps[0], "PREROUTING raw:PREROUTING:rule:1 -A PREROUTING -p udp -j CT --notrack");
    EXPECT_EQ(steps[2], "PREROUTING conntrack: UNTRACKED");
    Bytes reset{3, 232, 0, 80, 0, 0, 0, 77, 0, 0, 0, 0, 0x50, 0x04, 0, 1, 0, 0, 0, 0};
    steps = from_a(Ip("10.0.1.2", "10.0.2.2").payload(reset).protocol(6).summed());
    EXPECT_EQ(steps.at(1), "PREROUTING conntrack: INVALID");
}

TEST_P(ExplainRules, WhatTranslationWouldDo) {
    firewall.rules(
        "*nat\n-A PREROUTING -i a -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.2.2:5353\n"
        "-A POSTROUTING -o b -j SNAT --to-source 10.0.2.1\nCOMMIT\n",
        "*nat\n-A POSTROUTING -o b -j SNAT --to-source 2001:db8:2::1\nCOMMIT\n");
    auto steps = from_a(Ip("10.0.1.2", "10.9.9.9").payload(20).udp(1000, 53));
    ASSERT_EQ(steps.size(), 6u);
    EXPECT_EQ(steps[1],
              "PREROUTING nat:PREROUTING:rule:1 -A PREROUTING -i a -p udp -m udp --dport 53 -j DNAT "
              "--to-destination 10.0.2.2:5353");
    EXPECT_EQ(steps[2], "PREROUTING nat: destination becomes 10.0.2.2:5353");
    EXPECT_EQ(steps[3],
              "POSTROUTING nat:POSTROUTING:rule:1 -A POSTROUTING -o b -j SNAT --to-source 10.0.2.1");
    EXPECT_EQ(steps[4], "POSTROUTING nat: source becomes 10.0.2.1:1000");
    steps = from_a(udp6());
    EXPECT_EQ(steps.at(3), "POSTROUTING nat: source becomes [2001:db8:2::1]:1000");
    EXPECT_EQ(firewall.tracker().count(), 0u);
}

// get_unique_tuple: the port that another connection has is drawn from the kernel's own range.
TEST_P(ExplainRules, APortThatWouldBeDrawnIsNotReserved) {
    firewall.rules("*nat\n-A POSTROUTING -o b -j SNAT --to-source 10.0.2.1\nCOMMIT\n", "");
    rig.send("a", router.from_a(Ip("10.0.1.3", "10.0.2.2").payload(20).udp(2000, 53)));
    EXPECT_EQ(rig.sent("b").size(), 1u);
    const auto before = connections();
    ASSERT_EQ(before.size(), 1u);
    const auto steps = from_a(Ip("10.0.1.2", "10.0.2.2").payload(20).udp(2000, 53));
    ASSERT_EQ(steps.size(), 5u);
    EXPECT_EQ(steps[3], "POSTROUTING nat: source becomes 10.0.2.1, its port drawn from 1024-65535");
    EXPECT_EQ(connections(), before);
    // and an answer to the one that is there
    const auto answer = from_b(Ip("10.0.2.2", "10.0.2.1").payload(20).udp(53, 2000));
    EXPECT_EQ(answer.at(0), "PREROUTING conntrack: ESTABLISHED, in reply direction");
    EXPECT_EQ(answer.at(1), "PREROUTING nat: destination becomes 10.0.1.3:2000");
    EXPECT_EQ(connections(), before);
}

// xt_limit.c, xt_recent.c: what they remember is what packets have left there.
TEST_P(ExplainRules, LimitsAndListsStayAsTheyAre) {
    firewall.rules(
        "*filter\n:FORWARD DROP [0:0]\n"
        "-A FORWARD -m limit --limit 1/hour --limit-burst 1 -j ACCEPT\n"
        "-A FORWARD -m recent --rcheck --name seen --rsource -j ACCEPT\n"
        "-A FORWARD -m recent --set --name seen --rsource\nCOMMIT\n",
        "");
    const std::string by_limit =
        "FORWARD filter:FORWARD:rule:1 -A FORWARD -m limit --limit 1/hour --limit-burst 1 -j ACCEPT";
    for (unsigned i = 0; i < 3; ++i)
        EXPECT_EQ(from_a(udp4()).at(1), by_limit) << i;
    rig.send("a", router.from_a(udp4()));
    EXPECT_EQ(rig.sent("b").size(), 1u) << "the limit was whole";
    for (unsigned i = 0; i < 3; ++i) {
        const auto steps = from_a(udp4());
        EXPECT_TRUE(steps.at(1).starts_with("FORWARD filter:FORWARD:rule:3 ")) << steps.at(1);
        EXPECT_EQ(steps.at(2), "FORWARD filter:FORWARD:policy:4 -P FORWARD DROP");
    }
    rig.send("a", router.from_a(udp4()));
    EXPECT_EQ(rig.drops(DropReason::hook_dropped), 1u) << "nobody was on the list";
    EXPECT_TRUE(from_a(udp4()).at(1).starts_with("FORWARD filter:FORWARD:rule:2 ")) << "now it is";
    EXPECT_EQ(firewall.counts(false, "FORWARD"), (std::vector<std::uint64_t>{1, 0, 1, 1}));
}

// By the time that workers have, not by its seconds.
TEST_P(ExplainRules, LimitsOfLessThanASecond) {
    const std::string few =
        "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m limit --limit 20/sec --limit-burst 1 -j "
        "ACCEPT\nCOMMIT\n";
    firewall.rules(few, few);
    now_us = 1'000'000'000;  // as the rig begins
    rig.send("a", router.from_a(udp4()));
    ASSERT_EQ(rig.sent("b").size(), 1u);
    EXPECT_EQ(from_a(udp4()).back().substr(0, 7), "dropped");
    now_us += 60'000;
    EXPECT_EQ(from_a(udp4()).back().substr(0, 4), "sent");
}

}  // namespace
}  // namespace weft::test
