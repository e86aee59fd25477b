// `ip route get` and `show adjacency`: what is asked of the workers' tables.
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

struct RouteGet : testing::Test {
    Shell shell;
    void SetUp() override { ASSERT_EQ(shell("port add p0 up type null"), ""); }
};

TEST_F(RouteGet, PrintsWhatIproute2Prints) {
    auto& found = shell.live.found;
    found.kind = HopKind::neighbour;
    found.device = "p0";
    found.source.bytes = {10, 0, 1, 1};
    EXPECT_EQ(shell("ip route get 10.0.1.7"), "10.0.1.7 dev p0 src 10.0.1.1 uid 0 \n    cache \n");
    found.has_gateway = true;
    found.gateway.bytes = {10, 0, 1, 2};
    EXPECT_EQ(shell("ip route get 10.9.1.1"),
              "10.9.1.1 via 10.0.1.2 dev p0 src 10.0.1.1 uid 0 \n    cache \n");
    EXPECT_EQ(shell("ip r g 10.9.1.1 from 10.0.2.2 iif p0 mark 7"),
              "10.9.1.1 from 10.0.2.2 via 10.0.1.2 dev p0 mark 7 \n    cache iif p0 \n");
    found.tos = 0x10;
    EXPECT_EQ(shell("ip r g 10.9.1.1 tos 0x12 mark 20"),
              "10.9.1.1 tos 0x10 via 10.0.1.2 dev p0 src 10.0.1.1 mark 0x14 uid 0 \n    cache \n")
        << "of the route, not the one that was asked with";
    ASSERT_EQ(shell("-j ip r g 10.9.1.1 mark 20"), "");
    EXPECT_EQ(shell.data[0]["tos"], "0x10");
    EXPECT_EQ(shell.data[0]["mark"], 20);
    found = {.kind = HopKind::local, .device = {}, .table = RT_TABLE_LOCAL};
    found.source.bytes = {10, 0, 1, 1};
    EXPECT_EQ(shell("ip route get 10.0.1.1"),
              "local 10.0.1.1 dev lo table local src 10.0.1.1 uid 0 \n    cache <local> \n");
}

TEST_F(RouteGet, PrintsWhatIproute2PrintsOfGroupsBroadcastsAndDetails) {
    auto& found = shell.live.found;
    found = {.kind = HopKind::connected, .device = "p0", .mtu = 1300, .table = RT_TABLE_MAIN};
    EXPECT_EQ(shell("ip -d route get 10.0.1.7"),
              "unicast 10.0.1.7 dev p0 table main uid 0 \n    cache mtu 1300 \n");
    EXPECT_EQ(shell("ip -o route get 10.0.1.7 from 10.9.9.9 iif p0"),
              "10.0.1.7 from 10.9.9.9 dev p0 \\    cache mtu 1300 iif p0 \n");
    found = {.kind = HopKind::broadcast, .device = "p0", .table = RT_TABLE_MAIN};
    EXPECT_EQ(shell("ip route get 255.255.255.255"),
              "broadcast 255.255.255.255 dev p0 uid 0 \n    cache <local,brd> \n");
    EXPECT_EQ(shell("ip route get 10.0.1.255 from 10.0.1.7 iif p0"),
              "broadcast 10.0.1.255 from 10.0.1.7 dev lo \n    cache <local,brd> iif p0 \n");
    found.kind = HopKind::multicast;
    EXPECT_EQ(shell("ip route get 224.0.0.5"), "multicast 224.0.0.5 dev p0 uid 0 \n    cache <mc> \n");
    found.heard = true;
    EXPECT_EQ(shell("ip route get 224.0.0.1"), "multicast 224.0.0.1 dev p0 uid 0 \n    cache <local,mc> \n");
    found = {.kind = HopKind::connected, .device = "p0", .protocol = RTPROT_KERNEL, .metric = 256};
    found.table = RT_TABLE_MAIN;
    found.source.bytes = {0xfe, 0x80};
    EXPECT_EQ(shell("ip route get 2001:db8::7"),
              "2001:db8::7 from :: dev p0 proto kernel src fe80:: metric 256 pref medium\n");
    EXPECT_EQ(
        shell("ip -d -o -6 route get 2001:db8::7 from 2001:db8::9 iif p0"),
        "unicast 2001:db8::7 from 2001:db8::9 dev p0 table main proto kernel scope global metric 256 iif p0 "
        "pref medium\n");
    ASSERT_EQ(shell("-j ip -d route get 2001:db8::7"), "");
    EXPECT_EQ(
        shell.data[0].dump(),
        R"({"type":"unicast","dst":"2001:db8::7","from":"::","dev":"p0","table":"main","protocol":"kernel",)"
        R"("scope":"global","prefsrc":"fe80::","metric":256,"flags":[],"pref":"medium"})");
}

TEST_F(RouteGet, EndsAsIproute2WhereThereIsNoWay) {
    for (const auto& [kind, words] : {std::pair{HopKind::none, "Network is unreachable"},
                                      {HopKind::blackhole, "Invalid argument"},
                                      {HopKind::prohibit, "Permission denied"},
                                      {HopKind::unreachable, "No route to host"}}) {
        shell.live.found.kind = kind;
        EXPECT_EQ(shell("ip route get 10.0.1.7"), std::string("[2] RTNETLINK answers: ") + words);
    }
    shell.live.found.kind = HopKind::elsewhere;
    EXPECT_EQ(shell("ip route get 10.0.1.7"),
              "[2] the route leads to an interface of the kernel that weft lacks");
    EXPECT_EQ(shell("ip route get 10.0.1.7 oif nope"), "[1] Cannot find device \"nope\"");
    EXPECT_EQ(shell("ip -4 route get 2001:db8::1"),
              "[1] Error: inet prefix is expected rather than \"2001:db8::1\".");
    EXPECT_EQ(shell("ip -6 route get 10.0.0.1"),
              "[1] Error: inet6 prefix is expected rather than \"10.0.0.1\".");
}

TEST_F(RouteGet, AdjacencyShowsNeighboursAndGroups) {
    AdjacencyState hop{.index = 5, .kind = HopKind::neighbour, .device = "p0"};
    hop.gateway.bytes = {10, 0, 1, 2};
    hop.state = NeighbourState::resolved;
    hop.mac = *parse_mac("02:00:00:00:00:09");
    hop.routes = 3;
    AdjacencyState group{.index = 6, .kind = HopKind::group};
    group.members = {{5, 12}, {7, 4}};
    group.routes = 1;
    AdjacencyState choice{.index = 8, .kind = HopKind::choice};
    choice.members = {{5, 1}, {6, 1}};
    choice.routes = 2;
    shell.live.hops = {hop, group, choice};
    EXPECT_EQ(shell("show adjacency"),
              "index  routes  kind       interface  gateway   state     lladdr             members\n"
              "5      3       neighbour  p0         10.0.1.2  resolved  02:00:00:00:00:09  -\n"
              "6      1       group      -          -         -         -                  5 x 12, 7 x 4\n"
              "8      2       choice     -          -         -         -                  5, else 6\n");
    ASSERT_EQ(shell("-j show adjacency"), "");
    EXPECT_EQ(shell.data[0]["lladdr"], "02:00:00:00:00:09");
    EXPECT_EQ(shell.data[1]["members"][1]["buckets"], 4);
}

}  // namespace
}  // namespace weft
