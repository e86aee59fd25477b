// Routes, next-hop objects, neighbours and rules that weft writes to the real kernel: what `ip` shows of
// them, and that they are read back as they were written.
#include <gtest/gtest.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>

#include <algorithm>

#include "control/kernel/route_message.hpp"
#include "tests/smoke/kernel_namespaces.hpp"
#include "tests/support/netlink_bytes.hpp"

namespace weft::test {
namespace {

class KernelRouteWrite : public KernelTest {
  protected:
    void SetUp() override {
        KernelTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        must(host_->ip + "link add lan type veth peer name far");
        for (const char* device : {"lan", "far"})
            must(host_->ip + "link set " + device + " up");
        must(host_->ip + "addr add 10.0.0.1/24 dev lan");
        must(host_->ip + "addr add fd00::1/64 dev lan nodad");
        auto link = netlink_->link("lan");
        ASSERT_TRUE(link && *link);
        lan_ = (*link)->index;
    }
    KernelRoute route(const char* to, std::uint8_t length, const char* via = nullptr) const {
        KernelRoute made;
        made.destination = ip(to);
        made.v6 = std::string(to).find(':') != std::string::npos;
        made.length = length;
        made.table = RT_TABLE_MAIN;
        made.protocol = weft_protocol;
        made.type = RTN_UNICAST;
        if (via) made.vias.push_back(this->via(via));
        return made;
    }
    KernelVia via(const char* gateway) const {
        KernelVia made;
        made.interface = lan_;
        made.has_gateway = true;
        made.gateway = ip(gateway);
        made.gateway_v6 = std::string(gateway).find(':') != std::string::npos;
        return made;
    }
    /// What the kernel has of a prefix, of weft's.
    std::vector<KernelRoute> routes_to(const char* to) {
        std::vector<KernelRoute> found;
        const auto done = netlink_->visit_routes(
            std::string(to).find(':') != std::string::npos, [&] { found.clear(); },
            [&](const KernelRoute& one) {
                if (one.destination == ip(to) && one.protocol == weft_protocol) found.push_back(one);
            });
        EXPECT_TRUE(done);
        return found;
    }
    std::string shown(const std::string& what) const { return shell(host_->ip + what); }
    static void taken(const Result<>& done) { ASSERT_TRUE(done) << done.error().message; }
    static std::string refused(const Result<>& done) { return done ? "taken" : done.error().message; }

    int lan_ = 0;
};

TEST_F(KernelRouteWrite, Routes) {
    taken(netlink_->change_route(route("198.51.100.0", 24, "10.0.0.2"), RouteVerb::add));
    EXPECT_EQ(shown("route show 198.51.100.0/24"), "198.51.100.0/24 via 10.0.0.2 dev lan proto 119 \n");
    EXPECT_EQ(refused(netlink_->change_route(route("198.51.100.0", 24, "10.0.0.2"), RouteVerb::add)),
              "RTNETLINK answers: File exists");
    auto changed = route("198.51.100.0", 24, "10.0.0.3");
    changed.metrics_set = 1u << RTAX_MTU;
    changed.metrics[RTAX_MTU] = 1400;
    changed.has_preferred = true;
    changed.preferred = ip("10.0.0.1");
    taken(netlink_->change_route(changed, RouteVerb::replace));
    EXPECT_EQ(shown("route show 198.51.100.0/24"),
              "198.51.100.0/24 via 10.0.0.3 dev lan proto 119 src 10.0.0.1 mtu 1400 \n");
    ASSERT_EQ(routes_to("198.51.100.0").size(), 1u);
    EXPECT_EQ(routes_to("198.51.100.0")[0].vias, changed.vias);
    EXPECT_EQ(routes_to("198.51.100.0")[0].mtu(), 1400u);
    taken(netlink_->change_route(route("198.51.100.0", 24), RouteVerb::del));
    EXPECT_TRUE(routes_to("198.51.100.0").empty());
    EXPECT_EQ(refused(netlink_->change_route(route("198.51.100.0", 24), RouteVerb::del)),
              "RTNETLINK answers: No such process");
}

TEST_F(KernelRouteWrite, MultipathTablesTypesAndIpv6) {
    auto many = route("198.51.100.0", 24, "10.0.0.2");
    many.vias.push_back(via("10.0.0.3"));
    many.vias[1].weight = 3;
    many.table = 1000;
    taken(netlink_->change_route(many, RouteVerb::add));
    const auto text = shown("route show table 1000");
    EXPECT_NE(text.find("nexthop via 10.0.0.2 dev lan weight 1"), std::string::npos) << text;
    EXPECT_NE(text.find("nexthop via 10.0.0.3 dev lan weight 3"), std::string::npos) << text;
    auto none = route("203.0.113.0", 24);
    none.type = RTN_PROHIBIT;
    taken(netlink_->change_route(none, RouteVerb::add));
    EXPECT_EQ(shown("route show type prohibit"), "prohibit 203.0.113.0/24 proto 119 \n");
    taken(netlink_->change_route(route("2001:db8::", 32, "fd00::2"), RouteVerb::add));
    EXPECT_NE(shown("-6 route show 2001:db8::/32").find("via fd00::2 dev lan proto 119"), std::string::npos);
    taken(netlink_->change_route(route("192.0.2.0", 24, "fd00::2"), RouteVerb::add));
    EXPECT_NE(shown("route show 192.0.2.0/24").find("via inet6 fd00::2 dev lan"), std::string::npos);
    EXPECT_EQ(routes_to("192.0.2.0")[0].vias[0], via("fd00::2"));
}

TEST_F(KernelRouteWrite, NextHops) {
    KernelNexthop one{.id = 7, .family = AF_INET, .protocol = weft_protocol};
    one.via = via("10.0.0.2");
    taken(netlink_->change_nexthop(one, RouteVerb::add));
    one.id = 8;
    one.via = via("10.0.0.3");
    taken(netlink_->change_nexthop(one, RouteVerb::add));
    KernelNexthop group{.id = 9, .protocol = weft_protocol};
    group.group = {{.id = 7, .weight = 1}, {.id = 8, .weight = 500}};
    taken(netlink_->change_nexthop(group, RouteVerb::add));
    const auto all = shown("nexthop show");
    EXPECT_NE(all.find("id 7 via 10.0.0.2 dev lan scope link proto 119"), std::string::npos) << all;
    // iproute2 6.1 shows the lower byte of a weight only: 500 is 244; what the kernel has is read below.
    EXPECT_NE(all.find("id 9 group 7/8,244 proto 119"), std::string::npos) << all;
    auto by = route("198.51.100.0", 24);
    by.nexthop = 9;
    taken(netlink_->change_route(by, RouteVerb::add));
    EXPECT_NE(shown("route show 198.51.100.0/24").find("nhid 9 proto 119"), std::string::npos);
    const auto read = netlink_->nexthops();
    ASSERT_TRUE(read);
    const auto found = std::find_if(read->begin(), read->end(), [](const auto& n) { return n.id == 9; });
    ASSERT_NE(found, read->end());
    EXPECT_EQ(found->group, group.group);
    taken(netlink_->change_nexthop(group, RouteVerb::del));
    EXPECT_EQ(shown("route show 198.51.100.0/24"), "") << "the kernel takes the route with it";
}

TEST_F(KernelRouteWrite, Neighbours) {
    KernelNeighbour made;
    made.interface = lan_;
    made.address = ip("10.0.0.7");
    made.has_mac = true;
    made.mac = *parse_mac("02:00:00:00:00:07");
    made.state = NUD_PERMANENT;
    taken(netlink_->change_neighbour(made, RouteVerb::add));
    EXPECT_EQ(shown("neigh show 10.0.0.7"), "10.0.0.7 dev lan lladdr 02:00:00:00:00:07 PERMANENT \n");
    EXPECT_EQ(refused(netlink_->change_neighbour(made, RouteVerb::add)), "RTNETLINK answers: File exists");
    const auto read = netlink_->neighbours();
    ASSERT_TRUE(read);
    EXPECT_TRUE(std::any_of(read->begin(), read->end(), [&](const auto& n) {
        return n.address == made.address && n.mac == made.mac && n.state == NUD_PERMANENT;
    }));
    taken(netlink_->change_neighbour(made, RouteVerb::del));
    EXPECT_EQ(shown("neigh show 10.0.0.7 nud permanent"), "");
}

TEST_F(KernelRouteWrite, Rules) {
    KernelRule made;
    made.priority = 500;
    made.from = ip("10.9.0.0");
    made.from_length = 16;
    made.action = FR_ACT_TO_TBL;
    made.table = 1000;
    made.protocol = weft_protocol;
    made.has_mark = true;
    made.mark = 3;
    made.mask = 0xff;
    taken(netlink_->change_rule(made, RouteVerb::add));
    EXPECT_NE(shown("rule show").find("500:\tfrom 10.9.0.0/16 fwmark 0x3/0xff lookup 1000 proto 119"),
              std::string::npos)
        << shown("rule show");
    const auto read = netlink_->policy_rules(false);
    ASSERT_TRUE(read);
    EXPECT_NE(std::find(read->begin(), read->end(), made), read->end());
    taken(netlink_->change_rule(made, RouteVerb::del));
    EXPECT_EQ(shown("rule show").find("500:"), std::string::npos);
}

}  // namespace
}  // namespace weft::test
