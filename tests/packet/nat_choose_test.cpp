// Which address and port a connection gets: get_unique_tuple of net/netfilter/nf_nat_core.c.
#include <map>
#include <set>

#include "tests/packet/nat_rfc_tcp.hpp"

namespace weft::test {
namespace {

class NatChooseTest : public NatTcp {};
INSTANTIATE_NAT(NatChooseTest);

// xt_nat.c, NF_NAT_RANGE_PROTO_OFFSET: the n-th port of one range becomes the n-th of the other.
TEST_P(NatChooseTest, AShiftedRangeOfPorts) {
    lab.firewall.rules(
        "*nat\n-A PREROUTING -i b -p udp --dport 5000:5999 -j DNAT --to-destination 10.0.1.2:1000-1999/5000\n"
        "COMMIT\n",
        "*nat\n-A PREROUTING -i b -p udp --dport 5000:5999 -j DNAT "
        "--to-destination [2001:db8:1::2]:1000-1999/5000\nCOMMIT\n");
    for (const NatHosts& who : {hosts4, hosts6})
        for (const unsigned n : {0u, 7u, 500u, 999u})
            for (unsigned round = 0; round < 2; ++round) {
                expect_in(udp(who.b, who.w, 900, 5000 + n), udp(who.b, who.a, 900, 1000 + n));
                expect_out(udp(who.a, who.b, 1000 + n, 900), udp(who.w, who.b, 5000 + n, 900));
            }
}

// find_best_ips_proto.
TEST_P(NatChooseTest, APoolIsSpreadOverSourcesAndEachKeepsItsAddress) {
    lab.nat4("-A POSTROUTING -o b -j SNAT --to-source 10.0.2.100-10.0.2.103 --persistent\n");
    std::map<unsigned, unsigned> sources;
    for (unsigned i = 0; i < 1000; ++i) {
        const std::string from = "10.1." + std::to_string(i / 200) + "." + std::to_string(i % 200 + 1);
        const Packets one = lab.inside(udp(from, hosts4.b, 5000 + i, 53));
        ASSERT_EQ(one.size(), 1u);
        const unsigned last = one[0][15];
        EXPECT_EQ(one[0], udp("10.0.2." + std::to_string(last), hosts4.b, 5000 + i, 53).ttl(63).bytes());
        ++sources[last];
        if (i % 100 == 0) {
            const Packets two = lab.inside(udp(from, hosts4.far(i / 100), 9000 + i, 80));
            ASSERT_EQ(two.size(), 1u);
            EXPECT_EQ(two[0][15], last) << "whatever the destination";
        }
    }
    ASSERT_EQ(sources.size(), 4u);
    for (unsigned last = 100; last <= 103; ++last) {
        EXPECT_GT(sources[last], 180u) << last;
        EXPECT_LT(sources[last], 320u) << last;
    }
}

TEST_P(NatChooseTest, WithoutPersistentTheDestinationCountsToo) {
    lab.nat4("-A POSTROUTING -o b -j SNAT --to-source 10.0.2.100-10.0.2.103\n");
    std::set<unsigned> of_one_host;
    for (unsigned i = 0; i < 40; ++i) {
        const Packets out = lab.inside(udp(hosts4.a, hosts4.far(i), 5000 + i, 53));
        ASSERT_EQ(out.size(), 1u);
        of_one_host.insert(out[0][15]);
        EXPECT_EQ(lab.port(out[0]), 5000 + i);
    }
    EXPECT_EQ(of_one_host, (std::set<unsigned>{100, 101, 102, 103}));
}

// NF_NAT_RANGE_PROTO_RANDOM and _RANDOM_FULLY: drawn though the old one is free, within its class.
TEST_P(NatChooseTest, RandomPortsAreDrawnForEachConnection) {
    for (const std::string target : {"SNAT --to-source $W --random", "SNAT --to-source $W --random-fully",
                                     "MASQUERADE --random-fully"}) {
        lab.nat("-A POSTROUTING -o b -j " + target + "\n");
        for (const NatHosts& who : {hosts4, hosts6}) {
            std::set<unsigned> drawn;
            for (unsigned i = 0; i < 30; ++i) {
                const std::string to = who.far(i);
                const unsigned port = leaves_by(udp(who.a, to, 5000, 53));
                EXPECT_GE(port, 1024u);
                expect_in(udp(to, who.w, 53, port), udp(to, who.a, 53, 5000));
                drawn.insert(port);
                const unsigned low = leaves_by(udp(who.a, to, 500, 53));
                EXPECT_GE(low, 1u);
                EXPECT_LE(low, 511u);
            }
            EXPECT_GT(drawn.size(), 25u);
        }
        lab.firewall.tracker().flush();
    }
}

// find_appropriate_src.
TEST_P(NatChooseTest, ASourceStaysWhatItBecame) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        ASSERT_EQ(leaves_by(udp(who.a, who.c, 5000, 99)), 5000u);
        const unsigned drawn = leaves_by(udp(who.a3, who.c, 5000, 99));
        ASSERT_NE(drawn, 5000u);
        EXPECT_EQ(leaves_by(udp(who.a3, who.b, 5000, 99)), drawn);
        EXPECT_EQ(leaves_by(udp(who.a3, who.far(9), 5000, 53)), drawn);
        EXPECT_EQ(leaves_by(udp(who.a3, who.b, 5001, 99)), 5001u) << "another source";
        const Segment s{syn, 1000};
        EXPECT_EQ(leaves_by(tcp(who.a3, who.b, 5000, 99, s)), 5000u) << "another protocol";
    }
}

// nf_nat_used_tuple_harder: the port of a connection that is over but not forgotten, for a SYN beyond it.
TEST_P(NatChooseTest, APortOfAConnectionThatIsOverIsUsedAgain) {
    for (const bool is_reset : {false, true}) {
        lab.firewall.rules(
            "*nat\n-A POSTROUTING -o b -p tcp -j SNAT --to-source 10.0.2.1:7000-7001\nCOMMIT\n",
            "*nat\n-A POSTROUTING -o b -p tcp -j SNAT --to-source [2001:db8:2::1]:7000-7001\nCOMMIT\n");
        for (const NatHosts& who : {hosts4, hosts6}) {
            const auto use = [&](const char* host) {
                const unsigned port = leaves_by(tcp(host, who.b, client, server, {syn, 1000}));
                EXPECT_TRUE(port == 7000 || port == 7001) << port;
                const auto there = [&](const Segment& s) {
                    expect_out(tcp(host, who.b, client, server, s), tcp(who.w, who.b, port, server, s));
                };
                const auto back = [&](const Segment& s) {
                    expect_in(tcp(who.b, who.w, server, port, s), tcp(who.b, host, server, client, s));
                };
                back({syn | ack, 5000, 1001});
                there({ack, 1001, 5001});
                EXPECT_EQ(leaves_by(tcp(host, who.b, client, server, {ack, 1001, 5001})), port);
                if (is_reset) {
                    back({rst, 5001});
                    return port;
                }
                there({fin | ack, 1001, 5001});
                back({fin | ack, 5001, 1002});
                there({ack, 1002, 5002});
                return port;
            };
            const unsigned first = use(who.a), second = use(who.a3);
            EXPECT_NE(first, second);
            EXPECT_EQ(leaves_by(tcp(who.a, who.b, client + 1, server, {syn, 900})), 0u)
                << "behind what was sent";
            const unsigned again = leaves_by(tcp(who.a, who.b, client + 1, server, {syn, 100'000}));
            EXPECT_TRUE(again == first || again == second) << again;
            const Segment answer{syn | ack, 9000, 100'001};
            expect_in(tcp(who.b, who.w, server, again, answer),
                      tcp(who.b, who.a, server, client + 1, answer));
        }
        lab.firewall.tracker().flush();
    }
}

// nf_nat_l4proto_unique_tuple, but for what the kernel misses: it looks at 240 ports at most.
TEST_P(NatChooseTest, AFullRangeIsFullAndOneFreePortIsFoundSometime) {
    lab.nat4("-A POSTROUTING -o b -p udp -j SNAT --to-source 10.0.2.1:10000-10499\n");
    std::set<unsigned> used;
    unsigned source = 20'000;
    for (unsigned tries = 0; used.size() < 500 && tries < 8000; ++tries) {
        const unsigned port = leaves_by(udp(hosts4.a, hosts4.b, source++, 53));
        if (port == 0) continue;
        EXPECT_GE(port, 10'000u);
        EXPECT_LE(port, 10'499u);
        EXPECT_TRUE(used.insert(port).second) << "nobody shares a port";
    }
    ASSERT_EQ(used.size(), 500u);
    const std::uint64_t before = rig.drops(DropReason::nat_no_port);
    for (unsigned i = 0; i < 100; ++i)
        EXPECT_EQ(leaves_by(udp(hosts4.a, hosts4.b, source++, 53)), 0u);
    EXPECT_EQ(rig.drops(DropReason::nat_no_port), before + 100);
    const unsigned elsewhere = leaves_by(udp(hosts4.a, hosts4.c, source, 53));
    EXPECT_TRUE(used.contains(elsewhere)) << "by another destination all may be used again";
}

}  // namespace
}  // namespace weft::test
