// ICMP errors that a router makes; ids are those of tests/cases/router.tsv.
#include <gtest/gtest.h>

#include "tests/packet/router.hpp"

namespace weft::test {
namespace {

class RouteIcmpTest : public testing::TestWithParam<RigOptions> {
  protected:
    Router router{GetParam()};
    Rig& rig = router.rig;

    /// What A gets when it sends `about`: the L3 bytes, or none.
    Bytes answer(const Bytes& frame) {
        rig.send("a", frame);
        auto sent = rig.all_sent();
        EXPECT_FALSE(sent.contains("b")) << "nothing is forwarded";
        if (!sent.contains("a")) return {};
        EXPECT_EQ(sent["a"].size(), 1u);
        const Bytes& wire = sent["a"][0];
        const Bytes head = Frame().from(rig.mac("a")).to(host_a);
        EXPECT_TRUE(std::equal(head.begin(), head.begin() + 12, wire.begin())) << "addresses";
        return Bytes(wire.begin() + 14, wire.end());
    }
    Bytes answer(const Ip& about) { return answer(router.from_a(about)); }

    /// An error about a packet from A, whose IPv4 identification (that of the answer) is not looked at.
    static Bytes error4(const Ip& about, unsigned type, unsigned code, std::uint32_t value = 0,
                        unsigned tos = 0xc0) {
        Bytes quote = about.bytes();
        quote.resize(std::min<std::size_t>(quote.size(), 548));
        return Ip("10.0.1.1", "10.0.1.2").tos(tos).id(0).payload(quote).icmp(type, code, value).bytes();
    }
    static Bytes error6(const Ip& about, unsigned type, unsigned code, std::uint32_t value = 0) {
        Bytes quote = about.bytes();
        quote.resize(std::min<std::size_t>(quote.size(), 1232));
        return Ip("2001:db8:1::1", "2001:db8:1::2").payload(quote).icmp(type, code, value).bytes();
    }
    /// With the identification zero and the sum as it is then.
    static Bytes without_id(Bytes l3) {
        if (l3.size() < 20) return l3;
        l3[4] = l3[5] = l3[10] = l3[11] = 0;
        const unsigned sum = rfc1071(Bytes(l3.begin(), l3.begin() + 20));
        l3[10] = static_cast<std::uint8_t>(sum >> 8);
        l3[11] = static_cast<std::uint8_t>(sum);
        return l3;
    }
    Bytes answer4(const Ip& about) { return without_id(answer(about)); }
};
INSTANTIATE_TEST_SUITE_P(Workers, RouteIcmpTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

const Ip a_to_b{"10.0.1.2", "10.0.2.2"}, a_to_b6{"2001:db8:1::2", "2001:db8:2::2"};

TEST_P(RouteIcmpTest, F02_F03_V02_TimeExceeded) {
    const Ip about = Ip(a_to_b).ttl(1).payload(628).udp(1, 2);
    EXPECT_EQ(answer4(about), error4(about, 11, 0)) << "576 bytes in all, RFC 1812 4.3.2.3";
    const Ip zero = Ip(a_to_b).ttl(0);
    EXPECT_EQ(answer4(zero), error4(zero, 11, 0));
    const Ip about6 = Ip(a_to_b6).ttl(1).payload(1400).udp(1, 2);
    EXPECT_EQ(answer(about6), error6(about6, 3, 0)) << "1280 bytes in all, RFC 4443 2.4";
    const Ip zero6 = Ip(a_to_b6).ttl(0);
    EXPECT_EQ(answer(zero6), error6(zero6, 3, 0));
    EXPECT_EQ(rig.drops(DropReason::route_ttl_expired), 4u);
}

TEST_P(RouteIcmpTest, F05_V03_NoRoute) {
    const Ip about("10.0.1.2", "203.0.113.1"), about6("2001:db8:1::2", "2001:db8:99::1");
    EXPECT_EQ(answer4(about), error4(about, 3, 0));
    EXPECT_EQ(answer(about6), error6(about6, 1, 0));
    EXPECT_EQ(rig.drops(DropReason::route_no_route), 2u);
}

TEST_P(RouteIcmpTest, RefusingRoutes) {
    const auto unreachable = router.hop({.kind = HopKind::unreachable}),
               prohibit = router.hop({.kind = HopKind::prohibit});
    router.route("203.0.113.1/32", unreachable);
    router.route("203.0.113.2/32", prohibit);
    router.route("2001:db8:98::/48", unreachable);
    router.route("2001:db8:97::/48", prohibit);
    const Ip one("10.0.1.2", "203.0.113.1"), two("10.0.1.2", "203.0.113.2"),
        one6("2001:db8:1::2", "2001:db8:98::1"), two6("2001:db8:1::2", "2001:db8:97::1");
    EXPECT_EQ(answer4(one), error4(one, 3, 1)) << "fib_props RTN_UNREACHABLE, ip_error";
    EXPECT_EQ(answer4(two), error4(two, 3, 13)) << "RFC 1812 5.2.7.1, ICMP_PKT_FILTERED";
    EXPECT_EQ(answer(one6), error6(one6, 1, 0)) << "ip6_pkt_discard";
    EXPECT_EQ(answer(two6), error6(two6, 1, 1)) << "ip6_pkt_prohibit";
}

TEST_P(RouteIcmpTest, F06_V04_TheNeighbourFailed) {
    router.route("10.0.2.66/32",
                 router.hop({.interface = "b", .gateway = "10.0.2.66", .state = NeighbourState::failed}));
    router.route(
        "2001:db8:2::66/128",
        router.hop({.interface = "b", .gateway = "2001:db8:2::66", .state = NeighbourState::failed}));
    const Ip about("10.0.1.2", "10.0.2.66"), about6("2001:db8:1::2", "2001:db8:2::66");
    const Ip sent = Ip(about).ttl(63), sent6 = Ip(about6).ttl(63);
    EXPECT_EQ(answer4(about), error4(sent, 3, 1)) << "quoted as it would have been sent, as arp_error_report";
    EXPECT_EQ(answer(about6), error6(sent6, 1, 3));
}

TEST_P(RouteIcmpTest, F07_V05_TooBig) {
    router.route("10.0.2.2/32",
                 router.hop({.interface = "b", .gateway = "10.0.2.2", .mac = host_b, .mtu = 1400}));
    router.route("2001:db8:2::2/128",
                 router.hop({.interface = "b", .gateway = "2001:db8:2::2", .mac = host_b, .mtu = 1400}));
    const Ip about = Ip(a_to_b).dont_fragment().payload(1472).udp(1, 2),
             about6 = Ip(a_to_b6).payload(1452).udp(1, 2);
    EXPECT_EQ(answer4(about), error4(about, 3, 4, 1400));
    const Ip sent6 = Ip(about6).ttl(63);  // a route's MTU, as ip6_finish_output
    EXPECT_EQ(answer(about6), error6(sent6, 2, 0, 1400));
    EXPECT_EQ(rig.drops(DropReason::route_too_big), 2u);
}

TEST_P(RouteIcmpTest, V05_NeverBelowTheLeastMtu) {
    router.route("2001:db8:2::2/128",
                 router.hop({.interface = "b", .gateway = "2001:db8:2::2", .mac = host_b, .mtu = 1000}));
    const Ip about6 = Ip(a_to_b6).payload(1300);
    const Ip sent6 = Ip(about6).ttl(63);
    EXPECT_EQ(answer(about6), error6(sent6, 2, 0, 1280));
}

TEST_P(RouteIcmpTest, F17_V14_NoErrorsAboutThese) {
    for (const unsigned type : {3u, 4u, 5u, 11u, 12u, 200u})
        EXPECT_EQ(answer(Ip(a_to_b).ttl(1).icmp(type, 3)), Bytes{}) << "F17a, type " << type;
    EXPECT_EQ(answer(Ip(a_to_b).ttl(1).fragment(64, false)), Bytes{}) << "F17b";
    EXPECT_EQ(answer(Ip(a_to_b).ttl(1).frame(host_a, all_hosts)), Bytes{}) << "F17c";
    const Ip first = Ip(a_to_b).ttl(1).fragment(0, true);
    EXPECT_EQ(answer4(first), error4(first, 11, 0)) << "F17d";
    const Ip echo = Ip(a_to_b).ttl(1).icmp(8, 0);
    EXPECT_EQ(answer4(echo), error4(echo, 11, 0)) << "an echo request is no error";
    EXPECT_EQ(answer(Ip("127.0.0.1", "10.0.2.2").ttl(1)), Bytes{});
    for (const unsigned type : {1u, 2u, 3u, 4u, 100u, 137u})
        EXPECT_EQ(answer(Ip(a_to_b6).ttl(1).icmp(type, 0)), Bytes{}) << "V14, type " << type;
    EXPECT_EQ(answer(Ip("ff02::5", "2001:db8:2::2").ttl(1)), Bytes{});
    EXPECT_EQ(answer(Ip(a_to_b6).ttl(1).extension(60, {0, 0, 1, 4, 0, 0, 0, 0}).icmp(1, 0)), Bytes{})
        << "behind an extension header";
}

TEST_P(RouteIcmpTest, F25_Limits) {
    // RFC 1812 4.3.2.8: as inet_peer_xrlim_allow, six at once to a peer, then one a second
    int answers = 0;
    for (int i = 0; i < 1000; ++i)
        answers += !answer(Ip(a_to_b).ttl(1)).empty();
    EXPECT_EQ(answers, 6);
    EXPECT_EQ(rig.drops(DropReason::icmp_rate_limited), 994u);
    rig.pass(1);
    EXPECT_FALSE(answer(Ip(a_to_b).ttl(1)).empty());
    EXPECT_TRUE(answer(Ip(a_to_b).ttl(1)).empty());
    router.routing().icmp.ratelimit_ms = 0;
    router.routing().icmp.msgs_burst = 1000;  // the limit in all holds all the same
    router.publish();
    for (int i = 0; i < 100; ++i)
        EXPECT_FALSE(answer(Ip(a_to_b).ttl(1)).empty()) << "icmp_ratelimit 0";
    router.routing().icmp = {.ratemask = 0};
    router.publish();
    EXPECT_FALSE(answer(Ip(a_to_b).ttl(1)).empty()) << "icmp_ratemask 0";
    for (int i = 0; i < 20; ++i) {
        const auto big = answer(Ip(a_to_b6).payload(1452).ttl(1));
        EXPECT_EQ(big.empty(), i >= 6);
    }
}

TEST_P(RouteIcmpTest, F25_TheLimitInAll) {
    // icmp_msgs_per_sec 1000, icmp_msgs_burst 50, whoever is told
    for (int i = 0; i < 200; ++i)
        rig.send("a", router.from_a(Ip("10.0.1." + std::to_string(2 + i), "10.0.2.2").ttl(1)));
    const auto held = router.unresolved();
    EXPECT_EQ(held.size() + rig.sent("a").size(), 50u);
    for (Packet* packet : held)
        Packet::free(packet);
    EXPECT_EQ(rig.drops(DropReason::icmp_rate_limited), 150u);
}

TEST_P(RouteIcmpTest, F26_PrecedenceOfTheAnswer) {
    const Ip about = Ip(a_to_b).ttl(1).tos(0x1e);
    EXPECT_EQ(answer4(about), error4(about, 11, 0, 0, 0xde));
}

TEST_P(RouteIcmpTest, F24_V16_Redirects) {
    router.route("10.0.1.3/32",
                 router.hop({.interface = "a", .gateway = "10.0.1.3", .mac = "02:00:00:00:00:03"}));
    router.route("198.51.100.0/24",
                 router.hop({.interface = "a", .gateway = "10.0.1.3", .mac = "02:00:00:00:00:03"}));
    const Ip about("10.0.1.2", "198.51.100.7");
    rig.send("a", router.from_a(about));
    auto sent = rig.sent("a");
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_EQ(without_id(Bytes(sent[0].begin() + 14, sent[0].end())), error4(about, 5, 1, 0x0a000103));
    EXPECT_EQ(sent[1], Bytes(Ip(about).ttl(63).frame(rig.mac("a"), *parse_mac("02:00:00:00:00:03"))));
    rig.send("a", router.from_a(about));
    EXPECT_EQ(rig.sent("a").size(), 1u) << "one a second";

    const Ip about6("2001:db8:1::2", "2001:db8:1::3");
    router.route("2001:db8:1::3/128",
                 router.hop({.interface = "a", .gateway = "2001:db8:1::3", .mac = "02:00:00:00:00:03"}));
    rig.send("a", router.from_a(about6));
    sent = rig.sent("a");
    ASSERT_EQ(sent.size(), 2u);
    Bytes body = address_bytes("2001:db8:1::3");
    const Bytes destination = address_bytes("2001:db8:1::3"), quote = about6.bytes();
    body.insert(body.end(), destination.begin(), destination.end());
    for (const std::uint8_t byte : {2, 1, 2, 0, 0, 0, 0, 3})
        body.push_back(byte);
    const std::size_t quoted = quote.size() / 8 * 8;
    for (const std::size_t byte : {std::size_t{4}, 1 + quoted / 8, std::size_t{0}, std::size_t{0},
                                   std::size_t{0}, std::size_t{0}, std::size_t{0}, std::size_t{0}})
        body.push_back(static_cast<std::uint8_t>(byte));
    body.insert(body.end(), quote.begin(), quote.begin() + static_cast<std::ptrdiff_t>(quoted));
    EXPECT_EQ(Bytes(sent[0].begin() + 14, sent[0].end()),
              Ip("fe80::a", "2001:db8:1::2").ttl(255).payload(body).icmp(137, 0).bytes());
    EXPECT_EQ(sent[1], Bytes(Ip(about6).ttl(63).frame(rig.mac("a"), *parse_mac("02:00:00:00:00:03"))));

    router.interface("a").send_redirects = false;
    router.publish();
    rig.pass(5);
    rig.send("a", router.from_a(about));
    EXPECT_EQ(rig.sent("a").size(), 1u);
}

TEST_P(RouteIcmpTest, V06_ToALinkLocalSourceOnItsOwnLink) {
    // the routes that the kernel has, one a link, do not tell which
    router.route("fe80::/64", router.hop({.kind = HopKind::connected, .interface = "b"}));
    const Ip beyond("fe80::9", "2001:db8:2::2");
    EXPECT_EQ(answer(beyond), Ip("fe80::a", "fe80::9").payload(beyond.bytes()).icmp(1, 2).bytes())
        << "RFC 4443 3.1, code 2, as ip6_forward";
    const Ip nowhere("fe80::9", "2001:db8:99::1");
    EXPECT_EQ(answer(nowhere), Ip("fe80::a", "fe80::9").payload(nowhere.bytes()).icmp(1, 0).bytes());
    const Ip expired = Ip("fe80::9", "2001:db8:2::2").ttl(1);
    EXPECT_EQ(answer(expired), Ip("fe80::a", "fe80::9").payload(expired.bytes()).icmp(3, 0).bytes());
    EXPECT_TRUE(router.unresolved().empty());
}

// net/ipv6/icmp.c, icmp6_send: the address that was asked, icmpv6_rt_has_prefsrc, or ipv6_dev_get_saddr of
// the device that the packet came by (RFC 6724 5).
TEST_P(RouteIcmpTest, WhoSpeaksInIpv6) {
    router.own("a", "2001:db8:1::5", 64, true);
    router.own("a", "fd00:1::1", 64);
    const auto reached = [&](const char* host, const char* by, const char* source) {
        router.route(std::string(host) + "/128",
                     router.hop({.interface = by, .gateway = host, .mac = host_a, .source = source}));
    };
    reached("fd00:1::2", "a", "");
    reached("2001:db8:1::6", "a", "");
    reached("fd00:2::2", "a", "2001:db8:1::5");
    reached("fd00:3::2", "b", "");
    router.publish();
    const auto speaks = [&](const char* by, const Ip& about, const char* out = "a", unsigned type = 3,
                            unsigned code = 0, std::uint32_t value = 0) {
        rig.send("a", router.from_a(about));
        const auto sent = rig.sent(out);
        ASSERT_EQ(sent.size(), 1u) << by;
        const Bytes quote = about.bytes(), whom(quote.begin() + 8, quote.begin() + 24);
        EXPECT_EQ(Bytes(sent[0].begin() + 14, sent[0].end()),
                  Ip(address_bytes(by), whom).payload(quote).icmp(type, code, value).bytes());
    };
    const auto expired = [](const char* from) { return Ip(from, "2001:db8:2::2").ttl(1); };
    speaks("fd00:1::1", expired("fd00:1::2"));
    speaks("2001:db8:1::1", expired("2001:db8:1::6"));
    speaks("2001:db8:1::5", expired("fd00:2::2"));
    speaks("fd00:1::1", expired("fd00:3::2"), "b");
    const auto strange = [](const char* to) {
        return Ip("fd00:1::2", to).extension(0, {0, 0, 0x9e, 4, 0, 0, 0, 0});
    };
    speaks("2001:db8:2::1", strange("2001:db8:2::1"), "a", 4, 2, 42);
    speaks("fd00:1::1", strange("2001:db8:2::2"), "a", 4, 2, 42);
}

TEST_P(RouteIcmpTest, WithoutARouteBackNothingIsSaid) {
    EXPECT_EQ(answer(Ip("192.0.2.77", "10.0.2.2").ttl(1)), Bytes{});
    EXPECT_EQ(rig.drops(DropReason::route_ttl_expired), 1u);
}

}  // namespace
}  // namespace weft::test
