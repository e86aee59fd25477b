// Plain routing by something else than a port: route_input, and route_batch where a packet leaves so.
#include "tests/packet/ways.hpp"

namespace weft::test {
namespace {

class RouteInputTest : public WayTest {
  protected:
    Firewall firewall = make();  // without rules
    Router& router = firewall.router;
    Rig& rig = firewall.rig;
    void SetUp() override { enter(firewall); }
    std::uint64_t slow() { return packets_of(firewall, StageId::ip_input); }
    std::vector<Bytes> sent_to_b(const Ip& ip, const Metadata& meta = {}) {
        rig.send("c", from_c(firewall, ip), meta);
        return rig.sent("b");
    }
};
INSTANTIATE_TEST_SUITE_P(Ways, RouteInputTest, every_way, name_of_way);

// RFC 1812 5.2.1, RFC 8200 4: TTL and hop limit, both addresses, all else as it was.
TEST_P(RouteInputTest, PlainPacketsSkipTheStagesOfIp) {
    for (const Pair& who : {c4, c6}) {
        for (unsigned i = 0; i < 5; ++i) {
            const Ip ip = Ip(who.a, who.b).payload(20 + i).udp(1000, 53),
                     back = Ip(who.b, who.a).payload(30 + i).udp(53, 1000);
            EXPECT_EQ(sent_to_b(ip), std::vector<Bytes>{router.to_b(Ip(ip).ttl(63))});
            rig.send("b", router.from_b(back));
            EXPECT_EQ(rig.all_sent(), (Out{{"c", {to_c(firewall, Ip(back).ttl(63))}}}));
        }
    }
    EXPECT_EQ(slow(), 0u);
    EXPECT_EQ(rig.sent_by(way().interface).first, 10u);
    EXPECT_EQ(rig.all_drops(), 0u);
}

// What is not plain goes through the stages, and nothing overtakes it.
TEST_P(RouteInputTest, OrderIsKept) {
    std::vector<Bytes> wanted;
    for (unsigned i = 0; i < 9; ++i) {
        Ip ip = Ip(c4.a, c4.b).payload(40 + i).udp(53, 1000);
        if (i % 3 == 1) ip.options({1, 1, 1, 0});
        rig.offer("c", from_c(firewall, ip));
        wanted.push_back(router.to_b(ip.ttl(63)));
    }
    rig.run();
    EXPECT_EQ(rig.sent("b"), wanted);
    EXPECT_EQ(slow(), 3u);
}

// RFC 3704, strict and loose; RFC 1812 5.3.7: a source of ours.
TEST_P(RouteInputTest, SourcesAreChecked) {
    const Ip odd = Ip("10.0.1.2", c4.b).udp(1, 2), ours = Ip("10.0.2.1", c4.b).udp(1, 2);
    EXPECT_EQ(sent_to_b(odd).size(), 1u);
    EXPECT_EQ(sent_to_b(ours).size(), 0u);
    EXPECT_EQ(rig.drops(DropReason::route_martian_source), 1u);
    for (const std::uint8_t filter : {1, 2}) {
        router.interface(way().interface).rp_filter = filter;
        router.publish();
        EXPECT_EQ(sent_to_b(Ip(c4.a, c4.b).udp(1, 2)).size(), 1u);
        EXPECT_EQ(sent_to_b(odd).size(), filter == 1 ? 0u : 1u);
        EXPECT_EQ(sent_to_b(Ip("192.0.2.9", c4.b).udp(1, 2)).size(), 0u);
    }
    EXPECT_EQ(rig.drops(DropReason::route_rp_filter), 3u);
}

TEST_P(RouteInputTest, RulesAskForTheInterface) {
    router.routing().tables.resize(2);
    router.route("10.0.2.2/32", router.hop({.interface = "a", .gateway = "10.0.1.2", .mac = host_a}), 1);
    RoutingRule rule{.table = 1};
    rule.iif = rig.index(way().interface);
    router.routing().rules4 = {rule, RoutingRule{}};
    router.publish();
    const Ip ip = Ip(c4.a, c4.b).udp(1, 2);
    rig.send("c", from_c(firewall, ip));
    EXPECT_EQ(rig.all_sent(), (Out{{"a", {router.to_a(Ip(ip).ttl(63))}}}));
    EXPECT_EQ(slow(), 0u);
}

// RFC 4443 3.2, RFC 1191 4: what is too long for the way out is answered as by the stages.
TEST_P(RouteInputTest, TooLongPacketsAreAnswered) {
    for (const bool v6 : {false, true}) {
        const Pair& who = v6 ? c6 : c4;
        router.route(v6 ? of6.more_b : of4.more_b,
                     router.hop({.interface = "b", .gateway = who.b, .mac = host_b, .mtu = 1300}));
        router.publish();
        Ip ip = Ip(who.a, who.b).payload(1400).udp(1, 2);
        if (!v6) ip.dont_fragment();
        EXPECT_EQ(sent_to_b(ip).size(), 0u);
    }
    EXPECT_EQ(rig.drops(DropReason::route_too_big), 2u);
}

TEST_P(RouteInputTest, WhatGuestsLeaveToThePortIsDone) {
    for (const Pair& who : {c4, c6}) {
        const auto tags = static_cast<std::uint16_t>(way().tags.size() * vlan_tag_size);
        for (const std::uint16_t gso : {0, 300}) {
            Left left = leave_to_port(who, false, 900, gso);
            left.meta.checksum_start = static_cast<std::uint16_t>(left.meta.checksum_start + tags);
            EXPECT_EQ(sent_to_b(left.ip, left.meta).size(), gso ? 3u : 1u);
        }
    }
    EXPECT_EQ(slow(), 0u);
    EXPECT_EQ(rig.all_drops(), 0u);
}

// By a port some of them leave by egress and some do not.
TEST_P(RouteInputTest, WhatIsLeftToThePortIsNotOvertaken) {
    const auto tags = static_cast<std::uint16_t>(way().tags.size() * vlan_tag_size);
    std::vector<Bytes> wanted;
    for (unsigned i = 0; i < 8; ++i) {
        Left left = leave_to_port(c4, false, 20 + i, 0);
        left.meta.checksum_start = static_cast<std::uint16_t>(left.meta.checksum_start + tags);
        rig.offer("c", from_c(firewall, left.ip), i % 2 ? Metadata{} : left.meta);
        wanted.push_back(router.to_b(left.ip.ttl(63)));
    }
    rig.run();
    const auto sent = rig.sent("b");
    ASSERT_EQ(sent.size(), wanted.size());
    for (unsigned i = 0; i < 8; ++i)
        EXPECT_EQ(sent[i].size(), wanted[i].size()) << i;
}

// RFC 2131 4.1: an interface without an address is about to get one, whatever route leads to it by then.
TEST_P(RouteInputTest, DhcpAnswersBeforeThereIsAnAddress) {
    const Bytes answer = from_c(firewall, Ip("10.0.7.1", "10.0.2.2").udp(67, 68));
    rig.send("c", answer);
    EXPECT_EQ(rig.sent("b").size(), 0u);
    EXPECT_EQ(rig.punted(way().interface).size(), 1u);
    router.interface("a").source4 = {};
    router.publish();
    const Bytes by_port = router.from_a(Ip("10.0.1.2", "10.0.2.2").udp(67, 68));
    rig.send("a", by_port);
    EXPECT_EQ(rig.punted("a"), std::vector<Bytes>{by_port});
}

}  // namespace
}  // namespace weft::test
