// Packet socket ports, on a veth pair of a namespace of their own.
#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <set>

#include "tests/packet/port_namespace.hpp"

namespace weft::test::port {
namespace {

class PortAfPacket : public ::testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0 || !space_.usable())
            GTEST_SKIP() << "needs root: makes a network namespace with a veth pair";
        ASSERT_TRUE(space_.run(
            "ip link add p type veth peer name w && sysctl -qw net.ipv6.conf.p.disable_ipv6=1 "
            "net.ipv6.conf.w.disable_ipv6=1 && ip link set p mtu 9000 up && ip link set w mtu 9000 up"));
        wire_.emplace(space_, "w");
    }
    std::unique_ptr<Port> open(const PortQueues& queues = {}, unsigned workers = 1) {
        auto port = opened(open_af_packet("p0", "p", queues, space_.environment(workers)));
        if (!port) return port;
        EXPECT_TRUE(port->set_up(true));
        return port;
    }
    void send(Port& port, Packet* packet, std::uint16_t queue = 0) {
        EXPECT_EQ(port.transmit(queue, &packet, 1, lost), 1);
    }

    Namespace space_;
    std::optional<Wire> wire_;
    Burst burst_;
};

TEST_F(PortAfPacket, PlainFramesBothWays) {
    auto port = open();
    const auto info = port->info();
    EXPECT_EQ(info.driver, "af_packet");
    EXPECT_TRUE(link_becomes(*port, true));
    EXPECT_EQ(info.mtu, 9000);
    EXPECT_EQ(port->info().speed_mbps, 10000u);
    for (const std::size_t payload : {0, 1, 46, 1500, 2034, 2035, 9000}) {
        const auto frame = plain_frame(payload);
        wire_->send(frame);
        receive_ours(*port, burst_, 1);
        ASSERT_EQ(burst_.count, 1) << payload;
        EXPECT_EQ(bytes_of(burst_[0]), frame);
        EXPECT_EQ(burst_[0].length(), frame.size());
        EXPECT_EQ(burst_[0].meta.tag_place, TagPlace::none);
        EXPECT_EQ(burst_[0].meta.gso_type, GsoType::none);

        send(*port, pooled(frame, payload > 100 ? payload / 5 : 2048));
        auto seen = wire_->next();
        ASSERT_TRUE(seen);
        EXPECT_EQ(seen->frame, frame);
    }
    EXPECT_EQ(statistic(*port, "rx_packets"), 7u);
    EXPECT_EQ(statistic(*port, "tx_packets"), 7u);
    EXPECT_EQ(statistic(*port, "tx_errors"), 0u);
}

TEST_F(PortAfPacket, BurstsKeepTheirOrder) {
    auto port = open();
    for (std::size_t i = 0; i < 100; ++i)
        wire_->send(plain_frame(46 + i));
    for (std::size_t seen = 0; seen < 100; seen += burst_.count) {
        receive_ours(*port, burst_, 36);
        ASSERT_GE(burst_.count, 36);
        for (std::uint16_t i = 0; i < burst_.count; ++i)
            EXPECT_EQ(burst_[i].length(), 60 + seen + i);
    }
    Packet* out[batch_size];
    for (std::size_t i = 0; i < batch_size; ++i)
        out[i] = pooled(plain_frame(46 + i), 30);
    ASSERT_EQ(port->transmit(0, out, batch_size, lost), batch_size);
    for (std::size_t i = 0; i < batch_size; ++i)
        EXPECT_EQ(wire_->next()->frame.size(), 60 + i);
}

TEST_F(PortAfPacket, UnfinishedChecksumComesAndGoesAsSuch) {
    auto port = open();
    for (const auto protocol : {ip_protocol::udp, ip_protocol::tcp}) {
        const auto frame = unfinished_frame(protocol, 100);
        wire_->send(frame, unfinished_header(protocol));
        receive_ours(*port, burst_, 1);
        ASSERT_EQ(burst_.count, 1);
        const Metadata& meta = burst_[0].meta;
        EXPECT_EQ(meta.checksum, ChecksumState::unfinished);
        EXPECT_EQ(meta.checksum_start, test_l4);
        EXPECT_EQ(meta.checksum_offset, protocol == ip_protocol::tcp ? 16 : 6);
        EXPECT_EQ(bytes_of(burst_[0]), frame);

        burst_.count = 0;
        send(*port, burst_.packets[0]);  // as it came
        auto seen = wire_->next();
        ASSERT_TRUE(seen);
        EXPECT_EQ(seen->frame, frame);
        EXPECT_EQ(seen->header.flags, virtio::needs_checksum);
        EXPECT_EQ(seen->header.csum_start, test_l4);
    }
}

TEST_F(PortAfPacket, GsoFramesComeAndGoWhole) {
    auto port = open();
    std::vector<std::pair<std::uint8_t, GsoType>> kinds{{ip_protocol::tcp, GsoType::tcp4}};
    if (port->info().offloads & Offload::udp_gso) kinds.emplace_back(ip_protocol::udp, GsoType::udp);
    for (const auto& [protocol, type] : kinds) {
        for (const std::size_t payload : {30'000, 65'400}) {
            const auto frame = unfinished_frame(protocol, payload);
            wire_->send(frame, gso_header(protocol, 1448));
            receive_ours(*port, burst_, 1);
            ASSERT_EQ(burst_.count, 1);
            EXPECT_EQ(bytes_of(burst_[0]), frame);
            EXPECT_EQ(burst_[0].meta.gso_type, type);
            EXPECT_EQ(burst_[0].meta.gso_size, 1448);
            EXPECT_EQ(burst_[0].meta.checksum, ChecksumState::unfinished);
            EXPECT_GT(burst_[0].nb_segs, payload / 2200);

            burst_.count = 0;
            send(*port, burst_.packets[0]);
            auto seen = wire_->next();
            ASSERT_TRUE(seen);
            EXPECT_EQ(seen->frame, frame);
            EXPECT_EQ(seen->header.gso_type, gso_header(protocol, 1).gso_type);
            EXPECT_EQ(seen->header.gso_size, 1448);
        }
    }
}

TEST_F(PortAfPacket, TagsKeepTheirTpid) {
    auto port = open();
    const auto frame = plain_frame(100);
    for (const std::uint16_t tpid : {ether_type::vlan, ether_type::service_vlan}) {
        wire_->send(tagged(frame, tpid, 0x6007));
        receive_ours(*port, burst_, 1);
        ASSERT_EQ(burst_.count, 1);
        EXPECT_EQ(burst_[0].meta.tag_place, TagPlace::stripped);
        EXPECT_EQ(burst_[0].meta.vlan_tpid, tpid);
        EXPECT_EQ(burst_[0].meta.vlan_tci, 0x6007);
        EXPECT_EQ(bytes_of(burst_[0]), frame);

        burst_.count = 0;
        send(*port, burst_.packets[0]);  // still stripped
        auto seen = wire_->next();
        ASSERT_TRUE(seen && seen->tag);
        EXPECT_EQ(seen->tag->tpid, be16{tpid});
        EXPECT_EQ(seen->tag->tci, be16{0x6007});
        EXPECT_EQ(seen->frame, frame);

        send(*port, pooled(tagged(frame, tpid, 5)));  // in the frame
        seen = wire_->next();
        ASSERT_TRUE(seen && seen->tag);
        EXPECT_EQ(seen->tag->tpid, be16{tpid});
        EXPECT_EQ(seen->frame, frame);
    }
    wire_->send(tagged(tagged(frame, 0x8100, 7), 0x88a8, 8));
    receive_ours(*port, burst_, 1);
    ASSERT_EQ(burst_.count, 1);
    EXPECT_EQ(burst_[0].meta.vlan_tpid, 0x88a8);
    EXPECT_EQ(bytes_of(burst_[0]), tagged(frame, 0x8100, 7));
}

TEST_F(PortAfPacket, TaggedFramesOfFullMtuLeave) {
    ASSERT_TRUE(space_.run("ip link set p mtu 1500"));
    auto port = open();
    const auto frame = plain_frame(1500);
    // More than the ring behind it holds, and what arrives is what was sent although slots are used again.
    for (unsigned i = 0; i < 20; ++i) {
        auto numbered = frame;
        numbered[1000] = static_cast<std::uint8_t>(i);
        const Bytes kinds[] = {tagged(numbered, 0x8100, 7), tagged(numbered, 0x88a8, 7),
                               tagged(tagged(numbered, 0x8100, 7), 0x88a8, 8)};
        send(*port, pooled(kinds[i % 3]));
    }
    Packet* stripped = pooled(tagged(frame, 0x8100, 7));
    stripped->meta.tag_place = TagPlace::stripped;
    stripped->meta.vlan_tpid = 0x88a8;
    stripped->meta.vlan_tci = 8;
    send(*port, stripped);
    send(*port, pooled(tagged(plain_frame(1501), 0x88a8, 7)));
    EXPECT_EQ(statistic(*port, "tx_errors"), 1u) << "too long without its tag";
    for (unsigned i = 0; i < 20; ++i) {
        auto seen = wire_->next();
        ASSERT_TRUE(seen && seen->tag) << i;
        EXPECT_EQ(seen->tag->tpid, be16{i % 3 == 0 ? ether_type::vlan : ether_type::service_vlan});
        EXPECT_EQ(seen->frame.size(), i % 3 == 2 ? 1518u : 1514u);
        EXPECT_EQ(seen->frame[i % 3 == 2 ? 1004 : 1000], i);
    }
    auto seen = wire_->next();
    ASSERT_TRUE(seen && seen->tag);
    EXPECT_EQ(seen->frame, tagged(frame, 0x8100, 7));
    EXPECT_EQ(seen->tag->tpid, be16{0x88a8});
}

TEST_F(PortAfPacket, UnfinishedChecksumUnderAStrippedTag) {
    auto port = open();
    const auto frame = unfinished_frame(ip_protocol::tcp, 20'000);
    Packet* packet = pooled(frame);
    leave_unfinished(*packet, ip_protocol::tcp, 1400);
    packet->meta.tag_place = TagPlace::stripped;
    packet->meta.vlan_tpid = ether_type::vlan;
    packet->meta.vlan_tci = 7;
    const auto before = bytes_of(*packet);
    for (rte_mbuf* m = packet; m; m = m->next)
        rte_mbuf_refcnt_update(m, 1);
    send(*port, packet);
    EXPECT_EQ(bytes_of(*packet), before) << "the packet may be shared: not to be edited";
    auto seen = wire_->next();
    ASSERT_TRUE(seen && seen->tag);
    EXPECT_EQ(seen->tag->tci, be16{7});
    EXPECT_EQ(seen->frame, frame);
    EXPECT_EQ(seen->header.gso_size, 1400);
    EXPECT_EQ(seen->header.csum_start, test_l4);
    Packet::free(packet);
}

TEST_F(PortAfPacket, OneAndTwoQueues) {
    auto port = open({.rx = 2}, 3);
    EXPECT_EQ(port->info().rx_queues, 2);
    EXPECT_EQ(port->info().tx_queues, 3);
    EXPECT_NE(port->wait_descriptor(0), port->wait_descriptor(1));
    std::set<std::uint16_t> expected, got;
    for (std::uint16_t flow = 1000; flow < 1100; ++flow) {
        wire_->send(unfinished_frame(ip_protocol::udp, 20, flow), unfinished_header(ip_protocol::udp));
        expected.insert(flow);
    }
    for (const std::uint16_t queue : {0, 1}) {
        unsigned of_queue = 0;
        for (int turn = 0; turn < 3; ++turn, of_queue += burst_.count) {
            burst_.receive(*port, queue);
            for (std::uint16_t i = 0; i < burst_.count; ++i)
                got.insert(burst_[i].header<UdpHeader>(test_l4)->source_port.host());
        }
        EXPECT_GT(of_queue, 20u);
    }
    EXPECT_EQ(got, expected) << "each frame once";
    for (const std::uint16_t queue : {0, 1, 2}) {
        send(*port, pooled(plain_frame(46)), queue);
        EXPECT_TRUE(wire_->next());
    }
    burst_.receive(*port, 0);
    EXPECT_EQ(burst_.count, 0) << "what we sent does not come back";
}

TEST_F(PortAfPacket, DownReceivesNothing) {
    auto port = opened(open_af_packet("p0", "p", {}, space_.environment()));
    wire_->send(plain_frame(46));
    pollfd wait{port->wait_descriptor(0), POLLIN, 0};
    EXPECT_EQ(poll(&wait, 1, 20), 0);
    ASSERT_TRUE(port->set_up(true));
    wire_->send(plain_frame(47));
    receive_ours(*port, burst_, 1);
    ASSERT_EQ(burst_.count, 1);
    EXPECT_EQ(burst_[0].length(), 61u);
    ASSERT_TRUE(port->set_up(false));
    wire_->send(plain_frame(48));
    EXPECT_EQ(poll(&wait, 1, 20), 0);
}

TEST_F(PortAfPacket, ForeignDestinationsAreReceived) {
    auto port = open();
    wire_->send(plain_frame(46));  // to mac_b, which is nobody's
    receive_ours(*port, burst_, 1);
    EXPECT_EQ(burst_.count, 1);
}

TEST_F(PortAfPacket, LinkFollowsTheDevice) {
    auto port = open();
    EXPECT_TRUE(link_becomes(*port, true));
    ASSERT_TRUE(space_.run("ip link set w down"));
    EXPECT_TRUE(link_becomes(*port, false));
    ASSERT_TRUE(space_.run("ip link set w up"));
    EXPECT_TRUE(link_becomes(*port, true));
    ASSERT_TRUE(space_.run("ip link set p down"));
    EXPECT_TRUE(link_becomes(*port, false));
    send(*port, pooled(plain_frame(46)));
    EXPECT_EQ(statistic(*port, "tx_errors"), 1u);
    EXPECT_EQ(burst_.receive(*port).count, 0);
    ASSERT_TRUE(space_.run("ip link set p up"));
    EXPECT_TRUE(link_becomes(*port, true));
    wire_.emplace(space_, "w");
    wire_->send(plain_frame(46));
    receive_ours(*port, burst_, 1);
    EXPECT_EQ(burst_.count, 1) << "works again after down and up";
}

TEST_F(PortAfPacket, DeviceVanishes) {
    auto port = open({.rx = 2}, 2);
    wire_->send(plain_frame(46));
    ASSERT_TRUE(space_.run("ip link del w"));
    EXPECT_FALSE(port->info().link_up);
    Packet* out[] = {pooled(plain_frame(46)), pooled(plain_frame(46))};
    lost = {};
    EXPECT_EQ(port->transmit(0, out, 2, lost), 2);
    EXPECT_EQ(statistic(*port, "tx_errors"), 2u);
    EXPECT_EQ(lost.packets, 2u);
    EXPECT_EQ(lost.bytes, 2 * plain_frame(46).size());
    for (const std::uint16_t queue : {0, 1})
        for (int turn = 0; turn < 3; ++turn)
            burst_.receive(*port, queue);
    for (const std::uint16_t queue : {0, 1}) {
        pollfd wait{port->wait_descriptor(queue), POLLIN, 0};
        EXPECT_EQ(poll(&wait, 1, 20), 0) << "a sleeping worker is not woken for ever";
    }
    EXPECT_EQ(port->set_mtu(1400).error().message, "port p0: device p is gone");
    ASSERT_TRUE(space_.run("ip link add p type veth peer name w && ip link set p up && ip link set w up"));
    EXPECT_FALSE(port->info().link_up) << "another device of that name";
}

TEST_F(PortAfPacket, MtuAndAddressAreTheDevicesAndGivenBack) {
    auto port = open({.rx = 1, .mtu = 1400, .mac = mac_a});
    EXPECT_EQ(port->info().mtu, 1400);
    EXPECT_EQ(port->info().mac, mac_a);
    EXPECT_TRUE(space_.run("ip link show p | grep -q 'mtu 1400'"));
    ASSERT_TRUE(port->set_mtu(8000));
    EXPECT_TRUE(space_.run("ip link show p | grep -q 'mtu 8000'"));
    EXPECT_FALSE(port->set_mtu(60));
    EXPECT_FALSE(port->set_mac(MacAddress{}));
    Packet* packet = pooled(plain_frame(8100));
    EXPECT_EQ(port->transmit(0, &packet, 1, lost), 1);
    EXPECT_EQ(statistic(*port, "tx_errors"), 1u) << "longer than the device takes";
    port.reset();
    EXPECT_TRUE(space_.run("ip link show p | grep -q 'mtu 9000'"));
    EXPECT_FALSE(space_.run("ip link show p | grep -q 02:00:00:00:aa:01"));
}

TEST_F(PortAfPacket, EmptyPoolLosesNothingThatTheSocketHolds) {
    auto port = open();
    std::vector<rte_mbuf*> all;
    while (rte_mbuf* m = rte_pktmbuf_alloc(pool()))
        all.push_back(m);
    wire_->send(plain_frame(46));
    wire_->send(unfinished_frame(ip_protocol::tcp, 30'000), gso_header(ip_protocol::tcp, 1448));
    EXPECT_EQ(burst_.receive(*port).count, 0);
    rte_pktmbuf_free(all.back());
    all.pop_back();
    EXPECT_EQ(burst_.receive(*port).count, 1);
    EXPECT_EQ(burst_.receive(*port).count, 0);  // frees the first, takes the second, which needs more
    EXPECT_EQ(burst_.loss.no_mbuf, 1u);
    rte_pktmbuf_free_bulk(all.data(), static_cast<unsigned>(all.size()));
    wire_->send(plain_frame(46));
    receive_ours(*port, burst_, 1);
    EXPECT_EQ(burst_.count, 1);
}

TEST_F(PortAfPacket, WhatTheSocketHadNoRoomForIsMissed) {
    auto port = open();
    const int small = 1 << 14;
    setsockopt(port->wait_descriptor(0), SOL_SOCKET, SO_RCVBUFFORCE, &small, sizeof small);
    EXPECT_EQ(port->missed(), 0u);
    constexpr unsigned all = 200;
    for (unsigned i = 0; i < all; ++i)
        wire_->send(plain_frame(1000));
    unsigned taken = 0;
    while (burst_.receive(*port).count > 0)
        taken += burst_.count;
    EXPECT_GT(taken, 0u);
    EXPECT_LT(taken, all);
    EXPECT_EQ(port->missed(), all - taken);
    EXPECT_EQ(port->missed(), all - taken) << "since it was opened, not since it was asked";
    EXPECT_EQ(statistic(*port, "rx_socket_full"), all - taken);
}

TEST_F(PortAfPacket, FullSocketGivesTheRestBack) {
    auto port = open();
    ASSERT_TRUE(space_.run("tc qdisc add dev p root tbf rate 8kbit burst 20kb limit 1gb"));
    const int small = 1 << 16;
    setsockopt(port->wait_descriptor(0), SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    std::uint16_t taken = 0;
    Packet* out[batch_size];
    for (int turn = 0; turn < 200; ++turn) {
        for (auto& packet : out)
            packet = pooled(plain_frame(9000));
        taken = port->transmit(0, out, batch_size, lost);
        for (std::uint16_t i = taken; i < batch_size; ++i)
            Packet::free(out[i]);
        if (taken < batch_size) break;
    }
    EXPECT_LT(taken, batch_size) << "a slow device holds what was sent";
}

TEST_F(PortAfPacket, RefusesWithASentence) {
    const auto error = [&](const std::string& device, PortQueues queues = {}) {
        auto result = open_af_packet("p0", device, queues, space_.environment());
        return result ? std::string{} : result.error().message;
    };
    EXPECT_EQ(error("eth9"), "port p0: eth9: no such device in this namespace (see ip link)");
    EXPECT_EQ(error("lo"), "port p0: lo is not an Ethernet device");
    EXPECT_EQ(error("a-name-of-16-byt"),
              "port p0: \"a-name-of-16-byt\" is not a device name: give 1 to 15 characters");
    EXPECT_EQ(error("p", {.rx = 65}), "port p0: 65 receive queues asked, af_packet has 64");
}

}  // namespace
}  // namespace weft::test::port
