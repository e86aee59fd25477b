// Routing, frames in and frames out; ids are those of tests/cases/router.tsv.
#include <gtest/gtest.h>

#include "tests/packet/router.hpp"
#include "weft/next_hop.hpp"

namespace weft::test {
namespace {

class RouteTest : public testing::TestWithParam<RigOptions> {
  protected:
    Router router{GetParam()};
    Rig& rig = router.rig;

    void forwards(const Ip& in, const Ip& out) {
        rig.send("a", router.from_a(in));
        EXPECT_EQ(rig.all_sent(), (Out{{"b", {router.to_b(out)}}}));
    }
    void drops(const Ip& in, DropReason reason) {
        const auto before = rig.drops(reason);
        rig.send("a", router.from_a(in));
        EXPECT_EQ(rig.all_sent(), Out{});
        EXPECT_EQ(rig.drops(reason), before + 1) << text_of(reason).word;
        EXPECT_TRUE(rig.punted("a").empty());
    }
    void drops_bytes(const Bytes& l3, DropReason reason, std::uint16_t type = 0x0800) {
        const auto before = rig.drops(reason);
        rig.send("a", Frame().from(host_a).to(rig.mac("a")).type(type).payload(l3));
        EXPECT_EQ(rig.all_sent(), Out{});
        EXPECT_EQ(rig.drops(reason), before + 1) << text_of(reason).word;
    }
    void punts(const Ip& in) {
        const Bytes frame = router.from_a(in);
        rig.send("a", frame);
        EXPECT_EQ(rig.all_sent(), Out{});
        EXPECT_EQ(rig.punted("a"), std::vector<Bytes>{frame});
    }
};
INSTANTIATE_TEST_SUITE_P(Workers, RouteTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

const Ip a_to_b{"10.0.1.2", "10.0.2.2"}, a_to_b6{"2001:db8:1::2", "2001:db8:2::2"};
Ip ab() {
    return a_to_b;
}
Ip ab6() {
    return a_to_b6;
}

TEST_P(RouteTest, F01_V01_Forwards) {
    forwards(ab().tos(0xb9).udp(1000, 53), ab().tos(0xb9).udp(1000, 53).ttl(63));
    forwards(ab6().tos(0xb9).label(0x12345).udp(1000, 53),
             ab6().tos(0xb9).label(0x12345).udp(1000, 53).ttl(63));
    forwards(ab().ttl(2), ab().ttl(1));
    forwards(ab6().ttl(2), ab6().ttl(1));
    EXPECT_EQ(rig.all_drops(), 0u);
}

TEST_P(RouteTest, F33_EcnPasses) {
    for (unsigned ecn = 1; ecn < 4; ++ecn)
        forwards(ab().tos(ecn), ab().tos(ecn).ttl(63));
}

TEST_P(RouteTest, F04_V02c_TtlOneToTheRouterItself) {
    for (const char* own : {"10.0.1.1", "10.0.2.1"})
        punts(Ip("10.0.1.2", own).ttl(1).icmp(8, 0));
    for (const char* own : {"2001:db8:1::1", "2001:db8:2::1"})
        punts(Ip("2001:db8:1::2", own).ttl(1).icmp(128, 0));
}

TEST_P(RouteTest, F08_Fragments) {
    router.route("10.0.2.2/32",
                 router.hop({.interface = "b", .gateway = "10.0.2.2", .mac = host_b, .mtu = 1400}));
    const Bytes whole = Ip("10.0.1.2", "10.0.2.2").payload(1480).bytes();
    rig.send("a", router.from_a(ab().payload(1480)));
    const Bytes payload(whole.begin() + 20, whole.end());
    const Ip first = ab().ttl(63).fragment(0, true).payload(Bytes(payload.begin(), payload.begin() + 1376)),
             second =
                 ab().ttl(63).fragment(1376, false).payload(Bytes(payload.begin() + 1376, payload.end()));
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {router.to_b(first), router.to_b(second)}}}));
}

TEST_P(RouteTest, F08_FragmentsOfAFragment) {
    router.route("10.0.2.2/32",
                 router.hop({.interface = "b", .gateway = "10.0.2.2", .mac = host_b, .mtu = 700}));
    const Bytes payload = [] {
        const Bytes all = Ip("10.0.1.2", "10.0.2.2").payload(1000).bytes();
        return Bytes(all.begin() + 20, all.end());
    }();
    rig.send("a", router.from_a(ab().fragment(2000, true).payload(1000)));
    const Ip first = ab().ttl(63).fragment(2000, true).payload(Bytes(payload.begin(), payload.begin() + 680)),
             second = ab().ttl(63).fragment(2680, true).payload(Bytes(payload.begin() + 680, payload.end()));
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {router.to_b(first), router.to_b(second)}}}));
}

TEST_P(RouteTest, F08_AChecksumLeftUnfinishedIsThatOfTheDatagram) {
    router.route("10.0.2.2/32",
                 router.hop({.interface = "b", .gateway = "10.0.2.2", .mac = host_b, .mtu = 1000}));
    Bytes frame = router.from_a(ab().payload(1400).udp(1, 2));
    Bytes pseudo{10, 0, 1, 2, 10, 0, 2, 2, 0, 17, 1408 >> 8, 1408 & 0xff};
    const unsigned sum = rfc1071(pseudo) ^ 0xffff;
    frame[40] = static_cast<std::uint8_t>(sum >> 8);
    frame[41] = static_cast<std::uint8_t>(sum);
    Metadata meta{};
    meta.checksum = ChecksumState::unfinished;
    meta.checksum_start = 34;
    meta.checksum_offset = 6;
    rig.send("a", frame, meta);
    const auto pieces = rig.sent("b");
    ASSERT_EQ(pieces.size(), 2u);
    for (const auto& piece : pieces)
        pseudo.insert(pseudo.end(), piece.begin() + 34, piece.end());
    EXPECT_EQ(pseudo.size(), 12u + 1408);
    EXPECT_EQ(rfc1071(pseudo), 0u) << "RFC 768, over the reassembled datagram";
}

TEST_P(RouteTest, AHeldPacketGoesRoundOnce) {
    rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.2.77")));
    auto held = router.unresolved();
    ASSERT_EQ(held.size(), 1u);
    held[0]->meta.flags |= PacketFlags::resolved;  // but its route still knows no neighbour
    ASSERT_EQ(rig.shared().workers[0]->from_kernel.enqueue(held.data(), 1), 1u);
    rig.run();
    EXPECT_TRUE(router.unresolved().empty());
    EXPECT_EQ(rig.drops(DropReason::route_neighbour_failed), 1u);
}

TEST_P(RouteTest, F09_F10_MalformedHeaders) {
    Bytes bad = ab().bytes();
    bad[10] ^= 1;
    drops_bytes(bad, DropReason::route_bad_checksum);
    const auto with = [](std::size_t at, std::uint8_t value) {
        Bytes changed = Ip("10.0.1.2", "10.0.2.2").bytes();
        changed[at] = value;
        changed[10] = changed[11] = 0;
        const unsigned sum = rfc1071(Bytes(changed.begin(), changed.begin() + 20));
        changed[10] = static_cast<std::uint8_t>(sum >> 8);
        changed[11] = static_cast<std::uint8_t>(sum);
        return changed;
    };
    drops_bytes(with(0, 0x55), DropReason::route_bad_version);
    drops_bytes(with(0, 0x44), DropReason::route_bad_header);
    drops_bytes(with(3, 19), DropReason::route_bad_length);
    drops_bytes(with(3, 47), DropReason::route_truncated);
    drops_bytes(Bytes(19, 0x45), DropReason::route_truncated);
    Bytes options = with(0, 0x4f);
    drops_bytes(options, DropReason::route_truncated);
}

TEST_P(RouteTest, V19_V20_MalformedHeaders6) {
    Bytes bad = ab6().bytes();
    bad[0] = 0x40;
    drops_bytes(bad, DropReason::route_bad_version, 0x86dd);
    bad = ab6().bytes();
    bad[5] = 27;  // 26 are there
    drops_bytes(bad, DropReason::route_truncated, 0x86dd);
    bad.resize(39);
    drops_bytes(bad, DropReason::route_truncated, 0x86dd);
}

TEST_P(RouteTest, F11_V19_PaddingIsNotForwarded) {
    for (const Ip& ip : {ab(), ab6()}) {
        Bytes padded = router.from_a(ip);
        padded.resize(padded.size() + 54, 0xee);
        rig.send("a", padded);
        EXPECT_EQ(rig.all_sent(), (Out{{"b", {router.to_b(Ip(ip).ttl(63))}}}));
    }
}

TEST_P(RouteTest, F12_MartianSources) {
    for (const char* source :
         {"255.255.255.255", "224.0.0.5", "127.0.0.1", "0.0.0.0", "10.0.1.1", "10.0.2.1"})
        drops(Ip(source, "10.0.2.2"), DropReason::route_martian_source);
    // as Linux: the network's own addresses are not looked for, and class E is forwarded
    for (const char* source : {"240.0.0.1", "192.0.2.77"})
        forwards(Ip(source, "10.0.2.2"), Ip(source, "10.0.2.2").ttl(63));
}

TEST_P(RouteTest, F12_RpFilter) {
    router.interface("a").rp_filter = 1;
    router.publish();
    drops(Ip("192.0.2.77", "10.0.2.2"), DropReason::route_rp_filter);
    drops(Ip("10.0.2.2", "10.0.2.3"), DropReason::route_rp_filter);
    forwards(ab(), ab().ttl(63));
    router.interface("a").rp_filter = 2;  // loose: some interface
    router.publish();
    drops(Ip("192.0.2.77", "10.0.2.2"), DropReason::route_rp_filter);
    forwards(Ip("10.0.2.9", "10.0.2.2"), Ip("10.0.2.9", "10.0.2.2").ttl(63));
}

// fib_frontend.c, __fib_validate_source: rules are asked for the way back as of a packet that comes by where
// this one leaves; of one for the host itself, as of the host's own.
TEST_P(RouteTest, F12_RpFilterAsksRulesForTheAnswer) {
    const auto answers = [&](const char* iif, bool host) {
        RoutingRule rule{.from_length = 16, .from_host = host, .action = RoutingRule::Action::blackhole};
        rule.from.bytes[0] = 10;
        if (iif) rule.iif = rig.index(iif);
        rule.to = {{10, 0, 1, 2}};
        rule.to_length = 32;
        router.routing().rules4 = {rule, RoutingRule{}};
        router.publish();
    };
    router.interface("a").rp_filter = 1;
    answers("a", false);
    forwards(ab(), ab().ttl(63));
    answers("b", false);
    drops(ab(), DropReason::route_rp_filter);
    answers(nullptr, true);
    forwards(ab(), ab().ttl(63));
    drops(Ip("10.0.1.2", "10.0.1.1"), DropReason::route_rp_filter);
    answers("a", false);
    punts(Ip("10.0.1.2", "10.0.1.1"));
}

TEST_P(RouteTest, F13_Destinations) {
    for (const char* destination : {"127.0.0.1", "0.0.0.0"})
        drops(Ip("10.0.1.2", destination), DropReason::route_martian_destination);
    for (const char* destination : {"255.255.255.255", "10.0.2.255", "224.0.0.251", "239.1.1.1"})
        punts(Ip("10.0.1.2", destination));  // the kernel's to take or leave, never forwarded
    router.route("240.0.0.0/8", router.hop({.interface = "b", .gateway = "10.0.2.2", .mac = host_b}));
    forwards(Ip("10.0.1.2", "240.1.1.1"), Ip("10.0.1.2", "240.1.1.1").ttl(63));
}

TEST_P(RouteTest, F16_UnicastInAGroupFrame) {
    for (const char* group : {all_hosts, "01:00:5e:00:00:01"}) {
        rig.send("a", ab().frame(host_a, group));
        EXPECT_EQ(rig.all_sent(), Out{});
        rig.send("a", ab6().frame(host_a, group));
        EXPECT_EQ(rig.all_sent(), Out{});
    }
    EXPECT_EQ(rig.drops(DropReason::route_link_group), 4u);
    rig.send("a", ab().frame(host_a, host_b));
    EXPECT_EQ(rig.drops(DropReason::host_not_for_us), 1u);
}

TEST_P(RouteTest, F22_V17c_FragmentsPassOneByOne) {
    for (const Ip& piece : {ab().fragment(0, true).payload(64), ab().fragment(64, true).payload(64),
                            ab().fragment(128, false).payload(10)})
        forwards(piece, Ip(piece).ttl(63));
    for (const std::uint8_t offset : {std::uint8_t{1}, std::uint8_t{8}}) {
        const Ip piece = ab6().extension(44, {0, 0, 0, offset, 0, 0, 0, 7}).payload(64);
        forwards(piece, Ip(piece).ttl(63));
    }
}

TEST_P(RouteTest, F23_V21_V23_TheUpperLayerIsNotTouched) {
    forwards(ab().udp(1, 2), ab().udp(1, 2).ttl(63));
    forwards(ab6().udp(1, 2), ab6().udp(1, 2).ttl(63));
    forwards(ab6().protocol(59), ab6().protocol(59).ttl(63));
    forwards(ab().reserved(), ab().reserved().ttl(63));
}

TEST_P(RouteTest, V06_V07_Addresses) {
    rig.send("a", router.from_a(Ip("fe80::9", "2001:db8:2::2")));
    EXPECT_EQ(rig.drops(DropReason::route_martian_source), 1u);
    EXPECT_TRUE(rig.sent("b").empty());
    EXPECT_EQ(rig.sent("a").size(), 1u) << "the answer, of route_icmp_test.cpp";
    for (const char* source : {"ff02::5", "::1", "::"})
        drops(Ip(source, "2001:db8:2::2"), DropReason::route_martian_source);
    drops(Ip("2001:db8:1::2", "::1"), DropReason::route_martian_destination);
    router.route("fe80::/64", router.hop({.kind = HopKind::connected, .interface = "a"}));
    drops(Ip("2001:db8:1::2", "fe80::77"), DropReason::route_martian_destination);
}

TEST_P(RouteTest, V24_Multicast6) {
    punts(Ip("2001:db8:1::2", "ff0e::1"));
    drops(Ip("2001:db8:1::2", "ff01::1"), DropReason::route_martian_destination);
}

TEST_P(RouteTest, F30_LongestPrefix) {
    const auto via = [&](const char* mac) {
        return router.hop({.interface = "b", .gateway = "10.0.2.9", .mac = mac});
    };
    const char *wide = "02:00:00:00:01:00", *net = "02:00:00:00:01:08", *narrow = "02:00:00:00:01:18",
               *host = "02:00:00:00:01:20";
    router.route("0.0.0.0/0", via(wide));
    router.route("198.51.0.0/16", via(net));
    router.route("198.51.100.0/31", via(narrow));
    router.route("198.51.100.1/32", via(host));
    const std::pair<const char*, const char*> cases[] = {
        {"203.0.113.1", wide}, {"198.51.7.7", net}, {"198.51.100.0", narrow}, {"198.51.100.1", host}};
    router.publish();
    for (const auto& [to, mac] : cases) {
        rig.send("a", router.from_a(Ip("10.0.1.2", to)));
        EXPECT_EQ(rig.all_sent(),
                  (Out{{"b", {Ip("10.0.1.2", to).ttl(63).frame(rig.mac("b"), *parse_mac(mac))}}}))
            << to;
    }
}

TEST_P(RouteTest, F32_EveryFlowHasItsNextHop) {
    const char* macs[] = {"02:00:00:00:02:01", "02:00:00:00:02:02"};
    std::vector<HopIndex> members;
    for (const char* mac : macs)
        members.push_back(router.hop({.interface = "b", .gateway = "10.0.2.9", .mac = mac}));
    router.route("198.51.100.0/24", router.group(members));
    router.route("2001:db8:99::/48", router.group(members));
    router.publish();
    for (const bool v6 : {false, true}) {
        int first = 0;
        for (int flow = 0; flow < 1000; ++flow) {
            const std::string to =
                v6 ? "2001:db8:99::" + std::to_string(flow + 1) : "198.51.100." + std::to_string(flow % 256);
            const std::string from = v6 ? "2001:db8:1::2" : "10.0." + std::to_string(3 + flow / 256) + ".2";
            rig.send("a", router.from_a(Ip(from, to)));
            rig.send("a", router.from_a(Ip(from, to)));
            const auto sent = rig.sent("b");
            ASSERT_EQ(sent.size(), 2u);
            EXPECT_EQ(sent[0], sent[1]) << "a flow stays";
            first += sent[0][5] == 1;
        }
        EXPECT_GT(first, 400);
        EXPECT_LT(first, 600);
    }
}

TEST_P(RouteTest, RefusedRoutes) {
    router.route("198.51.100.1/32", router.hop({.kind = HopKind::blackhole}));
    router.route("198.51.100.4/32", router.hop({.kind = HopKind::elsewhere}));
    router.publish();
    drops(Ip("10.0.1.2", "198.51.100.1"), DropReason::route_blackhole);
    drops(Ip("10.0.1.2", "198.51.100.4"), DropReason::route_elsewhere);
}

TEST_P(RouteTest, Rules) {
    router.route("0.0.0.0/0",
                 router.hop({.interface = "b", .gateway = "10.0.2.9", .mac = "02:00:00:00:03:01"}), 1);
    router.route("203.0.113.0/24", router.hop({.kind = HopKind::next_table}), 1);
    auto& rules = router.routing().rules4;
    RoutingRule from_one;
    from_one.from = {{10, 0, 1, 2}};
    from_one.from_length = 31;
    from_one.table = 1;
    rules = {RoutingRule{.to = {{198, 51, 100}}, .to_length = 24, .action = RoutingRule::Action::blackhole},
             RoutingRule{.to = {{198, 51, 101}}, .to_length = 24, .action = RoutingRule::Action::unreachable},
             from_one, RoutingRule{}};
    router.publish();
    drops(Ip("10.0.1.2", "198.51.100.9"), DropReason::route_blackhole);
    rig.send("a", router.from_a(Ip("10.0.1.2", "198.51.101.9")));
    const auto told = rig.sent("a");
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0][35], 0) << "the code of ENETUNREACH (net/ipv4/fib_rules.c, fib4_rule_action)";
    rig.send("a", router.from_a(ab()));
    EXPECT_EQ(rig.all_sent(),
              (Out{{"b", {ab().ttl(63).frame(rig.mac("b"), *parse_mac("02:00:00:00:03:01"))}}}));
    forwards(Ip("10.0.1.4", "10.0.2.2"), Ip("10.0.1.4", "10.0.2.2").ttl(63));
    rig.send("a", router.from_a(Ip("10.0.1.2", "203.0.113.1")));  // throw: the next rule, which has no route
    EXPECT_EQ(rig.drops(DropReason::route_no_route), 2u);
}

TEST_P(RouteTest, UnresolvedNeighboursAreHeld) {
    rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.2.77")));
    EXPECT_EQ(rig.all_sent(), Out{});
    auto held = router.unresolved();
    ASSERT_EQ(held.size(), 1u);
    EXPECT_EQ(held[0]->meta.oif, rig.index("b"));
    rig.shared().hops[held[0]->meta.hop].interface = 99;  // another's by now: the packet says where to
    EXPECT_EQ(read_next_hop(*held[0]), (NextHop{rig.index("b"), false, 0, {{10, 0, 2, 77}}}));
    router.route("10.0.2.77/32",
                 router.hop({.interface = "b", .gateway = "10.0.2.77", .mac = "02:00:00:00:04:01"}));
    held[0]->meta.flags |= PacketFlags::resolved;
    ASSERT_EQ(rig.shared().workers[0]->from_kernel.enqueue(held.data(), 1), 1u);
    rig.run();
    EXPECT_EQ(
        rig.all_sent(),
        (Out{{"b",
              {Ip("10.0.1.2", "10.0.2.77").ttl(63).frame(rig.mac("b"), *parse_mac("02:00:00:00:04:01"))}}}));
}

TEST_P(RouteTest, HeadersInSeveralSegments) {
    // a frame whose IP header is cut in two
    const Bytes frame = router.from_a(ab().udp(1, 2));
    rig.offer("a", frame);
    Packet* packet = rig.port("a").waiting.front();
    rte_mbuf* second = rte_pktmbuf_alloc(packet->pool);
    std::memcpy(rte_pktmbuf_append(second, static_cast<std::uint16_t>(frame.size() - 20)), frame.data() + 20,
                frame.size() - 20);
    packet->data_len = 20;
    packet->next = second;
    packet->nb_segs = 2;
    rig.run();
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {router.to_b(ab().udp(1, 2).ttl(63))}}}));
}

TEST(RouteInterfaceTest, ABridgesOwnInterfaceAndItsVlans) {
    // a frame to the bridge's MAC leaves L2 for L3 and comes back by the FDB
    Router router({},
                  "port add c up type null\nip link add br0 address 02:bb:00:00:00:01 up type bridge\n"
                  "ip link set c master br0\nip link add link br0 name br0.7 up type vlan id 7\n");
    Rig& rig = router.rig;
    const char* station = "02:00:00:00:00:0c";
    router.route("10.0.7.2/32", router.hop({.interface = "br0.7", .gateway = "10.0.7.2", .mac = station}));
    router.publish();
    rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.7.2")));
    EXPECT_EQ(rig.all_sent(), (Out{{"c",
                                    {Frame()
                                         .from(rig.mac("br0"))
                                         .to(station)
                                         .tag(7)
                                         .type(0x0800)
                                         .payload(Ip("10.0.1.2", "10.0.7.2").ttl(63).bytes())}}}));
    rig.send("c", Frame()
                      .from(station)
                      .to(rig.mac("br0"))
                      .tag(7)
                      .type(0x0800)
                      .payload(Ip("10.0.7.2", "10.0.2.2").bytes()));
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {router.to_b(Ip("10.0.7.2", "10.0.2.2").ttl(63))}}}));
}

TEST(RouteInterfaceTest, APriorityTagIsNone) {
    Router router;
    router.rig.send(
        "a", Frame().from(host_a).to(router.rig.mac("a")).tag(0, 5).type(0x0800).payload(ab().bytes()));
    EXPECT_EQ(router.rig.all_sent(), (Out{{"b", {router.to_b(ab().ttl(63))}}}));
}

TEST(RouteInterfaceTest, VirtualMacsAreOurs) {
    Router router;
    router.interface("a").more_macs = {*parse_mac("00:00:5e:00:01:07")};
    router.publish();
    router.rig.send("a", ab().frame(host_a, "00:00:5e:00:01:07"));
    EXPECT_EQ(router.rig.all_sent(), (Out{{"b", {router.to_b(ab().ttl(63))}}}));
}

TEST(RouteInterfaceTest, DhcpAnswersBeforeThereIsAnAddress) {
    Router router;
    router.interface("a").source4 = {};
    router.publish();
    const Bytes offer = router.from_a(Ip("10.0.1.2", "10.0.1.50").udp(67, 68));
    router.rig.send("a", offer);
    EXPECT_EQ(router.rig.punted("a"), std::vector<Bytes>{offer});
}

TEST(PuntPolicingTest, AFloodOfAClassAtOnePortTakesNothingFromAnother) {
    Router router;
    Rig& rig = router.rig;
    router.routing().punt_rates[static_cast<std::size_t>(PuntClass::routing)] = 100;  // 10 at once
    router.publish();
    const Bytes bgp = router.from_a(Ip("10.0.1.2", "10.0.1.1").tcp(40000, 179));
    for (int i = 0; i < 50; ++i)
        rig.send("a", bgp);
    EXPECT_EQ(rig.punted("a").size(), 10u);
    EXPECT_EQ(rig.drops(DropReason::punt_policed), 40u);
    rig.send("b", router.from_b(Ip("10.0.2.2", "10.0.2.1").tcp(179, 40000)));
    EXPECT_EQ(rig.punted("b").size(), 1u);
    rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.1.1").icmp(8, 0)));
    EXPECT_EQ(rig.punted("a").size(), 1u) << "another class";
    rig.pass(1);
    rig.send("a", bgp);
    EXPECT_EQ(rig.punted("a").size(), 1u);
}

}  // namespace
}  // namespace weft::test
