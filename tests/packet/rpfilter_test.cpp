// The match rpfilter where packets enter: net/ipv4/netfilter/ipt_rpfilter.c,
// net/ipv6/netfilter/ip6t_rpfilter.c.
#include <gtest/gtest.h>

#include "tests/packet/firewall.hpp"

namespace weft::test {
namespace {

constexpr const char* other = "02:00:00:00:00:0c";

/// Datagrams that come by `a`: from a network behind it, from two that routes lead elsewhere, from the
/// router's own address, and from nowhere.
class RpfilterTest : public testing::TestWithParam<RigOptions> {
  protected:
    Firewall firewall{GetParam()};
    Router& router = firewall.router;
    Rig& rig = firewall.rig;

    static std::string rules(const std::string& words) {
        return "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -i a -m rpfilter --invert" + words +
               " -j DROP\nCOMMIT\n";
    }
    void load(const std::string& words = {}) { firewall.rules(rules(words), rules(words)); }
    bool passes(const std::string& from, const std::string& to, unsigned tos = 0) {
        rig.send("a", router.from_a(Ip(from, to).tos(tos).payload(20).udp(1000, 53)));
        return rig.drops(DropReason::hook_dropped) == dropped_ || (++dropped_, false);
    }
    bool passes4(const std::string& from, unsigned tos = 0) { return passes(from, "10.0.2.2", tos); }
    bool passes6(const std::string& from) { return passes(from, "2001:db8:2::2"); }

  private:
    std::uint64_t dropped_ = 0;
};
INSTANTIATE_TEST_SUITE_P(Workers, RpfilterTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}), name_of);

TEST_P(RpfilterTest, AnAnswerHasToLeaveByTheSameInterface) {
    load();
    EXPECT_TRUE(passes4("10.0.1.2"));
    EXPECT_FALSE(passes4("10.0.2.9")) << "the other interface's network";
    EXPECT_FALSE(passes4("192.0.2.1")) << "no route";
    EXPECT_TRUE(passes6("2001:db8:1::2"));
    EXPECT_FALSE(passes6("2001:db8:2::9"));
    EXPECT_FALSE(passes6("2001:db8:ff::1"));
    EXPECT_FALSE(passes6("2001:db8:1::1")) << "the router's own";
    rig.send("b", router.from_b(Ip("192.0.2.1", "10.0.1.2").payload(20).udp(1000, 53)));
    EXPECT_EQ(rig.sent("a").size(), 1u) << "the rule is of a";
}

TEST_P(RpfilterTest, LooseIsContentWithAnyInterface) {
    load(" --loose");
    EXPECT_TRUE(passes4("10.0.2.9"));
    EXPECT_FALSE(passes4("192.0.2.1"));
    EXPECT_TRUE(passes6("2001:db8:2::9"));
    EXPECT_FALSE(passes6("2001:db8:ff::1"));
    EXPECT_FALSE(passes6("2001:db8:1::1"));
}

TEST_P(RpfilterTest, AcceptLocalLetsTheHostsOwnAddressesPass) {
    load(" --accept-local");
    EXPECT_FALSE(passes4("10.0.2.1")) << "of IPv4 they have to be the interface's, too";
    EXPECT_TRUE(passes6("2001:db8:1::1"));
    EXPECT_TRUE(passes6("2001:db8:2::1"));
    load(" --accept-local --loose");
    EXPECT_TRUE(passes4("10.0.2.1"));
}

TEST_P(RpfilterTest, WhoHasNoAddressYetPasses) {
    load();
    EXPECT_TRUE(passes("0.0.0.0", "255.255.255.255"));
    EXPECT_TRUE(passes("0.0.0.0", "224.0.0.22"));
    EXPECT_FALSE(passes("0.0.0.0", "10.0.2.2"));
    EXPECT_TRUE(passes("::", "ff02::1:ff00:1"));
    EXPECT_TRUE(passes("fe80::1234", "ff02::2")) << "each link has such addresses";
    EXPECT_FALSE(passes("fe80::a", "ff02::2")) << "but this is the router's";
}

TEST_P(RpfilterTest, OneOfSeveralNextHopsIsEnough) {
    const auto member = [&](const char* interface, const std::string& gateway) {
        return router.hop({.interface = interface, .gateway = gateway, .mac = other});
    };
    router.route("192.0.2.0/24", router.group({member("a", "10.0.1.3"), member("b", "10.0.2.3")}));
    router.route("198.51.100.0/24", router.group({member("b", "10.0.2.4"), member("b", "10.0.2.3")}));
    router.route("203.0.113.0/24", router.hop({.kind = HopKind::blackhole}));
    router.publish();
    load();
    for (unsigned host = 1; host < 9; ++host)
        EXPECT_TRUE(passes4("192.0.2." + std::to_string(host)));
    EXPECT_FALSE(passes4("198.51.100.1"));
    load(" --loose");
    EXPECT_TRUE(passes4("198.51.100.1"));
    EXPECT_FALSE(passes4("203.0.113.1"));
}

// The way back is asked for as the host would send, with the packet's TOS, and its mark only if the rule says
// so.
TEST_P(RpfilterTest, TosAndMarkDecide) {
    const auto to = [&](const char* interface, const char* gateway) {
        return router.hop({.interface = interface, .gateway = gateway, .mac = other});
    };
    const HopIndex by_a = to("a", "10.0.1.3"), by_b = to("b", "10.0.2.3");
    router.route("192.0.2.0/24", router.choice(0x10, by_a, by_b));
    router.route("198.51.100.0/24", by_b);
    router.route("198.51.100.0/24", by_a, 1);
    router.routing().tos_routes = true;
    RoutingRule marked, rest;
    marked.mark = 5, marked.mask = ~0u;
    marked.table = 1;
    router.routing().rules4 = {marked, rest};
    router.publish();
    load();
    for (unsigned round = 0; round < 3; ++round) {
        EXPECT_TRUE(passes4("192.0.2.1", 0x10));
        EXPECT_FALSE(passes4("192.0.2.1", 0));
    }
    const auto with_mark = [&](const std::string& words) {
        return "*raw\n:PREROUTING ACCEPT [0:0]\n-A PREROUTING -j MARK --set-mark 5\n-A PREROUTING -i a "
               "-m rpfilter --invert" +
               words + " -j DROP\nCOMMIT\n";
    };
    firewall.rules(with_mark(""), "");
    EXPECT_FALSE(passes4("198.51.100.1"));
    firewall.rules(with_mark(" --validmark"), "");
    EXPECT_TRUE(passes4("198.51.100.1"));
}

// What is kept for a flow is asked again when a route has changed.
TEST_P(RpfilterTest, AKnownFlowIsStoppedWhenItsWayBackChanges) {
    const std::string stateful = "*filter\n-A FORWARD -m conntrack --ctstate INVALID -j DROP\nCOMMIT\n";
    firewall.rules(rules("") + stateful, "");
    router.route("192.0.2.0/24", router.hop({.interface = "a", .gateway = "10.0.1.3", .mac = other}));
    router.publish();
    for (unsigned i = 0; i < 5; ++i)
        EXPECT_TRUE(passes4("192.0.2.1"));
    router.route("192.0.2.0/24", router.hop({.interface = "b", .gateway = "10.0.2.3", .mac = other}));
    router.publish();
    EXPECT_FALSE(passes4("192.0.2.1"));
}

}  // namespace
}  // namespace weft::test
