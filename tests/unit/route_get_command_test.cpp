// `ip route get` and `show adjacency`: what is asked of the workers' tables.
#include <gtest/gtest.h>

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
    found = {.kind = HopKind::local, .device = {}};
    found.source.bytes = {10, 0, 1, 1};
    EXPECT_EQ(shell("ip route get 10.0.1.1"),
              "local 10.0.1.1 dev lo table local src 10.0.1.1 uid 0 \n    cache <local> \n");
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
