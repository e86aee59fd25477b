// Packets whose way their TOS or their source decides (HopKind::choice).
#include <gtest/gtest.h>

#include "control/hook/program.hpp"
#include "control/publish/flow_outcomes.hpp"
#include "tests/packet/router.hpp"

namespace weft::test {
namespace {

constexpr const char *other = "02:00:00:00:00:0e", *third = "02:00:00:00:00:0f";

class RouteChoiceTest : public testing::Test {
  protected:
    Router router;
    Rig& rig = router.rig;

    HopIndex by_b(const char* gateway, const char* mac) {
        return router.hop({.interface = "b", .gateway = gateway, .mac = mac});
    }
    /// By whose address it left, of the far ends on b; empty: it did not.
    std::string way(Ip ip) {
        rig.send("a", router.from_a(ip));
        const auto sent = rig.all_sent();
        if (sent.size() != 1 || !sent.contains("b") || sent.at("b").size() != 1) return {};
        const Bytes& frame = sent.at("b").front();
        MacAddress to;
        std::copy_n(frame.begin(), 6, to.bytes.begin());
        return to_string(to);
    }
    static Ip packet(unsigned tos) {
        return Ip("10.0.1.2", "198.51.100.7").tos(tos).payload(30).udp(1000, 53);
    }
    static Ip packet6(const char* from) { return Ip(from, "2001:db8:f00::7").payload(30).udp(1000, 53); }
};

// net/ipv4/fib_trie.c, fib_table_lookup; the bits of ECN and the upper three of the TOS are not asked for.
TEST_F(RouteChoiceTest, OfIpv4ByItsTos) {
    const auto plain = by_b("10.0.2.2", host_b), special = by_b("10.0.2.3", other);
    router.route("198.51.100.0/24",
                 router.choice(0x08, by_b("10.0.2.4", third), router.choice(0x10, special, plain)));
    router.publish();
    EXPECT_EQ(way(packet(0)), host_b);
    EXPECT_EQ(way(packet(0x10)), other);
    EXPECT_EQ(way(packet(0x13)), other);
    EXPECT_EQ(way(packet(0xb0)), other);
    EXPECT_EQ(way(packet(0x08)), third);
    EXPECT_EQ(way(packet(0x18)), host_b);
    EXPECT_EQ(way(packet(0x10).options({0x94, 4, 0, 0})), other) << "by the stages";
}

// net/ipv4/icmp.c, icmp_route_lookup: an error takes the way of its offender's TOS.
TEST_F(RouteChoiceTest, OfErrorsByTheTosOfWhatTheyAreAbout) {
    router.route("10.66.0.0/16",
                 router.choice(0x10, by_b("10.0.2.3", other), router.hop({.kind = HopKind::blackhole})));
    router.publish();
    const auto dying = [](unsigned tos) {
        return Ip("10.66.0.1", "10.0.2.2").tos(tos).ttl(1).payload(30).udp(1000, 53);
    };
    EXPECT_EQ(way(dying(0x10)), other);
    EXPECT_EQ(way(dying(0)), "");
}

// net/ipv6/icmp.c, icmp6_send: the address that speaks is chosen first, then the route from it.
TEST_F(RouteChoiceTest, OfErrorsOfIpv6ByWhoseTheyAre) {
    router.route("2001:db8:66::/48",
                 router.choice("2001:db8:1::1", 128, by_b("2001:db8:2::3", other), no_hop));
    router.route("2001:db8:67::/48", router.choice("2001:db8:9::", 64, by_b("2001:db8:2::3", other), no_hop));
    router.publish();
    const auto dying = [](const char* from) {
        return Ip(from, "2001:db8:2::2").ttl(1).payload(30).udp(1000, 53);
    };
    EXPECT_EQ(way(dying("2001:db8:66::1")), other) << "from the address of a, by which it came";
    EXPECT_EQ(way(dying("2001:db8:67::1")), "");
}

TEST_F(RouteChoiceTest, OfIpv6ByItsSource) {
    router.route("2001:db8:f00::/48",
                 router.choice("2001:db8:1:0:8000::", 65, by_b("2001:db8:2::3", other),
                               router.choice("2001:db8:1::", 64, by_b("2001:db8:2::2", host_b), no_hop)));
    router.publish();
    EXPECT_EQ(way(packet6("2001:db8:1:0:8000::2")), other);
    EXPECT_EQ(way(packet6("2001:db8:1::2")), host_b);
    EXPECT_EQ(way(packet6("2001:db8:9::2")), "") << "no route is for it";
    EXPECT_EQ(way(packet6("2001:db8:1:0:8000::2").tos(0x10)), other);
}

TEST_F(RouteChoiceTest, MayLeadToAGroup) {
    const auto group = router.group({by_b("10.0.2.3", other), by_b("10.0.2.3", other)});
    router.route("198.51.100.0/24", router.choice(0x10, group, by_b("10.0.2.2", host_b)));
    router.publish();
    EXPECT_EQ(way(packet(0x10)), other);
    EXPECT_EQ(way(packet(0)), host_b);
}

TEST_F(RouteChoiceTest, WithoutARouteInOneTableTheNextRuleIsAsked) {
    router.route("0.0.0.0/0", router.choice(0x10, by_b("10.0.2.3", other), no_hop), 1);
    router.route("198.51.100.0/24", by_b("10.0.2.2", host_b));
    RoutingRule special, rest;
    special.table = 1;
    const Bytes to = address_bytes("198.51.100.0");
    std::copy(to.begin(), to.end(), special.to.bytes.begin());
    special.to_length = 24;
    router.routing().rules4 = {special, rest};
    router.publish();
    EXPECT_EQ(way(packet(0)), host_b);
    EXPECT_EQ(way(packet(0x10)), other);
    EXPECT_EQ(way(packet(0x0c)), host_b);
}

// RFC 3704: the way back is looked up with the packet's TOS (__fib_validate_source).
TEST_F(RouteChoiceTest, TheWayBackIsChosenByTheTosToo) {
    const auto back = router.hop({.interface = "a", .gateway = "10.0.1.2", .mac = host_a});
    router.route("192.0.2.0/24", router.choice(0x10, back, by_b("10.0.2.3", other)));
    router.route("198.51.100.0/24", by_b("10.0.2.2", host_b));
    router.interface("a").rp_filter = 1;
    router.publish();
    const auto from = [](unsigned tos) {
        return Ip("192.0.2.9", "198.51.100.7").tos(tos).payload(30).udp(1000, 53);
    };
    EXPECT_EQ(way(from(0x10)), host_b);
    EXPECT_EQ(way(from(0)), "");
    EXPECT_EQ(rig.drops(DropReason::route_rp_filter), 1u);
}

/// The same under rules that ask for connections: what is kept for a flow does not outlive its TOS.
class RouteChoiceFlowTest : public RouteChoiceTest {
  protected:
    PublishedRules published{rig.shared(),
                             [](std::string_view) { return std::shared_ptr<const hook::AddressSet>(); }};

    void rules() {
        FilteringInput input{
            .rules = {}, .interfaces = {{"a", rig.index("a")}, {"b", rig.index("b")}}, .flows = {}};
        const std::vector<std::string> words = {"iptables-restore"};
        for (const auto family : {hook::Family::ip, hook::Family::ip6}) {
            const auto outcome = hook::run_restore(
                input.rules.edit(family), {}, words,
                "*filter\n:FORWARD ACCEPT\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n");
            ASSERT_EQ(outcome.status, 0) << outcome.errors;
        }
        rig.while_offline([&] { published.publish(input); });
    }
};

TEST_F(RouteChoiceFlowTest, AFlowsNextTosGoesItsOwnWay) {
    router.route("198.51.100.0/24", router.choice(0x10, by_b("10.0.2.3", other), by_b("10.0.2.2", host_b)));
    router.publish();
    rules();
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(way(packet(0)), host_b);
        EXPECT_EQ(way(packet(0x10)), other);
    }
    FlowTracker& tracker = *rig.shared().filtering.get().tracker;
    int flows = 0;
    static_cast<void>(tracker.walk(0, 4096, 1'000'000, [&](const FlowView& flow) {
        ++flows;
        EXPECT_EQ(tracker.table().direction_of(flow.ref & ~1u).slow, SlowWay::route_by_tos);
    }));
    EXPECT_EQ(flows, 1);
}

TEST_F(RouteChoiceFlowTest, ARouteWithATosThatComesLaterIsSeen) {
    const auto plain = by_b("10.0.2.2", host_b), special = by_b("10.0.2.3", other);
    router.route("198.51.100.0/24", plain);
    router.route("203.0.113.0/24", router.choice(0x10, special, plain));  // elsewhere there is one
    router.publish();
    rules();
    for (int round = 0; round < 3; ++round)
        EXPECT_EQ(way(packet(0x10)), host_b);
    // In place: what is told is its region alone.
    router.route("198.51.100.0/24", router.choice(0x10, special, plain));
    EXPECT_EQ(way(packet(0)), host_b);
    EXPECT_EQ(way(packet(0x10)), other);
    EXPECT_EQ(way(packet(0)), host_b);
}

TEST_F(RouteChoiceFlowTest, WhatASourceDecidesIsKept) {
    router.route("2001:db8:f00::/48", router.choice("2001:db8:1::", 64, by_b("2001:db8:2::2", host_b),
                                                    by_b("2001:db8:2::3", other)));
    router.routing().tos_routes = false;
    router.publish();
    rules();
    for (int round = 0; round < 2; ++round) {
        EXPECT_EQ(way(packet6("2001:db8:1::2")), host_b);
        EXPECT_EQ(way(packet6("2001:db8:9::2")), other);
    }
    FlowTracker& tracker = *rig.shared().filtering.get().tracker;
    static_cast<void>(tracker.walk(0, 4096, 1'000'000, [&](const FlowView& flow) {
        EXPECT_EQ(tracker.table().direction_of(flow.ref & ~1u).slow, SlowWay::kept);
    }));
}

}  // namespace
}  // namespace weft::test
