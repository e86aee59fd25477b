// RFC 5382 and RFC 7857: TCP through a translator, as Linux has it; ids are those of tests/cases/nat.tsv.
#include "tests/packet/nat_rfc_tcp.hpp"

namespace weft::test {
namespace {

class NatTcpTest : public NatTcp {};
INSTANTIATE_NAT(NatTcpTest);

TEST_P(NatTcpTest, T1_T7_OneMappingForAllDestinationsAndNoPortIsShared) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const Segment s{syn, 1000};
        expect_out(tcp(who.a, who.b, 40000, 80, s), tcp(who.w, who.b, 40000, 80, s));
        expect_out(tcp(who.a, who.c, 40000, 443, s), tcp(who.w, who.c, 40000, 443, s));
        const unsigned drawn = leaves_by(tcp(who.a3, who.b, 40000, 80, s));
        EXPECT_NE(drawn, 40000u);
        EXPECT_GE(drawn, 1024u);
        const Segment answer{syn | ack, 5000, 1001};
        expect_in(tcp(who.b, who.w, 80, drawn, answer), tcp(who.b, who.a3, 80, 40000, answer));
        expect_in(tcp(who.b, who.w, 80, 40000, answer), tcp(who.b, who.a, 80, 40000, answer));
    }
}

TEST_P(NatTcpTest, T2_Handshake) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        open(who);
        for (unsigned i = 0; i < 4; ++i) {
            out(who, {push | ack, 1001 + 100 * i, 5001 + 10 * i, 100});
            in(who, {push | ack, 5001 + 10 * i, 1101 + 100 * i, 10});
        }
        EXPECT_EQ(known(who), (Known{TcpState::established, true, true}));
    }
}

TEST_P(NatTcpTest, T2a_SimultaneousOpen) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        out(who, {syn, 1000});
        in(who, {syn, 5000});
        out(who, {syn | ack, 1000, 5001});
        in(who, {syn | ack, 5000, 1001});
        out(who, {ack, 1001, 5001});
        in(who, {push | ack, 5001, 1001, 10});
        EXPECT_EQ(known(who).state, TcpState::established);
    }
}

TEST_P(NatTcpTest, T2b_HalfClosed) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        open(who);
        in(who, {fin | ack, 5001, 1001});
        out(who, {ack, 1001, 5002});
        EXPECT_EQ(known(who).state, TcpState::close_wait);
        for (unsigned i = 0; i < 10; ++i) {
            out(who, {push | ack, 1001 + 100 * i, 5002, 100});
            wait(30);  // of 60 seconds
            in(who, {ack, 5002, 1101 + 100 * i});
        }
        out(who, {fin | ack, 2001, 5002});
        in(who, {ack, 5002, 2002});
        EXPECT_EQ(known(who).state, TcpState::time_wait);
    }
}

TEST_P(NatTcpTest, T3_NobodyElseComesIn) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        open(who);
        expect_for_host(tcp(who.c, who.w, 80, client, {syn, 1}));
        expect_for_host(tcp(who.b, who.w, 81, client, {syn, 1}));
    }
}

TEST_P(NatTcpTest, T1_T3_T7_AnEndpointIndependentPortServesAllDestinationsAndAnybodyReachesIt) {
    lab.nat("-A POSTROUTING -o b -p tcp -j SNAT --to-source $W --endpoint-independent\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        const Segment s{syn, 1000}, answer{syn | ack, 5000, 1001};
        expect_out(tcp(who.a, who.b, 40000, 80, s), tcp(who.w, who.b, 40000, 80, s));
        expect_out(tcp(who.a, who.c, 40000, 443, s), tcp(who.w, who.c, 40000, 443, s));
        // Not even towards somebody whom A does not talk to.
        const unsigned drawn = leaves_by(tcp(who.a3, who.hop, 40000, 80, s));
        EXPECT_NE(drawn, 40000u);
        EXPECT_GE(drawn, 1024u);
        expect_out(tcp(who.a3, who.b, 40000, 80, s), tcp(who.w, who.b, drawn, 80, s));
        expect_in(tcp(who.b, who.w, 80, drawn, answer), tcp(who.b, who.a3, 80, 40000, answer));
        // C begins, from another port than A has talked to.
        expect_in(tcp(who.c, who.w, 81, 40000, s), tcp(who.c, who.a, 81, 40000, s));
        expect_out(tcp(who.a, who.c, 40000, 81, answer), tcp(who.w, who.c, 40000, 81, answer));
        expect_in(tcp(who.c, who.w, 81, drawn, s), tcp(who.c, who.a3, 81, 40000, s));
    }
}

// Linux's own stack answers, with a reset and at once; here it is asked.
TEST_P(NatTcpTest, T4_AnUnsolicitedSynIsForTheHostUnlessARuleDropsIt) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6})
        expect_for_host(tcp(who.b, who.w, 80, 45555, {syn, 1}));
    lab.nat(snat, "*filter\n:INPUT DROP [0:0]\nCOMMIT\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        EXPECT_EQ(lab.outside(tcp(who.b, who.w, 80, 45556, {syn, 1})), Packets{});
        EXPECT_EQ(rig.punted("b"), Packets{});
        EXPECT_EQ(rig.sent("b"), Packets{});
    }
}

TEST_P(NatTcpTest, T5_TimesOfStatesAreTheKernels) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        out(who, {syn, 1000});
        wait(121);
        expect_for_host(tcp(who.b, who.w, server, client, {syn | ack, 5000, 1001}));
        out(who, {syn, 1000});
        wait(119);
        in(who, {syn | ack, 5000, 1001});
        wait(59);
        out(who, {ack, 1001, 5001});
        in(who, {push | ack, 5001, 1001, 10});
        out(who, {ack, 1001, 5011});
        wait(7440);  // RFC 5382 REQ-5: two hours and four minutes
        in(who, {push | ack, 5011, 1001, 10});
        out(who, {ack, 1001, 5021});
        wait(431'999);
        in(who, {ack, 5021, 1001});
        wait(432'001);
        expect_for_host(tcp(who.b, who.w, server, client, {ack, 5021, 1001}));
    }
    const TcpTimeouts times;
    EXPECT_EQ(times.syn_sent, 120u);
    EXPECT_EQ(times.syn_recv, 60u);
    EXPECT_EQ(times.established, 432'000u);
    EXPECT_EQ(times.fin_wait, 120u);
    EXPECT_EQ(times.close_wait, 60u);
    EXPECT_EQ(times.last_ack, 30u);
    EXPECT_EQ(times.time_wait, 120u);
    EXPECT_EQ(times.close, 10u);
}

TEST_P(NatTcpTest, T8_Hairpin) {
    lab.nat(
        "-A PREROUTING -d $W -p tcp --dport 7000 -j DNAT --to-destination $A\n"
        "-A POSTROUTING -s $A3 -o a -j MASQUERADE\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        const auto there = [&](const Segment& s) {
            EXPECT_EQ(lab.pass("a", tcp(who.a3, who.w, 6001, 7000, s), "a"),
                      Packets{tcp(who.near_a, who.a, 6001, 7000, s).ttl(63).bytes()});
        };
        const auto back = [&](const Segment& s) {
            EXPECT_EQ(lab.pass("a", tcp(who.a, who.near_a, 7000, 6001, s), "a"),
                      Packets{tcp(who.w, who.a3, 7000, 6001, s).ttl(63).bytes()});
        };
        there({syn, 1000});
        back({syn | ack, 5000, 1001});
        there({ack, 1001, 5001});
        there({push | ack, 1001, 5001, 200});
        back({push | ack, 5001, 1201, 900});
        there({fin | ack, 1201, 5901});
    }
}

TEST_P(NatTcpTest, T9_T10_AnErrorWithEightBytesComesInAndTheConnectionStays) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        open(who);
        const auto told = [&](const char* to, const char* source) {
            Bytes quoted = tcp(source, who.b, client, server, {push | ack, 1001, 5001, 100}).bytes();
            quoted.resize((who.v6 ? 40 : 20) + 8);
            return Ip(who.hop, to).payload(quoted).icmp(who.v6 ? 1 : 3, who.v6 ? 3 : 1);
        };
        expect_in(told(who.w, who.w), told(who.a, who.a));
        in(who, {push | ack, 5001, 1001, 10});
        EXPECT_EQ(known(who).state, TcpState::established);
    }
}

// nf_conntrack_tcp_loose.
TEST_P(NatTcpTest, T11_AConnectionIsPickedUpInTheMiddle) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        out(who, {ack, 70'000, 90'000});
        in(who, {push | ack, 90'000, 70'000, 10});
        out(who, {ack, 70'000, 90'010});
        EXPECT_EQ(known(who).state, TcpState::established);
    }
}

TEST_P(NatTcpTest, T12_ARstOutsideTheWindowIsNotBelieved) {
    lab.nat(snat, counting_invalid);
    for (const NatHosts& who : {hosts4, hosts6}) {
        open(who);
        refused(who, {rst, 5001 + 499'000});
        EXPECT_EQ(known(who).state, TcpState::established);
        in(who, {push | ack, 5001, 1001, 10});
        out(who, {ack, 1001, 5011});
    }
}

// RFC 7857 2.2 asks for four minutes; Linux gives ten seconds.
TEST_P(NatTcpTest, T13_ARstInTheWindowLeavesTenSeconds) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        open(who);
        in(who, {rst, 5001});
        EXPECT_EQ(known(who).state, TcpState::close);
        wait(9);
        EXPECT_EQ(known(who).state, TcpState::close);
        wait(2);
        expect_for_host(tcp(who.b, who.w, server, client, {ack, 5001, 1001}));
    }
}

}  // namespace
}  // namespace weft::test
