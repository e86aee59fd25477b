// Mappings of --endpoint-independent: how long they are there, by which interface strangers reach them, and
// that the router's own connections have none. RFC 4787 and RFC 5382.
#include "tests/packet/nat_rfc_tcp.hpp"

namespace weft::test {
namespace {

const std::string only_known =
    "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n"
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
    "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
    "-A FORWARD -i a -j ACCEPT\nCOMMIT\n";

class NatIndependentTest : public NatTcp {
  protected:
    static constexpr const char* independent =
        "-A POSTROUTING -o b -j SNAT --to-source $W --endpoint-independent\n";
    /// Somebody outside to whom nobody has talked reaches A at its port by W's.
    void stranger_reaches(const NatHosts& who, unsigned stranger, unsigned outside, unsigned inside) {
        expect_in(udp(who.far(stranger), who.w, 7, outside), udp(who.far(stranger), who.a, 7, inside));
    }
};
INSTANTIATE_NAT(NatIndependentTest);

// REQ-6: packets of any connection by the mapping keep it; REQ-1, REQ-3 and REQ-8 hold as long.
TEST_P(NatIndependentTest, RFC4787_REQ1_REQ3_REQ6_REQ8_AMappingStaysWhileWhatBeganOutsideLives) {
    lab.nat(independent, only_known);
    for (const NatHosts& who : {hosts4, hosts6}) {
        // The port is not the source's own, so that nothing but the mapping gives it again.
        expect_out(udp(who.a3, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        const unsigned mapped = leaves_by(udp(who.a, who.b, 5000, 53));
        ASSERT_NE(mapped, 0u);
        ASSERT_NE(mapped, 5000u);
        // Several outside, of whom two workers have some each.
        for (unsigned n = 1; n < 5; ++n)
            stranger_reaches(who, n, mapped, 5000);
        for (unsigned round = 0; round < 12; ++round) {
            wait(20);
            for (unsigned n = 1; n < 5; ++n) {
                expect_out(udp(who.a, who.far(n), 5000, 7), udp(who.w, who.far(n), mapped, 7));
                stranger_reaches(who, n, mapped, 5000);
            }
        }
        for (unsigned n = 10; n < 14; ++n) {
            stranger_reaches(who, n, mapped, 5000);
            EXPECT_EQ(leaves_by(udp(who.a, who.far(20 + n), 5000, 99)), mapped) << "one for all destinations";
        }
        wait(20);
        for (unsigned n = 1; n < 5; ++n)
            stranger_reaches(who, n, mapped, 5000);
        for (unsigned n = 50; n < 54; ++n)
            EXPECT_NE(leaves_by(udp(who.a3, who.far(n), mapped, 53)), mapped) << "nobody else gets it";
    }
}

// One connection from outside alone, which is asked in both orders of what follows.
TEST_P(NatIndependentTest, RFC4787_REQ6_ARivalDoesNotGetAPortThatOnlyTheOutsideHolds) {
    lab.nat(independent, only_known);
    for (const NatHosts& who : {hosts4, hosts6})
        for (unsigned port = 5000; port < 5006; ++port) {
            expect_out(udp(who.a, who.b, port, 53), udp(who.w, who.b, port, 53));
            stranger_reaches(who, port % 250, port, port);
            wait(29);
            expect_out(udp(who.a, who.far(port % 250), port, 7), udp(who.w, who.far(port % 250), port, 7));
            wait(25);  // that of A to B is over
            const unsigned rival = leaves_by(udp(who.a3, who.b, port, 53));
            EXPECT_NE(rival, 0u);
            EXPECT_NE(rival, port);
            EXPECT_EQ(leaves_by(udp(who.a, who.c, port, 53)), port);
            wait(300);
            EXPECT_EQ(lab.outside(udp(who.far(100), who.w, 7, port)), Packets{}) << "until that is over, too";
            EXPECT_EQ(leaves_by(udp(who.a3, who.c, port, 53)), port);
            wait(300);
        }
}

TEST_P(NatIndependentTest, RFC5382_REQ1_REQ3_REQ7_AMappingStaysWhileWhatBeganOutsideLives) {
    lab.nat(independent, only_known);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const Segment s{syn, 1000}, answer{syn | ack, 5000, 1001};
        ASSERT_EQ(leaves_by(tcp(who.a3, who.b, client, 80, s)), client);
        const unsigned mapped = leaves_by(tcp(who.a, who.b, client, 80, s));
        ASSERT_NE(mapped, client);
        expect_in(tcp(who.c, who.w, 81, mapped, s), tcp(who.c, who.a, 81, client, s));
        expect_out(tcp(who.a, who.c, client, 81, answer), tcp(who.w, who.c, mapped, 81, answer));
        expect_in(tcp(who.c, who.w, 81, mapped, {ack, 1001, 5001}),
                  tcp(who.c, who.a, 81, client, {ack, 1001, 5001}));
        wait(130);  // the SYN to B was not answered
        for (unsigned n = 1; n < 4; ++n) {
            expect_in(tcp(who.far(n), who.w, 82, mapped, s), tcp(who.far(n), who.a, 82, client, s));
            EXPECT_EQ(leaves_by(tcp(who.a, who.far(10 + n), client, 83, s)), mapped);
            EXPECT_NE(leaves_by(tcp(who.a3, who.far(20 + n), mapped, 83, s)), mapped);
        }
    }
}

// The router's own connections are nobody's way in.
TEST_P(NatIndependentTest, TheRoutersOwnConnectionsHaveNoMapping) {
    lab.nat(independent, only_known);
    for (const NatHosts& who : {hosts4, hosts6}) {
        rig.from_kernel("b", lab.router.to_b(udp(who.w, who.b, 40000, 53)));
        EXPECT_EQ(lab.packets(rig.sent("b")), Packets{udp(who.w, who.b, 40000, 53).bytes()});
        static_cast<void>(rig.punted("b"));
        for (unsigned n = 1; n < 4; ++n)
            rig.send("b", lab.router.from_b(udp(who.far(n), who.w, 7000, 40000)));
        rig.send("b", lab.router.from_b(udp(who.b, who.w, 54, 40000)));
        EXPECT_EQ(rig.punted("b"), Packets{});
        rig.send("b", lab.router.from_b(udp(who.b, who.w, 53, 40000)));
        EXPECT_EQ(lab.packets(rig.punted("b")), Packets{udp(who.b, who.w, 53, 40000).bytes()});
    }
}

// Nor does the router's own connection take a port by which others are reached.
TEST_P(NatIndependentTest, TheRoutersOwnConnectionsKeepOffMappings) {
    lab.nat(independent, only_known);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 40000, 53), udp(who.w, who.b, 40000, 53));
        rig.from_kernel("b", lab.router.to_b(udp(who.w, who.c, 40000, 53)));
        const Packets out = lab.packets(rig.sent("b"));
        ASSERT_EQ(out.size(), 1u);
        EXPECT_NE(lab.port(out[0]), 40000u);
        stranger_reaches(who, 9, 40000, 40000);
    }
}

// Policy between inside networks is not passed by: only the interface by which a mapping's packets leave, and
// that of its own host, lead to it.
TEST_P(NatIndependentTest, StrangersComeByTheInterfaceOfTheMapping) {
    // A's connection leaves by a, so b is neither its inside nor its outside.
    lab.nat("-A POSTROUTING -s $A -j SNAT --to-source $W --endpoint-independent\n", only_known);
    for (const NatHosts& who : {hosts4, hosts6}) {
        EXPECT_EQ(lab.pass("a", udp(who.a, who.a3, 5000, 53), "a"),
                  Packets{udp(who.w, who.a3, 5000, 53).ttl(63).bytes()});
        EXPECT_EQ(lab.outside(udp(who.c, who.w, 7, 5000)), Packets{});
        EXPECT_EQ(rig.punted("b"), Packets{}) << "NEW in INPUT";
        // By b, too, once it talks to somebody there.
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        expect_in(udp(who.c, who.w, 8, 5000), udp(who.c, who.a, 8, 5000));
    }
}

// RFC 4787 REQ-9 without rules for it, among hosts of one network.
TEST_P(NatIndependentTest, RFC4787_REQ9_HairpinOfOneNetwork) {
    lab.nat(independent, only_known);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        EXPECT_EQ(lab.pass("a", udp(who.a3, who.w, 6000, 5000), "a"),
                  Packets{udp(who.a3, who.a, 6000, 5000).ttl(63).bytes()});
    }
}

// RFC 4787 REQ-9a, RFC 5382 REQ-8a: from the outside address and port, if a rule translates there, too.
TEST_P(NatIndependentTest, RFC4787_REQ9a_RFC5382_REQ8a_HairpinFromTheOutsideEnd) {
    lab.nat(
        "-A POSTROUTING -s $A -j SNAT --to-source $W --endpoint-independent\n"
        "-A POSTROUTING -s $A3 -j SNAT --to-source $W --endpoint-independent\n",
        only_known);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        expect_out(udp(who.a3, who.b, 6000, 53), udp(who.w, who.b, 6000, 53));
        const Segment s{syn, 1000}, answer{syn | ack, 5000, 1001};
        expect_out(tcp(who.a, who.b, 5000, 80, s), tcp(who.w, who.b, 5000, 80, s));
        for (unsigned round = 0; round < 3; ++round) {
            EXPECT_EQ(lab.pass("a", udp(who.a3, who.w, 6000, 5000), "a"),
                      Packets{udp(who.w, who.a, 6000, 5000).ttl(63).bytes()});
            EXPECT_EQ(lab.pass("a", udp(who.a, who.w, 5000, 6000), "a"),
                      Packets{udp(who.w, who.a3, 5000, 6000).ttl(63).bytes()});
        }
        EXPECT_EQ(lab.pass("a", tcp(who.a3, who.w, 6000, 5000, s), "a"),
                  Packets{tcp(who.w, who.a, 6000, 5000, s).ttl(63).bytes()});
        EXPECT_EQ(lab.pass("a", tcp(who.a, who.w, 5000, 6000, answer), "a"),
                  Packets{tcp(who.w, who.a3, 5000, 6000, answer).ttl(63).bytes()});
    }
}

// RFC 4787 REQ-12: the error comes in, whoever sends it, and ends nothing.
TEST_P(NatIndependentTest, RFC4787_REQ12_ErrorsLeaveTheMapping) {
    lab.nat(independent, only_known);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const auto unreachable = [&](const char* to, const Ip& quoted) {
            return Ip(who.hop, to).payload(Ip(quoted).ttl(3).bytes()).icmp(who.v6 ? 1 : 3, who.v6 ? 4 : 3, 0);
        };
        expect_out(udp(who.a3, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        const unsigned mapped = leaves_by(udp(who.a, who.b, 5000, 53));
        ASSERT_NE(mapped, 5000u);
        expect_in(unreachable(who.w, udp(who.w, who.b, mapped, 53)),
                  unreachable(who.a, udp(who.a, who.b, 5000, 53)));
        EXPECT_EQ(leaves_by(udp(who.a, who.c, 5000, 53)), mapped);
        stranger_reaches(who, 1, mapped, 5000);
        // About what A answers to the stranger.
        expect_in(unreachable(who.w, udp(who.w, who.far(1), mapped, 7)),
                  unreachable(who.a, udp(who.a, who.far(1), 5000, 7)));
        stranger_reaches(who, 1, mapped, 5000);
    }
}

// nf_nat_used_tuple_harder gives a port of TIME_WAIT away; not one by which the other source is reached
// still.
TEST_P(NatIndependentTest, RFC5382_REQ7_APortOfTimeWaitStaysWhileItsSourceHoldsIt) {
    lab.nat("-A POSTROUTING -o b -p tcp -j SNAT --to-source $W:7000-7001 --endpoint-independent\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        const auto close = [&](unsigned mapped) {
            expect_in(tcp(who.b, who.w, 80, mapped, {syn | ack, 5000, 1001}),
                      tcp(who.b, who.a, 80, 4000, {syn | ack, 5000, 1001}));
            for (const Segment& s : {Segment{ack, 1001, 5001}, Segment{fin | ack, 1001, 5001}})
                expect_out(tcp(who.a, who.b, 4000, 80, s), tcp(who.w, who.b, mapped, 80, s));
            const Segment last{fin | ack, 5001, 1002};
            expect_in(tcp(who.b, who.w, 80, mapped, last), tcp(who.b, who.a, 80, 4000, last));
            expect_out(tcp(who.a, who.b, 4000, 80, {ack, 1002, 5002}),
                       tcp(who.w, who.b, mapped, 80, {ack, 1002, 5002}));
        };
        const unsigned mapped = leaves_by(tcp(who.a, who.b, 4000, 80, {syn, 1000}));
        ASSERT_EQ(leaves_by(tcp(who.a, who.c, 4000, 80, {syn, 1000})), mapped);
        ASSERT_EQ(leaves_by(tcp(who.a3, who.b, 5000, 80, {syn, 1000})), 14001 - mapped);
        close(mapped);
        const auto before = rig.drops(DropReason::nat_no_port);
        const std::uint32_t there = lab.firewall.tracker().count();
        for (unsigned n = 0; n < 4; ++n) {
            EXPECT_EQ(leaves_by(tcp(who.a3, who.b, 6000 + n, 80, {syn, 0x40000000})), 0u);
            wait(1);
        }
        EXPECT_EQ(lab.firewall.tracker().count(), there) << "nothing was ended in vain";
        EXPECT_EQ(rig.drops(DropReason::nat_no_port), before + 4);
        EXPECT_EQ(rig.drops(DropReason::conntrack_clash), 0u);
        // Its only one is of TIME_WAIT: then the port is free.
        lab.firewall.tracker().flush();
        ASSERT_NE(leaves_by(tcp(who.a3, who.b, 5000, 80, {syn, 1000})), 0u);
        unsigned alone = 0;
        for (unsigned n = 0; alone == 0 && n < 4; ++n, wait(1))
            alone = leaves_by(tcp(who.a, who.b, 4000, 80, {syn, 1000}));
        ASSERT_NE(alone, 0u);
        close(alone);
        unsigned taken = 0;
        for (unsigned n = 0; taken == 0 && n < 4; ++n, wait(1))
            taken = leaves_by(tcp(who.a3, who.b, 6100, 80, {syn, 0x40000000}));
        EXPECT_EQ(taken, alone);
        lab.firewall.tracker().flush();
    }
}

}  // namespace
}  // namespace weft::test
