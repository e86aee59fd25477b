// What rules do to packets of the host: REJECT tells it, a mark chooses another route; zones by mark.
#include <gtest/gtest.h>

#include "tests/packet/firewall.hpp"

namespace weft::test {
namespace {

class HookOutputTest : public testing::TestWithParam<RigOptions> {
  protected:
    Firewall firewall{GetParam()};
    Router& router = firewall.router;
    Rig& rig = firewall.rig;
};
INSTANTIATE_TEST_SUITE_P(Workers, HookOutputTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

// nf_reject_ipv4.c, nf_reject_ipv6.c: the program that asked is told at once.
TEST_P(HookOutputTest, RejectTellsTheHost) {
    const std::string rules =
        "*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -p tcp -j REJECT --reject-with tcp-reset\n"
        "-A OUTPUT -p udp -j REJECT\nCOMMIT\n";
    firewall.rules(rules, rules);
    struct Row {
        const char *own, *far;
        std::size_t upper;
    };
    for (const Row& row : {Row{"10.0.2.1", "10.0.2.2", 34}, Row{"2001:db8:2::1", "2001:db8:2::2", 54}}) {
        const bool v6 = row.upper == 54;
        const auto address = [&](const Bytes& frame, std::size_t at) {
            return Bytes(frame.begin() + static_cast<std::ptrdiff_t>(at),
                         frame.begin() + static_cast<std::ptrdiff_t>(at + (v6 ? 16 : 4)));
        };
        const std::size_t source_at = v6 ? 22 : 26, destination_at = v6 ? 38 : 30;
        rig.from_kernel("b", router.to_b(Ip(row.own, row.far).payload(tcp_syn).protocol(6).summed()));
        rig.from_kernel("b", router.to_b(Ip(row.own, row.far).payload(20).udp(1000, 53)));
        const auto told = rig.punted("b");
        ASSERT_EQ(told.size(), 2u);
        // Queues to the kernel have their order by class: ICMP comes before what is of no class.
        const bool icmp_first = told[0][v6 ? 20 : 23] != 6;
        const Bytes &reset = told[icmp_first], &icmp = told[!icmp_first];
        EXPECT_EQ(Bytes(reset.begin() + static_cast<std::ptrdiff_t>(row.upper),
                        reset.begin() + static_cast<std::ptrdiff_t>(row.upper) + 14),
                  (Bytes{0, 80, 3, 232, 0, 0, 0, 0, 0, 0, 0, 78, 0x50, 0x14}));
        EXPECT_EQ(icmp[row.upper], v6 ? 1 : 3);
        EXPECT_EQ(icmp[row.upper + 1], v6 ? 4 : 3) << "port unreachable";
        for (const Bytes& frame : told) {
            EXPECT_EQ(Bytes(frame.begin(), frame.begin() + 6), (Bytes{0x02, 0xff, 0, 0, 0, 2}))
                << "the TAP's";
            EXPECT_EQ(address(frame, source_at), address_bytes(row.far));
            EXPECT_EQ(address(frame, destination_at), address_bytes(row.own));
        }
        EXPECT_EQ(rig.sent("b"), std::vector<Bytes>{});
    }
    EXPECT_EQ(rig.drops(DropReason::hook_rejected), 4u);
}

// nf_conntrack_core.c, nf_conntrack_attach; xt_CT.c, xt_ct_target: an answer to what NOTRACK has had keeps
// conntrack's mark of that, so that CT leaves it alone, and a reset of no connection is INVALID.
TEST_P(HookOutputTest, AnAnswerToAnUntrackedPacketIsNotUntracked) {
    const std::string rules =
        "*raw\n-A PREROUTING -p tcp -j CT --notrack\n-A OUTPUT -p tcp -j CT --notrack\nCOMMIT\n"
        "*filter\n-A FORWARD -p tcp -j REJECT --reject-with tcp-reset\n"
        "-A OUTPUT -m conntrack --ctstate UNTRACKED\n-A OUTPUT -m conntrack --ctstate INVALID\nCOMMIT\n";
    firewall.rules(rules, rules);
    for (const auto& [from, to, own] : {std::tuple{"10.0.1.2", "10.0.2.2", "10.0.1.1"},
                                        {"2001:db8:1::2", "2001:db8:2::2", "2001:db8:1::1"}}) {
        rig.send("a", router.from_a(Ip(from, to).payload(tcp_syn).protocol(6).summed()));
        EXPECT_EQ(rig.sent("a").size(), 1u) << "the reset";
        rig.from_kernel("a", router.to_a(Ip(own, from).payload(tcp_syn).protocol(6).summed()));
        EXPECT_EQ(rig.sent("a").size(), 1u) << "a program's";
        const bool v6 = std::string_view(own).find(':') != std::string_view::npos;
        EXPECT_EQ(firewall.counts(v6, "OUTPUT"), (std::vector<std::uint64_t>{1, 1, 2}));
        EXPECT_EQ(firewall.counts(v6, "OUTPUT", hook::TableId::raw), (std::vector<std::uint64_t>{2, 2}));
    }
}

// The same where the answer has the tuple of a connection: it is that one's.
TEST_P(HookOutputTest, AnAnswerToAnUntrackedPacketIsItsConnections) {
    const std::string rules =
        "*raw\n-A PREROUTING -i b -j CT --notrack\n-A OUTPUT -p tcp -j CT --notrack\nCOMMIT\n"
        "*filter\n-A FORWARD -i b -p tcp -j REJECT --reject-with tcp-reset\n"
        "-A OUTPUT -m conntrack --ctstate UNTRACKED\n-A OUTPUT -m conntrack --ctstate NEW\nCOMMIT\n";
    firewall.rules(rules, rules);
    for (const auto& [from, to] : {std::pair{"10.0.1.2", "10.0.2.2"}, {"2001:db8:1::2", "2001:db8:2::2"}}) {
        rig.send("a", router.from_a(Ip(from, to).payload(tcp_syn).protocol(6).summed()));
        EXPECT_EQ(rig.sent("b").size(), 1u);
        rig.send("b", router.from_b(Ip(to, from).payload(tcp_syn_ack).protocol(6).summed()));
        EXPECT_EQ(rig.sent("b").size(), 1u) << "the reset";
        const bool v6 = std::string_view(from).find(':') != std::string_view::npos;
        EXPECT_EQ(firewall.counts(v6, "OUTPUT"), (std::vector<std::uint64_t>{0, 1, 1}));
    }
}

// iptable_mangle.c, ipt_mangle_out: a program is sent by another way by its mark.
TEST_P(HookOutputTest, AMarkChoosesAnotherRoute) {
    const std::string rules =
        "*mangle\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n-A OUTPUT -p udp --dport 9 -j MARK "
        "--set-mark 7\n-A POSTROUTING -o a -p udp\nCOMMIT\n";
    firewall.rules(rules, rules);
    const RoutingRule marked{.mark = 7, .mask = 0xffffffff, .table = 1};
    router.routing().rules4 = {marked, RoutingRule{}};
    router.routing().rules6 = {marked, RoutingRule{}};
    router.route("0.0.0.0/0",
                 router.hop({.interface = "a", .gateway = "10.0.1.2", .mac = host_a, .mtu = 1400}), 1);
    router.route("::/0",
                 router.hop({.interface = "a", .gateway = "2001:db8:1::2", .mac = host_a, .mtu = 1400}), 1);
    router.publish();
    struct Row {
        const char *own, *far;
        unsigned too_long;
    };
    for (const Row& row : {Row{"10.0.2.1", "10.0.2.2", 1373}, Row{"2001:db8:2::1", "2001:db8:2::2", 1353}}) {
        const bool v6 = row.too_long == 1353;
        const Ip unmarked = Ip(row.own, row.far).payload(20).udp(7, 8),
                 other = Ip(row.own, row.far).payload(20).udp(7, 9);
        rig.from_kernel("b", router.to_b(unmarked));
        EXPECT_EQ(rig.sent("b"), std::vector<Bytes>{router.to_b(unmarked)});
        rig.from_kernel("b", router.to_b(other));
        EXPECT_EQ(rig.sent("b"), std::vector<Bytes>{});
        EXPECT_EQ(rig.sent("a"), std::vector<Bytes>{router.to_a(other)}) << "as it was, TTL and all";
        EXPECT_EQ(firewall.counts(v6, "POSTROUTING", hook::TableId::mangle),
                  (std::vector<std::uint64_t>{1, 2}));
        rig.from_kernel("b",
                        router.to_b(Ip(row.own, row.far).dont_fragment().payload(row.too_long).udp(7, 9)));
        EXPECT_EQ(rig.sent("a"), std::vector<Bytes>{});
        EXPECT_EQ(rig.punted("b").size(), 1u) << "the host is told of the smaller MTU";
    }
    EXPECT_EQ(rig.drops(DropReason::route_too_big), 2u);
}

// xt_CT.c, nf_ct_zone_tmpl: --zone mark.
TEST_P(HookOutputTest, TheMarkIsTheZone) {
    const std::string rules =
        "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -p udp --dport 9 -m length --length 100:200 -j MARK "
        "--set-mark 0x10007\n-A PREROUTING -j CT --zone mark\nCOMMIT\n"
        "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n";
    firewall.rules(rules, rules);
    rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.2.2").payload(20).udp(5, 9)));
    rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.2.2").payload(100).udp(5, 9)));
    EXPECT_EQ(rig.sent("b").size(), 2u);
    EXPECT_EQ(firewall.tracker().count(), 2u) << "the same tuple in two zones";
    std::vector<unsigned> zones;
    firewall.tracker().walk(0, 4096, 0, [&](const FlowView& view) { zones.push_back(view.kind.zone); });
    std::sort(zones.begin(), zones.end());
    EXPECT_EQ(zones, (std::vector<unsigned>{0, 7}));
}

// nf_conntrack_zone::dir: the answers need no rule, whichever worker gets them.
TEST_P(HookOutputTest, AZoneMayBeOfOneDirection) {
    const std::string rules =
        "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i a -j CT --zone-orig 5 --ctevents destroy\nCOMMIT\n"
        "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -i a -j ACCEPT\n-A FORWARD -i b -m conntrack --ctstate "
        "ESTABLISHED "
        "-j ACCEPT\nCOMMIT\n";
    firewall.rules(rules, rules);
    for (int round = 0; round < 3; ++round) {
        rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.2.2").payload(20).udp(5, 9)));
        EXPECT_EQ(rig.sent("b").size(), 1u) << round;
        rig.send("b", router.from_b(Ip("10.0.2.2", "10.0.1.2").payload(20).udp(9, 5)));
        EXPECT_EQ(rig.sent("a").size(), 1u) << round;
    }
    int seen = 0;
    firewall.tracker().walk(0, 4096, 0, [&](const FlowView& view) {
        ++seen;
        EXPECT_EQ(view.kind.zone, 5);
        EXPECT_EQ(view.reply_zone, 0);
        EXPECT_TRUE(view.kind.flags & FlowKind::selective);
        EXPECT_EQ(firewall.tracker().extra(view.ref).told.connection, ToldEvents::destroyed);
    });
    EXPECT_EQ(seen, 1);
}

// nf_ct_can_merge: of two connections that begin at once the second's packet joins the first if both have the
// same tuples in the same zones; here the zones of the original differ, and the answers would be of both.
TEST_P(HookOutputTest, ConnectionsOfOtherZonesAreNotJoined) {
    const auto rules = [](const char* zone) {
        return "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -m length --length 100:200 -j CT --zone-orig " +
               std::string(zone) + "\n-A PREROUTING -j CT --zone-orig 5\nCOMMIT\n";
    };
    const auto twice = [&] {
        firewall.tracker().flush();
        rig.run();
        rig.offer("a", router.from_a(Ip("10.0.1.2", "10.0.2.2").payload(20).udp(5, 9)));
        rig.offer("a", router.from_a(Ip("10.0.1.2", "10.0.2.2").payload(100).udp(5, 9)));
        rig.run();
        return rig.sent("b").size();
    };
    firewall.rules(rules("6"), "");
    EXPECT_EQ(twice(), 1u);
    EXPECT_EQ(rig.drops(DropReason::conntrack_clash), 1u);
    firewall.rules(rules("5"), "");
    EXPECT_EQ(twice(), 2u);
    EXPECT_EQ(rig.drops(DropReason::conntrack_clash), 1u);
}

}  // namespace
}  // namespace weft::test
