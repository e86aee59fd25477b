// Generator and null ports.
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "dataplane/port/gen_frame.hpp"
#include "tests/packet/port_bench.hpp"

namespace weft::test::port {
namespace {

std::uint64_t number(const MacAddress& mac) {
    std::uint64_t n = 0;
    for (const auto byte : mac.bytes)
        n = n << 8 | byte;
    return n;
}

/// Ethernet, `tag` bytes, IPv4 and UDP with lengths that agree and sums that come out.
void expect_valid(const Bytes& frame, std::size_t tag = 0) {
    const auto& ip = *reinterpret_cast<const Ipv4Header*>(&frame[14 + tag]);
    const auto& udp = *reinterpret_cast<const UdpHeader*>(&frame[34 + tag]);
    EXPECT_EQ(ip.total_length.host(), frame.size() - 14 - tag);
    EXPECT_EQ(udp.length.host(), frame.size() - 34 - tag);
    EXPECT_EQ(ip.checksum, ipv4_checksum(ip));
    auto sum = pseudo_header(ip, ip_protocol::udp, udp.length.host());
    sum.add(&udp, udp.length.host());
    EXPECT_EQ(sum.checksum(), be16{0});
    EXPECT_NE(udp.checksum, be16{0});
}

std::unique_ptr<Port> gen_up(const GenConfig& config, const PortQueues& queues = {}) {
    auto port = opened(open_gen("g", config, queues, environment()));
    EXPECT_TRUE(port->set_up(true));
    return port;
}

TEST(PortGen, EveryFlowIsAValidFrame) {
    GenConfig config;
    config.flows = 10'000'000;
    const ports::GenFrame frames{config};
    for (const std::uint32_t flow : {0u, 1u, 63'999u, 64'511u, 64'512u, 70'000u, 1'048'576u, 9'999'999u}) {
        ports::GenHead head;
        frames.head(flow, head);
        const Bytes frame(head.bytes, head.bytes + frames.length());
        expect_valid(frame);
        const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame.data());
        EXPECT_EQ(number(ethernet.source), number(config.source) + flow);
        EXPECT_EQ(number(ethernet.destination), number(config.destination) + flow);
    }
}

TEST(PortGen, SizesWithFcsUpToJumboInSegments) {
    for (const std::uint16_t size : {64, 65, 68, 128, 1518, 2100, 9018, 9022}) {
        GenConfig config;
        config.size = size;
        config.flows = 3;
        auto port = gen_up(config);
        Burst burst;
        ASSERT_EQ(burst.receive(*port, 0, 5).count, 5);
        for (int i = 0; i < 5; ++i) {
            EXPECT_EQ(burst[i].length(), size - 4u);
            EXPECT_EQ(burst[i].nb_segs, (size - 4u + 2047) / 2048);
            expect_valid(bytes_of(burst[i]));
            EXPECT_EQ(burst[i].meta.tag_place, TagPlace::none);
            EXPECT_EQ(burst[i].meta.checksum, ChecksumState::good);
            EXPECT_EQ(burst[i].meta.gso_type, GsoType::none);
        }
        EXPECT_EQ(bytes_of(burst[0]), bytes_of(burst[3]));
        EXPECT_NE(bytes_of(burst[0]), bytes_of(burst[1]));
    }
}

TEST(PortGen, TagInTheFrame) {
    GenConfig config;
    config.vid = 7;
    auto port = gen_up(config);
    Burst burst;
    ASSERT_EQ(burst.receive(*port, 0, 1).count, 1);
    const auto frame = bytes_of(burst[0]);
    EXPECT_EQ(frame.size(), 60u);
    EXPECT_EQ((Bytes{frame.begin() + 12, frame.begin() + 18}), (Bytes{0x81, 0x00, 0, 7, 0x08, 0x00}));
    expect_valid(frame, 4);
}

TEST(PortGen, ShuffledVisitsEachFlowOncePreparedAndComputed) {
    for (const std::uint32_t flows : {1u, 2u, 3u, 1000u, 1024u}) {
        GenConfig config;
        config.flows = flows;
        config.shuffled = true;
        auto port = gen_up(config);
        std::set<std::uint64_t> seen;
        unsigned neighbours = 0;
        std::uint64_t last = 0;
        Burst burst;
        for (std::uint32_t made = 0; made < flows; made += burst.count) {
            const auto n = static_cast<std::uint16_t>(std::min<std::uint32_t>(batch_size, flows - made));
            ASSERT_EQ(burst.receive(*port, 0, n).count, n);
            for (std::uint16_t i = 0; i < n; ++i) {
                const auto mac = number(burst[i].ethernet().destination);
                neighbours += mac == last + 1;
                last = mac;
                seen.insert(mac);
            }
        }
        EXPECT_EQ(seen.size(), flows);
        if (flows >= 1000) {
            EXPECT_LT(neighbours, 10u);
        }
    }
    GenConfig config;
    config.flows = (1u << 20) + 1;  // computed
    config.shuffled = true;
    auto port = gen_up(config);
    Burst burst;
    ASSERT_EQ(burst.receive(*port).count, batch_size);
    EXPECT_EQ(burst[0].ethernet().source, config.source);
    EXPECT_GT(number(burst[1].ethernet().source), number(config.source) + 1000);
    for (int i = 0; i < batch_size; ++i)
        expect_valid(bytes_of(burst[i]));
}

TEST(PortGen, QueuesShareFlowsAndCount) {
    GenConfig config;
    config.flows = 10;
    config.count = 7;
    PortQueues queues;
    queues.rx = 2;
    auto port = gen_up(config, queues);
    Burst first, second;
    EXPECT_EQ(first.receive(*port, 0).count, 3);
    EXPECT_EQ(second.receive(*port, 1).count, 4);
    EXPECT_EQ(number(first[0].ethernet().source), number(config.source));
    EXPECT_EQ(number(second[0].ethernet().source), number(config.source) + 5);
    EXPECT_EQ(first.receive(*port, 0).count, 0);
    EXPECT_EQ(statistic(*port, "rx_packets"), 7u);
    EXPECT_EQ(statistic(*port, "rx_bytes"), 7u * 60);
    EXPECT_EQ(statistic(*port, "rx_q1_packets"), 4u);
}

TEST(PortGen, DownMakesNothingAndUpStartsAnew) {
    GenConfig config;
    config.count = 2;
    auto port = opened(open_gen("g", config, {}, environment()));
    Burst burst;
    EXPECT_FALSE(port->info().link_up);
    EXPECT_EQ(burst.receive(*port).count, 0);
    ASSERT_TRUE(port->set_up(true));
    EXPECT_TRUE(port->info().link_up);
    EXPECT_EQ(burst.receive(*port).count, 2);
    ASSERT_TRUE(port->set_up(true));  // no change
    EXPECT_EQ(burst.receive(*port).count, 0);
    ASSERT_TRUE(port->set_up(false));
    EXPECT_EQ(burst.receive(*port).count, 0);
    ASSERT_TRUE(port->set_up(true));
    EXPECT_EQ(burst.receive(*port).count, 2);
}

TEST(PortGen, RateIsKept) {
    using namespace std::chrono;
    GenConfig config;
    config.rate = 100'000;
    auto port = gen_up(config);
    Burst burst;
    burst.receive(*port);
    std::uint64_t made = burst.count;
    const auto start = steady_clock::now();
    const auto since = [&] { return steady_clock::now() - start; };
    while (since() < milliseconds(30) || (made < 100 && since() < seconds(10)))  // a busy machine makes gaps
        made += burst.receive(*port).count;
    const double elapsed = duration<double>(since()).count();
    // A gap in which nobody polled may be forgotten, never made up for.
    EXPECT_LE(static_cast<double>(made), elapsed * 100'000 + 2);
    EXPECT_GE(made, 100u);
}

TEST(PortGen, EmptyPoolMakesNothing) {
    auto port = gen_up({});
    std::vector<rte_mbuf*> all;
    while (rte_mbuf* m = rte_pktmbuf_alloc(pool()))
        all.push_back(m);
    Burst burst;
    EXPECT_EQ(burst.receive(*port).count, 0);
    EXPECT_EQ(burst.loss.no_mbuf, 0u);  // nothing was lost: nothing was made
    EXPECT_GT(statistic(*port, "rx_no_mbuf"), 0u);
    rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));
    EXPECT_EQ(burst.receive(*port).count, batch_size);
}

TEST(PortGen, RefusesWhatItCannot) {
    const auto error = [](GenConfig config, PortQueues queues = {}) {
        auto result = open_gen("g0", config, queues, environment());
        return result ? std::string{} : result.error().message;
    };
    EXPECT_EQ(error({.size = 63}), "port g0: frame size 63 is not possible: give 64 to 9022");
    EXPECT_EQ(error({.flows = 0}), "port g0: 0 flows are not possible: give 1 to 10000000");
    EXPECT_EQ(error({.vid = 4095}), "port g0: VLAN 4095 is not possible: give 0 to 4094");
    EXPECT_EQ(error({}, {.rx = 65}), "port g0: 65 receive queues asked, gen has 64");
    EXPECT_EQ(error({}, {.rx = 1, .mtu = 67}), "port g0: MTU 67 is not possible: give 68 to 9216");
}

TEST(PortNull, FreesWhateverItIsGiven) {
    auto port = opened(open_null("n", {.rx = 2}, environment(3)));
    ASSERT_TRUE(port->set_up(true));
    EXPECT_EQ(port->info().tx_queues, 3);
    EXPECT_EQ(port->info().driver, "null");
    Burst burst;
    EXPECT_EQ(burst.receive(*port, 1).count, 0);
    Packet* shared = pooled(plain_frame(100));
    Packet* given[] = {pooled(plain_frame(60)), pooled(plain_frame(3000)), shared, pooled(plain_frame(50))};
    rte_mbuf_refcnt_update(shared, 1);
    EXPECT_EQ(port->transmit(2, given, 4, lost), 4);
    EXPECT_EQ(rte_mbuf_refcnt_read(shared), 1);
    Packet::free(shared);
    EXPECT_EQ(statistic(*port, "tx_packets"), 4u);
    EXPECT_EQ(statistic(*port, "tx_bytes"), 74u + 3014 + 114 + 64);
    ASSERT_TRUE(port->set_mac(mac_a));
    ASSERT_TRUE(port->set_mtu(9000));
    EXPECT_EQ(port->info().mac, mac_a);
    EXPECT_EQ(port->info().mtu, 9000);
    EXPECT_FALSE(port->set_mtu(9217));
    EXPECT_FALSE(port->set_mac(MacAddress{{1, 0, 0, 0, 0, 1}}));
}

}  // namespace
}  // namespace weft::test::port
