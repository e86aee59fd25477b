// `bridge vlan`, and what joins and default PVIDs do to VLANs (net/bridge/br_vlan.c).
#include <gtest/gtest.h>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

using Vlans = std::map<std::uint16_t, VlanMembership>;
constexpr VlanMembership access{true, true}, untagged{false, true}, tagged{false, false}, native{true, false};

struct VlanCommand : testing::Test {
    Shell shell;
    void SetUp() override {
        ASSERT_EQ(shell.type(R"(ip link add br0 type bridge vlan_filtering 1
            port add p0 type null
            port add p1 type null
            ip link set p0 master br0)"),
                  "");
        shell.live.add("br0", 2, "02:00:00:00:00:02");
        shell.live.add("p0", 3, "02:00:00:00:00:03");
        shell.live.add("p1", 4, "02:00:00:00:00:04");
    }
    const Vlans& member(const std::string& name = "p0") { return shell.model.find(name)->member->vlans; }
    const Vlans& bridge() { return std::get<BridgeSpec>(shell.model.find("br0")->kind).vlans; }
};

TEST_F(VlanCommand, AMemberStartsInTheDefaultVlan) {
    EXPECT_EQ(member(), (Vlans{{1, access}}));
    EXPECT_EQ(bridge(), (Vlans{{1, access}}));
}

TEST_F(VlanCommand, AddsAndRewrites) {
    ASSERT_EQ(shell("bridge vlan add dev p0 vid 10-12"), "");
    EXPECT_EQ(member(), (Vlans{{1, access}, {10, tagged}, {11, tagged}, {12, tagged}}));
    ASSERT_EQ(shell("bridge vlan add dev p0 vid 8 pvid untagged master"), "");
    EXPECT_EQ(member(), (Vlans{{1, untagged}, {8, access}, {10, tagged}, {11, tagged}, {12, tagged}}));
    ASSERT_EQ(shell("bridge vlan add dev p0 vid 10 pvid"), "");
    EXPECT_EQ(member(), (Vlans{{1, untagged}, {8, untagged}, {10, native}, {11, tagged}, {12, tagged}}));
    ASSERT_EQ(shell("bridge vlan add dev p0 vid 10"), "") << "without pvid it is none any more";
    EXPECT_EQ(member().at(10), tagged);
    EXPECT_EQ(bridge(), (Vlans{{1, access}})) << "the bridge itself is no member of its members' VLANs";
}

TEST_F(VlanCommand, Removes) {
    ASSERT_EQ(shell.type(R"(bridge vlan add dev p0 vid 10-20
        bridge vlan del dev p0 vid 11-19
        bridge vlan del dev p0 vid 1
        bridge vlan del dev p0 vid 99)"),
              "");
    EXPECT_EQ(member(), (Vlans{{10, tagged}, {20, tagged}}));
}

TEST_F(VlanCommand, OfTheBridgeItself) {
    ASSERT_EQ(shell.type("bridge vlan add dev br0 vid 8 self\nbridge vlan del dev br0 vid 1 self"), "");
    EXPECT_EQ(bridge(), (Vlans{{8, tagged}}));
    EXPECT_EQ(shell("bridge vlan add dev br0 vid 9"), "[255] RTNETLINK answers: Operation not supported");
    EXPECT_EQ(shell("bridge vlan add dev p0 vid 9 self"), "[255] RTNETLINK answers: Operation not supported");
    EXPECT_EQ(shell("bridge vlan add dev p1 vid 9"), "[255] RTNETLINK answers: Operation not supported");
}

TEST_F(VlanCommand, RefusesInBridgesWords) {
    EXPECT_EQ(shell("bridge vlan add dev vx vid 5"), "[255] Cannot find bridge device \"vx\"");
    EXPECT_EQ(shell("bridge vlan add dev p0 vid 5-9 pvid"),
              "[255] pvid cannot be configured for a vlan range");
    EXPECT_EQ(shell("bridge -s vlan"),
              "[255] bridge: VLANs are not counted: option \"-s\" is not supported here");
    EXPECT_EQ(shell("bridge vlan add dev p0"), "[255] Device and VLAN ID are required arguments.");
    EXPECT_EQ(shell("bridge vlan add vid 5"), "[255] Device and VLAN ID are required arguments.");
    for (const char* vid : {"0", "4095", "5000", "8-4", "x"})
        EXPECT_TRUE(shell(std::string("bridge vlan add dev p0 vid ") + vid).starts_with("[255] ")) << vid;
}

TEST_F(VlanCommand, ANewDefaultPvidReachesThoseThatHaveTheOld) {
    ASSERT_EQ(shell.type(R"(ip link set p1 master br0
        bridge vlan add dev p1 vid 8 pvid untagged
        ip link set br0 type bridge vlan_default_pvid 5)"),
              "");
    EXPECT_EQ(member("p0"), (Vlans{{5, access}}));
    EXPECT_EQ(member("p1"), (Vlans{{1, untagged}, {8, access}})) << "it has another PVID";
    EXPECT_EQ(bridge(), (Vlans{{5, access}}));
    ASSERT_EQ(shell("ip link set br0 type bridge vlan_default_pvid 0"), "");
    EXPECT_EQ(member("p0"), Vlans{});
    EXPECT_EQ(bridge(), Vlans{});
    ASSERT_EQ(shell("ip link set br0 type bridge vlan_default_pvid 6"), "");
    EXPECT_EQ(member("p0"), (Vlans{{6, access}})) << "without a default before, all get it";
}

TEST_F(VlanCommand, Shows) {
    ASSERT_EQ(shell.type("bridge vlan add dev p0 vid 8 pvid untagged\nbridge vlan add dev p0 vid 20-22"), "");
    EXPECT_EQ(shell("bridge vlan"),
              "port              vlan-id  \n"
              "br0               1 PVID Egress Untagged\n"
              "p0                1 Egress Untagged\n"
              "                  8 PVID Egress Untagged\n"
              "                  20\n"
              "                  21\n"
              "                  22\n");
    EXPECT_EQ(shell("bridge -compressvlans vlan show dev p0"),
              "port              vlan-id  \n"
              "p0                1 Egress Untagged\n"
              "                  8 PVID Egress Untagged\n"
              "                  20-22\n");
    EXPECT_EQ(shell("bridge vlan show vid 20"), "port              vlan-id  \np0                20\n");
    EXPECT_EQ(shell("bridge -com -j vlan show dev p0"), "");
    EXPECT_EQ(shell.data.dump(),
              R"([{"ifname":"p0","vlans":[{"vlan":1,"flags":["Egress Untagged"]},)"
              R"({"vlan":8,"flags":["PVID","Egress Untagged"]},{"vlan":20,"vlanEnd":22}]}])");
    EXPECT_EQ(shell("bridge vlan show dev vx"), "[255] Cannot find device \"vx\"");
}

}  // namespace
}  // namespace weft
