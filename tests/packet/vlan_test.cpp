// VLAN filtering and sub-interfaces through the whole pipeline. Names carry the ids of
// tests/cases/bridge.tsv.
#include <gtest/gtest.h>

#include "tests/packet/rig.hpp"

namespace weft::test {
namespace {

// a, b: access ports of VLAN 10; c: of VLAN 20; t, u: trunks of both; n: no PVID, member of 10.
const std::string switch_10_20 = R"(
port add a up type null
port add b up type null
port add c up type null
port add t up type null
port add u up type null
port add n up type null
ip link add br0 up type bridge vlan_filtering 1 vlan_default_pvid 0
ip link set a master br0
ip link set b master br0
ip link set c master br0
ip link set t master br0
ip link set u master br0
ip link set n master br0
bridge vlan add dev a vid 10 pvid untagged
bridge vlan add dev b vid 10 pvid untagged
bridge vlan add dev c vid 20 pvid untagged
bridge vlan add dev t vid 10
bridge vlan add dev t vid 20
bridge vlan add dev u vid 10
bridge vlan add dev u vid 20
bridge vlan add dev n vid 10
bridge vlan add dev br0 vid 10 self
)";

class VlanTest : public testing::TestWithParam<RigOptions> {};
INSTANTIATE_TEST_SUITE_P(Workers, VlanTest, every_rig, name_of);

TEST_P(VlanTest, Q01_UntaggedInIsTaggedOnTrunks) {
    Rig rig(switch_10_20, GetParam());
    const Bytes in = Frame().from(host_a).to(all_hosts);
    const Bytes tagged = Frame().from(host_a).to(all_hosts).tag(10);
    rig.send("a", in);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {in}}, {"t", {tagged}}, {"u", {tagged}}, {"n", {tagged}}}));
    EXPECT_EQ(rig.punted("br0"), std::vector<Bytes>{tagged}) << "the bridge itself is a tagged member";
}

TEST_P(VlanTest, Q02_TaggedInIsUntaggedOnAccessPorts) {
    Rig rig(switch_10_20, GetParam());
    rig.send("t", Frame().from(host_a).to(all_hosts).tag(20, 3));
    EXPECT_EQ(rig.all_sent(), (Out{{"c", {Frame().from(host_a).to(all_hosts)}},
                                   {"u", {Frame().from(host_a).to(all_hosts).tag(20, 3)}}}));
    EXPECT_TRUE(rig.punted("br0").empty());  // Q15: the bridge is no member of 20
}

TEST_P(VlanTest, Q02_TagThatTheDeviceStripped) {
    Rig rig(switch_10_20, GetParam());
    Metadata meta{};
    meta.tag_place = TagPlace::stripped;
    meta.vlan_tpid = ether_type::vlan;
    meta.vlan_tci = 5 << 13 | 20;
    rig.send("t", Frame().from(host_a).to(all_hosts), meta);
    EXPECT_EQ(rig.all_sent(), (Out{{"c", {Frame().from(host_a).to(all_hosts)}},
                                   {"u", {Frame().from(host_a).to(all_hosts).tag(20, 5)}}}));
}

TEST_P(VlanTest, Q02_LongFramesLoseTheirTagInEveryCopy) {
    Rig rig(switch_10_20, GetParam());
    rig.send("t", Frame().from(host_a).to(all_hosts).tag(10).payload(1500));
    const Bytes bare = Frame().from(host_a).to(all_hosts).payload(1500);
    const Bytes tagged = Frame().from(host_a).to(all_hosts).tag(10).payload(1500);
    EXPECT_EQ(rig.all_sent(), (Out{{"a", {bare}}, {"b", {bare}}, {"u", {tagged}}, {"n", {tagged}}}));
}

TEST_P(VlanTest, Q03_IngressFilter) {
    Rig rig(switch_10_20, GetParam());
    rig.send("n", Frame().from(host_a).to(all_hosts).tag(20));
    rig.send("t", Frame().from(host_a).to(all_hosts).tag(30));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::bridge_vlan_filtered), 2u);
}

TEST_P(VlanTest, Q04_NothingCrossesVlans) {
    Rig rig(switch_10_20, GetParam());
    for (const auto* to : {all_hosts, "01:00:5e:00:00:01", host_b}) {
        rig.send("c", Frame().from(host_a).to(to));
        rig.send("c", Frame().from(host_a).to(to).tag(0, 2));
        for (const auto& [port, frames] : rig.all_sent())
            EXPECT_TRUE(port == "t" || port == "u") << port;
    }
}

TEST_P(VlanTest, Q05_NoPvidDropsUntagged) {
    Rig rig(switch_10_20, GetParam());
    rig.send("n", Frame().from(host_a).to(all_hosts));
    rig.send("n", Frame().from(host_a).to(all_hosts).tag(0, 7));
    EXPECT_EQ(rig.drops(DropReason::bridge_vlan_filtered), 2u);
    rig.send("n", Frame().from(host_a).to(all_hosts).tag(10));
    EXPECT_EQ(rig.all_sent().size(), 4u);
}

TEST_P(VlanTest, Q06_PriorityTaggedTakesPvidAndKeepsPriority) {
    Rig rig(switch_10_20, GetParam());
    rig.send("a", Frame().from(host_a).to(all_hosts).tag(0, 5));
    const auto out = rig.all_sent();
    EXPECT_EQ(out.at("t"), std::vector<Bytes>{Frame().from(host_a).to(all_hosts).tag(10, 5)});
    EXPECT_EQ(out.at("b"), std::vector<Bytes>{Frame().from(host_a).to(all_hosts)});
}

TEST_P(VlanTest, Q07_Vid4095IsDropped) {
    Rig rig(switch_10_20, GetParam());
    rig.send("t", Frame().from(host_a).to(all_hosts).tag(4095));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::bridge_vlan_filtered), 1u);
}

TEST_P(VlanTest, Q08_IndependentLearning) {
    Rig rig(switch_10_20, GetParam());
    rig.send("b", Frame().from(host_b).to(all_hosts));
    rig.send("c", Frame().from(host_b).to(all_hosts));
    rig.all_sent();
    rig.send("t", Frame().from(host_a).to(host_b).tag(10));
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {Frame().from(host_a).to(host_b)}}}));
    rig.send("t", Frame().from(host_a).to(host_b).tag(20));
    EXPECT_EQ(rig.all_sent(), (Out{{"c", {Frame().from(host_a).to(host_b)}}}));
}

// __allowed_ingress: a tag of another protocol than the bridge's is payload.
TEST_P(VlanTest, Q09_ServiceTagIsUntaggedTraffic) {
    Rig rig(switch_10_20, GetParam());
    const Frame in = Frame().from(host_a).to(all_hosts).tag(3, 0, false, ether_type::service_vlan).tag(5);
    rig.send("a", in);
    const auto out = rig.all_sent();
    EXPECT_EQ(out.at("b"), std::vector<Bytes>{in});
    EXPECT_EQ(
        out.at("t"),
        std::vector<Bytes>{
            Frame().from(host_a).to(all_hosts).tag(10).tag(3, 0, false, ether_type::service_vlan).tag(5)});
}

TEST_P(VlanTest, Q10_InnerTagIsUntouched) {
    Rig rig(switch_10_20, GetParam());
    rig.send("t", Frame().from(host_a).to(all_hosts).tag(10).tag(99, 4));
    EXPECT_EQ(rig.all_sent().at("a"), std::vector<Bytes>{Frame().from(host_a).to(all_hosts).tag(99, 4)});
}

TEST_P(VlanTest, Q11_PriorityAndDropEligibleSurviveTrunks) {
    Rig rig(switch_10_20, GetParam());
    const Bytes frame = Frame().from(host_a).to(all_hosts).tag(10, 7, true);
    rig.send("t", frame);
    EXPECT_EQ(rig.all_sent().at("u"), std::vector<Bytes>{frame});
}

TEST_P(VlanTest, Q12_DeletedVlanStopsAndOthersGoOn) {
    Rig rig(switch_10_20, GetParam());
    rig.reconfigure(switch_10_20 + "bridge vlan del dev t vid 10\n");
    rig.send("t", Frame().from(host_a).to(all_hosts).tag(10));
    EXPECT_TRUE(rig.all_sent().empty());
    rig.send("t", Frame().from(host_a).to(all_hosts).tag(20));
    EXPECT_EQ(rig.all_sent().size(), 2u);
}

TEST_P(VlanTest, Q13_SubInterfaceOverTheBridgeReachesTheKernelInItsVlan) {
    Rig rig(switch_10_20 + "ip link add link br0 name br0.10 up type vlan id 10\n", GetParam());
    rig.send("a", Frame().from(host_a).to(all_hosts));
    EXPECT_EQ(rig.punted("br0.10"), std::vector<Bytes>{Frame().from(host_a).to(all_hosts)});
    EXPECT_TRUE(rig.punted("br0").empty());
    rig.all_sent();
    const Bytes reply = Frame().from(rig.mac("br0.10")).to(host_a);
    rig.from_kernel("br0.10", reply);
    EXPECT_EQ(rig.all_sent(), (Out{{"a", {reply}}}));
}

TEST_P(VlanTest, Q14_FullFramesGainAndLoseATag) {
    Rig rig(switch_10_20, GetParam());
    rig.send("a", Frame().from(host_a).to(all_hosts).payload(1500));
    EXPECT_EQ(rig.all_sent().at("t").at(0).size(), 1518u);
    rig.send("t", Frame().from(host_a).to(all_hosts).tag(10).payload(1500));
    EXPECT_EQ(rig.all_sent().at("a").at(0).size(), 1514u);
    EXPECT_EQ(rig.drops(DropReason::egress_too_big), 0u);
}

// Linux admits a tagged frame of a VLAN the port is a member of, also on an access port; OVS does not.
TEST_P(VlanTest, Q16_OwnVidOnAnAccessPortIsAdmitted) {
    Rig rig(switch_10_20, GetParam());
    rig.send("a", Frame().from(host_a).to(all_hosts).tag(10));
    EXPECT_EQ(rig.all_sent().at("b"), std::vector<Bytes>{Frame().from(host_a).to(all_hosts)});
    rig.send("a", Frame().from(host_a).to(all_hosts).tag(20));
    EXPECT_TRUE(rig.all_sent().empty());
}

TEST(VlanDefaults, DefaultPvidIsOneUntagged) {
    Rig rig(
        "port add a up type null\nport add b up type null\n"
        "ip link add br0 up type bridge vlan_filtering 1\n"
        "ip link set a master br0\nip link set b master br0\n");
    const Bytes frame = Frame().from(host_a).to(all_hosts);
    rig.send("a", frame);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {frame}}}));
    EXPECT_EQ(rig.punted("br0"), std::vector<Bytes>{frame});
    rig.send("a", Frame().from(host_a).to(all_hosts).tag(2));
    EXPECT_TRUE(rig.all_sent().empty());
}

class SubInterfaceTest : public VlanTest {};
INSTANTIATE_TEST_SUITE_P(Workers, SubInterfaceTest,
                         testing::Values(RigOptions{.workers = 1}, RigOptions{.workers = 2}));

const std::string sub_interface = "port add p up type null\nip link add link p name p.8 up type vlan id 8\n";

TEST_P(SubInterfaceTest, TakesItsTagAndGivesIt) {
    Rig rig(sub_interface, GetParam());
    rig.send("p", Frame().from(host_a).to(rig.mac("p.8")).tag(8, 6));
    EXPECT_EQ(rig.punted("p.8"), std::vector<Bytes>{Frame().from(host_a).to(rig.mac("p.8"))});
    EXPECT_EQ(rig.counters("p.8").received.packets.get(), 1u);
    rig.from_kernel("p.8", Frame().from(rig.mac("p")).to(host_a));
    EXPECT_EQ(rig.sent("p"), std::vector<Bytes>{Frame().from(rig.mac("p")).to(host_a).tag(8)});
}

TEST_P(SubInterfaceTest, OtherTagsStayWithTheParent) {
    Rig rig(sub_interface, GetParam());
    const Bytes other = Frame().from(host_a).to(rig.mac("p")).tag(9);
    rig.send("p", other);
    EXPECT_EQ(rig.punted("p"), std::vector<Bytes>{other});
    const Bytes service = Frame().from(host_a).to(rig.mac("p")).tag(8, 0, false, ether_type::service_vlan);
    rig.send("p", service);
    EXPECT_EQ(rig.punted("p"), std::vector<Bytes>{service});
}

TEST_P(SubInterfaceTest, AsABridgeMember) {
    Rig rig(sub_interface +
                "port add q up type null\nip link add br0 up type bridge\n"
                "ip link set p.8 master br0\nip link set q master br0\n",
            GetParam());
    rig.send("p", Frame().from(host_a).to(all_hosts).tag(8));
    EXPECT_EQ(rig.all_sent(), (Out{{"q", {Frame().from(host_a).to(all_hosts)}}}));
    rig.send("q", Frame().from(host_b).to(host_a));
    EXPECT_EQ(rig.all_sent(), (Out{{"p", {Frame().from(host_b).to(host_a).tag(8)}}}));
    // A tag the frame already has stays inside.
    rig.send("q", Frame().from(host_b).to(host_a).tag(77, 1));
    EXPECT_EQ(rig.all_sent(), (Out{{"p", {Frame().from(host_b).to(host_a).tag(8).tag(77, 1)}}}));
}

TEST_P(SubInterfaceTest, DownDrops) {
    Rig rig(sub_interface + "ip link set p.8 down\n", GetParam());
    rig.send("p", Frame().from(host_a).to(rig.mac("p.8")).tag(8));
    EXPECT_TRUE(rig.punted("p.8").empty());
    EXPECT_EQ(rig.drops(DropReason::ingress_interface_down), 1u);
}

// __netif_receive_skb_core asks the VLAN devices before the bridge.
TEST_P(SubInterfaceTest, ComesBeforeTheBridgeOfItsParent) {
    Rig rig(sub_interface +
                "port add q up type null\nip link add br0 up type bridge\n"
                "ip link set p master br0\nip link set q master br0\n",
            GetParam());
    rig.send("p", Frame().from(host_a).to(all_hosts).tag(8));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.punted("p.8").size(), 1u);
    rig.send("p", Frame().from(host_a).to(all_hosts).tag(9));
    EXPECT_EQ(rig.all_sent(), (Out{{"q", {Frame().from(host_a).to(all_hosts).tag(9)}}}));
}

}  // namespace
}  // namespace weft::test
