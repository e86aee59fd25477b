// What the batch path of plain routing leaves to the stages, untouched: one packet, by the stage alone.
#include <gtest/gtest.h>

#include "dataplane/route/batch.hpp"
#include "tests/packet/environment.hpp"
#include "tests/packet/route_batch_rig.hpp"
#include "tests/support/mbuf.hpp"
#include "weft/net/checksum.hpp"

namespace weft::test {
namespace {

/// Of one packet that comes by port a, what the stage says, and whether it is as it was.
struct Decided {
    bool diverted, unchanged;
};

class RouteBatchDiverts : public testing::TestWithParam<bool> {
  public:
    static Decided decide(RoutedRig& rig, Packet* packet) {
        const auto context = std::make_unique<Context>();
        const auto buffers = std::make_unique<TransmitBuffer[]>(max_ports);
        *context = {};
        context->topology = &rig.shared().topology.get();
        context->routing = &rig.shared().routing.get();
        context->filtering = &rig.shared().filtering.get();
        context->hops = &rig.shared().hops;
        context->counters = &rig.shared().workers[0]->counters;
        context->transmit = buffers.get();
        context->receiving = &context->topology->interface(rig.index("a"));
        const Bytes before = bytes_of(*packet);
        auto burst = RouteBatch::begin(*context);
        RouteBatch::Prepared prepared;
        RouteBatch::prepare(*packet, prepared, burst, *context);
        RouteBatch::look_up(burst, *context);
        RouteBatch::choose(&packet, &prepared, 1, burst);
        const Verdict verdict = RouteBatch::decide(*packet, prepared, burst, *context);
        return {verdict == Verdict::to(StageId::ingress), bytes_of(*packet) == before};
    }
    static void expect(RoutedRig& rig, const Bytes& frame, bool diverted, const char* why,
                       const std::function<void(Packet&)>& change = {}) {
        const auto packet = make_packet(frame);
        if (change) change(*packet);
        const Decided got = decide(rig, packet.get());
        EXPECT_EQ(got.diverted, diverted) << why;
        EXPECT_EQ(got.unchanged, diverted) << why;
    }
};
INSTANTIATE_TEST_SUITE_P(Families, RouteBatchDiverts, testing::Bool(),
                         [](const auto& info) { return info.param ? "Ipv6" : "Ipv4"; });

TEST_P(RouteBatchDiverts, Nothing) {
    RoutedRig rig({});
    expect(rig, frame_of(packet_of(GetParam())), false, "a plain packet stays");
}

TEST_P(RouteBatchDiverts, FramesThatAreNotPlain) {
    RoutedRig rig({});
    const IpPacket packet = packet_of(GetParam());
    const Bytes plain = frame_of(packet);
    expect(rig, frame_of(packet, host_b), true, "another's MAC address");
    expect(rig, frame_of(packet, all_hosts), true, "broadcast");
    expect(rig, frame_of(packet, "01:00:5e:00:00:01"), true, "multicast");
    expect(rig, Frame().from(host_a).to(router_a).type(ether_type::arp), true, "ARP");
    expect(rig, Frame().from(host_a).to(router_a).type(0x88b5), true, "another protocol");
    Bytes tagged = plain;
    const std::uint8_t tag[] = {0x81, 0, 0, 5};
    tagged.insert(tagged.begin() + 12, tag, tag + 4);
    expect(rig, tagged, true, "a tag");
    Bytes long_frame = plain;
    long_frame.resize(1515);
    expect(rig, long_frame, true, "longer than the MTU, if only by padding");
    for (const std::size_t length : {0, 1, 13, 14, 33, GetParam() ? 53 : 33})
        expect(rig, Bytes(plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(length)), true,
               "ends in a header");
}

TEST_P(RouteBatchDiverts, OffloadStatesAndSharedBytes) {
    RoutedRig rig({});
    const Bytes plain = frame_of(packet_of(GetParam()));
    expect(rig, plain, true, "a stripped tag", [](Packet& p) {
        p.meta.tag_place = TagPlace::stripped;
        p.meta.vlan_tci = 5;
        p.meta.vlan_tpid = ether_type::vlan;
    });
    expect(rig, plain, true, "an unfinished checksum",
           [](Packet& p) { p.meta.checksum = ChecksumState::unfinished; });
    expect(rig, plain, false, "a vouched-for transport checksum says nothing of the header's",
           [](Packet& p) { p.meta.checksum = ChecksumState::good; });
    expect(rig, plain, true, "GSO", [](Packet& p) { p.meta.gso_type = GsoType::tcp4; });
    expect(rig, plain, true, "shared", [](Packet& p) { rte_mbuf_refcnt_set(&p, 2); });
    expect(rig, plain, true, "a clone", [](Packet& p) { p.ol_flags |= RTE_MBUF_F_INDIRECT; });
    expect(rig, plain, true, "foreign memory", [](Packet& p) { p.ol_flags |= RTE_MBUF_F_EXTERNAL; });
    expect(rig, plain, true, "several segments", [](Packet& p) { p.nb_segs = 2; });
}

TEST_P(RouteBatchDiverts, HopsAtTheirEnd) {
    RoutedRig rig({});
    for (const std::uint8_t hops : {0, 1, 2}) {
        IpPacket packet = packet_of(GetParam());
        packet.hops = hops;
        expect(rig, frame_of(packet), hops < 2, "TTL");
    }
}

TEST_P(RouteBatchDiverts, Addresses) {
    RoutedRig rig({});
    using Address = std::vector<std::uint8_t>;
    const std::vector<Address> bad4 = {{0, 0, 0, 0},     {0, 1, 2, 3},        {127, 0, 0, 1},
                                       {127, 255, 0, 1}, {224, 0, 0, 1},      {239, 255, 255, 1},
                                       {240, 0, 0, 1},   {255, 255, 255, 255}};
    const std::vector<Address> good4 = {{1, 0, 0, 0}, {126, 1, 1, 1}, {128, 0, 0, 1}, {223, 255, 255, 255}};
    const auto long_address = [](std::uint8_t first, std::uint8_t second, std::uint8_t last) {
        Address a(16);
        a[0] = first;
        a[1] = second;
        a[15] = last;
        return a;
    };
    Address mapped = long_address(0, 0, 1);
    mapped[10] = mapped[11] = 0xff;
    const std::vector<Address> bad6 = {
        long_address(0, 0, 0),         long_address(0, 0, 1),       mapped,
        long_address(0xfe, 0x80, 1),   long_address(0xfe, 0xbf, 1), long_address(0xff, 2, 1),
        long_address(0xff, 0xff, 0xff)};
    const std::vector<Address> good6 = {long_address(0x20, 1, 0), long_address(0xfd, 0, 1),
                                        long_address(0, 0x64, 1)};
    for (const bool source : {false, true})
        for (const bool bad : {false, true})
            for (const Address& address : GetParam() ? (bad ? bad6 : good6) : (bad ? bad4 : good4)) {
                IpPacket packet = packet_of(GetParam());
                (source ? packet.source : packet.destination) = address;
                expect(rig, frame_of(packet), bad, testing::PrintToString(address).c_str());
            }
}

TEST_P(RouteBatchDiverts, EveryFlippedBitOfTheHeader) {
    RoutedRig rig({});
    const Bytes plain = frame_of(packet_of(GetParam()));
    if (GetParam()) {  // version; IPv6 has no checksum
        for (unsigned bit = 4; bit < 8; ++bit) {
            Bytes bad = plain;
            bad[14] ^= static_cast<std::uint8_t>(1 << bit);
            expect(rig, bad, true, "version");
        }
        return;
    }
    for (std::size_t byte = 14; byte < 34; ++byte)
        for (unsigned bit = 0; bit < 8; ++bit) {
            Bytes bad = plain;
            bad[byte] ^= static_cast<std::uint8_t>(1 << bit);
            expect(rig, bad, true, "checksum");
        }
}

// RFC 1071: both zeros of one's complement are zero, so a header that sums to the other one is right.
TEST(RouteBatchChecksum, BothZerosAreRight) {
    RoutedRig rig({});
    Bytes frame = frame_of(IpPacket{});
    // The id takes up what makes the checksum 0.
    InternetSum sum;
    std::memset(&frame[24], 0, 2);
    std::memset(&frame[18], 0, 2);
    sum.add(&frame[14], 20);
    const be16 id = sum.checksum();
    std::memcpy(&frame[18], &id, 2);
    RouteBatchDiverts::expect(rig, frame, false, "0x0000");
    frame[24] = frame[25] = 0xff;
    RouteBatchDiverts::expect(rig, frame, false, "0xffff");
    frame[25] = 0xfe;
    RouteBatchDiverts::expect(rig, frame, true, "0xfffe");
}

TEST_P(RouteBatchDiverts, LengthsThatAreWrong) {
    RoutedRig rig({});
    for (const bool v6 : {GetParam()}) {
        const IpPacket packet = packet_of(v6);
        const Bytes plain = frame_of(packet);
        Bytes cut = plain;
        cut.pop_back();
        expect(rig, cut, true, "shorter than it says");
        if (v6) continue;
        for (const std::uint16_t total : {0, 19}) {
            Bytes bad = plain;
            bad[16] = 0;
            bad[17] = static_cast<std::uint8_t>(total);
            auto& ip = *reinterpret_cast<Ipv4Header*>(&bad[14]);
            ip.checksum = ipv4_checksum(ip);
            expect(rig, bad, true, "less than a header");
        }
        Bytes options = plain;
        auto& ip = *reinterpret_cast<Ipv4Header*>(&options[14]);
        ip.version_ihl = 0x46;
        ip.checksum = ipv4_checksum(ip);
        expect(rig, options, true, "options");
    }
}

TEST(RouteBatchDivertsIpv6, HopByHopOptions) {
    RoutedRig rig({});
    IpPacket packet = v6_packet();
    packet.protocol = ip_protocol::hop_by_hop;
    RouteBatchDiverts::expect(rig, frame_of(packet), true, "RFC 8200 4.3");
    for (const std::uint8_t other :
         {ip_protocol::routing, ip_protocol::fragment, ip_protocol::destination_options, std::uint8_t{59}}) {
        packet.protocol = other;
        RouteBatchDiverts::expect(rig, frame_of(packet), false, "RFC 8200 4: not for routers on the way");
    }
}

TEST_P(RouteBatchDiverts, HopsThatAreNoKnownNeighbour) {
    const Bytes plain = frame_of(packet_of(GetParam()));
    for (const HopIndex hop :
         {Tables::local, Tables::unresolved, Tables::blackhole, Tables::back, HopIndex{99}}) {
        RoutedRig rig({}, two_ports, [&](Tables& t) { t.route(24, hop); });
        expect(rig, plain, true, std::to_string(hop).c_str());
    }
    RoutedRig none({}, two_ports, [](Tables& t) {
        t.v4->remove({}, 0, no_hop, 0);
        t.v6->remove({}, 0, no_hop, 0);
    });
    expect(none, plain, true, "no route");
    RoutedRig failed({}, two_ports, [&](Tables& t) {
        (*t.hops)[Tables::by_b].neighbour = Hop::pack(*parse_mac(peer), NeighbourState::failed);
    });
    expect(failed, plain, true, "failed");
    RoutedRig gone({}, two_ports, [](Tables& t) { (*t.hops)[Tables::by_b].interface = 9999; });
    expect(gone, plain, true, "an interface that this topology lacks");
    RoutedRig member({}, two_ports, [](Tables& t) {
        t.route(24, Tables::group);
        for (unsigned k = 0; k < 8; ++k)
            (*t.hops)[Tables::members + k].neighbour = Hop::pack(*parse_mac(peer), NeighbourState::unknown);
    });
    expect(member, plain, true, "a member that is not resolved");
}

// An ICMP error belongs to the flow that it quotes (ip_multipath_l3_keys, ip6_multipath_l3_keys).
TEST_P(RouteBatchDiverts, IcmpToGroups) {
    RoutedRig rig({}, two_ports, [](Tables& t) { t.route(24, Tables::group); });
    IpPacket packet = packet_of(GetParam());
    packet.protocol = GetParam() ? ip_protocol::icmpv6 : ip_protocol::icmp;
    expect(rig, frame_of(packet), true, "to a group");
    RoutedRig plain({});
    expect(plain, frame_of(packet), false, "to one neighbour");
}

TEST_P(RouteBatchDiverts, PacketsTooBig) {
    IpPacket packet = packet_of(GetParam());
    const std::size_t headers = (GetParam() ? 40 : 20) + 8;
    RoutedRig rig({}, two_ports, [](Tables& t) { t.route(24, Tables::small_mtu); });
    packet.payload = 600 - headers;
    expect(rig, frame_of(packet), false, "as large as the route allows");
    packet.payload += 1;
    expect(rig, frame_of(packet), true, "a byte more");
    RoutedRig small({}, two_ports + "ip link set b mtu 1280\n");
    packet.payload = 1280 - headers;
    expect(small, frame_of(packet), false, "as large as the interface allows");
    packet.payload += 1;
    expect(small, frame_of(packet), true, "a byte more");
}

TEST_P(RouteBatchDiverts, InterfacesThatDoNotSend) {
    const Bytes plain = frame_of(packet_of(GetParam()));
    RoutedRig down({}, two_ports + "ip link set b down\n");
    expect(down, plain, true, "down");
    RoutedRig no_link({}, two_ports);
    no_link.port("b").link = false;
    no_link.reconfigure(two_ports);
    expect(no_link, plain, true, "no carrier");
    RoutedRig dummy({}, two_ports + "ip link add d up type dummy\n", [](Tables&) {});
    dummy.shared().hops[Tables::by_b].interface = dummy.index("d");
    dummy.send("a", plain);
    EXPECT_EQ(dummy.sent_by("d").first, 1u) << "no port: by egress";
}

// --- which ports take the path ---

TEST(RouteBatchTakes, PortsThatRoute) {
    Routing routing;
    Interface port{.index = 1, .kind = InterfaceKind::port, .up = true, .carrier = true, .port = 0};
    EXPECT_FALSE(RouteBatch::takes(port, routing)) << "no route yet";
    routing.tables[0].v4 = std::make_shared<Lpm4>(1);
    EXPECT_TRUE(RouteBatch::takes(port, routing));
    Interface other = port;
    other.up = false;
    EXPECT_FALSE(RouteBatch::takes(other, routing)) << "down";
    other = port;
    other.bridge_port = 0;
    EXPECT_FALSE(RouteBatch::takes(other, routing)) << "in a bridge";
    const VlanDemux demux;
    other = port;
    other.demux = &demux;
    EXPECT_FALSE(RouteBatch::takes(other, routing)) << "has sub-interfaces";
    other = port;
    other.kernel_takes = true;
    EXPECT_FALSE(RouteBatch::takes(other, routing)) << "the kernel has had the frame";
    routing.tables[0].v4 = nullptr;
    EXPECT_FALSE(RouteBatch::takes(port, routing)) << "the last route has gone";
    routing.tables[0].v6 = std::make_shared<Lpm6>(1);
    EXPECT_TRUE(RouteBatch::takes(port, routing));
}

TEST(RouteBatchTakes, EachFamilyByItself) {
    for (const bool v6 : {false, true}) {
        RoutedRig rig({}, two_ports, [&](Tables& t) {
            if (v6)
                t.routing->tables[0].v4 = nullptr;
            else
                t.routing->tables[0].v6 = nullptr;
        });
        RouteBatchDiverts::expect(rig, frame_of(packet_of(false)), v6, "IPv4");
        RouteBatchDiverts::expect(rig, frame_of(packet_of(true)), !v6, "IPv6");
    }
}

}  // namespace
}  // namespace weft::test
