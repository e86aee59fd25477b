// Translation: what leaves, byte by byte, of flows, answers, errors and fragments.
#include <gtest/gtest.h>

#include "control/publish/flow/masquerade.hpp"
#include "tests/packet/nat.hpp"

namespace weft::test {
namespace {

struct Hosts {
    const char *a, *a3, *b, *c, *w;
};
constexpr Hosts of4{"10.0.1.2", "10.0.1.3", "10.0.2.2", "10.0.2.3", "10.0.2.1"},
    of6{"2001:db8:1::2", "2001:db8:1::3", "2001:db8:2::2", "2001:db8:2::3", "2001:db8:2::1"};

class NatTest : public testing::TestWithParam<RigOptions> {
  protected:
    NatLab lab{GetParam()};
    Rig& rig = lab.rig;
    using Packets = std::vector<Bytes>;
};
INSTANTIATE_TEST_SUITE_P(Workers, NatTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

const char* const snat = "-A POSTROUTING -o b -j SNAT --to-source $W\n";

// net/netfilter/nf_nat_core.c: nf_nat_packet; RFC 3022 4.1: nothing but addresses, ports and sums changes.
TEST_P(NatTest, SourcesAreTranslatedAndAnswersComeBack) {
    lab.nat(snat);
    for (const Hosts& who : {of4, of6}) {
        for (unsigned round = 0; round < 4; ++round) {  // the last ones go as known flows
            EXPECT_EQ(lab.inside(Ip(who.a, who.b).payload(21).udp(5000, 53).summed()),
                      Packets{Ip(who.w, who.b).payload(21).udp(5000, 53).summed().ttl(63).bytes()});
            EXPECT_EQ(lab.outside(Ip(who.b, who.w).payload(30).udp(53, 5000).summed()),
                      Packets{Ip(who.b, who.a).payload(30).udp(53, 5000).summed().ttl(63).bytes()});
            EXPECT_EQ(lab.inside(Ip(who.a, who.b).payload(21).tcp(5001, 80).summed()),
                      Packets{Ip(who.w, who.b).payload(21).tcp(5001, 80).summed().ttl(63).bytes()});
            EXPECT_EQ(lab.outside(Ip(who.b, who.w).payload(31).tcp(80, 5001).summed()),
                      Packets{Ip(who.b, who.a).payload(31).tcp(80, 5001).summed().ttl(63).bytes()});
        }
        const std::uint64_t before = lab.slow();
        EXPECT_EQ(lab.inside(Ip(who.a, who.b).payload(21).udp(5000, 53).summed()).size(), 1u);
        EXPECT_EQ(lab.slow(), before) << "a known flow";
        EXPECT_EQ(lab.outside(Ip(who.c, who.w).payload(30).udp(53, 5000)), Packets{}) << "nobody asked it";
        EXPECT_EQ(lab.firewall.counts(who.a == of6.a, "POSTROUTING", hook::TableId::nat),
                  (std::vector<std::uint64_t>{2, 0}))
            << "asked once a connection";
    }
}

TEST_P(NatTest, OneFamilyAloneMayHaveRules) {
    lab.nat(snat);
    for (const Hosts& who : {of4, of6}) {
        const bool v6 = who.a == of6.a;
        lab.firewall.only(v6);
        EXPECT_EQ(lab.inside(Ip(who.a, who.b).payload(21).udp(5000, 53).summed()),
                  Packets{Ip(who.w, who.b).payload(21).udp(5000, 53).summed().ttl(63).bytes()});
        EXPECT_EQ(lab.firewall.counts(v6, "PREROUTING", hook::TableId::nat), std::vector<std::uint64_t>{1})
            << "an empty chain's policy";
        EXPECT_EQ(lab.firewall.counts(v6, "POSTROUTING", hook::TableId::nat),
                  (std::vector<std::uint64_t>{1, 0}));
    }
}

// RFC 768: a sum of zero is none, and stays so over IPv4.
TEST_P(NatTest, NoSumStaysNone) {
    lab.nat(snat);
    for (unsigned round = 0; round < 3; ++round) {
        EXPECT_EQ(lab.inside(Ip(of4.a, of4.b).payload(9).udp(5000, 53)),
                  Packets{Ip(of4.w, of4.b).payload(9).udp(5000, 53).ttl(63).bytes()});
        EXPECT_EQ(lab.outside(Ip(of4.b, of4.w).payload(9).udp(53, 5000)),
                  Packets{Ip(of4.b, of4.a).payload(9).udp(53, 5000).ttl(63).bytes()});
    }
}

// RFC 5508 REQ-1; two hosts with one identifier get two.
TEST_P(NatTest, QueriesAreToldApart) {
    lab.nat(snat);
    for (const Hosts& who : {of4, of6}) {
        const bool v6 = who.a == of6.a;
        const unsigned ask = v6 ? 128 : 8, tell = v6 ? 129 : 0;
        EXPECT_EQ(lab.inside(Ip(who.a, who.b).payload(40).icmp(ask, 0, 77 << 16 | 1)),
                  Packets{Ip(who.w, who.b).payload(40).icmp(ask, 0, 77 << 16 | 1).ttl(63).bytes()});
        const Packets second = lab.inside(Ip(who.a3, who.b).payload(40).icmp(ask, 0, 77 << 16 | 1));
        ASSERT_EQ(second.size(), 1u);
        const std::size_t at = v6 ? 44 : 24;
        const unsigned other = static_cast<unsigned>(second[0][at] << 8 | second[0][at + 1]);
        EXPECT_NE(other, 77u);
        EXPECT_EQ(second[0], Ip(who.w, who.b).payload(40).icmp(ask, 0, other << 16 | 1).ttl(63).bytes());
        EXPECT_EQ(lab.outside(Ip(who.b, who.w).payload(40).icmp(tell, 0, other << 16 | 1)),
                  Packets{Ip(who.b, who.a3).payload(40).icmp(tell, 0, 77 << 16 | 1).ttl(63).bytes()});
        EXPECT_EQ(lab.outside(Ip(who.b, who.w).payload(40).icmp(tell, 0, 77 << 16 | 1)),
                  Packets{Ip(who.b, who.a).payload(40).icmp(tell, 0, 77 << 16 | 1).ttl(63).bytes()});
    }
}

// RFC 5508 REQ-4: what is quoted, too.
TEST_P(NatTest, ErrorsAreTranslatedWithWhatTheyQuote) {
    lab.nat(snat);
    for (const Hosts& who : {of4, of6}) {
        const bool v6 = who.a == of6.a;
        const unsigned type = v6 ? 1 : 3, code = v6 ? 4 : 3;
        ASSERT_EQ(lab.inside(Ip(who.a, who.b).payload(20).udp(5000, 53).summed()).size(), 1u);
        const Ip left = Ip(who.w, who.b).payload(20).udp(5000, 53).summed().ttl(63),
                 sent = Ip(who.a, who.b).payload(20).udp(5000, 53).summed().ttl(63);
        EXPECT_EQ(lab.outside(Ip(who.c, who.w).payload(left.bytes()).icmp(type, code)),
                  Packets{Ip(who.c, who.a).payload(sent.bytes()).icmp(type, code).ttl(63).bytes()});
        // And the other way: A says so about an answer.
        ASSERT_EQ(lab.outside(Ip(who.b, who.w).payload(20).udp(53, 5000).summed()).size(), 1u);
        const Ip came = Ip(who.b, who.a).payload(20).udp(53, 5000).summed().ttl(63),
                 was = Ip(who.b, who.w).payload(20).udp(53, 5000).summed().ttl(63);
        EXPECT_EQ(lab.inside(Ip(who.a, who.b).payload(came.bytes()).icmp(type, code)),
                  Packets{Ip(who.w, who.b).payload(was.bytes()).icmp(type, code).ttl(63).bytes()});
    }
}

// net/netfilter/nf_nat_proto.c: nf_nat_manip_pkt wants eight bytes of what is quoted, or the error is
// dropped. Where nothing is translated it passes, for its ports are there.
TEST_P(NatTest, AnErrorThatQuotesTooLittleIsDroppedWhereItHadToChange) {
    lab.nat("-A POSTROUTING -o b -p udp -j SNAT --to-source $W\n");
    const auto quoting = [](const char* source, unsigned bytes) {
        Bytes quoted = Ip(source, of4.b).payload(20).udp(5000, 53).summed().ttl(63).bytes();
        quoted.resize(20 + bytes);
        return quoted;
    };
    const auto tcp = [](unsigned bytes) {
        Bytes quoted = Ip(of4.a, of4.b).payload(20).tcp(5000, 80).summed().ttl(63).bytes();
        quoted.resize(20 + bytes);
        return quoted;
    };
    ASSERT_EQ(lab.inside(Ip(of4.a, of4.b).payload(20).udp(5000, 53).summed()).size(), 1u);
    ASSERT_EQ(lab.inside(Ip(of4.a, of4.b).payload(20).tcp(5000, 80).summed()).size(), 1u);
    EXPECT_EQ(lab.outside(Ip(of4.c, of4.w).payload(quoting(of4.w, 4)).icmp(3, 3)), Packets{});
    EXPECT_EQ(rig.drops(DropReason::nat_bad_error), 1u);
    EXPECT_EQ(lab.outside(Ip(of4.c, of4.w).payload(quoting(of4.w, 8)).icmp(3, 3)),
              Packets{Ip(of4.c, of4.a).payload(quoting(of4.a, 8)).icmp(3, 3).ttl(63).bytes()});
    EXPECT_EQ(lab.outside(Ip(of4.c, of4.a).payload(tcp(4)).icmp(3, 3)),
              Packets{Ip(of4.c, of4.a).payload(tcp(4)).icmp(3, 3).ttl(63).bytes()});
}

// net/netfilter/xt_conntrack.c reads the tuple of answers, which POSTROUTING decides after FORWARD has asked.
TEST_P(NatTest, RulesSeeTheAnswersTupleAsItHasBecome) {
    lab.nat("-A POSTROUTING -o b -p udp -j SNAT --to-source $W:7000\n",
            "*filter\n-A FORWARD -m conntrack --ctrepldstport 7000\nCOMMIT\n");
    for (const Hosts& who : {of4, of6}) {
        for (unsigned round = 0; round < 3; ++round)
            EXPECT_EQ(lab.inside(Ip(who.a, who.b).payload(4).udp(5000, 53).summed()),
                      Packets{Ip(who.w, who.b).payload(4).udp(7000, 53).summed().ttl(63).bytes()});
        EXPECT_EQ(lab.firewall.counts(who.a == of6.a, "FORWARD"), (std::vector<std::uint64_t>{2, 3}))
            << "all but the first";
    }
}

TEST_P(NatTest, DestinationsAreTranslatedAndAnswersComeFromThem) {
    lab.nat("-A PREROUTING -i b -p udp --dport 7000 -j DNAT --to-destination $A\n");
    EXPECT_EQ(lab.outside(Ip(of4.b, of4.w).payload(20).udp(900, 7000).summed()),
              Packets{Ip(of4.b, of4.a).payload(20).udp(900, 7000).summed().ttl(63).bytes()});
    EXPECT_EQ(lab.inside(Ip(of4.a, of4.b).payload(20).udp(7000, 900).summed()),
              Packets{Ip(of4.w, of4.b).payload(20).udp(7000, 900).summed().ttl(63).bytes()});
    EXPECT_EQ(lab.inside(Ip(of4.a, of4.b).payload(20).udp(7001, 900).summed()),
              Packets{Ip(of4.a, of4.b).payload(20).udp(7001, 900).summed().ttl(63).bytes()})
        << "another flow";
}

// nf_nat_l4proto_unique_tuple: within the range of the port's class.
TEST_P(NatTest, APortIsDrawnWhenTheOldOneIsTaken) {
    lab.nat(snat);
    for (const Hosts& who : {of4, of6}) {
        ASSERT_EQ(lab.inside(Ip(who.a, who.b).payload(4).udp(5000, 53).summed()).size(), 1u);
        const Packets second = lab.inside(Ip(who.a3, who.b).payload(4).udp(5000, 53).summed());
        ASSERT_EQ(second.size(), 1u);
        const unsigned drawn = lab.port(second[0]);
        EXPECT_NE(drawn, 5000u);
        EXPECT_GE(drawn, 1024u);
        EXPECT_EQ(second[0], Ip(who.w, who.b).payload(4).udp(drawn, 53).summed().ttl(63).bytes());
        EXPECT_EQ(lab.outside(Ip(who.b, who.w).payload(4).udp(53, drawn).summed()),
                  Packets{Ip(who.b, who.a3).payload(4).udp(53, 5000).summed().ttl(63).bytes()});
        ASSERT_EQ(lab.inside(Ip(who.a, who.b).payload(4).udp(500, 500).summed()).size(), 1u);
        const Packets low = lab.inside(Ip(who.a3, who.b).payload(4).udp(500, 500).summed());
        ASSERT_EQ(low.size(), 1u);
        EXPECT_LT(lab.port(low[0]), 512u);
        EXPECT_GE(lab.port(low[0]), 1u);
    }
}

TEST_P(NatTest, WithoutAFreePortAPacketIsDroppedByName) {
    lab.nat4("-A POSTROUTING -o b -p udp -j SNAT --to-source 10.0.2.1:7000-7001\n");
    for (const char* host : {"10.0.1.2", "10.0.1.3"})
        ASSERT_EQ(lab.inside(Ip(host, of4.b).payload(4).udp(5000, 53).summed()).size(), 1u);
    EXPECT_EQ(lab.inside(Ip(of4.a, of4.b).payload(4).udp(5001, 53).summed()), Packets{});
    EXPECT_EQ(rig.drops(DropReason::nat_no_port), 1u);
    EXPECT_EQ(lab.inside(Ip(of4.a, of4.c).payload(4).udp(5001, 53).summed()).size(), 1u)
        << "another destination may use them again";
    std::uint64_t told = 0;
    for (const auto& worker : rig.shared().workers)
        told += worker->hook_log.no_port.get();
    EXPECT_EQ(told, 1u);
}

// nf_nat_masquerade.c: inet_select_addr, ipv6_dev_get_saddr; a flow keeps what it was given.
TEST_P(NatTest, MasqueradeTakesTheAddressThatTheKernelWould) {
    lab.nat("-A POSTROUTING -o b -p udp -j MASQUERADE\n");
    RoutedInterface& b = lab.router.interface("b");
    auto& all = lab.router.routing().sources6;
    const auto known = b.sources6;  // fe80::b, W
    const auto has6 = [&](const std::vector<SourceAddress6>& own) {
        std::erase_if(all, [&](const SourceAddress6& one) { return one.interface == rig.index("b"); });
        all.insert(all.end(), own.begin(), own.end());
        b.sources6 = own;
        lab.router.publish();
    };
    const auto has4 = [&](const std::vector<NetworkAddress4>& own) {
        b.networks4 = own;
        lab.router.publish();
    };
    unsigned port = 6000;
    const auto expect = [&](const Hosts& who, const char* as) {
        ++port;
        for (unsigned round = 0; round < 3; ++round) {
            EXPECT_EQ(lab.inside(Ip(who.a, who.b).payload(4).udp(port, 53).summed()),
                      Packets{Ip(as, who.b).payload(4).udp(port, 53).summed().ttl(63).bytes()});
            EXPECT_EQ(lab.outside(Ip(who.b, as).payload(4).udp(53, port).summed()),
                      Packets{Ip(who.b, who.a).payload(4).udp(53, port).summed().ttl(63).bytes()});
        }
    };
    auto deprecated = known[1], fresh = known[1];
    deprecated.avoided = true;
    fresh.address.bytes[15] = 9;
    expect(of6, of6.w);
    has6({known[0], deprecated, fresh});
    expect(of6, "2001:db8:2::9");
    has6({known[0]});
    expect(of6, "2001:db8:1::1");  // of another interface: no router passes a link-local one on

    constexpr be32 link{0x0a000204}, host{0x0a000206}, own{0x0a370001}, peer{0x0a000202};
    const NetworkAddress4 of_link{link, link, 24, false};
    has4({of_link, {host, host, 32}});
    expect(of4, "10.0.2.6");
    has4({of_link, {host, host, 32}, {own, peer, 32}});
    expect(of4, "10.55.0.1");
    has4({of_link});
    expect(of4, "10.0.1.1");
}

// net/netfilter/nf_nat_masquerade.c: masq_inet_event ends what left by the address, and nothing else.
TEST_P(NatTest, WhatLeftByAnAddressEndsWithIt) {
    lab.nat("-A POSTROUTING -o b -p udp -j MASQUERADE\n-A POSTROUTING -o b -p tcp -j SNAT --to-source $W\n");
    for (const Hosts& who : {of4, of6}) {
        EXPECT_EQ(lab.inside(Ip(who.a, who.b).payload(21).udp(5000, 53).summed()),
                  Packets{Ip(who.w, who.b).payload(21).udp(5000, 53).summed().ttl(63).bytes()});
        EXPECT_EQ(lab.inside(Ip(who.a, who.b).payload(21).tcp(5000, 80).summed()),
                  Packets{Ip(who.w, who.b).payload(21).tcp(5000, 80).summed().ttl(63).bytes()});
    }
    FlowTracker& tracker = lab.firewall.tracker();
    EXPECT_EQ(tracker.count(), 4u);
    EXPECT_EQ(end_masqueraded(tracker, {"10.0.2.9/24", "10.0.1.1/24"}, lab.now()), 0u);
    EXPECT_EQ(end_masqueraded(tracker, {"10.0.2.1/24"}, lab.now()), 1u);
    EXPECT_EQ(end_masqueraded(tracker, {"2001:db8:2::1/64"}, lab.now()), 1u);
    EXPECT_EQ(tracker.count(), 2u);
    EXPECT_EQ(lab.outside(Ip(of4.b, of4.w).payload(30).udp(53, 5000).summed()), Packets{});
    EXPECT_EQ(lab.outside(Ip(of4.b, of4.w).payload(30).tcp(80, 5000).summed()).size(), 1u);
}

// nf_nat_oif_changed: the answer would come to another address.
TEST_P(NatTest, AMasqueradedConnectionEndsWhenItLeavesElsewhere) {
    lab.nat("-A POSTROUTING -p udp -j MASQUERADE\n");
    lab.router.route("192.0.2.9/32", lab.router.hop({.interface = "b", .gateway = of4.b, .mac = host_b}));
    lab.router.publish();
    const Ip packet = Ip(of4.a, "192.0.2.9").payload(21).udp(5000, 53).summed();
    for (unsigned i = 0; i < 3; ++i)
        EXPECT_EQ(lab.inside(packet),
                  Packets{Ip(of4.w, "192.0.2.9").payload(21).udp(5000, 53).summed().ttl(63).bytes()});
    lab.router.route("192.0.2.9/32",
                     lab.router.hop({.interface = "a", .gateway = of4.a3, .mac = lab.host_a3}));
    lab.router.publish();
    rig.shared().hops.raise_generation();
    rig.send("a", lab.router.from_a(packet));
    EXPECT_EQ(lab.packets(rig.sent("b")), Packets{});
    EXPECT_EQ(rig.drops(DropReason::nat_moved), 1u);
    rig.sent("a");
    rig.send("a", lab.router.from_a(packet));
    EXPECT_EQ(lab.packets(rig.sent("a")),
              Packets{Ip("10.0.1.1", "192.0.2.9").payload(21).udp(5000, 53).summed().ttl(63).bytes()});
}

// net/netfilter/xt_mark.c: of the packet that the table nat is asked about, and of no other.
TEST_P(NatTest, MarksOfTheTableNatAreOfTheFirstPacket) {
    lab.nat("-A PREROUTING -p udp -j MARK --set-mark 3\n-A PREROUTING -p udp -j CONNMARK --set-mark 5\n",
            "*filter\n-A FORWARD -m mark --mark 3\n-A FORWARD -m connmark --mark 5\nCOMMIT\n");
    for (const Hosts& who : {of4, of6}) {
        for (unsigned i = 0; i < 4; ++i)
            EXPECT_EQ(lab.inside(Ip(who.a, who.b).payload(4).udp(9, 7).summed()).size(), 1u);
        EXPECT_EQ(lab.firewall.counts(who.a == of6.a, "FORWARD"), (std::vector<std::uint64_t>{1, 4, 4}));
    }
}

// nf_nat_masquerade_ipv4: a client of DHCP has no address yet.
TEST_P(NatTest, WhoHasNoAddressIsNotMasqueraded) {
    lab.nat4("-A POSTROUTING -j MASQUERADE\n");
    const Ip discover = Ip("0.0.0.0", "10.0.2.2").payload(20).udp(68, 67).summed();
    rig.from_kernel("b", lab.router.to_b(discover));
    EXPECT_EQ(lab.packets(rig.sent("b")), Packets{discover.bytes()});
    const Ip own = Ip("10.0.1.1", "10.0.2.2").payload(20).udp(68, 67).summed();
    rig.from_kernel("b", lab.router.to_b(own));
    EXPECT_EQ(lab.packets(rig.sent("b")),
              Packets{Ip("10.0.2.1", "10.0.2.2").payload(20).udp(68, 67).summed().bytes()});
}

// nf_nat_ipv4_local_fn: an error of our own that OUTPUT gives another destination goes there.
TEST_P(NatTest, OurErrorsAreRoutedAgainWhenTheirDestinationIsTranslated) {
    lab.nat4("-A PREROUTING -i b -d 10.0.1.2 -j DNAT --to-destination 10.0.2.3\n");
    rig.send("b", lab.router.from_b(Ip(of4.b, of4.a).payload(4).udp(9, 7).summed()));
    EXPECT_EQ(lab.packets(rig.sent("b")),
              Packets{Ip(of4.b, of4.c).payload(4).udp(9, 7).summed().ttl(63).bytes()});
    // What A says by itself, with a wrong sum, looks like an answer to what B sent.
    const Bytes wrong{0, 7, 0, 9, 0, 12, 0x12, 0x34, 1, 2, 3, 4};
    const Packets errors = lab.inside(Ip(of4.a, of4.b).ttl(1).payload(wrong).protocol(17));
    ASSERT_EQ(errors.size(), 1u) << "by b, where C is";
    EXPECT_EQ(Bytes(errors[0].begin() + 12, errors[0].begin() + 22),
              (Bytes{10, 0, 1, 1, 10, 0, 2, 3, 11, 0}));
    EXPECT_EQ(rig.sent("a"), Packets{});
}

// RFC 4787 REQ-1, REQ-8: one outside port whoever the other end is, and anybody reaches its owner by it.
TEST_P(NatTest, EndpointIndependentSourcesHaveOnePortThatAnybodyReaches) {
    const std::string stateful =
        "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
        "-A FORWARD -i a -j ACCEPT\nCOMMIT\n";
    lab.nat(
        "-A PREROUTING -i b -p udp --dport 6000 -j ACCEPT\n"
        "-A POSTROUTING -o b -p udp -j SNAT --to-source $W --endpoint-independent\n",
        stateful);
    for (const Hosts& who : {of4, of6}) {
        ASSERT_EQ(lab.inside(Ip(who.a, who.b).payload(4).udp(5000, 53).summed()),
                  Packets{Ip(who.w, who.b).payload(4).udp(5000, 53).summed().ttl(63).bytes()});
        // A3 may not have A's port, not even towards C, whom A does not talk to.
        const Packets other = lab.inside(Ip(who.a3, who.c).payload(4).udp(5000, 53).summed());
        ASSERT_EQ(other.size(), 1u);
        const unsigned drawn = lab.port(other[0]);
        EXPECT_NE(drawn, 5000u);
        EXPECT_EQ(lab.inside(Ip(who.a3, who.b).payload(4).udp(5000, 99).summed()),
                  Packets{Ip(who.w, who.b).payload(4).udp(drawn, 99).summed().ttl(63).bytes()});
        EXPECT_EQ(lab.inside(Ip(who.a, who.c).payload(4).udp(5000, 99).summed()),
                  Packets{Ip(who.w, who.c).payload(4).udp(5000, 99).summed().ttl(63).bytes()});
        // C has never heard of this port of A's; its answer is from the outside address again.
        EXPECT_EQ(lab.outside(Ip(who.c, who.w).payload(4).udp(7, 5000).summed()),
                  Packets{Ip(who.c, who.a).payload(4).udp(7, 5000).summed().ttl(63).bytes()});
        EXPECT_EQ(lab.inside(Ip(who.a, who.c).payload(4).udp(5000, 7).summed()),
                  Packets{Ip(who.w, who.c).payload(4).udp(5000, 7).summed().ttl(63).bytes()});
        EXPECT_EQ(lab.outside(Ip(who.c, who.w).payload(4).udp(7, drawn).summed()),
                  Packets{Ip(who.c, who.a3).payload(4).udp(7, 5000).summed().ttl(63).bytes()});
        EXPECT_EQ(lab.outside(Ip(who.c, who.w).payload(4).tcp(7, 5000).summed()), Packets{}) << "not of TCP";
        // A rule keeps what a server of the router's own listens to.
        ASSERT_EQ(lab.inside(Ip(who.a, who.b).payload(4).udp(6000, 53).summed()).size(), 1u);
        EXPECT_EQ(lab.outside(Ip(who.c, who.w).payload(4).udp(7, 6000).summed()), Packets{});
    }
}

}  // namespace
}  // namespace weft::test
