// 802.1ad bridges and sub-interfaces on sub-interfaces through the whole pipeline. Names carry the ids of
// tests/cases/bridge.tsv.
#include <gtest/gtest.h>

#include "tests/packet/rig.hpp"

namespace weft::test {
namespace {

constexpr auto service = ether_type::service_vlan;

// a, b: customer ports of service VLAN 100; c: of 200; t, u: provider ports of both.
const std::string provider_bridge = R"(
port add a up type null
port add b up type null
port add c up type null
port add t up type null
port add u up type null
ip link add br0 up type bridge vlan_filtering 1 vlan_protocol 802.1ad vlan_default_pvid 0
ip link set a master br0
ip link set b master br0
ip link set c master br0
ip link set t master br0
ip link set u master br0
bridge vlan add dev a vid 100 pvid untagged
bridge vlan add dev b vid 100 pvid untagged
bridge vlan add dev c vid 200 pvid untagged
bridge vlan add dev t vid 100
bridge vlan add dev t vid 200
bridge vlan add dev u vid 100
bridge vlan add dev u vid 200
)";

Frame hello() {
    return Frame().from(host_a).to(all_hosts);
}

class ProviderBridgeTest : public testing::TestWithParam<RigOptions> {};
INSTANTIATE_TEST_SUITE_P(Workers, ProviderBridgeTest, every_rig, name_of);

TEST_P(ProviderBridgeTest, S01_CustomerFramesGetTheServiceTag) {
    Rig rig(provider_bridge, GetParam());
    rig.send("a", hello());
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {hello()}},
                                   {"t", {hello().tag(100, 0, false, service)}},
                                   {"u", {hello().tag(100, 0, false, service)}}}));
    const Bytes tagged = hello().tag(5, 3);
    rig.send("a", tagged);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {tagged}},
                                   {"t", {hello().tag(100, 0, false, service).tag(5, 3)}},
                                   {"u", {hello().tag(100, 0, false, service).tag(5, 3)}}}))
        << "the customer's tag is payload";
}

// The device took the customer's tag off before we saw it.
TEST_P(ProviderBridgeTest, S01_CustomerTagThatTheDeviceStripped) {
    Rig rig(provider_bridge, GetParam());
    Metadata meta{};
    meta.tag_place = TagPlace::stripped;
    meta.vlan_tpid = ether_type::vlan;
    meta.vlan_tci = 3 << 13 | 5;
    rig.send("a", hello(), meta);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {hello().tag(5, 3)}},
                                   {"t", {hello().tag(100, 0, false, service).tag(5, 3)}},
                                   {"u", {hello().tag(100, 0, false, service).tag(5, 3)}}}));
}

TEST_P(ProviderBridgeTest, S02_ServiceTagIsTakenOffTowardsTheCustomer) {
    Rig rig(provider_bridge, GetParam());
    rig.send("t", hello().tag(200, 6, true, service).tag(5, 3));
    EXPECT_EQ(rig.all_sent(),
              (Out{{"c", {hello().tag(5, 3)}}, {"u", {hello().tag(200, 6, true, service).tag(5, 3)}}}));
}

TEST_P(ProviderBridgeTest, S03_IngressFilterLooksAtTheServiceTag) {
    Rig rig(provider_bridge, GetParam());
    rig.send("t", hello().tag(300, 0, false, service).tag(100));
    rig.send("t", hello().tag(100));
    rig.send("t", hello().tag(4095, 0, false, service));
    EXPECT_TRUE(rig.all_sent().empty()) << "a customer tag of a member's number is no membership";
    EXPECT_EQ(rig.drops(DropReason::bridge_vlan_filtered), 3u);
}

TEST_P(ProviderBridgeTest, S04_PriorityServiceTagTakesThePvid) {
    Rig rig(provider_bridge, GetParam());
    rig.send("a", hello().tag(0, 5, false, service).tag(9));
    const auto out = rig.all_sent();
    EXPECT_EQ(out.at("b"), std::vector<Bytes>{hello().tag(9)});
    EXPECT_EQ(out.at("t"), std::vector<Bytes>{hello().tag(100, 5, false, service).tag(9)});
}

TEST_P(ProviderBridgeTest, S05_LearnsPerServiceVlan) {
    Rig rig(provider_bridge, GetParam());
    rig.send("b", Frame().from(host_b).to(all_hosts).tag(7));
    rig.all_sent();
    rig.send("t", Frame().from(host_a).to(host_b).tag(100, 0, false, service).tag(8));
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {Frame().from(host_a).to(host_b).tag(8)}}}));
    rig.send("t", Frame().from(host_a).to(host_b).tag(200, 0, false, service).tag(8));
    EXPECT_EQ(rig.all_sent().size(), 2u) << "unknown in 200: flooded to c and u";
}

// br_recalculate_fwd_mask, BR_GROUPFWD_8021AD; IEEE 802.1Q table 8-1 and 8-2: of the 16 reserved addresses a
// provider bridge forwards 00 (Nearest Customer Bridge), 0B, 0C, 0D and 0F.
TEST_P(ProviderBridgeTest, S06_CustomersReservedAddressesPass) {
    RigOptions options = GetParam();
    options.kernel = false;
    Rig rig(provider_bridge + "ip link set br0 type bridge stp_state 1\n", options);
    std::string passed;
    for (unsigned last = 0; last < 16; ++last) {
        MacAddress group{{0x01, 0x80, 0xc2, 0, 0, static_cast<std::uint8_t>(last)}};
        rig.send("a", Frame().from(host_a).to(group));
        if (!rig.all_sent().empty()) passed += "0123456789abcdef"[last];
    }
    EXPECT_EQ(passed, "0bcdf");
    rig.reconfigure(provider_bridge + "ip link set br0 type bridge stp_state 1 vlan_protocol 802.1Q\n");
    passed.clear();
    for (unsigned last = 0; last < 16; ++last) {
        MacAddress group{{0x01, 0x80, 0xc2, 0, 0, static_cast<std::uint8_t>(last)}};
        rig.send("a", Frame().from(host_a).to(group));
        if (!rig.all_sent().empty()) passed += "0123456789abcdef"[last];
    }
    EXPECT_EQ(passed, "");
}

TEST_P(ProviderBridgeTest, S07_FullFramesWithBothTags) {
    Rig rig(provider_bridge, GetParam());
    rig.send("a", hello().tag(5).payload(1500));
    EXPECT_EQ(rig.all_sent().at("t").at(0).size(), 1522u);
    rig.send("t", hello().tag(100, 0, false, service).tag(5).payload(1500));
    EXPECT_EQ(rig.all_sent().at("a").at(0).size(), 1518u);
    rig.send("t", hello().tag(100, 0, false, service).tag(5).payload(1501));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::ingress_oversize), 1u);
}

class QinqTest : public testing::TestWithParam<RigOptions> {};
INSTANTIATE_TEST_SUITE_P(Workers, QinqTest, every_rig, name_of);

const std::string stacked =
    "port add p up type null\nip link add link p name p.100 up type vlan proto 802.1ad id 100\n"
    "ip link add link p.100 name p.100.5 up type vlan id 5\n";

// vlan_do_receive, once for each tag.
TEST_P(QinqTest, S08_EachSubInterfaceTakesItsTag) {
    Rig rig(stacked, GetParam());
    const auto to = rig.mac("p");
    const auto frame = [&] { return Frame().from(host_a).to(to); };
    rig.send("p", frame().tag(100, 0, false, service).tag(5, 2));
    EXPECT_EQ(rig.punted("p.100.5"), std::vector<Bytes>{frame()});
    rig.send("p", frame().tag(100, 0, false, service).tag(6, 2));
    EXPECT_EQ(rig.punted("p.100"), std::vector<Bytes>{frame().tag(6, 2)});
    rig.send("p", frame().tag(100, 0, false, service));
    EXPECT_EQ(rig.punted("p.100"), std::vector<Bytes>{frame()});
    const Bytes other = frame().tag(100).tag(5);
    rig.send("p", other);
    EXPECT_EQ(rig.punted("p"), std::vector<Bytes>{other}) << "802.1Q 100 is not 802.1ad 100";
    std::uint64_t outer = 0, inner = 0;
    for (unsigned w = 0; w < GetParam().workers; ++w) {
        outer += rig.counters("p.100", w).received.packets.get();
        inner += rig.counters("p.100.5", w).received.packets.get();
    }
    EXPECT_EQ(outer, 3u);
    EXPECT_EQ(inner, 1u);
}

TEST_P(QinqTest, S08_StrippedOuterTag) {
    Rig rig(stacked, GetParam());
    Metadata meta{};
    meta.tag_place = TagPlace::stripped;
    meta.vlan_tpid = service;
    meta.vlan_tci = 100;
    rig.send("p", Frame().from(host_a).to(rig.mac("p")).tag(5), meta);
    EXPECT_EQ(rig.punted("p.100.5"), std::vector<Bytes>{Frame().from(host_a).to(rig.mac("p"))});
}

// vlan_dev_hard_start_xmit, once for each tag.
TEST_P(QinqTest, S09_BothTagsAreGivenOuterLast) {
    Rig rig(stacked, GetParam());
    const Bytes plain = Frame().from(rig.mac("p")).to(host_a);
    rig.from_kernel("p.100.5", plain);
    EXPECT_EQ(rig.sent("p"),
              std::vector<Bytes>{Frame().from(rig.mac("p")).to(host_a).tag(100, 0, false, service).tag(5)});
    rig.from_kernel("p.100", plain);
    EXPECT_EQ(rig.sent("p"),
              std::vector<Bytes>{Frame().from(rig.mac("p")).to(host_a).tag(100, 0, false, service)});
}

// net/8021q/vlan_dev.c: the MTU is L3's on every level, so that each tag makes the frame longer.
TEST_P(QinqTest, S10_MtuIsTheSameOnEveryLevel) {
    Rig rig(stacked +
                "ip link add br0 up type bridge\nport add q up type null\n"
                "ip link set q master br0\nip link set p.100.5 master br0\n",
            GetParam());
    rig.send("q", hello().payload(1500));
    EXPECT_EQ(rig.sent("p").at(0).size(), 1522u);
    rig.send("p", hello().tag(100, 0, false, service).tag(5).payload(1500));
    EXPECT_EQ(rig.sent("q"), std::vector<Bytes>{hello().payload(1500)});
    rig.send("q", hello().tag(8).payload(1500));
    EXPECT_EQ(rig.sent("p"),
              std::vector<Bytes>{hello().tag(100, 0, false, service).tag(5).tag(8).payload(1500)})
        << "a third tag, the bridged host's own";
    EXPECT_EQ(rig.drops(DropReason::egress_too_big), 0u);
}

TEST_P(QinqTest, S11_AnOuterThatIsDownStopsTheInner) {
    Rig rig(stacked + "ip link set p.100 down\n", GetParam());
    rig.send("p", Frame().from(host_a).to(rig.mac("p")).tag(100, 0, false, service).tag(5));
    EXPECT_TRUE(rig.punted("p.100.5").empty());
    EXPECT_EQ(rig.drops(DropReason::ingress_interface_down), 1u);
    rig.from_kernel("p.100.5", Frame().from(rig.mac("p")).to(host_a));
    EXPECT_TRUE(rig.sent("p").empty());
    EXPECT_EQ(rig.drops(DropReason::egress_interface_down), 1u);
}

}  // namespace
}  // namespace weft::test
