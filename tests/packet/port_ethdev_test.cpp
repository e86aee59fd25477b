// Ethdev ports: on a fake that fails the test at every call its device info does not allow, then on DPDK's
// own virtual devices.
#include <gtest/gtest.h>

#include <thread>

#include "dataplane/port/ethdev_offload.hpp"
#include "tests/packet/port_fake_ethdev.hpp"

namespace weft::test::port {
namespace {

using Sent = FakeEthdev::Sent;

/// One thing a device may have or not, and how it is taken from the fake that has everything.
struct Capability {
    const char* name;
    void (*take)(FakeEthdev&);
    std::uint8_t without;  ///< Offload bits that the port then must not claim
};

constexpr std::uint8_t gso = Offload::tcp4_gso | Offload::tcp6_gso;

const Capability capabilities[] = {
    {"nothing missing", [](FakeEthdev&) {}, 0},
    {"RSS", [](FakeEthdev& f) { f.info.flow_type_rss_offloads = 0; }, 0},
    {"RETA", [](FakeEthdev& f) { f.info.reta_size = 0; }, 0},
    {"VLAN strip", [](FakeEthdev& f) { f.info.rx_offload_capa &= ~RTE_ETH_RX_OFFLOAD_VLAN_STRIP; }, 0},
    {"VLAN insert", [](FakeEthdev& f) { f.info.tx_offload_capa &= ~RTE_ETH_TX_OFFLOAD_VLAN_INSERT; },
     Offload::vlan_insert},
    {"receive checksums",
     [](FakeEthdev& f) {
         f.info.rx_offload_capa &= ~(RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
     },
     0},
    {"UDP checksum", [](FakeEthdev& f) { f.info.tx_offload_capa &= ~RTE_ETH_TX_OFFLOAD_UDP_CKSUM; },
     Offload::checksum | gso},
    {"TCP checksum", [](FakeEthdev& f) { f.info.tx_offload_capa &= ~RTE_ETH_TX_OFFLOAD_TCP_CKSUM; },
     Offload::checksum | gso},
    {"IPv4 checksum", [](FakeEthdev& f) { f.info.tx_offload_capa &= ~RTE_ETH_TX_OFFLOAD_IPV4_CKSUM; }, gso},
    {"TSO", [](FakeEthdev& f) { f.info.tx_offload_capa &= ~RTE_ETH_TX_OFFLOAD_TCP_TSO; }, gso},
    {"TSO of many segments", [](FakeEthdev& f) { f.info.tx_desc_lim.nb_seg_max = 16; }, gso},
    {"multi-segment", [](FakeEthdev& f) { f.info.tx_offload_capa &= ~RTE_ETH_TX_OFFLOAD_MULTI_SEGS; },
     Offload::multi_segment | gso},
    {"scatter", [](FakeEthdev& f) { f.info.rx_offload_capa &= ~RTE_ETH_RX_OFFLOAD_SCATTER; }, 0},
    {"link interrupt", [](FakeEthdev& f) { f.flags = 0; }, 0},
    {"promiscuous mode", [](FakeEthdev& f) { f.promiscuous_error = -ENOTSUP; }, 0},
    {"everything",
     [](FakeEthdev& f) {
         f.info.rx_offload_capa = f.info.tx_offload_capa = f.info.flow_type_rss_offloads = 0;
         f.info.reta_size = 0;
         f.flags = 0;
     },
     0xff},
};

class PortEthdevWithout : public ::testing::TestWithParam<Capability> {
  protected:
    void SetUp() override {
        fake_.offer_everything();
        GetParam().take(fake_);
    }
    FakeEthdev fake_;
};

TEST_P(PortEthdevWithout, EveryCallIsAllowed) {
    auto port = opened(fake_.open({.rx = 4}, 2));
    ASSERT_TRUE(port);
    constexpr std::uint8_t all = Offload::checksum | gso | Offload::vlan_insert | Offload::multi_segment;
    const auto offloads = port->info().offloads;
    EXPECT_EQ(offloads, all & ~GetParam().without);
    ASSERT_TRUE(port->set_up(true));
    EXPECT_EQ(fake_.reta.empty(), fake_.info.reta_size == 0 || fake_.info.flow_type_rss_offloads == 0);
    EXPECT_EQ(fake_.conf.intr_conf.lsc, fake_.flags != 0);

    // Whatever the port claims may be sent, and only that is.
    std::vector<Packet*> packets{pooled(plain_frame(100))};
    if (offloads & Offload::multi_segment) packets.push_back(pooled(plain_frame(1500), 400));
    if (offloads & Offload::vlan_insert) {
        packets.push_back(pooled(plain_frame(100)));
        packets.back()->meta.tag_place = TagPlace::stripped;
        packets.back()->meta.vlan_tpid = ether_type::vlan;
        packets.back()->meta.vlan_tci = 8;
    }
    for (const auto protocol : {ip_protocol::tcp, ip_protocol::udp})
        if (offloads & Offload::checksum) {
            packets.push_back(pooled(unfinished_frame(protocol, 100)));
            packets.back()->meta.checksum = ChecksumState::unfinished;
            packets.back()->meta.checksum_start = test_l4;
            packets.back()->meta.checksum_offset = protocol == ip_protocol::tcp ? 16 : 6;
        }
    if (offloads & Offload::tcp4_gso) {
        packets.push_back(pooled(unfinished_frame(ip_protocol::tcp, 60'000), 2000));
        packets.back()->meta.checksum = ChecksumState::unfinished;
        packets.back()->meta.checksum_start = test_l4;
        packets.back()->meta.checksum_offset = 16;
        packets.back()->meta.gso_type = GsoType::tcp4;
        packets.back()->meta.gso_size = 1448;
    }
    const auto n = static_cast<std::uint16_t>(packets.size());
    EXPECT_EQ(port->transmit(1, packets.data(), n, lost), n);
    EXPECT_EQ(fake_.sent.size(), n);
    EXPECT_EQ(statistic(*port, "tx_refused"), 0u);

    const auto mtu = port->set_mtu(9000);
    EXPECT_EQ(static_cast<bool>(mtu), (fake_.info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0);
    EXPECT_EQ(port->info().mtu, mtu ? 9000 : 1500);
    EXPECT_TRUE(fake_.started) << "runs on after a change of MTU, granted or not";
    port.reset();
    EXPECT_TRUE(fake_.removed);
}

INSTANTIATE_TEST_SUITE_P(Capability, PortEthdevWithout, ::testing::ValuesIn(capabilities),
                         [](const auto& instance) {
                             std::string name;
                             for (const char c : std::string{instance.param.name})
                                 name += c == ' ' || c == '-' ? '_' : c;
                             return name;
                         });

class PortEthdev : public ::testing::Test {
  protected:
    void SetUp() override { fake_.offer_everything(); }
    void up(const PortQueues& queues = {}) {
        port_ = opened(fake_.open(queues));
        ASSERT_TRUE(port_ && port_->set_up(true));
    }
    Metadata received(const Bytes& frame, std::uint64_t flags, std::uint16_t tci = 0,
                      std::uint16_t outer = 0) {
        rte_mbuf* m = fake_.arrive(frame, flags);
        m->vlan_tci = tci;
        m->vlan_tci_outer = outer;
        EXPECT_EQ(burst_.receive(*port_).count, 1);
        return burst_[0].meta;
    }
    const Sent& send(Packet* packet) {
        EXPECT_EQ(port_->transmit(0, &packet, 1, lost), 1);
        EXPECT_EQ(fake_.sent.size(), 1u);
        static const Sent none{};
        return fake_.sent.empty() ? none : fake_.sent.back();
    }
    FakeEthdev fake_;
    std::unique_ptr<Port> port_;
    Burst burst_;
};

TEST_F(PortEthdev, ReceivedChecksums) {
    up();
    const auto frame = unfinished_frame(ip_protocol::udp, 50);
    EXPECT_EQ(received(frame, 0).checksum, ChecksumState::unknown);
    EXPECT_EQ(received(frame, RTE_MBUF_F_RX_L4_CKSUM_GOOD).checksum, ChecksumState::good);
    EXPECT_EQ(received(frame, RTE_MBUF_F_RX_L4_CKSUM_BAD).checksum, ChecksumState::unknown);
    for (const auto protocol : {ip_protocol::udp, ip_protocol::tcp})
        for (const std::uint16_t tag : {0, 4}) {
            const auto left = unfinished_frame(protocol, 50);
            const auto meta = received(tag ? tagged(left, 0x88a8, 5) : left, RTE_MBUF_F_RX_L4_CKSUM_NONE);
            EXPECT_EQ(meta.checksum, ChecksumState::unfinished);
            EXPECT_EQ(meta.checksum_start, test_l4 + tag);
            EXPECT_EQ(meta.checksum_offset, protocol == ip_protocol::tcp ? 16 : 6);
        }
    EXPECT_EQ(received(plain_frame(50), RTE_MBUF_F_RX_L4_CKSUM_NONE).checksum, ChecksumState::unknown);
    EXPECT_EQ(received(plain_frame(10, ether_type::ipv4), RTE_MBUF_F_RX_L4_CKSUM_NONE).checksum,
              ChecksumState::unknown);
    EXPECT_EQ(received(Bytes(8, 1), RTE_MBUF_F_RX_L4_CKSUM_NONE).checksum, ChecksumState::unknown);
}

TEST_F(PortEthdev, ReceivedTags) {
    up();
    const auto frame = plain_frame(50);
    EXPECT_EQ(received(frame, 0, 7).tag_place, TagPlace::none);
    auto meta = received(frame, RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED, 0x6007);
    EXPECT_EQ(meta.tag_place, TagPlace::stripped);
    EXPECT_EQ(meta.vlan_tci, 0x6007);
    EXPECT_EQ(meta.vlan_tpid, ether_type::vlan);
    meta = received(
        frame,
        RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_QINQ | RTE_MBUF_F_RX_QINQ_STRIPPED,
        7, 8);
    EXPECT_EQ(meta.tag_place, TagPlace::stripped);
    EXPECT_EQ(meta.vlan_tci, 8);
    EXPECT_EQ(meta.vlan_tpid, ether_type::service_vlan);
    EXPECT_EQ(bytes_of(burst_[0]), tagged(frame, 0x8100, 7)) << "the inner tag stands in the frame";
}

TEST_F(PortEthdev, SentChecksumsAndSegmentation) {
    up();
    for (const std::uint16_t tag : {0, 4}) {
        const auto frame = unfinished_frame(ip_protocol::tcp, 5000);
        Packet* packet = pooled(tag ? tagged(frame, 0x8100, 7) : frame);
        packet->meta.checksum = ChecksumState::unfinished;
        packet->meta.checksum_start = test_l4 + tag;
        packet->meta.checksum_offset = 16;
        packet->meta.gso_type = GsoType::tcp4;
        packet->meta.gso_size = 1400;
        fake_.sent.clear();
        const auto& sent = send(packet);
        EXPECT_EQ(sent.flags, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM |
                                  RTE_MBUF_F_TX_TCP_SEG);
        EXPECT_EQ(sent.l2, 14 + tag);
        EXPECT_EQ(sent.l3, 20);
        EXPECT_EQ(sent.l4, 20);
        EXPECT_EQ(sent.segment_size, 1400);
    }
}

TEST_F(PortEthdev, SentTags) {
    up();
    const auto frame = plain_frame(100);
    Packet* packet = pooled(frame);
    packet->meta.tag_place = TagPlace::stripped;
    packet->meta.vlan_tpid = 0x8100;
    packet->meta.vlan_tci = 0x2008;
    auto sent = send(packet);
    EXPECT_EQ(sent.flags, RTE_MBUF_F_TX_VLAN);
    EXPECT_EQ(sent.vlan_tci, 0x2008);
    EXPECT_EQ(sent.bytes, frame);

    // Hardware inserts 802.1Q; another TPID is written by the port, into a header of its own if it is shared.
    for (const bool shared : {false, true}) {
        fake_.sent.clear();
        packet = pooled(frame);
        Packet* other = shared ? Packet::from(rte_pktmbuf_clone(packet, pool())) : nullptr;
        packet->meta.tag_place = TagPlace::stripped;
        packet->meta.vlan_tpid = 0x88a8;
        packet->meta.vlan_tci = 8;
        sent = send(packet);
        EXPECT_EQ(sent.flags, 0u);
        EXPECT_EQ(sent.bytes, tagged(frame, 0x88a8, 8));
        if (!other) continue;
        EXPECT_EQ(bytes_of(*other), frame);
        Packet::free(other);
    }
}

TEST_F(PortEthdev, SegmentationWritesIntoItsOwnHeaderOnly) {
    up();
    const auto frame = unfinished_frame(ip_protocol::tcp, 5000);
    Packet* packet = pooled(frame);
    Packet* clone = Packet::from(rte_pktmbuf_clone(packet, pool()));
    clone->meta = packet->meta;
    clone->meta.checksum = ChecksumState::unfinished;
    clone->meta.checksum_start = test_l4;
    clone->meta.checksum_offset = 16;
    clone->meta.gso_type = GsoType::tcp4;
    clone->meta.gso_size = 1400;
    const auto& sent = send(clone);
    EXPECT_EQ(sent.bytes, frame);
    ASSERT_EQ(fake_.prepared.size(), 1u);
    EXPECT_NE(fake_.prepared[0], clone) << "prepared a header that others read";
    Packet::free(packet);
}

TEST_F(PortEthdev, ContradictionsAreRefusedAndTheRestIsSent) {
    fake_.info.tx_desc_lim.nb_mtu_seg_max = 8;
    up();
    const auto wrong = [](auto change) {
        Packet* packet = pooled(unfinished_frame(ip_protocol::tcp, 100));
        packet->meta.checksum = ChecksumState::unfinished;
        packet->meta.checksum_start = test_l4;
        packet->meta.checksum_offset = 16;
        change(packet->meta);
        return packet;
    };
    Packet* packets[] = {
        pooled(plain_frame(46)),
        wrong([](Metadata& m) { m.checksum_offset = 4; }),
        wrong([](Metadata& m) { m.checksum_start = 14; }),
        pooled(plain_frame(47)),
        wrong([](Metadata& m) { m.checksum_start = 150; }),
        wrong([](Metadata& m) { m.gso_type = GsoType::tcp6, m.gso_size = 10; }),
        wrong([](Metadata& m) { m.gso_type = GsoType::udp, m.gso_size = 10; }),
        wrong([](Metadata& m) {
            m.checksum = ChecksumState::good, m.gso_type = GsoType::tcp4, m.gso_size = 10;
        }),
        pooled(plain_frame(900), 100),
        pooled(plain_frame(48)),
    };
    EXPECT_EQ(port_->transmit(0, packets, 10, lost), 10);
    ASSERT_EQ(fake_.sent.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i)
        EXPECT_EQ(fake_.sent[i].bytes.size(), 60 + i);
    EXPECT_EQ(statistic(*port_, "tx_refused"), 7u);
}

TEST_F(PortEthdev, WhatTheDriverCannotPrepareIsDropped) {
    up();
    Packet* packets[4];
    for (auto& packet : packets) {
        packet = pooled(unfinished_frame(ip_protocol::udp, 100));
        packet->meta.checksum = ChecksumState::unfinished;
        packet->meta.checksum_start = test_l4;
        packet->meta.checksum_offset = 6;
    }
    lost = {};
    fake_.unpreparable = 1;
    EXPECT_EQ(port_->transmit(0, packets, 4, lost), 4);
    EXPECT_EQ(fake_.sent.size(), 3u);
    EXPECT_EQ(lost.packets, 1u);
    EXPECT_EQ(lost.bytes, unfinished_frame(ip_protocol::udp, 100).size());
    EXPECT_EQ(statistic(*port_, "tx_refused"), 1u);
}

TEST_F(PortEthdev, FullRingGivesTheRestBack) {
    up();
    fake_.tx_room = 2;
    Packet* packets[4];
    for (auto& packet : packets)
        packet = pooled(plain_frame(46));
    EXPECT_EQ(port_->transmit(0, packets, 4, lost), 2);
    fake_.tx_room = 10;
    EXPECT_EQ(port_->transmit(0, packets + 2, 2, lost), 2);
    EXPECT_EQ(fake_.sent.size(), 4u);
    fake_.missed = 7;
    EXPECT_EQ(port_->missed(), 7u);
}

TEST_F(PortEthdev, LinkAddressAndStatistics) {
    port_ = opened(fake_.open());
    EXPECT_FALSE(port_->info().link_up) << "down";
    EXPECT_EQ(port_->info().driver, "net_fake");
    EXPECT_EQ(port_->info().mac, (MacAddress{{0x02, 0, 0, 0, 0, 0x77}}));
    EXPECT_TRUE(fake_.promiscuous);
    ASSERT_TRUE(port_->set_up(true));
    EXPECT_TRUE(port_->info().link_up);
    EXPECT_EQ(port_->info().speed_mbps, 25000u);
    fake_.link = false;
    EXPECT_FALSE(port_->info().link_up);
    EXPECT_EQ(port_->info().speed_mbps, 0u);
    fake_.link = fake_.unplugged = true;
    EXPECT_FALSE(port_->info().link_up);
    ASSERT_TRUE(port_->set_mac(mac_a));
    EXPECT_EQ(port_->info().mac, mac_a);
    fake_.mac_error = -ENOTSUP;
    EXPECT_EQ(port_->set_mac(mac_b).error().message,
              "port p0: net_fake cannot change its address: leave \"mac\" out");
    EXPECT_EQ(statistic(*port_, "rx_good_packets"), 42u);
}

TEST_F(PortEthdev, StoppedDeviceIsNotTouched) {
    port_ = opened(fake_.open());
    Packet* packet = pooled(plain_frame(46));
    EXPECT_EQ(burst_.receive(*port_).count, 0);
    EXPECT_EQ(port_->transmit(0, &packet, 1, lost), 0);
    ASSERT_TRUE(port_->set_up(true));
    EXPECT_EQ(port_->transmit(0, &packet, 1, lost), 1);
    // The fake fails the test if it is polled while stopped.
    std::atomic<bool> end{false};
    std::thread worker{[&] {
        Packet* got[batch_size];
        ReceiveLoss loss;
        while (!end)
            (void)port_->receive(0, got, batch_size, loss);
    }};
    for (int turn = 0; turn < 50; ++turn) {
        ASSERT_TRUE(port_->set_up(false));
        ASSERT_TRUE(port_->set_up(true));
    }
    ASSERT_TRUE(port_->set_mtu(9000));
    end = true;
    worker.join();
}

TEST_F(PortEthdev, RefusedMtuLeavesWhatWas) {
    up();
    fake_.mtu_error = -EINVAL;
    EXPECT_EQ(port_->set_mtu(1400).error().message,
              "port p0: net_fake does not take the MTU: Invalid argument");
    EXPECT_EQ(port_->info().mtu, 1500);
    EXPECT_TRUE(fake_.started);
    EXPECT_FALSE(port_->set_mtu(60));
    EXPECT_FALSE(port_->set_mtu(9300));
    EXPECT_TRUE(fake_.started);
}

TEST_F(PortEthdev, FailureToOpenRemovesTheDevice) {
    fake_.configure_error = -EBUSY;
    auto result = fake_.open();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().message,
              "port p0: net_fake does not take its configuration: Device or resource busy");
    EXPECT_TRUE(fake_.removed);
}

TEST_F(PortEthdev, FailureToStartIsASentence) {
    port_ = opened(fake_.open());
    fake_.start_error = -EIO;
    EXPECT_EQ(port_->set_up(true).error().message, "port p0: net_fake does not start: Input/output error");
    EXPECT_EQ(burst_.receive(*port_).count, 0);
}

// --- DPDK's own devices ---

TEST(PortEthdevReal, NullDeviceComesAndGoes) {
    for (int turn = 0; turn < 2; ++turn) {
        auto port = opened(open_ethdev("p0", "net_null0,size=100", {}, environment()));
        ASSERT_TRUE(port);
        EXPECT_EQ(port->info().driver, "net_null");
        auto again = open_ethdev("p1", "net_null0", {}, environment());
        ASSERT_FALSE(again);
        EXPECT_EQ(again.error().message, "port p1: net_null0 is port p0 already");
        ASSERT_TRUE(port->set_up(true));
        EXPECT_TRUE(port->info().link_up);
        Burst burst;
        EXPECT_EQ(burst.receive(*port).count, batch_size);
        EXPECT_EQ(burst[0].length(), 100u);
        EXPECT_EQ(burst[0].meta.checksum, ChecksumState::unknown);
        Packet* packets[] = {pooled(plain_frame(46)), pooled(plain_frame(46))};
        EXPECT_EQ(port->transmit(0, packets, 2, lost), 2);
        EXPECT_EQ(statistic(*port, "tx_good_packets"), 2u);
        ASSERT_TRUE(port->set_up(false));
        EXPECT_EQ(burst.receive(*port).count, 0);
    }
    EXPECT_EQ(rte_eth_dev_count_avail(), 0);
}

TEST(PortEthdevReal, TwoQueuesOfARing) {
    auto port = opened(open_ethdev("r0", "net_ring0", {}, environment()));
    ASSERT_TRUE(port && port->set_up(true));
    Packet* packet = pooled(plain_frame(46));
    ASSERT_EQ(port->transmit(0, &packet, 1, lost), 1);
    Burst burst;
    ASSERT_EQ(burst.receive(*port).count, 1);
    EXPECT_EQ(bytes_of(burst[0]), plain_frame(46));
}

TEST(PortEthdevReal, RefusesWithASentence) {
    const auto error = [](const std::string& devargs, PortQueues queues = {}) {
        auto result = open_ethdev("p0", devargs, queues, environment());
        return result ? std::string{} : result.error().message;
    };
    EXPECT_EQ(error("net_null1", {.rx = 2000}).find("port p0: 2000 receive queues asked, net_null has "), 0u);
    EXPECT_EQ(error("0000:3b:00.0"),
              "port p0: 0000:3b:00.0 needs hugepages: set vm.nr_hugepages and start weftd again");
    EXPECT_EQ(error("what is this").find("port p0: \"what is this\" names no DPDK device"), 0u);
    EXPECT_EQ(rte_eth_dev_count_avail(), 0) << "nothing is left of a refused device";
}

}  // namespace
}  // namespace weft::test::port
