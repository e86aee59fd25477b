// RFC 4787: mappings and filtering of UDP, as Linux has them; ids are those of tests/cases/nat.tsv.
#include <set>

#include "tests/packet/nat_rfc.hpp"

namespace weft::test {
namespace {

class NatUdpTest : public NatRfc {};
INSTANTIATE_NAT(NatUdpTest);

TEST_P(NatUdpTest, U1_OneMappingForAllDestinationsUntilAClash) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        expect_out(udp(who.a, who.c, 5000, 99), udp(who.w, who.c, 5000, 99));
        const unsigned drawn = leaves_by(udp(who.a3, who.c, 5000, 99));
        EXPECT_NE(drawn, 5000u);
        // find_appropriate_src: what the source became before, also where its own port would be free.
        expect_out(udp(who.a3, who.b, 5000, 99), udp(who.w, who.b, drawn, 99));
        expect_in(udp(who.b, who.w, 99, drawn), udp(who.b, who.a3, 99, 5000));
        expect_in(udp(who.c, who.w, 99, drawn), udp(who.c, who.a3, 99, 5000));
    }
}

TEST_P(NatUdpTest, U2_OnePoolAddressPerHost) {
    lab.nat4("-A POSTROUTING -o b -j SNAT --to-source 10.0.2.100-10.0.2.103 --persistent\n");
    std::set<Bytes> addresses;
    for (unsigned i = 0; i < 20; ++i) {
        const Packets out = lab.inside(udp(hosts4.a, hosts4.far(i), 5000 + i, 53));
        ASSERT_EQ(out.size(), 1u);
        addresses.emplace(out[0].begin() + 12, out[0].begin() + 16);
    }
    ASSERT_EQ(addresses.size(), 1u);
    EXPECT_GE(addresses.begin()->back(), 100);
    EXPECT_LE(addresses.begin()->back(), 103);
}

TEST_P(NatUdpTest, U3_U3a_U4_NoPortIsSharedAndTheClassStays) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        struct Row {
            unsigned port, first, last;
        };
        bool even = false, odd = false;
        std::set<unsigned> taken;  // by draws: such a port cannot be kept
        for (const Row& row :
             {Row{5000, 1024, 65535}, {500, 1, 511}, {700, 600, 1023}, {5001, 1024, 65535}}) {
            expect_out(udp(who.a, who.b, row.port, 53), udp(who.w, who.b, row.port, 53));
            const unsigned drawn = leaves_by(udp(who.a3, who.b, row.port, 53));
            taken.insert(drawn);
            EXPECT_NE(drawn, row.port);
            EXPECT_GE(drawn, row.first);
            EXPECT_LE(drawn, row.last);
            expect_in(udp(who.b, who.w, 53, drawn), udp(who.b, who.a3, 53, row.port));
            expect_in(udp(who.b, who.w, 53, row.port), udp(who.b, who.a, 53, row.port));
        }
        // U4: parity is not kept (nf_nat_l4proto_unique_tuple takes the next free one, whichever it is).
        for (unsigned port = 6001; port < 6041; port += 2) {
            if (taken.contains(port)) continue;
            expect_out(udp(who.a, who.b, port, 53), udp(who.w, who.b, port, 53));
            const unsigned drawn = leaves_by(udp(who.a3, who.b, port, 53));
            taken.insert(drawn);
            (drawn % 2 ? odd : even) = true;
        }
        EXPECT_TRUE(even && odd);
    }
}

TEST_P(NatUdpTest, U5_U5c_AMappingLastsThirtySecondsAndTwoMinutesOnceAnswered) {
    EXPECT_EQ(FlowConfig().udp_timeout, 30u);
    EXPECT_EQ(FlowConfig().udp_timeout_stream, 120u);
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        rig.pass(29);
        expect_in(udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
        expect_out(udp(who.a, who.b, 5001, 53), udp(who.w, who.b, 5001, 53));
        rig.pass(31);
        expect_for_host(udp(who.b, who.w, 53, 5001));
        // nf_conntrack_udp_packet: a stream is what is answered and older than two seconds.
        expect_out(udp(who.a, who.b, 5002, 53), udp(who.w, who.b, 5002, 53));
        expect_in(udp(who.b, who.w, 53, 5002), udp(who.b, who.a, 53, 5002));
        rig.pass(3);
        expect_out(udp(who.a, who.b, 5002, 53), udp(who.w, who.b, 5002, 53));
        rig.pass(119);
        expect_in(udp(who.b, who.w, 53, 5002), udp(who.b, who.a, 53, 5002));
        rig.pass(121);
        expect_for_host(udp(who.b, who.w, 53, 5002));
    }
}

TEST_P(NatUdpTest, U5b_BothTimesCanBeSet) {
    lab.firewall.flows.udp_timeout = 300;
    lab.firewall.flows.udp_timeout_stream = 600;
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        rig.pass(299);
        expect_in(udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
        rig.pass(3);
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        expect_out(udp(who.a, who.b, 5001, 53), udp(who.w, who.b, 5001, 53));
        rig.pass(301);
        expect_for_host(udp(who.b, who.w, 53, 5001));
        rig.pass(298);
        expect_in(udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
        rig.pass(601);
        expect_for_host(udp(who.b, who.w, 53, 5000));
    }
}

TEST_P(NatUdpTest, U7_AnAddressOfAConnectedNetworkIsLookedForThereAlone) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        const Packets there = lab.pass("a", udp(who.a, who.a3, 5000, 53), "a");
        EXPECT_EQ(std::count(there.begin(), there.end(), udp(who.a, who.a3, 5000, 53).ttl(63).bytes()), 1);
        EXPECT_EQ(rig.sent("b"), Packets{});
        expect_in(udp(who.b, who.a3, 5000, 53), udp(who.b, who.a3, 5000, 53));
    }
}

TEST_P(NatUdpTest, U6_U6a_BothDirectionsKeepAMapping) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        for (const unsigned port : {5000u, 5001u}) {
            expect_out(udp(who.a, who.b, port, 53), udp(who.w, who.b, port, 53));
            expect_in(udp(who.b, who.w, 53, port), udp(who.b, who.a, 53, port));
        }
        for (unsigned i = 0; i < 6; ++i) {
            rig.pass(i == 0 ? 15 : 60);
            expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
            expect_in(udp(who.b, who.w, 53, 5001), udp(who.b, who.a, 53, 5001));
        }
        rig.pass(90);
        expect_in(udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
        expect_in(udp(who.b, who.w, 53, 5001), udp(who.b, who.a, 53, 5001));
    }
}

TEST_P(NatUdpTest, U8_NobodyElseComesIn) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        expect_for_host(udp(who.b, who.w, 54, 5000));
        expect_for_host(udp(who.c, who.w, 53, 5000));
        expect_in(udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
    }
}

TEST_P(NatUdpTest, U9_HairpinNeedsRules) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        EXPECT_EQ(lab.pass("a", udp(who.a3, who.w, 6000, 5000), "a"), Packets{});
        EXPECT_EQ(lab.packets(rig.punted("a")), Packets{udp(who.a3, who.w, 6000, 5000).bytes()});
    }
    lab.nat(
        "-A PREROUTING -d $W -p udp --dport 7000 -j DNAT --to-destination $A\n"
        "-A POSTROUTING -s $A3 -o a -j MASQUERADE\n");
    for (const NatHosts& who : {hosts4, hosts6})
        for (unsigned round = 0; round < 3; ++round) {
            EXPECT_EQ(lab.pass("a", udp(who.a3, who.w, 6001, 7000), "a"),
                      Packets{udp(who.near_a, who.a, 6001, 7000).ttl(63).bytes()});
            EXPECT_EQ(lab.pass("a", udp(who.a, who.near_a, 7000, 6001), "a"),
                      Packets{udp(who.w, who.a3, 7000, 6001).ttl(63).bytes()});
        }
}

TEST_P(NatUdpTest, U9a_AHairpinnedSourceIsTheOutsideAddressIfARuleSaysSo) {
    lab.nat(
        "-A PREROUTING -d $W -p udp --dport 7000 -j DNAT --to-destination $A\n"
        "-A POSTROUTING -s $A3 -o a -j SNAT --to-source $W\n");
    for (const NatHosts& who : {hosts4, hosts6})
        for (unsigned round = 0; round < 3; ++round) {
            EXPECT_EQ(lab.pass("a", udp(who.a3, who.w, 6001, 7000), "a"),
                      Packets{udp(who.w, who.a, 6001, 7000).ttl(63).bytes()});
            EXPECT_EQ(lab.pass("a", udp(who.a, who.w, 7000, 6001), "a"),
                      Packets{udp(who.w, who.a3, 7000, 6001).ttl(63).bytes()});
        }
}

TEST_P(NatUdpTest, U15_NoSumStaysNone) {
    lab.nat(snat);
    for (unsigned round = 0; round < 4; ++round) {
        expect_out(Ip(hosts4.a, hosts4.b).payload(21).udp(5000, 53),
                   Ip(hosts4.w, hosts4.b).payload(21).udp(5000, 53));
        expect_in(Ip(hosts4.b, hosts4.w).payload(21).udp(53, 5000),
                  Ip(hosts4.b, hosts4.a).payload(21).udp(53, 5000));
    }
}

// nf_conntrack_checksum: it belongs to no connection, so nothing translates it.
TEST_P(NatUdpTest, U16_ABadSumIsInvalid) {
    for (const bool drops : {false, true}) {
        lab.nat(snat, drops ? no_invalid : "");
        for (const NatHosts& who : {hosts4, hosts6}) {
            expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
            Bytes body = udp(who.a, who.b, 5000, 53).bytes();
            body.erase(body.begin(), body.begin() + (who.v6 ? 40 : 20));
            body.back() ^= 1;
            const Ip bad = Ip(who.a, who.b).payload(body).protocol(17);
            const Packets as_it_came{Ip(bad).ttl(63).bytes()};
            EXPECT_EQ(lab.inside(bad), drops ? Packets{} : as_it_came);
            if (drops) {
                EXPECT_EQ(lab.firewall.counts(who.v6, "FORWARD")[0], 1u);
            }
        }
    }
    std::uint64_t invalid = 0;
    for (unsigned w = 0; w < rig.shared().workers.size(); ++w)
        invalid += lab.firewall.tracker().counts(w).invalid;
    EXPECT_EQ(invalid, 4u) << "as conntrack -S says";
}

}  // namespace
}  // namespace weft::test
