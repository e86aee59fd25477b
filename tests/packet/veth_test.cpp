// Internal veth pairs and dummies through the whole pipeline, as drivers/net/veth.c and dummy.c have it.
#include <gtest/gtest.h>

#include "tests/packet/environment.hpp"
#include "tests/packet/router.hpp"

namespace weft::test {
namespace {

// a in br0, b in br1, and a pair between the two bridges.
const std::string two_bridges = R"(
port add a up type null
port add b up type null
ip link add br0 up type bridge
ip link add br1 up type bridge
ip link add v0 address 02:ee:00:00:00:01 up type veth peer name v1 address 02:ee:00:00:00:02 up
ip link set a master br0
ip link set v0 master br0
ip link set b master br1
ip link set v1 master br1
)";

const std::string bridge_and_host = R"(
port add a up type null
ip link add br0 up type bridge
ip link add v0 address 02:ee:00:00:00:01 up type veth peer name v1 address 02:ee:00:00:00:02 up
ip link set a master br0
ip link set v0 master br0
)";

class VethTest : public testing::TestWithParam<RigOptions> {};
INSTANTIATE_TEST_SUITE_P(Workers, VethTest, every_rig, name_of);

TEST_P(VethTest, JoinsTwoBridges) {
    Rig rig(two_bridges, GetParam());
    const Bytes hello = Frame().from(host_a).to(all_hosts);
    rig.send("a", hello);
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {hello}}}));
    const Bytes answer = Frame().from(host_b).to(host_a).tag(7, 3).payload(1500);
    rig.send("b", answer);
    EXPECT_EQ(rig.all_sent(), (Out{{"a", {answer}}}));
    EXPECT_EQ(rig.drops(DropReason::bridge_no_port), 0u);
}

TEST_P(VethTest, LearnsAtTheEndOfThePair) {
    Rig rig(two_bridges + "port add c up type null\nip link set c master br1\n", GetParam());
    rig.send("a", Frame().from(host_a).to(all_hosts));
    rig.all_sent();
    rig.send("b", Frame().from(host_b).to(host_a));
    EXPECT_EQ(rig.all_sent(), (Out{{"a", {Frame().from(host_b).to(host_a)}}})) << "not flooded to c";
}

TEST_P(VethTest, CountsOnBothEnds) {
    Rig rig(two_bridges, GetParam());
    rig.send("a", Frame().from(host_a).to(all_hosts).payload(100));
    std::uint64_t sent = 0, received = 0, bytes = 0, groups = 0;
    for (unsigned w = 0; w < GetParam().workers; ++w) {
        sent += rig.counters("v0", w).sent.packets.get();
        received += rig.counters("v1", w).received.packets.get();
        bytes += rig.counters("v1", w).received.bytes.get();
        groups += rig.counters("v1", w).multicast.get();
    }
    EXPECT_EQ(sent, 1u);
    EXPECT_EQ(received, 1u);
    EXPECT_EQ(bytes, 114u);
    EXPECT_EQ(groups, 1u);
}

TEST_P(VethTest, ABridgeAndTheHost) {
    Rig rig(bridge_and_host, GetParam());
    const Bytes to_host = Frame().from(host_a).to("02:ee:00:00:00:02");
    rig.send("a", Frame().from(host_a).to(all_hosts));
    EXPECT_EQ(rig.punted("v1"), std::vector<Bytes>{Frame().from(host_a).to(all_hosts)});
    rig.from_kernel("v1", Frame().from("02:ee:00:00:00:02").to(host_a));
    EXPECT_EQ(rig.all_sent(), (Out{{"a", {Frame().from("02:ee:00:00:00:02").to(host_a)}}}));
    rig.send("a", to_host);
    EXPECT_EQ(rig.punted("v1"), std::vector<Bytes>{to_host});
    rig.send("a", Frame().from(host_a).to(host_b));
    EXPECT_TRUE(rig.punted("v1").empty());
    EXPECT_EQ(rig.drops(DropReason::host_not_for_us), 1u);
}

TEST_P(VethTest, WhatTheKernelSendsOnOneEndReachesTheOthersTap) {
    Rig rig("ip link add v0 up type veth peer name v1 address 02:ee:00:00:00:02 up\n", GetParam());
    const Bytes frame = Frame().from(host_a).to("02:ee:00:00:00:02");
    rig.from_kernel("v0", frame);
    EXPECT_EQ(rig.punted("v1"), std::vector<Bytes>{frame});
}

TEST_P(VethTest, SubInterfacesOfBothEnds) {
    Rig rig(bridge_and_host +
                "ip link add link v1 name v1.8 up type vlan id 8\nip link set v0 nomaster\n"
                "ip link add link v0 name v0.8 up type vlan id 8\nip link set v0.8 master br0\n",
            GetParam());
    rig.send("a", Frame().from(host_a).to(all_hosts));
    EXPECT_EQ(rig.punted("v1.8"), std::vector<Bytes>{Frame().from(host_a).to(all_hosts)});
    EXPECT_TRUE(rig.punted("v1").empty());
    rig.from_kernel("v1.8", Frame().from(host_b).to(host_a));
    EXPECT_EQ(rig.all_sent(), (Out{{"a", {Frame().from(host_b).to(host_a)}}}));
}

TEST_P(VethTest, UnfinishedChecksumsAndGsoGoAlong) {
    Rig rig(two_bridges, GetParam());
    Metadata meta{};
    meta.gso_type = GsoType::tcp4;
    meta.gso_size = 1000;
    meta.checksum = ChecksumState::unfinished;
    meta.checksum_start = 34;
    meta.checksum_offset = 16;
    Bytes tcp(3040, 0);
    tcp[0] = 0x45, tcp[2] = 3040 >> 8, tcp[3] = 3040 & 255, tcp[8] = 64, tcp[9] = 6, tcp[32] = 0x50;
    rig.send("a", Frame().from(host_a).to(all_hosts).type(0x0800).payload(tcp), meta);
    const auto out = rig.all_sent();
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(out.at("b").size(), 3u) << "segmented where it leaves, not in the pair";
    EXPECT_EQ(rig.drops(DropReason::egress_too_big), 0u);
}

// veth_open: the carrier of both ends needs both up.
TEST_P(VethTest, NeedsBothEndsUp) {
    Rig rig(two_bridges + "ip link set v1 down\n", GetParam());
    rig.send("a", Frame().from(host_a).to(all_hosts));
    EXPECT_TRUE(rig.all_sent().empty());
    rig.from_kernel("v0", Frame().from(host_a).to(host_b));
    EXPECT_EQ(rig.drops(DropReason::egress_no_carrier), 1u);
    rig.from_kernel("v1", Frame().from(host_a).to(host_b));
    EXPECT_EQ(rig.drops(DropReason::egress_interface_down), 1u);
}

// __dev_forward_skb, is_skb_forwardable: the receiving end's MTU counts, too.
TEST_P(VethTest, MtuOfEitherEnd) {
    Rig rig(two_bridges + "ip link set v1 mtu 1000\n", GetParam());
    rig.send("a", Frame().from(host_a).to(all_hosts).payload(1000));
    EXPECT_EQ(rig.all_sent().size(), 1u);
    rig.send("a", Frame().from(host_a).to(all_hosts).tag(5).payload(1000));
    EXPECT_EQ(rig.all_sent().size(), 1u);
    rig.send("a", Frame().from(host_a).to(all_hosts).payload(1001));
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::egress_too_big), 1u);
}

std::string chain_of(unsigned pairs) {
    std::string text = "port add a up type null\nport add b up type null\n";
    for (unsigned i = 0; i <= pairs; ++i)
        text += "ip link add br" + std::to_string(i) + " up type bridge\n";
    for (unsigned i = 0; i < pairs; ++i) {
        const auto n = std::to_string(i);
        text += "ip link add l" + n + " up type veth peer name r" + n + " up\nip link set l" + n +
                " master br" + n + "\nip link set r" + n + " master br" + std::to_string(i + 1) + "\n";
    }
    return text + "ip link set a master br0\nip link set b master br" + std::to_string(pairs) + "\n";
}

TEST_P(VethTest, EightHopsAndNoMore) {
    RigOptions options = GetParam();
    options.kernel = false;  // floods end at the bridges' own interfaces otherwise, too
    const Bytes frame = Frame().from(host_a).to(all_hosts);
    Rig eight(chain_of(8), options);
    eight.send("a", frame);
    EXPECT_EQ(eight.all_sent(), (Out{{"b", {frame}}}));
    EXPECT_EQ(eight.drops(DropReason::ingress_too_many_hops), 0u);
    Rig nine(chain_of(9), options);
    nine.send("a", frame);
    EXPECT_TRUE(nine.all_sent().empty());
    EXPECT_EQ(nine.drops(DropReason::ingress_too_many_hops), 1u);
}

std::string loop_of(unsigned pairs) {
    std::string text = two_bridges;
    for (unsigned i = 2; i < pairs + 1; ++i) {
        const auto n = std::to_string(i);
        text += "ip link add x" + n + " up type veth peer name y" + n + " up\nip link set x" + n +
                " master br0\nip link set y" + n + " master br1\n";
    }
    return text;
}

TEST_P(VethTest, ALoopEndsByHops) {
    RigOptions options = GetParam();
    options.kernel = false;
    Rig rig(loop_of(2), options);
    rig.send("a", Frame().from(host_a).to(all_hosts));
    EXPECT_EQ(rig.drops(DropReason::ingress_too_many_hops), 2u) << "one each way round";
    EXPECT_EQ(rig.all_sent().at("b").size(), 8u);
}

// Ten pairs in parallel make 10 * 9^7 frames of one: they are cut at the ring, and every round ends.
TEST_P(VethTest, ALoopThatMultipliesNeverStarvesTheWorker) {
    Rig rig(loop_of(10), GetParam());
    rig.offer("a", Frame().from(host_a).to(all_hosts));
    Worker& worker = rig.worker(0);
    for (unsigned round = 0; round < 40; ++round) {
        EXPECT_LE(worker.round(1000'000'000), 512u + 2 * batch_size);
        rig.all_sent();
    }
    EXPECT_GT(rig.drops(DropReason::egress_backlog_full), 0u);
    // what a storm leaves ends, too
    rig.reconfigure(two_bridges);
    rig.run();
    rig.all_sent();
    rig.send("a", Frame().from(host_b).to(all_hosts));
    EXPECT_EQ(rig.all_sent(), (Out{{"b", {Frame().from(host_b).to(all_hosts)}}}));
}

// Held before the pair, a packet may find behind it that another neighbour is not known yet.
TEST(VethRouteTest, APacketMayBeHeldOnBothSidesOfAPair) {
    Router router({},
                  "ip link add v0 address 02:ee:00:00:00:01 up type veth peer name v1 "
                  "address 02:ee:00:00:00:02 up\n");
    Rig& rig = router.rig;
    router.routing().tables.resize(2);
    const HopIndex through = router.hop({.interface = "v0", .gateway = "10.0.9.1"});
    router.route("10.0.8.0/24", through);
    router.route("10.0.8.0/24", router.hop({.interface = "b", .gateway = "10.0.2.77"}), 1);
    RoutingRule behind{.table = 1};
    behind.iif = rig.index("v1");
    router.routing().rules4 = {behind, RoutingRule{}};
    router.publish();
    rig.send("a", router.from_a(Ip("10.0.1.2", "10.0.8.2")));
    auto held = router.unresolved();
    ASSERT_EQ(held.size(), 1u);
    rig.shared().hops[through].neighbour = Hop::pack(rig.mac("v1"), NeighbourState::resolved);
    held[0]->meta.flags |= PacketFlags::resolved;
    ASSERT_EQ(rig.shared().workers[0]->from_kernel.enqueue(held.data(), 1), 1u);
    rig.run();
    EXPECT_EQ(rig.drops(DropReason::route_neighbour_failed), 0u);
    held = router.unresolved();
    ASSERT_EQ(held.size(), 1u);
    EXPECT_EQ(held[0]->meta.iif, rig.index("v1"));
    Packet::free(held[0]);
}

TEST_P(VethTest, AFrameWhosePairIsGoneIsDropped) {
    Rig rig(two_bridges, GetParam());
    Packet* packet = Packet::from(rte_pktmbuf_alloc(pool()));
    ASSERT_NE(rte_pktmbuf_append(packet, 60), nullptr);
    packet->meta = {};
    packet->meta.iif = rig.index("v1");
    ASSERT_EQ(rig.shared().workers[0]->veths.enqueue(&packet, 1), 1u);
    rig.reconfigure(two_bridges + "ip link del v0\n");
    rig.run();
    EXPECT_TRUE(rig.all_sent().empty());
    EXPECT_EQ(rig.drops(DropReason::handover_gone), 1u);
}

// drivers/net/dummy.c, dummy_xmit: sent, and nobody has it.
TEST_P(VethTest, ADummySwallows) {
    Rig rig(
        "port add a up type null\nip link add br0 up type bridge\nip link add d0 up type dummy\n"
        "ip link set a master br0\nip link set d0 master br0\n",
        GetParam());
    rig.send("a", Frame().from(host_a).to(all_hosts).payload(100));
    rig.from_kernel("d0", Frame().from(host_a).to(host_b).payload(100));
    EXPECT_EQ(rig.sent_by("d0"), std::pair(std::uint64_t{2}, std::uint64_t{228}));
    rig.punted("br0");
    EXPECT_EQ(rig.all_drops(), 0u);
}

TEST_P(VethTest, ADummyThatIsDownDrops) {
    Rig rig("ip link add d0 type dummy\n", GetParam());
    rig.from_kernel("d0", Frame().from(host_a).to(host_b));
    EXPECT_EQ(rig.drops(DropReason::egress_interface_down), 1u);
}

}  // namespace
}  // namespace weft::test
