// MAC addresses of devices above a bridge: of macvlans on it (VRRP), and of sub-interfaces with one of their
// own. Linux's bridge has no filter of unicast addresses, so dev_uc_add makes it promiscuous: what is for
// such an address goes its way as before, and to the bridge's own interface as well (net/bridge/br_input.c,
// br_handle_frame_finish, local_rcv).
#include "tests/packet/router.hpp"

namespace weft::test {
namespace {

constexpr const char* virtual_mac = "00:00:5e:00:01:07";
const std::string lan = R"(
port add c up type null
port add d up type null
ip link add br0 address 02:bb:00:00:00:01 up type bridge vlan_filtering 1
ip link set c master br0
ip link set d master br0
bridge vlan add dev c vid 7 pvid untagged
bridge vlan add dev d vid 7 pvid untagged
bridge vlan add dev br0 vid 7 self
ip link add link br0 name br0.7 address 02:bb:00:00:00:07 up type vlan id 7
)";

/// Of the sub-interface: an address of its own, and that of a macvlan on it.
class BridgeAboveTest : public testing::TestWithParam<const char*> {
  protected:
    BridgeAboveTest() {
        for (const char* member : {"c", "d"})
            router.interface(member).more_macs = {*parse_mac(virtual_mac), rig.mac("br0.7")};
        router.interface("br0.7").more_macs = {*parse_mac(virtual_mac)};
        router.publish();
    }
    [[nodiscard]] Bytes to_above(const Ip& datagram) const { return datagram.frame(host_a, GetParam()); }

    Router router{{}, lan};
    Rig& rig = router.rig;
    const Ip ip = Ip("10.0.1.2", "10.0.2.2").udp(1, 2);
    const Bytes routed = router.to_b(Ip(ip).ttl(63));
};

INSTANTIATE_TEST_SUITE_P(Macs, BridgeAboveTest, testing::Values(virtual_mac, "02:bb:00:00:00:07"),
                         [](const auto& info) { return info.index == 0 ? "macvlan" : "sub_interface"; });

TEST_P(BridgeAboveTest, UnknownItIsFloodedAndReceived) {
    rig.send("c", to_above(ip));
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {routed}}, {"d", {to_above(ip)}}}));
}

TEST_P(BridgeAboveTest, WhereAFormerMasterWasItIsReceivedToo) {
    rig.send("d", Frame().from(GetParam()).to(host_b));
    rig.send("c", Frame().from(host_a).to(host_b));
    rig.all_sent();
    rig.send("c", to_above(ip));
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {routed}}, {"d", {to_above(ip)}}}));
}

// Too long to be copied whole: its bytes are shared when the tag comes off.
TEST_P(BridgeAboveTest, ALongFrameLosesItsTagOnTheWayToAFormerMaster) {
    rig.send("d", Frame().from(GetParam()).to(host_b));
    rig.all_sent();
    const Ip large = Ip("10.0.1.2", "10.0.2.2").payload(1000).udp(1, 2);
    rig.send("c", Frame().from(host_a).to(GetParam()).tag(7).type(0x0800).payload(large.bytes()));
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {router.to_b(Ip(large).ttl(63))}}, {"d", {to_above(large)}}}));
    EXPECT_EQ(rig.all_drops(), 0u);
}

TEST_P(BridgeAboveTest, TheKernelSeesTheAddressItHas) {
    const Bytes arp = Frame().from(host_a).to(GetParam()).type(0x0806).payload(46);
    rig.send("c", arp);
    EXPECT_EQ(rig.punted("br0.7"), std::vector<Bytes>{arp});
}

TEST_P(BridgeAboveTest, OthersAreNotReceived) {
    rig.send("d", Frame().from(host_b).to(host_a));
    rig.all_sent();
    const Bytes frame = ip.frame(host_a, host_b);
    rig.send("c", frame);
    rig.send("c", ip.frame(host_a, "02:00:00:00:00:99"));
    EXPECT_EQ(rig.all_sent(), (Out{{"d", {frame, ip.frame(host_a, "02:00:00:00:00:99")}}}));
    EXPECT_EQ(rig.all_drops(), 0u);
}

// What the host sends to such an address is another's: of the virtual router's master.
TEST_P(BridgeAboveTest, TheHostReachesAnothersOfTheSameAddress) {
    rig.send("d", Frame().from(GetParam()).to(host_b));
    rig.all_sent();
    const Bytes frame = Frame().from("02:bb:00:00:00:01").to(GetParam()).tag(7, 0);
    rig.from_kernel("br0", frame);
    EXPECT_EQ(rig.all_sent().size(), 1u);
    EXPECT_TRUE(rig.punted("br0.7").empty());
}

}  // namespace
}  // namespace weft::test
