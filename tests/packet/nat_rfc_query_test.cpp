// RFC 5508: ICMP queries, and errors that the router itself makes; ids are those of tests/cases/nat.tsv.
#include "tests/packet/nat_rfc.hpp"

namespace weft::test {
namespace {

class NatQueryTest : public NatRfc {
  protected:
    static Ip ask(const NatHosts& who, const std::string& from, const std::string& to, unsigned id) {
        return Ip(from, to).payload(30).icmp(who.v6 ? 128 : 8, 0, id << 16 | 1);
    }
    static Ip tell(const NatHosts& who, const std::string& from, const std::string& to, unsigned id) {
        return Ip(from, to).payload(30).icmp(who.v6 ? 129 : 0, 0, id << 16 | 1);
    }
    unsigned id_outside(const Ip& sent) {
        const Packets out = lab.inside(sent);
        if (out.size() != 1) return 0;
        const std::size_t at = out[0][0] >> 4 == 6 ? 44 : 24;
        return static_cast<unsigned>(out[0][at] << 8 | out[0][at + 1]);
    }
    /// A packet and the error about it that comes back, whose IPv4 identification is the router's own.
    void expect_error(const NatHosts& who, const Ip& sent, unsigned type, unsigned code) {
        const Packets back = lab.pass("a", sent, "a");
        ASSERT_EQ(back.size(), 1u);
        Ip error = Ip(who.near_a, who.a).payload(sent.bytes());
        if (!who.v6) error.tos(0xc0).id(static_cast<unsigned>(back[0][4] << 8 | back[0][5]));
        EXPECT_EQ(back[0], error.icmp(type, code).bytes());
        EXPECT_EQ(rig.sent("b"), Packets{});
    }
};
INSTANTIATE_NAT(NatQueryTest);

TEST_P(NatQueryTest, I1_I1a_QueriesPassAndKeepTheirIdentifier) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6})
        for (unsigned round = 0; round < 3; ++round)
            for (const char* to : {who.b, who.c}) {
                expect_out(ask(who, who.a, to, 77), ask(who, who.w, to, 77));
                expect_in(tell(who, to, who.w, 77), tell(who, to, who.a, 77));
            }
}

TEST_P(NatQueryTest, I1b_HostsWithOneIdentifierAreToldApart) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(ask(who, who.a, who.b, 77), ask(who, who.w, who.b, 77));
        const unsigned other = id_outside(ask(who, who.a3, who.b, 77));
        EXPECT_NE(other, 77u);
        expect_in(tell(who, who.b, who.w, other), tell(who, who.b, who.a3, 77));
        expect_in(tell(who, who.b, who.w, 77), tell(who, who.b, who.a, 77));
    }
}

TEST_P(NatQueryTest, I1c_AnAnswerThatNobodyAskedForStaysOutside) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6})
        expect_for_host(tell(who, who.b, who.w, 999));
}

// RFC 792: time stamps, addresses and information are asked for like echoes.
TEST_P(NatQueryTest, I1d_OtherQueriesOfIpv4) {
    lab.nat(snat);
    for (const auto& [question, answer] : {std::pair{13u, 14u}, {15u, 16u}, {17u, 18u}}) {
        const auto message = [](const char* from, const char* to, unsigned type) {
            return Ip(from, to).payload(12).icmp(type, 0, 78 << 16 | 1);
        };
        expect_out(message(hosts4.a, hosts4.b, question), message(hosts4.w, hosts4.b, question));
        expect_in(message(hosts4.b, hosts4.w, answer), message(hosts4.b, hosts4.a, answer));
    }
}

// nf_conntrack_icmp_timeout.
TEST_P(NatQueryTest, I2_AQueryLastsThirtySeconds) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(ask(who, who.a, who.b, 77), ask(who, who.w, who.b, 77));
        rig.pass(29);
        expect_in(tell(who, who.b, who.w, 77), tell(who, who.b, who.a, 77));
        rig.pass(31);
        expect_for_host(tell(who, who.b, who.w, 77));
    }
}

TEST_P(NatQueryTest, I2a_TheTimesCanBeSet) {
    lab.firewall.flows.icmp_timeout = 100;
    lab.firewall.flows.icmpv6_timeout = 200;
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const unsigned time = who.v6 ? 200 : 100;
        expect_out(ask(who, who.a, who.b, 77), ask(who, who.w, who.b, 77));
        rig.pass(time - 1);
        expect_in(tell(who, who.b, who.w, 77), tell(who, who.b, who.a, 77));
        rig.pass(time + 1);
        expect_for_host(tell(who, who.b, who.w, 77));
    }
}

TEST_P(NatQueryTest, I9_RulesMayKeepErrorsAndQueriesBack) {
    lab.nat(snat,
            "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m conntrack --ctstate RELATED -j DROP\nCOMMIT\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        const auto about = [&](const char* source) { return udp(source, who.b, 5000, 53).ttl(63).bytes(); };
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        static_cast<void>(rig.punted("b"));
        EXPECT_EQ(lab.outside(Ip(who.b, who.w).payload(about(who.w)).icmp(who.v6 ? 1 : 3, who.v6 ? 4 : 3)),
                  Packets{});
        EXPECT_EQ(rig.punted("b"), Packets{});
        expect_in(udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
    }
    EXPECT_EQ(rig.drops(DropReason::hook_dropped), 2u);
    lab.nat4("-A POSTROUTING -o b -j SNAT --to-source 10.0.2.1\n",
             "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -p icmp -j DROP\nCOMMIT\n");
    EXPECT_EQ(lab.inside(ask(hosts4, hosts4.a, hosts4.b, 78)), Packets{});
}

// RFC 5508 REQ-8 asks for ICMP 3/13; Linux says nothing.
TEST_P(NatQueryTest, I8_WithoutAFreePortNobodyIsTold) {
    lab.nat4("-A POSTROUTING -o b -p udp -j SNAT --to-source 10.0.2.1:7000\n");
    EXPECT_EQ(leaves_by(udp(hosts4.a, hosts4.b, 5000, 53)), 7000u);
    EXPECT_EQ(lab.pass("a", udp(hosts4.a3, hosts4.b, 5000, 53), "a"), Packets{});
    EXPECT_EQ(rig.sent("b"), Packets{});
    EXPECT_EQ(rig.drops(DropReason::nat_no_port), 1u);
}

TEST_P(NatQueryTest, I10_TheRoutersOwnErrorsQuoteWhatWasSent) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        for (unsigned round = 0; round < 3; ++round) {
            expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
            expect_in(udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
        }
        const Ip late = udp(who.a, who.b, 5000, 53).ttl(1), fresh = udp(who.a, who.b, 5001, 53).ttl(1);
        expect_error(who, late, who.v6 ? 3 : 11, 0);
        expect_error(who, fresh, who.v6 ? 3 : 11, 0);
        const char* const nowhere = who.v6 ? "2001:db8:99::1" : "198.51.100.1";
        expect_error(who, udp(who.a, nowhere, 5000, 53), who.v6 ? 1 : 3, 0);
        expect_for_host(ask(who, who.b, who.w, 5));
        EXPECT_EQ(lab.pass("a", ask(who, who.a, who.near_a, 6), "b"), Packets{});
        EXPECT_EQ(lab.packets(rig.punted("a")), Packets{ask(who, who.a, who.near_a, 6).bytes()});
    }
}

TEST_P(NatQueryTest, I11_OtherMessagesBelongToNothing) {
    for (const bool drops : {false, true}) {
        lab.nat(snat, drops ? no_invalid : "");
        for (const NatHosts& who : {hosts4, hosts6}) {
            const Ip other = Ip(who.a, who.b).payload(30).icmp(who.v6 ? 155 : 40, 0, 1);
            EXPECT_EQ(lab.inside(other), drops ? Packets{} : Packets{Ip(other).ttl(63).bytes()});
        }
    }
}

}  // namespace
}  // namespace weft::test
