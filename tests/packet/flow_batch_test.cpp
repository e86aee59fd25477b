// Known flows by the batch path: what it skips, what it must not skip, and that nobody sees a difference.
#include <gtest/gtest.h>

#include "tests/packet/talk.hpp"

namespace weft::test {
namespace {

class FlowBatchTest : public testing::TestWithParam<RigOptions> {
  protected:
    Firewall firewall{GetParam()};
    Router& router = firewall.router;
    Rig& rig = firewall.rig;

    std::vector<Bytes> from_a(const Ip& ip) { return rig.send("a", router.from_a(ip)), rig.sent("b"); }
    std::vector<Bytes> from_b(const Ip& ip) { return rig.send("b", router.from_b(ip)), rig.sent("a"); }
    static Ip question(const Pair& who) { return Ip(who.a, who.b).payload(20).udp(1000, 53); }
    static Ip answer(const Pair& who) { return Ip(who.b, who.a).payload(30).udp(53, 1000); }
    /// Packets that went the slow way until now.
    std::uint64_t slow() { return packets_of(firewall, StageId::ip_input); }
    /// Both directions' outcomes are known then, by worker 0.
    void make_known(const Pair& who) {
        for (unsigned i = 0; i < 2; ++i) {
            ASSERT_EQ(from_a(question(who)).size(), 1u);
            ASSERT_EQ(from_b(answer(who)).size(), 1u);
        }
        const std::uint64_t before = slow();
        ASSERT_EQ(from_a(question(who)).size(), 1u);
        ASSERT_EQ(slow(), before);
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, FlowBatchTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

TEST_P(FlowBatchTest, KnownFlowsSkipTheRulesWhichCountThem) {
    firewall.rules(stateful, stateful);
    for (const Pair& who : {of4, of6}) {
        make_known(who);
        const std::uint64_t before = slow();
        for (unsigned i = 0; i < 5; ++i)
            EXPECT_EQ(from_a(question(who)), std::vector<Bytes>{router.to_b(question(who).ttl(63))});
        EXPECT_EQ(slow(), before);
        const bool v6 = who.a == of6.a;
        EXPECT_EQ(firewall.counts(v6, "FORWARD"), (std::vector<std::uint64_t>{9, 1, 0, 0}));
        EXPECT_EQ(firewall.counts(v6, "PREROUTING", hook::TableId::mangle),
                  (std::vector<std::uint64_t>{8, 10}));
    }
    EXPECT_EQ(rig.all_drops(), 0u);
}

// Of two workers one receives the answers and the other owns the connections.
TEST_P(FlowBatchTest, PacketsHandedOverSkipTheRulesToo) {
    firewall.rules(stateful, stateful);
    for (const Pair& who : {of4, of6}) {
        make_known(who);
        const std::uint64_t before = slow();
        for (unsigned i = 0; i < 5; ++i)
            EXPECT_EQ(from_b(answer(who)), std::vector<Bytes>{router.to_a(answer(who).ttl(63))});
        EXPECT_EQ(slow(), before);
        EXPECT_EQ(firewall.counts(who.a == of6.a, "FORWARD"), (std::vector<std::uint64_t>{9, 1, 0, 0}));
    }
    std::uint64_t received = 0;
    for (unsigned worker = 0; worker < GetParam().workers; ++worker)
        received += rig.counters("b", worker).received.packets.get();
    EXPECT_EQ(received, 14u);
    EXPECT_EQ(rig.all_drops(), 0u);
}

TEST_P(FlowBatchTest, NothingOvertakesAPacketThatGoesTheSlowWay) {
    firewall.rules(stateful, stateful);
    make_known(of4);
    std::vector<Bytes> wanted;
    for (unsigned i = 0; i < 9; ++i) {
        // Options are not for the batch path.
        Ip ip = Ip(of4.b, of4.a).payload(40 + i).udp(53, 1000);
        if (i % 3 == 1) ip.options({1, 1, 1, 0});
        rig.offer("b", router.from_b(ip));
        wanted.push_back(router.to_a(ip.ttl(63)));
    }
    rig.run();
    EXPECT_EQ(rig.sent("a"), wanted);
    EXPECT_EQ(rig.all_drops(), 0u);
}

// A family without rules goes on by its own path.
TEST_P(FlowBatchTest, AFamilyWithoutRulesIsRoutedAsBefore) {
    firewall.rules(stateful, "");
    firewall.only(false);
    const std::uint64_t before = slow();
    EXPECT_EQ(from_a(question(of6)).size(), 1u);
    EXPECT_EQ(slow(), before);
}

/// As a port whose buffers are small receives it.
void cut_in_two(Packet& packet) {
    rte_mbuf* second = rte_pktmbuf_alloc(packet.pool);
    constexpr std::uint16_t first = 60;
    const auto rest = static_cast<std::uint16_t>(packet.data_len - first);
    std::memcpy(rte_pktmbuf_append(second, rest), packet.data() + first, rest);
    packet.data_len = first;
    packet.next = second;
    packet.nb_segs = 2;
}

TEST_P(FlowBatchTest, AFamilyWithoutRulesKeepsItsOrder) {
    for (const bool v6 : {false, true}) {
        firewall.rules(stateful, stateful);
        firewall.only(!v6);
        std::vector<Bytes> expected;
        for (std::uint16_t i = 0; i < 32; ++i) {
            const Ip ip =
                Ip(question(v6 ? of6 : of4)).id(static_cast<std::uint8_t>(i)).payload(200u + i).udp(1000, 53);
            rig.offer("a", router.from_a(ip));
            if (i % 2 == 0) cut_in_two(*rig.port("a").waiting.back());
            expected.push_back(router.to_b(Ip(ip).ttl(63)));
        }
        rig.run();
        EXPECT_EQ(rig.sent("b"), expected);
    }
}

TEST_P(FlowBatchTest, AChangedRuleActsOnTheNextPacket) {
    firewall.rules(stateful, stateful);
    for (const Pair& who : {of4, of6}) {
        make_known(who);
        const std::string shut = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n";
        firewall.rules(shut, shut);
        EXPECT_EQ(from_a(question(who)).size(), 0u);
        EXPECT_EQ(from_b(answer(who)).size(), 0u);
        firewall.rules(stateful, stateful);
    }
}

TEST_P(FlowBatchTest, ARouteThatChangesIsFollowedAtOnce) {
    firewall.rules(stateful, stateful);
    for (const Pair& who : {of4, of6}) {
        make_known(who);
        constexpr const char* other_mac = "02:00:00:00:00:77";
        const HopIndex other = router.hop({.interface = "b", .gateway = who.b, .mac = other_mac});
        router.route(who.more_b, other);
        router.publish();
        const std::uint64_t before = slow();
        EXPECT_EQ(from_a(question(who)),
                  std::vector<Bytes>{question(who).ttl(63).frame(rig.mac("b"), *parse_mac(other_mac))});
        EXPECT_EQ(slow(), before) << "by the same interface: no rule need be asked";
        router.route(who.more_b, router.hop({.kind = HopKind::blackhole}));
        router.publish();
        EXPECT_EQ(from_a(question(who)).size(), 0u);
    }
}

// As control does it for a single route: in place, with nothing published.
TEST_P(FlowBatchTest, ARouteThatChangesInPlaceIsFollowedAtOnce) {
    firewall.rules(stateful, stateful);
    for (const Pair& who : {of4, of6}) {
        make_known(who);
        constexpr const char* other_mac = "02:00:00:00:00:77";
        router.route(who.more_b, router.hop({.interface = "b", .gateway = who.b, .mac = other_mac}));
        const std::uint64_t before = slow();
        EXPECT_EQ(from_a(question(who)),
                  std::vector<Bytes>{question(who).ttl(63).frame(rig.mac("b"), *parse_mac(other_mac))});
        EXPECT_EQ(slow(), before);
        router.route(who.more_b, router.hop({.kind = HopKind::blackhole}));
        EXPECT_EQ(from_a(question(who)).size(), 0u);
    }
}

// RFC 3704: the way back is part of what was decided.
TEST_P(FlowBatchTest, AWayBackThatChangesIsAskedAtOnce) {
    firewall.rules(stateful, stateful);
    for (const char* port : {"a", "b"})
        router.interface(port).rp_filter = 1;
    router.publish();
    make_known(of4);
    router.route("10.0.1.2/32", router.hop({.interface = "b", .gateway = of4.b, .mac = host_b}));
    EXPECT_EQ(from_a(question(of4)).size(), 0u);
}

// `ip route add local NET dev lo`: all sources are asked for then, and what was answered stands.
TEST_P(FlowBatchTest, OutcomesStandWhereANetworkIsLocal) {
    firewall.rules(stateful, stateful);
    router.routing().local_networks4 = true;
    router.publish();
    make_known(of4);
    router.route("10.0.1.2/32", router.hop({.kind = HopKind::local}));
    EXPECT_EQ(from_a(question(of4)).size(), 0u) << "the source is ours now";
}

TEST_P(FlowBatchTest, ANeighbourThatMovesIsFollowedAtOnce) {
    firewall.rules(stateful, stateful);
    make_known(of4);
    const HopIndex hop = router.hop({.interface = "b", .gateway = of4.b, .mac = host_b});
    router.route(of4.more_b, hop);
    router.publish();
    EXPECT_EQ(from_a(question(of4)).size(), 1u);
    rig.shared().hops[hop].neighbour = Hop::pack(*parse_mac("02:00:00:00:00:99"), NeighbourState::resolved);
    EXPECT_EQ(from_a(question(of4)),
              std::vector<Bytes>{question(of4).ttl(63).frame(rig.mac("b"), *parse_mac("02:00:00:00:00:99"))});
}

TEST_P(FlowBatchTest, TheSameTupleFromAnotherMacOrInterfaceIsJudgedAnew) {
    const std::string by_mac = std::string("*filter\n:FORWARD ACCEPT [0:0]\n") +
                               "-A FORWARD -m conntrack --ctstate INVALID -j DROP\n" +
                               "-A FORWARD -p udp -i a -m mac ! --mac-source " + host_a + " -j DROP\n" +
                               "-A FORWARD -i b -p udp --dport 53 -j DROP\nCOMMIT\n";
    firewall.rules(by_mac, by_mac);
    for (const Pair& who : {of4, of6}) {
        make_known(who);
        rig.send("a", question(who).frame(*parse_mac("02:00:00:00:00:66"), rig.mac("a")));
        EXPECT_EQ(rig.sent("b").size(), 0u) << "another MAC address";
        rig.send("b", question(who).frame(*parse_mac(host_a), rig.mac("b")));
        EXPECT_EQ(rig.sent("b").size(), 0u) << "another interface";
        EXPECT_EQ(from_a(question(who)).size(), 1u);
    }
}

TEST_P(FlowBatchTest, AConnectionMarkThatIsLookedAtIsComparedEachTime) {
    const std::string by_mark =
        "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m connmark --mark 5 -j DROP\nCOMMIT\n";
    firewall.rules(by_mark, by_mark);
    make_known(of4);
    FlowTracker& tracker = firewall.tracker();
    static_cast<void>(tracker.walk(0, 1024, 0, [&](const FlowView& flow) { tracker.mark(flow.ref) = 5; }));
    EXPECT_EQ(from_a(question(of4)).size(), 0u);
}

// RFC 1122 4.1.3.4, nf_conntrack_proto_udp.c: a wrong sum makes a packet of a known flow invalid, too.
TEST_P(FlowBatchTest, AWrongSumIsNotPartOfAKnownFlow) {
    firewall.rules(stateful, stateful);
    for (const Pair& who : {of4, of6}) {
        make_known(who);
        Ip right = question(who).summed();
        EXPECT_EQ(from_a(right).size(), 1u);
        const std::string invalid =
            "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n";
        firewall.rules(invalid, invalid);
        make_known(who);
        Bytes frame = router.from_a(right);
        frame.back() ^= 1;
        rig.send("a", frame);
        EXPECT_EQ(rig.sent("b").size(), 0u);
        firewall.rules(stateful, stateful);
    }
}

// Counts of what an outcome rests on are added up: with and without the way back they must not come to the
// same.
TEST_P(FlowBatchTest, RpFilterThatIsTurnedOffLeavesNoOutcomeBehind) {
    const std::string shut = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n";
    for (unsigned changed = 0; changed < 6; ++changed) {
        Firewall one(GetParam());
        const auto pass = [&] {
            one.rig.send("a", one.router.from_a(question(of4)));
            return one.rig.sent("b").size();
        };
        one.rules(stateful, stateful);
        one.router.interface("a").rp_filter = 1;
        one.router.publish();
        for (unsigned i = 0; i < changed; ++i)
            one.router.route("10.9.0.0/16", one.router.hop({.kind = HopKind::blackhole}));
        for (unsigned i = 0; i < 3; ++i)
            ASSERT_EQ(pass(), 1u);
        one.router.interface("a").rp_filter = 0;
        one.router.publish();
        one.rules(shut, shut);
        EXPECT_EQ(pass(), 0u) << changed << " routes changed before";
    }
}

/// The same packets to a router that keeps outcomes, and to one that forgets them before each packet.
TEST_P(FlowBatchTest, NobodySeesTheDifference) {
    std::uint64_t decided = 0;
    for (unsigned seed = 1; seed <= 12; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Firewall known(GetParam()), forgetful(GetParam());
        Talk talk(seed);
        const std::string rules = talk.rules();
        for (Firewall* one : {&known, &forgetful})
            one->rules(rules, rules);
        for (unsigned i = 0; i < 800; ++i) {
            bool from_a;
            std::string mac;
            const Ip ip = talk.next(from_a, mac);
            const char* port = from_a ? "a" : "b";
            if (talk.pick(16) == 0) {
                const Pair& who = talk.pick(2) ? of6 : of4;
                const std::string other = "02:00:00:00:00:7" + std::to_string(talk.pick(8));
                const bool to_b = talk.pick(4);
                for (Firewall* one : {&known, &forgetful})
                    one->router.route(
                        to_b ? who.more_b : std::string(who.a) + (&who == &of6 ? "/128" : "/32"),
                        one->router.hop(
                            {.interface = to_b ? "b" : "a", .gateway = to_b ? who.b : who.a, .mac = other}));
            }
            for (Firewall* one : {&known, &forgetful}) {
                if (one == &forgetful) one->forget_outcomes();
                one->rig.send(port, ip.frame(*parse_mac(mac), one->rig.mac(port)));
            }
            ASSERT_EQ(known.rig.all_sent(), forgetful.rig.all_sent()) << "packet " << i << "\n" << rules;
        }
        for (const bool v6 : {false, true}) {
            EXPECT_EQ(known.counts(v6, "FORWARD"), forgetful.counts(v6, "FORWARD")) << rules;
            EXPECT_EQ(known.counts(v6, "PREROUTING", hook::TableId::mangle),
                      forgetful.counts(v6, "PREROUTING", hook::TableId::mangle));
        }
        EXPECT_EQ(known.tracker().count(), forgetful.tracker().count());
        EXPECT_EQ(known.marks(), forgetful.marks()) << rules;
        decided += packets_of(known, StageId::flow_batch) - packets_of(known, StageId::ingress);
    }
    EXPECT_GT(decided, 500u) << "by the batch path";
}

}  // namespace
}  // namespace weft::test
