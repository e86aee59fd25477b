// The bridge without VLAN filtering, through the whole pipeline. Names carry the ids of
// tests/cases/bridge.tsv.
#include <gtest/gtest.h>

#include "tests/packet/rig.hpp"

namespace weft::test {
namespace {

const std::string three_ports = R"(
port add a up type null
port add b up type null
port add c up type null
ip link add br0 up type bridge
ip link set a master br0
ip link set b master br0
ip link set c master br0
)";

/// Every test with one worker and with two, whose ports send by a queue each or by one that a worker owns.
class BridgeTest : public testing::TestWithParam<RigOptions> {};

INSTANTIATE_TEST_SUITE_P(Workers, BridgeTest, every_rig, name_of);

TEST_P(BridgeTest, B01_UnknownUnicastFloodsToAllButTheIngressPort) {
    Rig rig(three_ports, GetParam());
    const Bytes frame = Frame().from(host_a).to(host_b);
    rig.send("a", frame);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {frame}}, {"c", {frame}}}));
    EXPECT_TRUE(rig.punted("br0").empty());
}

TEST_P(BridgeTest, B02_LearnedStationGetsItsFramesAlone) {
    Rig rig(three_ports, GetParam());
    rig.send("b", Frame().from(host_b).to(host_a));
    rig.all_sent();
    const Bytes frame = Frame().from(host_a).to(host_b);
    rig.send("a", frame);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {frame}}}));
}

TEST_P(BridgeTest, B04_GroupFramesFloodAndReachTheHost) {
    Rig rig(three_ports, GetParam());
    for (const auto* group : {"ff:ff:ff:ff:ff:ff", "01:00:5e:01:02:03", "33:33:00:00:00:01"}) {
        const Bytes frame = Frame().from(host_a).to(group);
        rig.send("a", frame);
        EXPECT_EQ(rig.all_sent(), (Out{{"b", {frame}}, {"c", {frame}}}));
        EXPECT_EQ(rig.punted("br0"), std::vector<Bytes>{frame});
        EXPECT_TRUE(rig.punted("a").empty());
    }
}

TEST_P(BridgeTest, B06_DestinationBehindTheIngressPortIsFiltered) {
    Rig rig(three_ports, GetParam());
    rig.send("a", Frame().from(host_b).to(host_a));
    rig.all_sent();
    rig.send("a", Frame().from(host_a).to(host_b));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::bridge_same_port), 1u);
}

TEST_P(BridgeTest, B07_StationMoveIsFollowedAtOnce) {
    Rig rig(three_ports, GetParam());
    rig.send("b", Frame().from(host_b).to(host_a));
    rig.send("c", Frame().from(host_b).to(host_a));
    rig.all_sent();
    const Bytes frame = Frame().from(host_a).to(host_b);
    rig.send("a", frame);
    EXPECT_EQ(rig.all_sent(), (Out{{"c", {frame}}}));
}

TEST_P(BridgeTest, B08_LinkLocalGroupsReachThePortsTapAndBpdusAlsoFlood) {
    Rig rig(three_ports, GetParam());
    for (int i = 0; i < 16; ++i) {
        const Bytes frame =
            Frame().from(host_a).to(MacAddress{{1, 0x80, 0xc2, 0, 0, static_cast<std::uint8_t>(i)}});
        rig.send("a", frame);
        EXPECT_EQ(rig.punted("a"), std::vector<Bytes>{frame}) << i;
        EXPECT_EQ(rig.all_sent(), i == 0 ? (Out{{"b", {frame}}, {"c", {frame}}}) : Out{}) << i;
    }
}

TEST_P(BridgeTest, B08_GroupFwdMaskForwardsWhatItNames) {
    Rig rig(three_ports + "ip link set br0 type bridge group_fwd_mask 0x4008\n", GetParam());
    const Bytes lldp = Frame().from(host_a).to("01:80:c2:00:00:0e");
    rig.send("a", lldp);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {lldp}}, {"c", {lldp}}}));
    rig.send("a", Frame().from(host_a).to("01:80:c2:00:00:02"));
    EXPECT_TRUE(rig.all_sent().empty());
}

TEST_P(BridgeTest, B08l_LinkLocalFrameTeachesWhereAnyFrameWould) {
    for (const int state : {0, 1, 2, 3, 4}) {
        Rig rig(three_ports + "bridge link set dev b state " + std::to_string(state) + "\n", GetParam());
        const auto entries = rig.shared().fdb.size();
        rig.send("b", Frame().from(host_b).to("01:80:c2:00:00:0e"));
        EXPECT_EQ(rig.punted("b").size(), 1u) << state;
        EXPECT_EQ(rig.shared().fdb.size() - entries, state == 2 || state == 3 ? 1u : 0u) << state;
    }
    Rig rig(three_ports + "bridge link set dev b learning off\n", GetParam());
    const auto entries = rig.shared().fdb.size();
    rig.send("b", Frame().from(host_b).to("01:80:c2:00:00:0e"));
    EXPECT_EQ(rig.shared().fdb.size(), entries);
}

TEST_P(BridgeTest, B08p_PauseFrameTeachesNothing) {
    Rig rig(three_ports, GetParam());
    rig.send("b", Frame().from(host_b).to(host_a));
    rig.send("c", Frame().from(host_b).to("01:80:c2:00:00:01"));
    rig.all_sent();
    const Bytes frame = Frame().from(host_a).to(host_b);
    rig.send("a", frame);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {frame}}}));
}

TEST_P(BridgeTest, B08r_GarpGroupsFlood) {
    Rig rig(three_ports, GetParam());
    const Bytes frame = Frame().from(host_a).to("01:80:c2:00:00:21");
    rig.send("a", frame);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {frame}}, {"c", {frame}}}));
}

TEST_P(BridgeTest, B09_GroupOrZeroSourceIsDroppedAndNotLearned) {
    Rig rig(three_ports, GetParam());
    const auto entries = rig.shared().fdb.size();
    for (const auto* source : {"01:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"})
        rig.send("a", Frame().from(source).to(host_b));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::bridge_bad_source), 3u);
    EXPECT_EQ(rig.shared().fdb.size(), entries);
}

TEST_P(BridgeTest, B10_OurOwnAddressesAreDeliveredToTheHostOnly) {
    Rig rig(three_ports, GetParam());
    for (const auto* own : {"br0", "a", "c"}) {
        rig.send("a", Frame().from(host_a).to(rig.mac(own)));
        EXPECT_TRUE(rig.all_sent().empty());
        // The bridge's TAP knows only the bridge's address: a member's is written over.
        const Bytes seen = Frame().from(host_a).to(rig.mac("br0"));
        EXPECT_EQ(rig.punted("br0"), std::vector<Bytes>{seen}) << own;
    }
}

TEST_P(BridgeTest, B11_OwnSourceIsForwardedCountedAndNotLearned) {
    Rig rig(three_ports, GetParam());
    const Bytes frame = Frame().from(rig.mac("br0")).to(host_b);
    rig.send("a", frame);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {frame}}, {"c", {frame}}}));
    EXPECT_EQ(rig.counters("a").own_source.get(), 1u);
    rig.send("b", Frame().from(host_b).to(rig.mac("br0")));
    EXPECT_EQ(rig.punted("br0").size(), 1u);
}

TEST_P(BridgeTest, B12_TagsPassUnchangedWithoutFiltering) {
    Rig rig(three_ports, GetParam());
    for (const Bytes& frame : {Frame().from(host_a).tag(0, 3).bytes(), Frame().from(host_a).tag(4095).bytes(),
                               Frame().from(host_a).tag(7, 1, true, ether_type::service_vlan).tag(9).bytes(),
                               Frame().from(host_a).tag(1).bytes()}) {
        rig.send("a", frame);
        EXPECT_EQ(rig.all_sent(), (Out{{"b", {frame}}, {"c", {frame}}}));
    }
}

TEST_P(BridgeTest, B13_AnyEtherTypeAndLlcPass) {
    Rig rig(three_ports, GetParam());
    for (const std::uint16_t type : {0x0026, 0x0600, 0x0806, 0x8847, 0xffff}) {
        const Bytes frame = Frame().from(host_a).type(type);
        rig.send("a", frame);
        EXPECT_EQ(rig.all_sent(), (Out{{"b", {frame}}, {"c", {frame}}}));
    }
}

TEST_P(BridgeTest, B13a2_BadIpv4PassesWithoutBridgeNetfilter) {
    Rig rig(three_ports, GetParam());
    const Bytes frame = Frame().from(host_a).type(ether_type::ipv4).payload(46, 0x45);
    rig.send("a", frame);
    EXPECT_EQ(rig.all_sent().size(), 2u);
}

TEST_P(BridgeTest, B14_LengthIsMtuPlusHeaderPlusTags) {
    Rig rig(three_ports, GetParam());
    rig.send("a", Frame().from(host_a).payload(1500));
    rig.send("a", Frame().from(host_a).tag(5).payload(1500));
    rig.send("a", Frame().from(host_a).tag(5).tag(6).payload(1500));
    EXPECT_EQ(rig.all_sent().at("b").size(), 3u);
    rig.send("a", Frame().from(host_a).payload(1501));
    rig.send("a", Frame().from(host_a).tag(5).payload(1501));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::ingress_oversize), 2u);
}

TEST_P(BridgeTest, B14_SmallerEgressMtuDropsByName) {
    Rig rig(three_ports + "ip link set b mtu 1000\nip link set br0 mtu 1500\n", GetParam());
    rig.send("a", Frame().from(host_a).payload(1001));
    EXPECT_EQ(rig.all_sent().size(), 1u);
    EXPECT_EQ(rig.drops(DropReason::egress_too_big), 1u);
}

TEST_P(BridgeTest, B15_EntriesAgeButStaticOnesStay) {
    Rig rig(three_ports + "bridge fdb add 02:00:00:00:00:0c dev c master static\n", GetParam());
    rig.send("b", Frame().from(host_b).to(host_a));
    rig.all_sent();
    rig.pass(299);
    rig.send("a", Frame().from(host_a).to(host_b));
    EXPECT_EQ(rig.all_sent().size(), 1u);
    rig.pass(2);
    rig.send("a", Frame().from(host_a).to(host_b));
    EXPECT_EQ(rig.all_sent().size(), 2u);
    rig.send("a", Frame().from(host_a).to("02:00:00:00:00:0c"));
    EXPECT_EQ(rig.all_sent().size(), 1u);
}

TEST_P(BridgeTest, B16_LearningOff) {
    Rig rig(three_ports + "bridge link set dev b learning off\n", GetParam());
    rig.send("b", Frame().from(host_b).to(host_a));
    rig.all_sent();
    rig.send("a", Frame().from(host_a).to(host_b));
    EXPECT_EQ(rig.all_sent().size(), 2u);
}

struct FloodRow {
    const char* flag;
    const char* destination;
};
class FloodFlagTest : public testing::TestWithParam<FloodRow> {};
INSTANTIATE_TEST_SUITE_P(B16, FloodFlagTest,
                         testing::Values(FloodRow{"flood", host_b},
                                         FloodRow{"mcast_flood", "01:00:5e:00:00:07"},
                                         FloodRow{"bcast_flood", "ff:ff:ff:ff:ff:ff"}));

// br_flood: the flags of groups do not hold back what the host sends; that of unknown unicast does.
TEST_P(FloodFlagTest, KeepsItsKindAwayFromThePort) {
    const auto [flag, destination] = GetParam();
    Rig rig(three_ports + "bridge link set dev b " + flag + " off\n");
    for (const auto* to : {host_b, "01:00:5e:00:00:07", "ff:ff:ff:ff:ff:ff"}) {
        rig.send("a", Frame().from(host_a).to(to));
        const auto out = rig.all_sent();
        EXPECT_EQ(out.contains("b"), std::string_view(to) != destination) << flag << " " << to;
        EXPECT_TRUE(out.contains("c"));
        rig.from_kernel("br0", Frame().from(rig.mac("br0")).to(to));
        EXPECT_EQ(rig.all_sent().contains("b"), std::string_view(flag) != "flood" || to != host_b)
            << flag << " " << to;
    }
}

TEST_P(BridgeTest, B16_IsolatedPortsDoNotTalkToEachOther) {
    Rig rig(three_ports + "bridge link set dev a isolated on\nbridge link set dev b isolated on\n",
            GetParam());
    rig.send("b", Frame().from(host_b).to("ff:ff:ff:ff:ff:ff"));
    EXPECT_EQ(rig.all_sent().size(), 1u);
    rig.send("a", Frame().from(host_a).to(host_b));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::bridge_isolated), 1u);
    rig.send("c", Frame().from("02:00:00:00:00:0c").to(host_b));
    EXPECT_EQ(rig.all_sent().size(), 1u);
}

TEST_P(BridgeTest, B16_LockedPortTakesOnlyKnownSources) {
    Rig rig(three_ports +
                "bridge link set dev a locked on\nbridge link set dev a learning off\n"
                "bridge fdb add 02:00:00:00:00:0d dev a master static\n",
            GetParam());
    rig.send("a", Frame().from(host_a).to(host_b));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::bridge_locked), 1u);
    rig.send("a", Frame().from("02:00:00:00:00:0d").to(host_b));
    EXPECT_EQ(rig.all_sent().size(), 2u);
}

TEST_P(BridgeTest, B16_HairpinSendsBack) {
    Rig rig(three_ports + "bridge link set dev a hairpin on\n", GetParam());
    rig.send("a", Frame().from(host_a).to("ff:ff:ff:ff:ff:ff"));
    EXPECT_EQ(rig.all_sent().size(), 3u);
}

TEST_P(BridgeTest, B16_LearnLimitForwardsWithoutLearning) {
    Rig rig(three_ports + "bridge link set dev a fdb_max_learned 2\n", GetParam());
    for (const auto* source : {"02:00:00:00:01:01", "02:00:00:00:01:02", "02:00:00:00:01:03"})
        rig.send("a", Frame().from(source).to(host_b));
    EXPECT_EQ(rig.all_sent().at("b").size(), 3u);
    EXPECT_EQ(rig.counters("a").learn_limited.get(), 1u);
    rig.send("b", Frame().from(host_b).to("02:00:00:00:01:02"));
    EXPECT_EQ(rig.all_sent().size(), 1u);
    rig.send("b", Frame().from(host_b).to("02:00:00:00:01:03"));
    EXPECT_EQ(rig.all_sent().size(), 2u);
}

// net/bridge/br_stp.h: blocking and listening drop, learning learns and drops.
TEST_P(BridgeTest, ManualPortStates) {
    for (const auto& [state, learns] :
         {std::pair{4, false}, std::pair{1, false}, std::pair{2, true}, std::pair{0, false}}) {
        Rig rig(three_ports + "bridge link set dev b state " + std::to_string(state) + "\n", GetParam());
        rig.send("b", Frame().from(host_b).to(host_a));
        EXPECT_TRUE(rig.all_sent().empty()) << state;
        EXPECT_EQ(rig.drops(DropReason::bridge_port_disabled), 1u) << state;
        rig.send("a", Frame().from(host_a).to(host_b));
        const auto out = rig.all_sent();
        EXPECT_FALSE(out.contains("b")) << state;
        EXPECT_EQ(rig.drops(DropReason::bridge_egress_blocked), learns ? 1u : 0u) << state;
    }
}

TEST_P(BridgeTest, HostSendsByTheBridgeAsAPort) {
    Rig rig(three_ports, GetParam());
    rig.send("b", Frame().from(host_b).to("ff:ff:ff:ff:ff:ff"));
    rig.all_sent();
    const Bytes known = Frame().from(rig.mac("br0")).to(host_b);
    rig.from_kernel("br0", known);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {known}}}));
    const Bytes all = Frame().from(rig.mac("br0")).to("ff:ff:ff:ff:ff:ff");
    rig.from_kernel("br0", all);
    EXPECT_EQ(rig.all_sent(), (Out{{"a", {all}}, {"b", {all}}, {"c", {all}}}));
    rig.run();
    rig.punted("br0");
    rig.from_kernel("br0", all);
    EXPECT_TRUE(rig.punted("br0").empty()) << "a TAP never gets its own frame back";
}

TEST_P(BridgeTest, MemberTapSendsByItsPortAlone) {
    Rig rig(three_ports, GetParam());
    const Bytes lldp = Frame().from(rig.mac("a")).to("01:80:c2:00:00:0e");
    rig.from_kernel("a", lldp);
    EXPECT_EQ(rig.all_sent(), (Out{{"a", {lldp}}}));
}

TEST_P(BridgeTest, LongFloodedFramesShareTheirPayload) {
    Rig rig(three_ports, GetParam());
    const Bytes frame = Frame().from(host_a).to("ff:ff:ff:ff:ff:ff").payload(1500);
    rig.send("a", frame);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {frame}}, {"c", {frame}}}));
    EXPECT_EQ(rig.punted("br0"), std::vector<Bytes>{frame});
}

TEST_P(BridgeTest, WhatTheDeviceRefusesIsANamedDropAndNotSent) {
    Rig rig(three_ports, GetParam());
    rig.send("b", Frame().from(host_b).to(host_a));
    rig.all_sent();
    rig.port("b").refuses = 1;
    const auto sent = rig.counters("b").sent.packets.get();
    const Bytes frame = Frame().from(host_a).to(host_b).payload(100);
    rig.send("a", frame);
    rig.send("a", frame);
    EXPECT_EQ(rig.sent("b"), std::vector<Bytes>{frame});
    EXPECT_EQ(rig.drops(DropReason::egress_device_error), 1u);
    const auto& counted = rig.counters("b");
    EXPECT_EQ(counted.sent.packets.get(), sent + 1);
    EXPECT_EQ(counted.dropped[static_cast<std::size_t>(DropReason::egress_device_error)].bytes.get(),
              frame.size());
}

TEST_P(BridgeTest, FullTransmitRingIsANamedDrop) {
    Rig rig(three_ports, GetParam());
    rig.port("b").takes = 0;
    rig.send("a", Frame().from(host_a).to(host_b));
    EXPECT_EQ(rig.drops(DropReason::egress_ring_full), 1u);
    EXPECT_EQ(rig.all_sent().size(), 1u);
}

TEST_P(BridgeTest, DownInterfacesSayNo) {
    Rig rig(three_ports + "ip link set br0 down\n", GetParam());
    rig.send("a", Frame().from(host_a).to(host_b));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::bridge_port_disabled), 1u);
}

TEST(BridgeKernelTest, WithoutKernelTheHostsFramesAreNamedDrops) {
    Rig rig(three_ports, {.kernel = false});
    rig.send("a", Frame().from(host_a).to(rig.mac("br0")));
    EXPECT_EQ(rig.drops(DropReason::punt_no_kernel), 1u);
    rig.send("a", Frame().from(host_a).to("ff:ff:ff:ff:ff:ff"));
    EXPECT_EQ(rig.drops(DropReason::punt_no_kernel), 2u);
    EXPECT_EQ(rig.all_sent().size(), 2u);
}

TEST(HandOverTest, FramesForAQueueOfAnotherWorkerAreHandedOver) {
    Rig rig(three_ports, {.workers = 2, .tx_queues = 1});
    const Bytes frame = Frame().from(host_b).to("ff:ff:ff:ff:ff:ff");
    rig.send("b", frame);  // polled by worker 1, sent by worker 0's queues
    for (const auto queue : rig.port("a").sent_by)
        EXPECT_EQ(queue, 0);
    EXPECT_EQ(rig.all_sent(), (Out{{"a", {frame}}, {"c", {frame}}}));
    EXPECT_EQ(rig.shared().workers[1]->own.handed_over.get(), 2u);
    EXPECT_EQ(rig.counters("a", 0).sent.packets.get(), 1u);
}

}  // namespace
}  // namespace weft::test
