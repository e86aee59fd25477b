// `bridge link` and `bridge fdb`.
#include <gtest/gtest.h>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

struct BridgeCommand : testing::Test {
    Shell shell;
    void SetUp() override {
        ASSERT_EQ(shell.type(R"(ip link add br0 up type bridge vlan_filtering 1
            port add va up type null
            port add vb up type null
            port add t0 type null
            ip link set va master br0
            ip link set t0 master br0
            bridge vlan add dev va vid 8)"),
                  "");
        shell.live.add("br0", 2, "42:7a:f1:6b:79:cd");
        shell.live.add("vb", 3, "d6:e7:ec:8b:ac:ac");
        shell.live.add("va", 4, "42:7a:f1:6b:79:cd");
        shell.live.add("t0", 5, "5e:a5:14:00:5a:f2");
    }
    const MemberSpec& member(const std::string& name) { return *shell.model.find(name)->member; }
    /// "DEVICE MAC VLAN KIND" of the model's entries.
    std::vector<std::string> entries() {
        std::vector<std::string> all;
        for (const auto& [key, spec] : shell.model.fdb)
            all.push_back(key.device + " " + to_string(key.mac) + " " + std::to_string(key.vid) + " " +
                          (spec.kind == FdbSpec::Kind::permanent ? "permanent" : "static") +
                          (spec.sticky ? " sticky" : ""));
        return all;
    }
    using Entries = std::vector<std::string>;
};

TEST_F(BridgeCommand, SetsFlags) {
    ASSERT_EQ(shell("bridge link set dev va learning off flood off mcast_flood off bcast_flood off isolated "
                    "on hairpin on "
                    "locked on fdb_max_learned 9 state blocking"),
              "");
    EXPECT_FALSE(member("va").learning || member("va").flood || member("va").mcast_flood ||
                 member("va").bcast_flood);
    EXPECT_TRUE(member("va").isolated && member("va").hairpin && member("va").locked);
    EXPECT_EQ(member("va").fdb_max_learned, 9U);
    EXPECT_EQ(member("va").state, PortState::blocking);
    ASSERT_EQ(shell("bridge link set dev va learning on state 3"), "");
    EXPECT_TRUE(member("va").learning);
    EXPECT_EQ(member("va").state, PortState::forwarding);
    EXPECT_EQ(member("t0"), (MemberSpec{.bridge = "br0", .vlans = {{1, {true, true}}}}));
}

TEST_F(BridgeCommand, RefusesInBridgesWords) {
    EXPECT_EQ(shell("bridge link set dev vb learning off"),
              "[255] RTNETLINK answers: Operation not supported");
    EXPECT_EQ(shell("bridge link set dev vx learning off"), "[255] Cannot find bridge device \"vx\"");
    EXPECT_EQ(shell("bridge link set learning off"), "[255] Device is a required argument.");
    EXPECT_EQ(shell("bridge link set dev va state 7"), "[255] RTNETLINK answers: Invalid argument");
    EXPECT_EQ(shell("bridge link set dev va state foo"), "[255] Error: invalid STP port state");
    EXPECT_TRUE(shell("bridge link set dev va cost 5").starts_with("[255] "));
    EXPECT_EQ(shell("bridge foo"), "[255] Object \"foo\" is unknown, try \"bridge help\".");
    EXPECT_EQ(shell("bridge fdb foo"), "[255] Command \"foo\" is unknown, try \"bridge fdb help\".");
}

TEST_F(BridgeCommand, ShowsMembers) {
    ASSERT_EQ(shell("bridge link set dev t0 state disabled"), "");
    EXPECT_EQ(
        shell("bridge link"),
        "4: va: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state forwarding priority 32 cost 2 \n"
        "5: t0: <BROADCAST,MULTICAST> mtu 1500 master br0 state disabled priority 32 cost 2 \n");
    EXPECT_EQ(
        shell("bridge -d link show dev va"),
        "4: va: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 master br0 state forwarding priority 32 cost 2 \n"
        "    hairpin off learning on flood on mcast_flood on bcast_flood on isolated off locked off "
        "fdb_max_learned 0 \n");
    EXPECT_EQ(shell("bridge -j link show dev t0"), "");
    EXPECT_EQ(
        shell.data.dump(),
        R"([{"ifindex":5,"ifname":"t0","flags":["BROADCAST","MULTICAST"],"mtu":1500,"master":"br0","state":"disabled","priority":32,"cost":2}])");
    EXPECT_EQ(shell("bridge link show dev vx"), "[255] Cannot find device \"vx\"");
}

TEST_F(BridgeCommand, EntersAnAddressInEveryVlanOfItsDevice) {
    ASSERT_EQ(shell("bridge fdb add 00:01:02:03:04:05 dev va master"), "");
    EXPECT_EQ(entries(), (Entries{"va 00:01:02:03:04:05 0 permanent", "va 00:01:02:03:04:05 1 permanent",
                                  "va 00:01:02:03:04:05 8 permanent"}));
    EXPECT_EQ(shell("bridge fdb add 00:01:02:03:04:05 dev va master"),
              "[255] RTNETLINK answers: File exists");
    ASSERT_EQ(shell("bridge fdb del 00:01:02:03:04:05 dev va master vlan 8"), "");
    ASSERT_EQ(shell("bridge fdb del 00:01:02:03:04:05 dev va master"), "");
    EXPECT_EQ(entries(), Entries{});
    EXPECT_EQ(shell("bridge fdb del 00:01:02:03:04:05 dev va master"),
              "[255] RTNETLINK answers: No such file or directory");
}

TEST_F(BridgeCommand, Kinds) {
    ASSERT_EQ(shell.type(R"(bridge fdb add 00:01:02:03:04:05 dev va master static vlan 8
        bridge fdb add 00:01:02:03:04:06 dev va master static sticky vlan 8
        bridge fdb add 00:01:02:03:04:07 dev va master local vlan 8
        bridge fdb add 00:01:02:03:04:08 dev br0 self local vlan 1
        bridge fdb add 00:01:02:03:04:09 dev va master dynamic vlan 8)"),
              "");
    EXPECT_EQ(entries(),
              (Entries{"br0 00:01:02:03:04:08 1 permanent", "va 00:01:02:03:04:05 8 static",
                       "va 00:01:02:03:04:06 8 static sticky", "va 00:01:02:03:04:07 8 permanent"}));
    EXPECT_EQ(shell.live.done, (Entries{"learn va 00:01:02:03:04:09 8"}));
    shell.live.entries = {
        {.device = "t0", .bridge = "br0", .mac = *parse_mac("00:01:02:03:04:0b"), .vid = 8}};
    EXPECT_EQ(shell("bridge fdb add 00:01:02:03:04:0b dev va master static vlan 8"),
              "[255] RTNETLINK answers: File exists")
        << "a learned one is in the way too";
    shell.live.entries.clear();
    EXPECT_EQ(shell("bridge fdb add 00:01:02:03:04:0a dev va master sticky vlan 8"),
              "[255] RTNETLINK answers: Invalid argument");
    EXPECT_EQ(shell("bridge fdb add 00:01:02:03:04:0a dev br0 static"),
              "[255] RTNETLINK answers: Invalid argument");
    EXPECT_EQ(shell("bridge fdb add 00:01:02:03:04:0a dev va master vlan 9"),
              "[255] RTNETLINK answers: Invalid argument");
    EXPECT_EQ(shell("bridge fdb add 00:01:02:03:04:0a dev vb master"),
              "[255] RTNETLINK answers: Operation not supported");
    EXPECT_EQ(shell("bridge fdb add 00:01:02:03:04:0a dev vx master"), "[255] Cannot find device \"vx\"");
    EXPECT_EQ(shell("bridge fdb add 00:01:02:03:04:0a dev va"),
              "[255] va has no table of its own in this version: say master for that of its bridge");
    shell.running = false;
    EXPECT_EQ(shell("bridge fdb add 00:01:02:03:04:0a dev va master dynamic"),
              "[255] a dynamic entry is running state: it cannot stand in a file");
}

TEST_F(BridgeCommand, AnAddressIsAtOneDeviceOfABridge) {
    ASSERT_EQ(shell("bridge fdb add 00:01:02:03:04:05 dev va master static vlan 1"), "");
    EXPECT_EQ(shell("bridge fdb add 00:01:02:03:04:05 dev t0 master static vlan 1"),
              "[255] RTNETLINK answers: File exists");
    ASSERT_EQ(shell("bridge fdb replace 00:01:02:03:04:05 dev t0 master vlan 1"), "");
    EXPECT_EQ(entries(), (Entries{"t0 00:01:02:03:04:05 1 permanent"}));
    ASSERT_EQ(shell("bridge fdb append 00:01:02:03:04:05 dev t0 master static vlan 1"), "");
    EXPECT_EQ(entries(), (Entries{"t0 00:01:02:03:04:05 1 static"}));
}

TEST_F(BridgeCommand, ALearnedAddressIsForgotten) {
    shell.live.entries.push_back(
        {.device = "va", .bridge = "br0", .mac = *parse_mac("00:01:02:03:04:05"), .vid = 8});
    EXPECT_EQ(shell("bridge fdb del 00:01:02:03:04:05 dev va master"), "");
    EXPECT_EQ(shell.live.done, (Entries{"forget 00:01:02:03:04:05 8"}));
}

TEST_F(BridgeCommand, EntriesLeaveWithTheirVlanAndMembership) {
    ASSERT_EQ(
        shell.type("bridge fdb add 00:01:02:03:04:05 dev va master static\nbridge vlan del dev va vid 8"),
        "");
    EXPECT_EQ(entries(), (Entries{"va 00:01:02:03:04:05 0 static", "va 00:01:02:03:04:05 1 static"}));
    ASSERT_EQ(shell("ip link set va nomaster"), "");
    EXPECT_EQ(entries(), Entries{});
}

TEST_F(BridgeCommand, Flushes) {
    const std::string make = R"(bridge fdb replace 00:01:02:03:04:05 dev va master static vlan 8
        bridge fdb replace 00:01:02:03:04:06 dev t0 master local vlan 1
        )";
    ASSERT_EQ(shell.type(make + "bridge fdb flush dev br0"), "");
    EXPECT_EQ(entries(), Entries{});
    EXPECT_EQ(shell.live.done, (Entries{"flush br0  all"}));
    ASSERT_EQ(shell.type(make + "bridge fdb flush dev br0 brport va vlan 8"), "");
    EXPECT_EQ(entries(), (Entries{"t0 00:01:02:03:04:06 1 permanent"}));
    EXPECT_EQ(shell.live.done.back(), "flush br0 va 8");
    ASSERT_EQ(shell.type(make + "bridge fdb flush dev va master dynamic"), "");
    EXPECT_EQ(entries().size(), 2U);
    EXPECT_EQ(shell.live.done.back(), "flush br0 va all");
    ASSERT_EQ(shell.type("bridge fdb flush dev br0 static nopermanent"), "");
    EXPECT_EQ(entries(), (Entries{"t0 00:01:02:03:04:06 1 permanent"}));
    EXPECT_EQ(shell.live.done.size(), 3U) << "learned entries stay";
    ASSERT_EQ(shell.type("bridge fdb flush dev br0 permanent"), "");
    EXPECT_EQ(entries(), Entries{});
    EXPECT_EQ(shell("bridge fdb flush dev va"), "[255] RTNETLINK answers: Operation not supported");
}

struct ShownFdb : BridgeCommand {
    void SetUp() override {
        BridgeCommand::SetUp();
        const auto add = [&](const char* device, const char* mac, std::uint16_t vid, bool local, bool fixed,
                             bool sticky) {
            shell.live.entries.push_back({.device = device,
                                          .bridge = "br0",
                                          .mac = *parse_mac(mac),
                                          .vid = vid,
                                          .local = local,
                                          .stationary = fixed,
                                          .sticky = sticky,
                                          .used_seconds = 2.7});
        };
        add("va", "00:01:02:03:04:0a", 0, false, true, true);
        add("va", "00:01:02:03:04:07", 8, false, false, false);
        add("va", "42:7a:f1:6b:79:cd", 0, true, true, false);
        add("t0", "5e:a5:14:00:5a:f2", 1, true, true, false);
    }
};

TEST_F(ShownFdb, AsBridgeShowsIt) {
    EXPECT_EQ(shell("bridge fdb"),
              "00:01:02:03:04:0a dev va sticky master br0 static\n"
              "00:01:02:03:04:07 dev va vlan 8 master br0 \n"
              "42:7a:f1:6b:79:cd dev va master br0 permanent\n"
              "5e:a5:14:00:5a:f2 dev t0 vlan 1 master br0 permanent\n");
    EXPECT_EQ(shell("bridge -s fdb show dev va"),
              "00:01:02:03:04:0a used 2/2 sticky master br0 static\n"
              "00:01:02:03:04:07 vlan 8 used 2/2 master br0 \n"
              "42:7a:f1:6b:79:cd used 2/2 master br0 permanent\n");
    EXPECT_EQ(shell("bridge fdb show brport t0"), "5e:a5:14:00:5a:f2 vlan 1 master br0 permanent\n");
    EXPECT_EQ(shell("bridge fdb show br br0 dynamic"),
              "00:01:02:03:04:0a dev va sticky master br0 static\n"
              "00:01:02:03:04:07 dev va vlan 8 master br0 \n")
        << "iproute2 leaves out permanent ones only";
    EXPECT_EQ(shell("bridge -j fdb show dev t0"), "");
    EXPECT_EQ(shell.data.dump(),
              R"([{"mac":"5e:a5:14:00:5a:f2","vlan":1,"flags":[],"master":"br0","state":"permanent"}])")
        << "the device that was asked for is not said again";
    EXPECT_EQ(shell("bridge fdb show state static"), "00:01:02:03:04:0a dev va sticky master br0 static\n");
    EXPECT_EQ(shell("bridge fdb show vlan 1"), "5e:a5:14:00:5a:f2 dev t0 vlan 1 master br0 permanent\n");
    EXPECT_EQ(shell("bridge -j -s fdb show vlan 8"), "");
    EXPECT_EQ(
        shell.data.dump(),
        R"([{"mac":"00:01:02:03:04:07","ifname":"va","vlan":8,"used":2,"updated":2,"flags":[],"master":"br0","state":""}])");
    EXPECT_EQ(shell("bridge -j fdb show state static"), "");
    EXPECT_EQ(
        shell.data.dump(),
        R"([{"mac":"00:01:02:03:04:0a","ifname":"va","flags":["sticky"],"master":"br0","state":"static"}])");
}

TEST_F(ShownFdb, OneEntry) {
    EXPECT_EQ(shell("bridge fdb get 00:01:02:03:04:07 br br0 vlan 8"),
              "00:01:02:03:04:07 dev va vlan 8 master br0 \n");
    EXPECT_EQ(shell("bridge fdb get 42:7a:f1:6b:79:cd dev va master"),
              "42:7a:f1:6b:79:cd dev va master br0 permanent\n");
    EXPECT_EQ(shell("bridge fdb get 00:01:02:03:04:15 br br0"), "[254] Error: Fdb entry not found.");
}

}  // namespace
}  // namespace weft
