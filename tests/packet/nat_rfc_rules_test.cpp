// What rules do with destinations, with other protocols, and with services of the router; ids are those of
// tests/cases/nat.tsv.
#include <set>

#include "control/publish/hook_log.hpp"
#include "tests/packet/nat_rfc.hpp"

namespace weft::test {
namespace {

class NatRulesTest : public NatRfc {
  protected:
    /// `$[A]` and `$[W]`: addresses that a port follows.
    void nat_with_ports(const std::string& rules) {
        const auto text = [&](bool v6) {
            std::string all = "*nat\n" + rules + "COMMIT\n";
            for (const auto& [word, four, six] :
                 {std::tuple{"$[A]", "10.0.1.2", "[2001:db8:1::2]"}, {"$[W]", "10.0.2.1", "[2001:db8:2::1]"}})
                for (std::size_t at; (at = all.find(word)) != std::string::npos;)
                    all.replace(at, std::string(word).size(), v6 ? six : four);
            return all;
        };
        lab.firewall.rules(text(false), text(true));
    }
    /// What the log has to say since the last call.
    std::vector<std::string> log(std::uint64_t now_ms) {
        const RuleBook book = lab.firewall.book();
        std::vector<std::string> all;
        log_.write(
            rig.shared(), rig.names(),
            [&](bool v6, std::uint32_t rule) {
                return book.told(v6 ? hook::Family::ip6 : hook::Family::ip, rule);
            },
            now_ms, [&](unsigned, const std::string& line) { all.push_back(line); });
        return all;
    }
    HookLogWriter log_;
};
INSTANTIATE_NAT(NatRulesTest);

// nf_nat_core.c: of a protocol without ports only the address; a second host to the same peer is refused.
TEST_P(NatRulesTest, O1_OtherProtocolsHaveAddressesAlone) {
    constexpr unsigned gre = 47, esp = 50, ah = 51, test = 253;
    lab.nat(snat);
    std::uint64_t refused = 0;
    for (const NatHosts& who : {hosts4, hosts6})
        for (const unsigned protocol : {gre, esp, ah, test}) {
            if (who.v6 && protocol == ah) continue;  // an extension header there
            const auto packet = [&](const char* from, const char* to) {
                return Ip(from, to)
                    .payload(Bytes{0, 0, 8, 0, 0x45, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
                    .protocol(static_cast<std::uint8_t>(protocol));
            };
            SCOPED_TRACE(protocol);
            for (unsigned round = 0; round < 3; ++round) {
                expect_out(packet(who.a, who.b), packet(who.w, who.b));
                expect_in(packet(who.b, who.w), packet(who.b, who.a));
            }
            EXPECT_EQ(lab.inside(packet(who.a3, who.b)), Packets{});
            EXPECT_EQ(rig.drops(DropReason::nat_no_port), ++refused);
            expect_out(packet(who.a3, who.c), packet(who.w, who.c));
            expect_in(packet(who.c, who.w), packet(who.c, who.a3));
        }
}

// gre_manip_pkt of net/netfilter/nf_nat_proto.c: as Linux 6.18 was seen to do
TEST_P(NatRulesTest, GreIsTranslatedWithEightBytesAndBackOfVersionsThatThereAre) {
    constexpr std::uint8_t gre = 47;
    lab.nat(snat);
    std::uint64_t refused = 0;
    for (const NatHosts& who : {hosts4, hosts6}) {
        const auto packet = [&](const char* from, const char* to, std::size_t size, unsigned char version) {
            Bytes all{0, version, 8, 0, 0x45, 6, 7, 8, 9, 10, 11, 12};
            all.resize(size);
            return Ip(from, to).payload(all).protocol(gre);
        };
        const auto expect_refused = [&](const std::vector<Bytes>& sent) {
            EXPECT_EQ(sent, Packets{});
            EXPECT_EQ(rig.drops(DropReason::nat_bad_header), ++refused);
        };
        for (const std::size_t size : {0u, 1u, 2u, 4u, 7u})
            expect_refused(lab.inside(packet(who.a, who.b, size, 0)));
        expect_out(packet(who.a, who.b, 8, 0), packet(who.w, who.b, 8, 0));
        expect_out(packet(who.a, who.b, 12, 2), packet(who.w, who.b, 12, 2));
        expect_in(packet(who.b, who.w, 8, 0), packet(who.b, who.a, 8, 0));
        for (const std::size_t size : {0u, 2u, 7u}) {
            expect_refused(lab.inside(packet(who.a, who.b, size, 0)));
            expect_refused(lab.outside(packet(who.b, who.w, size, 0)));
        }
        expect_refused(lab.outside(packet(who.b, who.w, 12, 2)));
        expect_in(packet(who.b, who.w, 12, 0), packet(who.b, who.a, 12, 0));
    }
    lab.nat("", "*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n");
    for (const NatHosts& who : {hosts4, hosts6})
        for (const std::size_t size : {0u, 1u, 2u, 7u}) {
            const auto packet = Ip(who.a, who.c).payload(Bytes(size)).protocol(gre);
            expect_out(packet, packet);
        }
}

// RFC 6864 would have them differ; Linux leaves them as the hosts sent them.
TEST_P(NatRulesTest, O3_IdentificationsStayAsTheHostsSentThem) {
    lab.nat(snat);
    expect_out(udp(hosts4.a, hosts4.b, 5000, 53).id(7), udp(hosts4.w, hosts4.b, 5000, 53).id(7));
    expect_out(udp(hosts4.a3, hosts4.b, 5001, 53).id(7), udp(hosts4.w, hosts4.b, 5001, 53).id(7));
}

TEST_P(NatRulesTest, N7_SomeDestinationsAreNotTranslated) {
    lab.nat("-A POSTROUTING -o b -d $B -j ACCEPT\n" + std::string(snat));
    for (const NatHosts& who : {hosts4, hosts6})
        for (unsigned round = 0; round < 3; ++round) {
            expect_out(udp(who.a, who.b, 5000, 53), udp(who.a, who.b, 5000, 53));
            expect_in(udp(who.b, who.a, 53, 5000), udp(who.b, who.a, 53, 5000));
            expect_out(udp(who.a, who.c, 5000, 53), udp(who.w, who.c, 5000, 53));
            expect_in(udp(who.c, who.w, 53, 5000), udp(who.c, who.a, 53, 5000));
        }
}

// However many packets one rule drops, the other one's line comes.
TEST_P(NatRulesTest, N8_EachRuleWithoutAFreePortIsNamedInTheLog) {
    const std::string of_udp = "-A POSTROUTING -o b -p udp -j SNAT --to-source 10.0.2.1:7000",
                      of_tcp = "-A POSTROUTING -o b -p tcp -j SNAT --to-source 10.0.2.1:7000";
    lab.nat4(of_udp + "\n" + of_tcp + "\n");
    EXPECT_EQ(leaves_by(udp(hosts4.a, hosts4.b, 5000, 53)), 7000u);
    EXPECT_EQ(leaves_by(tcp(hosts4.a, hosts4.b, 5000, 80, {Segment::syn, 1})), 7000u);
    EXPECT_EQ(log(0), std::vector<std::string>{});
    const std::string line = "nat: no free port, dropping packet: nat:POSTROUTING:rule:";
    EXPECT_EQ(leaves_by(udp(hosts4.a3, hosts4.b, 5000, 53)), 0u);
    EXPECT_EQ(log(100), std::vector<std::string>{line + "1 " + of_udp});
    for (unsigned i = 0; i < 100; ++i)
        EXPECT_EQ(leaves_by(udp(hosts4.a3, hosts4.b, 6000 + i, 53)), 0u);
    EXPECT_EQ(leaves_by(tcp(hosts4.a3, hosts4.b, 5000, 80, {Segment::syn, 1})), 0u);
    EXPECT_EQ(leaves_by(udp(hosts4.a3, hosts4.b, 5001, 53)), 0u);
    EXPECT_EQ(log(200), std::vector<std::string>{line + "2 " + of_tcp});
}

TEST_P(NatRulesTest, N9_NothingIsLoggedOfAMapping) {
    lab.nat(snat);
    for (const NatHosts& who : {hosts4, hosts6}) {
        expect_out(udp(who.a, who.b, 5000, 53), udp(who.w, who.b, 5000, 53));
        expect_in(udp(who.b, who.w, 53, 5000), udp(who.b, who.a, 53, 5000));
        EXPECT_NE(leaves_by(udp(who.a3, who.b, 5000, 53)), 0u);
    }
    lab.firewall.tracker().flush();
    EXPECT_EQ(log(0), std::vector<std::string>{});
}

TEST_P(NatRulesTest, D1_APortForward) {
    nat_with_ports("-A PREROUTING -i b -p tcp --dport 8080 -j DNAT --to-destination $[A]:80\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        const auto there = [&](const Segment& s) {
            expect_in(tcp(who.b, who.w, 900, 8080, s), tcp(who.b, who.a, 900, 80, s));
        };
        const auto back = [&](const Segment& s) {
            expect_out(tcp(who.a, who.b, 80, 900, s), tcp(who.w, who.b, 8080, 900, s));
        };
        there({Segment::syn, 1000});
        back({Segment::syn | Segment::ack, 5000, 1001});
        there({Segment::ack, 1001, 5001});
        for (unsigned i = 0; i < 3; ++i) {
            there({Segment::push | Segment::ack, 1001 + 50 * i, 5001 + 90 * i, 50});
            back({Segment::push | Segment::ack, 5001 + 90 * i, 1051 + 50 * i, 90});
        }
    }
}

TEST_P(NatRulesTest, D2_ARangeOfAddresses) {
    lab.nat("-A PREROUTING -i b -p udp --dport 7000 -j DNAT --to-destination $A-$A3\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        std::set<std::string> used;
        for (unsigned i = 1; i <= 40; ++i) {
            const std::string from = who.far(i);
            const Packets in = lab.outside(udp(from, who.w, 900, 7000));
            ASSERT_EQ(in.size(), 1u);
            const char* const to = in[0] == udp(from, who.a, 900, 7000).ttl(63).bytes() ? who.a : who.a3;
            EXPECT_EQ(in[0], udp(from, to, 900, 7000).ttl(63).bytes());
            expect_out(udp(to, from, 7000, 900), udp(who.w, from, 7000, 900));
            used.insert(to);
        }
        EXPECT_EQ(used.size(), 2u);
    }
}

// A destination's port is the first of the range as long as the source tells connections apart.
TEST_P(NatRulesTest, D2_ARangeOfPorts) {
    nat_with_ports(
        "-A PREROUTING -i b -p udp --dport 7000 -j DNAT --to-destination $[A]:2000-2003\n"
        "-A PREROUTING -i b -p udp --dport 7001 -j DNAT --to-destination $[A]:2000-2999 --random\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        for (unsigned i = 0; i < 6; ++i)
            expect_in(udp(who.b, who.w, 900 + i, 7000), udp(who.b, who.a, 900 + i, 2000));
        expect_out(udp(who.a, who.b, 2000, 903), udp(who.w, who.b, 7000, 903));
        std::set<unsigned> drawn;
        for (unsigned i = 0; i < 20; ++i) {
            const Packets in = lab.outside(udp(who.c, who.w, 900 + i, 7001));
            ASSERT_EQ(in.size(), 1u);
            const unsigned port = lab.port(in[0], true);
            EXPECT_GE(port, 2000u);
            EXPECT_LE(port, 2999u);
            EXPECT_EQ(in[0], udp(who.c, who.a, 900 + i, port).ttl(63).bytes());
            drawn.insert(port);
        }
        EXPECT_GT(drawn.size(), 10u);
    }
}

TEST_P(NatRulesTest, D2_Redirect) {
    lab.nat("-A PREROUTING -i b -p udp --dport 80 -j REDIRECT --to-ports 8080\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        static_cast<void>(rig.punted("b"));
        EXPECT_EQ(lab.outside(udp(who.b, who.a, 900, 80)), Packets{});
        EXPECT_EQ(lab.packets(rig.punted("b")), Packets{udp(who.b, who.w, 900, 8080).bytes()});
        rig.from_kernel("b", lab.router.to_b(udp(who.w, who.b, 8080, 900)));
        EXPECT_EQ(lab.packets(rig.sent("b")), Packets{udp(who.a, who.b, 80, 900).bytes()});
    }
}

TEST_P(NatRulesTest, D2_Netmap) {
    lab.firewall.rules(
        "*nat\n-A PREROUTING -i b -d 192.0.2.0/24 -j NETMAP --to 10.0.1.0/24\n"
        "-A POSTROUTING -o b -s 10.0.1.0/24 -j NETMAP --to 192.0.2.0/24\nCOMMIT\n",
        "*nat\n-A PREROUTING -i b -d 2001:db8:77::/64 -j NETMAP --to 2001:db8:1::/64\n"
        "-A POSTROUTING -o b -s 2001:db8:1::/64 -j NETMAP --to 2001:db8:77::/64\nCOMMIT\n");
    for (const auto& [who, mapped, mapped3] :
         {std::tuple{hosts4, "192.0.2.2", "192.0.2.3"}, {hosts6, "2001:db8:77::2", "2001:db8:77::3"}})
        for (unsigned round = 0; round < 3; ++round) {
            expect_in(udp(who.b, mapped, 900, 7000), udp(who.b, who.a, 900, 7000));
            expect_out(udp(who.a, who.b, 7000, 900), udp(mapped, who.b, 7000, 900));
            expect_out(udp(who.a3, who.b, 7000, 900), udp(mapped3, who.b, 7000, 900));
            expect_in(udp(who.b, mapped3, 900, 7000), udp(who.b, who.a3, 900, 7000));
        }
}

// tools/testing/selftests/net/netfilter/nft_nat.sh, test_port_shadow: a client inside sends from the port of
// one of the router's services; may the answer's tuple take packets for the service?
class NatShadowTest : public NatRfc {
  protected:
    static constexpr unsigned service = 1405, peer = 41404;
    void shadow(const NatHosts& who) { static_cast<void>(lab.inside(udp(who.a, who.b, service, peer))); }
};
INSTANTIATE_NAT(NatShadowTest);

TEST_P(NatShadowTest, P1_WithoutARuleAgainstItTheClientGetsWhatIsForTheService) {
    lab.nat("-A POSTROUTING -o b -j MASQUERADE\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        shadow(who);
        expect_in(udp(who.b, who.w, peer, service), udp(who.b, who.a, peer, service));
    }
}

TEST_P(NatShadowTest, P1_Filter) {
    lab.nat("-A POSTROUTING -o b -j MASQUERADE\n",
            "*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -i a -p udp --sport 1405 -j DROP\nCOMMIT\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        shadow(who);
        expect_for_host(udp(who.b, who.w, peer, service));
    }
}

TEST_P(NatShadowTest, P1_Notrack) {
    lab.nat("-A POSTROUTING -o b -j MASQUERADE\n",
            "*raw\n-A PREROUTING -i b -p udp --dport 1405 -j CT --notrack\n"
            "-A OUTPUT -o b -p udp --sport 1405 -j CT --notrack\nCOMMIT\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        shadow(who);
        expect_for_host(udp(who.b, who.w, peer, service));
    }
}

TEST_P(NatShadowTest, P1_PortTranslation) {
    lab.nat(
        "-A POSTROUTING -o b -p udp --sport :1405 -j MASQUERADE --to-ports 1406-65535 --random\n"
        "-A POSTROUTING -o b -j MASQUERADE\n");
    for (const NatHosts& who : {hosts4, hosts6}) {
        EXPECT_GT(leaves_by(udp(who.a, who.b, service, peer)), service);
        expect_for_host(udp(who.b, who.w, peer, service));
    }
}

}  // namespace
}  // namespace weft::test
