// TRACE: the lines of net/ipv4/netfilter/ip_tables.c, trace_packet, and what `trace show` tells of the
// packet. The words and numbers of LinesAreTheKernels are those that Linux 6.18 printed for the same tables.
#include <gtest/gtest.h>

#include "control/publish/hook_log.hpp"
#include "control/publish/lookout.hpp"
#include "control/publish/trace_text.hpp"
#include "dataplane/observe/observer.hpp"
#include "tests/packet/firewall.hpp"

namespace weft::test {
namespace {

using Texts = std::vector<std::string>;

struct HookTrace : testing::TestWithParam<RigOptions> {
    Firewall firewall{GetParam()};
    Router& router = firewall.router;
    Rig& rig = firewall.rig;
    HookLogWriter writer;

    Texts lines() {
        Texts all;
        writer.write(
            rig.shared(), rig.names(), [](bool, std::uint32_t) { return std::string(); }, 0,
            [&](unsigned level, const std::string& line) {
                EXPECT_EQ(level, 4u);
                all.push_back(line);
            });
        return all;
    }
    /// "raw:PREROUTING:policy:2" of each line, before the packet.
    Texts places() {
        Texts all;
        for (const auto& line : lines()) {
            const auto end = line.find(" IN=");
            EXPECT_TRUE(line.starts_with("TRACE: ") && end != std::string::npos) << line;
            all.push_back(line.substr(7, end - 7));
        }
        return all;
    }
    std::shared_ptr<Trace> look(std::shared_ptr<Trace> by_interface = nullptr) {
        auto what = std::make_unique<Observation>();
        what->trace = std::move(by_interface);
        auto ruled = what->ruled = std::make_shared<Trace>(no_interface, 4, 70);
        rig.while_offline(
            [&] { rig.shared().observation.replace(std::move(what), rig.shared().quiescence); });
        return ruled;
    }
    std::vector<TracedPacket> told(const Trace& trace) {
        const RuleBook book = firewall.book();
        return tell(trace, rig.names(), {}, [&](std::uint32_t) { return &book; });
    }
    static Texts text(const TracedPacket& packet) {
        Texts all;
        for (const auto& step : packet.steps)
            all.push_back(step.stage + " " + step.what);
        return all;
    }
    static Ip dns(bool v6 = false) {
        return v6 ? Ip("2001:db8:1::2", "2001:db8:2::2").payload(0).udp(1000, 53)
                  : Ip("10.0.1.2", "10.0.2.2").payload(0).udp(1000, 53);
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, HookTrace,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

const std::string raw_udp = "*raw\n-A PREROUTING -p udp -j TRACE\n-A OUTPUT -p udp -j TRACE\nCOMMIT\n";

TEST_P(HookTrace, LinesAreTheKernels) {
    const std::string rules =
        "*raw\n:X - [0:0]\n:Y - [0:0]\n-A PREROUTING -p tcp\n-A PREROUTING -p udp -j X\n-A PREROUTING -j Y\n"
        "-A X -p udp -j TRACE\n-A X -p tcp\nCOMMIT\n"
        "*mangle\n:Z - [0:0]\n-A PREROUTING -j Z\n-A Z -p udp -j MARK --set-mark 7\n-A Z -j RETURN\nCOMMIT\n"
        "*filter\n:W - [0:0]\n-A FORWARD -p tcp\n-A FORWARD -p udp -g W\n-A FORWARD -j DROP\n-A W -p "
        "udp\nCOMMIT\n";
    for (const bool v6 : {false, true}) {
        firewall.rules(rules, rules);
        rig.send("a", router.from_a(dns(v6)));
        // Not the rule by which it came, nor TRACE itself. A goto does not come back to its chain, but to the
        // policy. "-j RETURN" of every packet is a chain's end to the kernel.
        EXPECT_EQ(places(),
                  (Texts{"raw:X:return:3", "raw:PREROUTING:rule:3", "raw:Y:return:1",
                         "raw:PREROUTING:policy:4", "mangle:PREROUTING:rule:1", "mangle:Z:rule:1",
                         "mangle:Z:return:2", "mangle:PREROUTING:policy:2", "mangle:FORWARD:policy:1",
                         "filter:FORWARD:rule:2", "filter:W:rule:1", "filter:W:return:2",
                         "filter:FORWARD:policy:4", "mangle:POSTROUTING:policy:1"}));
        EXPECT_EQ(rig.sent("b").size(), 1u);
    }
}

// nf_log_trace asks for all that NF_LOG_DEFAULT_MASK has: TCP's numbers and options.
TEST_P(HookTrace, ALineHasThePacketAsItIsThere) {
    firewall.rules("*raw\n-A PREROUTING -j TRACE\nCOMMIT\n*filter\n-A FORWARD -j ACCEPT\nCOMMIT\n", "");
    rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.2.2").payload(0).udp(1, 2)));
    const std::string rest =
        "MAC=02:ff:00:00:00:01:02:00:00:00:00:0a:08:00 SRC=10.0.1.2 DST=10.0.2.2 LEN=28 TOS=0x00 PREC=0x00 ";
    EXPECT_EQ(lines(), (Texts{"TRACE: raw:PREROUTING:policy:2 IN=a OUT= " + rest +
                                  "TTL=64 ID=4660 PROTO=UDP SPT=1 DPT=2 LEN=8 ",
                              "TRACE: filter:FORWARD:policy:1 IN=a OUT=b " + rest +
                                  "TTL=63 ID=4660 PROTO=UDP SPT=1 DPT=2 LEN=8 "}));
}

TEST_P(HookTrace, OtherPacketsAreNotTraced) {
    firewall.rules("*raw\n-A PREROUTING -s 10.0.1.2 -p udp --dport 53 -j TRACE\nCOMMIT\n", "");
    rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.2.2").udp(1000, 54)));
    EXPECT_EQ(places(), Texts{});
    rig.send("a", router.from_a(dns()));
    EXPECT_EQ(places(), (Texts{"raw:PREROUTING:policy:2"}));
    firewall.rules("*raw\n-A PREROUTING -p udp\nCOMMIT\n", "");
    rig.send("a", router.from_a(dns()));
    EXPECT_EQ(places(), Texts{});
}

// A known flow is traced with each packet; one beside it is not, and keeps its outcome.
TEST_P(HookTrace, EachPacketOfAKnownFlowIsTraced) {
    firewall.rules(
        "*raw\n-A PREROUTING -p udp --dport 53 -j TRACE\nCOMMIT\n"
        "*filter\n-A FORWARD -m state --state NEW,ESTABLISHED -j ACCEPT\nCOMMIT\n",
        "");
    const Ip other = Ip("10.0.1.2", "10.0.2.2").udp(1000, 54);
    for (unsigned i = 0; i < 4; ++i) {
        rig.send("a", router.from_a(dns()));
        EXPECT_EQ(places(), (Texts{"raw:PREROUTING:policy:2", "filter:FORWARD:rule:1"})) << i;
        rig.send("a", router.from_a(other));
        EXPECT_EQ(places(), Texts{}) << i;
    }
    EXPECT_EQ(rig.sent("b").size(), 8u);
    unsigned traced = 0, kept = 0;
    static_cast<void>(firewall.tracker().walk(0, 64, 0, [&](const FlowView& flow) {
        const SlowWay way = firewall.tracker().table().direction_of(flow.ref).slow;
        (flow.tuple4[0].destination_port.host() == 53 ? traced : kept) +=
            way == (flow.tuple4[0].destination_port.host() == 53 ? SlowWay::trace : SlowWay::kept);
    }));
    EXPECT_EQ(traced, 1u);
    EXPECT_EQ(kept, 1u);
}

// The table nat is asked about a connection's first packet.
TEST_P(HookTrace, NatIsTracedOnce) {
    firewall.rules(
        "*raw\n-A PREROUTING -j TRACE\nCOMMIT\n"
        "*nat\n-A POSTROUTING -p udp -j SNAT --to-source 10.0.2.9\nCOMMIT\n",
        "");
    rig.send("a", router.from_a(dns()));
    EXPECT_EQ(places(),
              (Texts{"raw:PREROUTING:policy:2", "nat:PREROUTING:policy:1", "nat:POSTROUTING:rule:1"}));
    rig.send("a", router.from_a(dns()));
    EXPECT_EQ(places(), (Texts{"raw:PREROUTING:policy:2"}));
}

TEST_P(HookTrace, WhatTheHostSends) {
    firewall.rules(raw_udp + "*filter\n-A OUTPUT -p udp -j DROP\nCOMMIT\n", "");
    const auto ruled = look();
    rig.from_kernel("b", router.to_b(Ip("10.0.2.1", "10.0.2.2").payload(0).udp(1, 2)));
    EXPECT_EQ(places(), (Texts{"raw:OUTPUT:policy:2", "filter:OUTPUT:rule:1"}));
    const auto packets = told(*ruled);
    ASSERT_EQ(packets.size(), 1u);
    EXPECT_EQ(packets[0].ifname, "b");
    const auto steps = text(packets[0]);
    ASSERT_EQ(steps.size(), 5u);
    EXPECT_EQ(steps[0], "host 42 bytes to leave by b");
    EXPECT_EQ(steps[1], "OUTPUT raw:OUTPUT:policy:2 -P OUTPUT ACCEPT");
    EXPECT_EQ(steps[2], "OUTPUT conntrack: NEW");
    EXPECT_EQ(steps[3], "OUTPUT filter:OUTPUT:rule:1 -A OUTPUT -p udp -j DROP");
    EXPECT_TRUE(steps[4].starts_with("dropped hook/dropped at b: ")) << steps[4];
}

TEST_P(HookTrace, TraceShowTellsOfIt) {
    const std::string rules =
        raw_udp + "*filter\n:LAN - [0:0]\n-A FORWARD -i a -j LAN\n-A LAN -p tcp -j DROP\nCOMMIT\n";
    for (const bool v6 : {false, true}) {
        firewall.rules(rules, rules);
        const auto ruled = look();
        rig.send("a", router.from_a(dns(v6)));
        const auto packets = told(*ruled);
        ASSERT_EQ(packets.size(), 1u);
        EXPECT_EQ(packets[0].ifname, "a");
        Texts steps = text(packets[0]);
        std::erase_if(steps, [](const auto& step) { return step.starts_with("ip_"); });
        EXPECT_EQ(
            steps,
            (Texts{"received " + std::string(v6 ? "62" : "42") + " bytes by a",
                   "PREROUTING raw:PREROUTING:policy:2 -P PREROUTING ACCEPT", "PREROUTING conntrack: NEW",
                   "FORWARD filter:FORWARD:rule:1 -A FORWARD -i a -j LAN", "FORWARD filter:LAN:return:2",
                   "FORWARD filter:FORWARD:policy:2 -P FORWARD ACCEPT", "egress waits to be sent by b",
                   "sent " + std::string(v6 ? "62" : "42") + " bytes by b, untagged"}));
        static_cast<void>(lines());
    }
}

// One packet is told of once: by the trace that follows it already.
TEST_P(HookTrace, APacketThatIsFollowedStaysWithItsTrace) {
    firewall.rules(raw_udp, "");
    auto by_interface = std::make_shared<Trace>(rig.index("a"), 1, 71);
    const auto ruled = look(by_interface);
    rig.send("a", router.from_a(dns()));
    EXPECT_EQ(ruled->packets(), 0u);
    const auto packets = told(*by_interface);
    ASSERT_EQ(packets.size(), 1u);
    const auto steps = text(packets[0]);
    ASSERT_GE(steps.size(), 5u);
    EXPECT_EQ(steps[3], "PREROUTING raw:PREROUTING:rule:1 -A PREROUTING -p udp -j TRACE");
    EXPECT_EQ(steps[4], "PREROUTING raw:PREROUTING:policy:2 -P PREROUTING ACCEPT");
    rig.send("a", router.from_a(dns()));
    EXPECT_EQ(ruled->packets(), 1u);
}

TEST_P(HookTrace, TheTraceIsBounded) {
    firewall.rules(raw_udp, "");
    const auto ruled = look();
    for (unsigned i = 0; i < 9; ++i)
        rig.send("a", router.from_a(dns()));
    EXPECT_EQ(told(*ruled).size(), 4u);
    EXPECT_EQ(rig.sent("b").size(), 9u);
}

// However often rules change: those that steps name stay known, the others go.
TEST_P(HookTrace, RulesOfATraceStayKnown) {
    Lookout lookout(rig.shared(), [](const std::string&) { return std::vector<std::uint8_t>{}; });
    rig.while_offline([&] { lookout.follow_rules(true, rig.names()); });
    constexpr unsigned changes = 60;
    std::vector<std::uint32_t> generations;
    for (unsigned n = 0; n < changes; ++n) {
        firewall.rules(
            "*raw\n-A PREROUTING -p udp -j TRACE\n-A PREROUTING -m mark --mark 7 -j DROP\n-A "
            "PREROUTING -p udp -m mark ! --mark " +
                std::to_string(100 + n) + "\nCOMMIT\n",
            "");
        generations.push_back(rig.shared().filtering.get().generation);
        lookout.note_rules(generations.back(), std::make_shared<RuleBook>(firewall.book()));
        if (n % 2 == 0) rig.send("a", router.from_a(dns()));
    }
    Texts met;
    lookout.visit_traces([&](const Trace& trace, const NameHistory& names) {
        for (const auto& packet :
             tell(trace, names, {}, [&](std::uint32_t rules) { return lookout.rules(rules); }))
            for (const auto& step : text(packet)) {
                EXPECT_EQ(step.find("a rule that is gone"), std::string::npos) << step;
                if (const auto at = step.find("! --mark "); at != std::string::npos)
                    met.push_back(step.substr(at + 9));
            }
    });
    ASSERT_EQ(met.size(), changes / 2);
    for (unsigned n = 0; n < changes; n += 2)
        EXPECT_EQ(std::stoul(met[n / 2], nullptr, 16), 100 + n);
    for (unsigned n = 1; n + 20 < changes; n += 2)
        EXPECT_EQ(lookout.rules(generations[n]), nullptr) << n;
}

// The mark of a made-up earlier life of the buffer is no packet's.
TEST_P(HookTrace, TheMarkEndsWithThePacket) {
    firewall.rules("*raw\n-A PREROUTING -p udp --dport 53 -j TRACE\n-A PREROUTING -p udp\nCOMMIT\n", "");
    for (unsigned i = 0; i < 100; ++i) {
        rig.send("a", router.from_a(dns()));
        rig.sent("b");
        EXPECT_EQ(places(), (Texts{"raw:PREROUTING:rule:2", "raw:PREROUTING:policy:3"}));
        rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.2.2").udp(1000, 54)));
        rig.sent("b");
        EXPECT_EQ(places(), Texts{});
    }
}

}  // namespace
}  // namespace weft::test
