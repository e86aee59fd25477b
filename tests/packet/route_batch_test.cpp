// The batch path of plain routing: what it sends, byte for byte, IPv4 and IPv6 beside each other; that it
// leaves everything else untouched to the stages; that packets keep their order.
#include "dataplane/route/batch.hpp"

#include <gtest/gtest.h>

#include <functional>

#include "tests/packet/environment.hpp"
#include "tests/packet/rig.hpp"
#include "tests/support/mbuf.hpp"
#include "weft/net/checksum.hpp"

namespace weft::test {
namespace {

constexpr const char* router_a = "02:ff:00:00:00:01";  // of port a, as Rig gives them
constexpr const char* router_b = "02:ff:00:00:00:02";
constexpr const char* peer = "02:00:00:00:00:bb";
const std::string two_ports = "port add a up type null\nport add b up type null\nport add c up type null\n";

/// What differs between packets of the tests; the rest is right.
struct IpPacket {
    bool v6 = false;
    std::uint8_t hops = 64;
    std::uint8_t protocol = ip_protocol::udp;
    std::vector<std::uint8_t> source = {192, 0, 2, 1}, destination = {198, 51, 100, 7};
    std::uint16_t source_port = 1000;
    std::size_t payload = 100;
    std::uint16_t fragment = 0;
};
IpPacket v6_packet() {
    IpPacket p;
    p.v6 = true;
    p.source = {0x20, 1, 0xd, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    p.destination = {0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
    return p;
}
IpPacket packet_of(bool v6) {
    return v6 ? v6_packet() : IpPacket{};
}

Bytes frame_of(const IpPacket& p, const char* to = router_a, const char* from = host_a) {
    Bytes ip;
    const auto total = static_cast<std::uint16_t>(p.payload + 8);
    if (p.v6) {
        ip = {
            0x60,       0,     0, 1, static_cast<std::uint8_t>(total >> 8), static_cast<std::uint8_t>(total),
            p.protocol, p.hops};
    } else {
        Ipv4Header header{0x45,
                          0,
                          be16{static_cast<std::uint16_t>(total + 20)},
                          be16{77},
                          be16{p.fragment},
                          p.hops,
                          p.protocol,
                          be16{0},
                          be32{0},
                          be32{0}};
        std::memcpy(static_cast<void*>(&header.source), p.source.data(), 4);
        std::memcpy(static_cast<void*>(&header.destination), p.destination.data(), 4);
        header.checksum = ipv4_checksum(header);
        ip.resize(12);
        std::memcpy(ip.data(), &header, 12);
    }
    ip.insert(ip.end(), p.source.begin(), p.source.end());
    ip.insert(ip.end(), p.destination.begin(), p.destination.end());
    const Bytes udp{
        static_cast<std::uint8_t>(p.source_port >> 8), static_cast<std::uint8_t>(p.source_port), 0, 53,
        static_cast<std::uint8_t>(total >> 8),         static_cast<std::uint8_t>(total),         0, 0};
    ip.insert(ip.end(), udp.begin(), udp.end());
    for (std::size_t i = 0; i < p.payload; ++i)
        ip.push_back(static_cast<std::uint8_t>(i));
    return Frame().from(from).to(to).type(p.v6 ? ether_type::ipv6 : ether_type::ipv4).payload(ip);
}

/// The same a hop further, by port b to the neighbour.
Bytes forwarded(IpPacket p) {
    --p.hops;
    return frame_of(p, peer, router_b);
}

/// Routes to everything of the tests by b's neighbour, and what else they need; changed before it is
/// published.
struct Tables {
    std::shared_ptr<Lpm4> v4 = std::make_shared<Lpm4>(64);
    std::shared_ptr<Lpm6> v6 = std::make_shared<Lpm6>(64);
    std::unique_ptr<Routing> routing = std::make_unique<Routing>();
    HopTable* hops;

    static constexpr HopIndex by_b = 1, local = 2, unresolved = 3, blackhole = 4, group = 5, back = 6,
                              small_mtu = 7, members = 16;

    Tables(HopTable& table, IfIndex a, IfIndex b) : hops(&table) {
        neighbour(by_b, b, peer, NeighbourState::resolved);
        neighbour(unresolved, b, peer, NeighbourState::unknown);
        neighbour(back, a, peer, NeighbourState::resolved);
        neighbour(small_mtu, b, peer, NeighbourState::resolved);
        table[small_mtu].mtu = 600;
        table[local].kind = HopKind::local;
        table[blackhole].kind = HopKind::blackhole;
        table[group].kind = HopKind::group;
        table[group].bucket_bits = 3;
        table[group].first_bucket = 8;
        for (std::uint8_t k = 0; k < 8; ++k) {
            neighbour(members + k, b, peer, NeighbourState::resolved, k);
            table.bucket(8u + k).store(members + k);
        }
        route(0, by_b);
        routing->tables[0].v4 = v4;
        routing->tables[0].v6 = v6;
    }
    void neighbour(HopIndex at, IfIndex out, const char* mac, NeighbourState state, std::uint8_t last = 0) {
        Hop& hop = (*hops)[at];
        MacAddress to = *parse_mac(mac);
        to.bytes[5] = static_cast<std::uint8_t>(to.bytes[5] + last);
        hop.kind = HopKind::neighbour;
        hop.interface = out;
        hop.neighbour = Hop::pack(to, state);
        hop.own = parse_mac(router_b)->raw();
    }
    /// Of both families, of the tests' destinations.
    void route(unsigned length, HopIndex hop) {
        EXPECT_TRUE(v4->add({198, 51, 100, 7}, length, hop));
        EXPECT_TRUE(v6->add({0x20, 1, 0xd, 0xb8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}, length, hop));
    }
};

class RoutedRig : public Rig {
  public:
    explicit RoutedRig(const RigOptions& options, const std::string& configuration = two_ports,
                       const std::function<void(Tables&)>& change = {})
        : Rig(configuration, options), workers_(options.workers) {
        Tables tables(shared().hops, index("a"), index("b"));
        if (change) change(tables);
        for (unsigned w = 0; w < workers_; ++w)
            shared().quiescence.offline(w);
        shared().routing.replace(std::move(tables.routing), shared().quiescence);
        for (unsigned w = 0; w < workers_; ++w)
            shared().quiescence.online(w);
    }
    std::uint64_t packets_of(StageId stage) {
        std::uint64_t all = 0;
        for (const auto& worker : shared().workers)
            all += worker->stages[static_cast<std::size_t>(stage)].packets.get();
        return all;
    }

  private:
    unsigned workers_;
};

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

// --- what it leaves to the stages: one packet, by the stage alone ---

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
        context->hops = &rig.shared().hops;
        context->counters = &rig.shared().workers[0]->counters;
        context->transmit = buffers.get();
        context->receiving = &context->topology->interface(rig.index("a"));
        const Bytes before = bytes_of(*packet);
        auto burst = RouteBatch::begin(*context);
        RouteBatch::Prepared prepared;
        RouteBatch::prepare(*packet, prepared, burst, *context);
        RouteBatch::look_up(burst, *context);
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
    expect(dummy, plain, true, "no port");
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
    routing.interfaces.resize(2);
    routing.interfaces[1].rp_filter = 2;
    EXPECT_FALSE(RouteBatch::takes(port, routing)) << "rp_filter";
    routing.tables[0].v6 = std::make_shared<Lpm6>(1);
    EXPECT_TRUE(RouteBatch::takes(port, routing)) << "rp_filter is of IPv4 only";
    routing.rules6.resize(1);
    EXPECT_FALSE(RouteBatch::takes(port, routing)) << "rules";
    routing.interfaces[1].rp_filter = 0;
    EXPECT_TRUE(RouteBatch::takes(port, routing));
    routing.rules4.resize(1);
    EXPECT_FALSE(RouteBatch::takes(port, routing)) << "rules";
}

TEST(RouteBatchTakes, EachFamilyByItself) {
    for (const bool v6 : {false, true}) {
        RoutedRig rig({}, two_ports, [&](Tables& t) {
            if (v6)
                t.routing->rules4.resize(1);
            else
                t.routing->tables[0].v6 = nullptr;
        });
        RouteBatchDiverts::expect(rig, frame_of(packet_of(false)), v6, "IPv4");
        RouteBatchDiverts::expect(rig, frame_of(packet_of(true)), !v6, "IPv6");
    }
}

}  // namespace
}  // namespace weft::test
