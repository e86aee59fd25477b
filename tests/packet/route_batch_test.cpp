// The batch path of plain routing: what it sends, byte for byte, IPv4 and IPv6 beside each other; that
// packets keep their order.
#include <gtest/gtest.h>

#include "tests/packet/route_batch_rig.hpp"

namespace weft::test {
namespace {

class RouteBatchTest : public testing::TestWithParam<RigOptions> {};
INSTANTIATE_TEST_SUITE_P(Workers, RouteBatchTest, every_rig, name_of);

// RFC 1812 5.2.1, 5.3.1; RFC 8200 3: addresses of the next link, one hop less, all else as it came.
TEST_P(RouteBatchTest, ForwardsToTheNeighbour) {
    RoutedRig rig(GetParam());
    for (const bool v6 : {false, true}) {
        const IpPacket packet = packet_of(v6);
        rig.send("a", frame_of(packet));
        EXPECT_EQ(rig.all_sent(), (Out{{"b", {forwarded(packet)}}})) << v6;
    }
    EXPECT_EQ(rig.packets_of(StageId::route_batch), 2u);
    EXPECT_EQ(rig.packets_of(StageId::ingress), 0u);
    EXPECT_EQ(rig.all_drops(), 0u);
}

TEST_P(RouteBatchTest, CountsWhatCameAndWhatLeft) {
    RoutedRig rig(GetParam());
    const Bytes four = frame_of(packet_of(false)), six = frame_of(packet_of(true));
    rig.offer("a", four);
    rig.offer("a", six);
    rig.run();
    EXPECT_EQ(rig.counters("a").received.packets.get(), 2u);
    EXPECT_EQ(rig.counters("a").received.bytes.get(), four.size() + six.size());
    EXPECT_EQ(rig.sent_by("b"), std::pair(std::uint64_t{2}, std::uint64_t{four.size() + six.size()}));
    EXPECT_EQ(rig.shared().hops[Tables::by_b].used.load(), 1000u) << "the second of the rig's clock";
}

TEST_P(RouteBatchTest, EveryTtlButTheLast) {
    RoutedRig rig(GetParam());
    for (const bool v6 : {false, true})
        for (unsigned hops = 2; hops < 256; ++hops) {
            IpPacket packet = packet_of(v6);
            packet.hops = static_cast<std::uint8_t>(hops);
            rig.send("a", frame_of(packet));
            ASSERT_EQ(rig.all_sent(), (Out{{"b", {forwarded(packet)}}})) << v6 << hops;
        }
    EXPECT_EQ(rig.packets_of(StageId::ingress), 0u);
}

// ip_rcv_core, ip6_rcv_core: what follows the datagram is not part of it.
TEST_P(RouteBatchTest, CutsPaddingOff) {
    RoutedRig rig(GetParam());
    for (const bool v6 : {false, true}) {
        IpPacket packet = packet_of(v6);
        packet.payload = 2;
        Bytes padded = frame_of(packet);
        padded.resize(80, 0xee);
        rig.send("a", padded);
        EXPECT_EQ(rig.all_sent(), (Out{{"b", {forwarded(packet)}}})) << v6;
    }
    EXPECT_EQ(rig.counters("a").received.bytes.get(), 160u);
    EXPECT_EQ(rig.packets_of(StageId::ingress), 0u);
}

TEST_P(RouteBatchTest, TheLargestPacketAndFragments) {
    RoutedRig rig(GetParam());
    for (const bool v6 : {false, true}) {
        IpPacket packet = packet_of(v6);
        packet.payload = 1500u - (v6 ? 40 : 20) - 8;
        packet.fragment = 0x2005;  // of IPv4: more fragments, at 40
        rig.send("a", frame_of(packet));
        EXPECT_EQ(rig.all_sent(), (Out{{"b", {forwarded(packet)}}})) << v6;
    }
    EXPECT_EQ(rig.packets_of(StageId::ingress), 0u);
}

// A whole burst of both families, more than once sixteen of each.
TEST_P(RouteBatchTest, MixedBurstsKeepTheirOrder) {
    RoutedRig rig(GetParam());
    std::vector<Bytes> wanted;
    for (unsigned i = 0; i < 2 * batch_size; ++i) {
        IpPacket packet = packet_of(i % 3 == 0);
        packet.source_port = static_cast<std::uint16_t>(i);
        rig.offer("a", frame_of(packet));
        wanted.push_back(forwarded(packet));
    }
    rig.run();
    EXPECT_EQ(rig.sent("b"), wanted);
}

TEST_P(RouteBatchTest, LongestPrefixDecides) {
    RoutedRig rig(GetParam(), two_ports, [&](Tables& t) {
        t.route(16, Tables::blackhole);
        t.route(24, Tables::local);
        t.route(32, Tables::by_b);
    });
    for (const bool v6 : {false, true}) {
        rig.send("a", frame_of(packet_of(v6)));
        EXPECT_EQ(rig.all_sent(), (Out{{"b", {forwarded(packet_of(v6))}}})) << v6;
    }
}

// A flow keeps its member, and all members get flows; both policies (fib_multipath_hash_policy 0 and 1).
TEST_P(RouteBatchTest, GroupsSpreadFlows) {
    for (const bool v6 : {false, true})
        for (const bool l4 : {false, true}) {
            RoutedRig rig(GetParam(), two_ports, [&](Tables& t) {
                t.route(24, Tables::group);
                t.routing->hash_l4 = t.routing->hash6_l4 = l4;
                t.routing->hash_secret = 0x1234567;
            });
            std::map<std::uint8_t, unsigned> by_member;
            for (unsigned flow = 0; flow < 400; ++flow) {
                IpPacket packet = packet_of(v6);
                packet.source.back() = static_cast<std::uint8_t>(flow % 200);
                packet.source_port = static_cast<std::uint16_t>(2000 + flow / 200);
                for (int twice = 0; twice < 2; ++twice)
                    rig.send("a", frame_of(packet));
                const auto sent = rig.sent("b");
                ASSERT_EQ(sent.size(), 2u);
                ASSERT_EQ(sent[0], sent[1]);
                by_member[sent[0][5]] += 1;
                Bytes wanted = forwarded(packet);
                wanted[5] = sent[0][5];
                ASSERT_EQ(sent[0], wanted);
            }
            EXPECT_EQ(by_member.size(), 8u);
            for (const auto& [member, flows] : by_member)
                EXPECT_GT(flows, 15u) << v6 << l4 << int{member};
            EXPECT_EQ(rig.packets_of(StageId::ingress), 0u);
        }
}

// Policy 1 does not look for ports in a fragment, the first one neither: all go one way (flow dissector,
// without FLOW_DISSECTOR_F_PARSE_1ST_FRAG). Policy 0 does not look at ports at all.
TEST_P(RouteBatchTest, FragmentsOfADatagramGoOneWay) {
    for (const bool l4 : {false, true}) {
        RoutedRig rig(GetParam(), two_ports, [&](Tables& t) {
            t.route(24, Tables::group);
            t.routing->hash_l4 = l4;
        });
        for (const std::uint16_t fragment : {0x2000, 0x2010, 0x0020}) {
            IpPacket packet;
            packet.fragment = fragment;
            packet.source_port = fragment;  // what stands there differs
            rig.send("a", frame_of(packet));
        }
        const auto sent = rig.sent("b");
        ASSERT_EQ(sent.size(), 3u);
        EXPECT_EQ(sent[0][5], sent[1][5]);
        EXPECT_EQ(sent[0][5], sent[2][5]);
    }
}

// What left the path is carried through before the next that stays on it: here a frame that is dropped.
TEST_P(RouteBatchTest, OthersOfTheBurstTakeTheStages) {
    RoutedRig rig(GetParam());
    std::vector<Bytes> wanted;
    for (unsigned i = 0; i < 9; ++i) {
        IpPacket packet = packet_of(i % 2);
        packet.source_port = static_cast<std::uint16_t>(i);
        if (i % 3 == 1) {
            rig.offer("a", frame_of(packet, host_b));  // not for us
            continue;
        }
        rig.offer("a", frame_of(packet));
        wanted.push_back(forwarded(packet));
    }
    rig.run();
    EXPECT_EQ(rig.sent("b"), wanted);
    EXPECT_EQ(rig.drops(DropReason::host_not_for_us), 3u);
    EXPECT_EQ(rig.packets_of(StageId::ingress), 3u);
}

}  // namespace
}  // namespace weft::test
