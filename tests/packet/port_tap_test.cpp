// TAP ports: weft holds the descriptor, the far end is a device of a namespace.
#include <gtest/gtest.h>

#include <set>

#include "tests/packet/port_namespace.hpp"

namespace weft::test::port {
namespace {

class PortTap : public ::testing::Test {
  protected:
    void SetUp() override {
        if (geteuid() != 0 || !space_.usable())
            GTEST_SKIP() << "needs root: makes a TAP in a network namespace";
    }
    std::unique_ptr<Port> open(const PortQueues& queues = {}, unsigned workers = 1) {
        auto port = opened(open_tap("t0", "far", "", queues, space_.environment(workers)));
        if (!port) return port;
        EXPECT_TRUE(port->set_up(true));
        EXPECT_TRUE(space_.run("sysctl -qw net.ipv6.conf.far.disable_ipv6=1 && ip link set far up"));
        wire_.emplace(space_, "far");
        return port;
    }
    void send(Port& port, Packet* packet, std::uint16_t queue = 0) {
        EXPECT_EQ(port.transmit(queue, &packet, 1, lost), 1);
    }

    Namespace space_;
    std::optional<Wire> wire_;
    Burst burst_;
};

TEST_F(PortTap, PlainFramesBothWays) {
    auto port = open({.rx = 1, .mtu = 9000, .mac = mac_b});
    EXPECT_EQ(port->info().driver, "tap");
    EXPECT_EQ(port->info().mac, mac_b);
    EXPECT_TRUE(space_.run("ip link show far | grep -q 'mtu 9000'"));
    for (const std::size_t payload : {0, 46, 1500, 2035, 9000}) {
        const auto frame = plain_frame(payload);
        wire_->send(frame);
        receive_ours(*port, burst_, 1);
        ASSERT_EQ(burst_.count, 1) << payload;
        EXPECT_EQ(bytes_of(burst_[0]), frame);
        send(*port, pooled(frame, payload > 100 ? payload / 5 : 2048));
        auto seen = wire_->next();
        ASSERT_TRUE(seen);
        EXPECT_EQ(seen->frame, frame);
    }
    EXPECT_EQ(statistic(*port, "tx_packets"), 5u);
}

TEST_F(PortTap, OffloadsComeAndGoAsSuch) {
    auto port = open();
    std::vector<std::uint8_t> kinds{ip_protocol::tcp};
    if (port->info().offloads & Offload::udp_gso) kinds.push_back(ip_protocol::udp);
    for (const auto protocol : kinds) {
        for (const std::uint16_t gso_size : {0, 1448}) {
            const auto frame = unfinished_frame(protocol, gso_size ? 50'000 : 500);
            wire_->send(frame, gso_size ? gso_header(protocol, gso_size) : unfinished_header(protocol));
            receive_ours(*port, burst_, 1);
            ASSERT_EQ(burst_.count, 1);
            EXPECT_EQ(bytes_of(burst_[0]), frame);
            EXPECT_EQ(burst_[0].meta.checksum, ChecksumState::unfinished);
            EXPECT_EQ(burst_[0].meta.checksum_start, test_l4);
            EXPECT_EQ(burst_[0].meta.gso_size, gso_size);
            burst_.count = 0;
            send(*port, burst_.packets[0]);
            auto seen = wire_->next();
            ASSERT_TRUE(seen);
            EXPECT_EQ(seen->frame, frame);
            EXPECT_EQ(seen->header.gso_size, gso_size);
            EXPECT_EQ(seen->header.flags, virtio::needs_checksum);
        }
    }
}

TEST_F(PortTap, TagsStandInTheFrame) {
    auto port = open();
    const auto frame = plain_frame(100);
    wire_->send(tagged(frame, 0x88a8, 7));
    receive_ours(*port, burst_, 1);
    ASSERT_EQ(burst_.count, 1);
    EXPECT_EQ(burst_[0].meta.tag_place, TagPlace::none);
    EXPECT_EQ(bytes_of(burst_[0]), tagged(frame, 0x88a8, 7));

    Packet* packet = pooled(unfinished_frame(ip_protocol::udp, 100));
    leave_unfinished(*packet, ip_protocol::udp);
    packet->meta.tag_place = TagPlace::stripped;
    packet->meta.vlan_tpid = 0x88a8;
    packet->meta.vlan_tci = 9;
    send(*port, packet);
    auto seen = wire_->next();
    ASSERT_TRUE(seen && seen->tag);
    EXPECT_EQ(seen->tag->tpid, be16{0x88a8});
    EXPECT_EQ(seen->tag->tci, be16{9});
    EXPECT_EQ(seen->frame, unfinished_frame(ip_protocol::udp, 100));
    EXPECT_EQ(seen->header.csum_start, test_l4);
}

TEST_F(PortTap, TwoQueuesGetEachFrameOnce) {
    auto port = open({.rx = 2}, 3);
    std::set<std::uint16_t> expected, got;
    for (std::uint16_t flow = 1000; flow < 1100; ++flow) {
        wire_->send(unfinished_frame(ip_protocol::udp, 20, flow), unfinished_header(ip_protocol::udp));
        expected.insert(flow);
    }
    for (const std::uint16_t queue : {0, 1})
        for (int turn = 0; turn < 3; ++turn) {
            burst_.receive(*port, queue);
            for (std::uint16_t i = 0; i < burst_.count; ++i)
                got.insert(burst_[i].header<UdpHeader>(test_l4)->source_port.host());
        }
    EXPECT_EQ(got, expected);
    for (const std::uint16_t queue : {0, 1, 2}) {
        send(*port, pooled(plain_frame(46)), queue);
        EXPECT_TRUE(wire_->next());
    }
}

TEST_F(PortTap, CarrierAndLink) {
    auto port = opened(open_tap("t0", "", "", {}, space_.environment()));
    ASSERT_TRUE(space_.run("ip link set t0-k up"));
    EXPECT_TRUE(port->info().link_up);
    EXPECT_TRUE(space_.run("ip link show t0-k | grep -q NO-CARRIER"));
    ASSERT_TRUE(port->set_up(true));
    EXPECT_TRUE(
        space_.run("for i in $(seq 100); do ip link show t0-k | grep -q NO-CARRIER || exit 0; sleep 0.01; "
                   "done; exit 1"));
    ASSERT_TRUE(space_.run("ip link set t0-k down"));
    EXPECT_FALSE(port->info().link_up);
    send(*port, pooled(plain_frame(46)));
    EXPECT_EQ(statistic(*port, "tx_errors"), 1u);
    ASSERT_TRUE(space_.run("ip link set t0-k name other && ip link set other up"));
    EXPECT_TRUE(port->info().link_up) << "renamed";
    Namespace elsewhere;
    ASSERT_TRUE(space_.run("ip link set other netns /proc/" + std::to_string(getpid()) + "/fd/" +
                           std::to_string(elsewhere.fd())));
    EXPECT_FALSE(port->info().link_up) << "moved and therefore down";
    ASSERT_TRUE(elsewhere.run("ip link set other up"));
    EXPECT_TRUE(port->info().link_up);
    ASSERT_TRUE(port->set_mtu(1400));
    EXPECT_TRUE(elsewhere.run("ip link show other | grep -q 'mtu 1400'"));
    port.reset();
    EXPECT_FALSE(elsewhere.run("ip link show other 2>/dev/null"));
}

TEST_F(PortTap, FarEndIsDeleted) {
    auto port = open({.rx = 2});
    ASSERT_TRUE(space_.run("ip link del far"));
    EXPECT_FALSE(port->info().link_up);
    for (const std::uint16_t queue : {0, 1})
        EXPECT_EQ(burst_.receive(*port, queue).count, 0);
    Packet* out[] = {pooled(plain_frame(46)), pooled(plain_frame(46))};
    lost = {};
    EXPECT_EQ(port->transmit(0, out, 2, lost), 2);
    EXPECT_EQ(statistic(*port, "tx_errors"), 2u);
    EXPECT_EQ(lost.packets, 2u);
    EXPECT_EQ(lost.bytes, 2 * plain_frame(46).size());
    for (const std::uint16_t queue : {0, 1}) {
        pollfd wait{port->wait_descriptor(queue), POLLIN, 0};
        EXPECT_EQ(poll(&wait, 1, 20), 0) << "a sleeping worker is not woken for ever";
        EXPECT_EQ(burst_.receive(*port, queue).count, 0);
    }
    EXPECT_TRUE(port->set_up(false));
    EXPECT_FALSE(port->set_mtu(1400));
}

TEST_F(PortTap, RefusesWithASentence) {
    const auto error = [&](const std::string& device, const std::string& netns = "", PortQueues queues = {}) {
        auto result = open_tap("t0", device, netns, queues, space_.environment());
        return result ? std::string{} : result.error().message;
    };
    ASSERT_TRUE(space_.run("ip tuntap add dev old mode tap"));
    EXPECT_EQ(error("old"), "port t0: a device old exists already: give another name by \"dev\"");
    EXPECT_EQ(error("lo"), "port t0: a device lo exists already: give another name by \"dev\"");
    EXPECT_EQ(error("x", "weft-nowhere"),
              "port t0: no network namespace weft-nowhere: No such file or directory");
    EXPECT_EQ(error("a-name-of-16-byt"),
              "port t0: \"a-name-of-16-byt\" is longer than 15 characters: name the far end by \"dev\"");
    EXPECT_EQ(error("x", "", {.rx = 65}), "port t0: 65 receive queues asked, tap has 64");
}

}  // namespace
}  // namespace weft::test::port
