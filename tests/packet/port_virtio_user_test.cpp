// vhost-user ports against DPDK's own driver of virtio devices, net_virtio_user in the same process: the
// rings as another implementation fills them, packed ones included.
#include <gtest/gtest.h>

#include "tests/packet/port_vhost_bench.hpp"

namespace weft::test::port {
namespace {

class PortVirtioUser : public VhostBench, public ::testing::WithParamInterface<const char*> {
  protected:
    void TearDown() override {
        driver_.reset();
        port_.reset();
    }
    void connect(const std::string& arguments, std::uint16_t queues = 1) {
        static int serial = 0;
        const auto where = path("s");
        port_ = opened(open_vhost("v0", where, true, {.rx = queues, .tx = queues}, environment(queues)));
        EXPECT_TRUE(port_->set_up(true));
        driver_ = opened(open_ethdev(
            "d0",
            "net_virtio_user" + std::to_string(serial++) + ",path=" + where + ",queue_size=256," + arguments,
            {.rx = queues, .tx = queues}, environment(queues)));
        ASSERT_TRUE(driver_);
        EXPECT_TRUE(driver_->set_up(true));
        ASSERT_TRUE(link_becomes(*port_, true));
    }
    /// Bursts of frames of all lengths from one to the other, in order and whole.
    void stream(Port& from, Port& to, std::uint16_t queue, int bursts) {
        std::uint32_t number = 0, expected = 0;
        for (int b = 0; b < bursts; ++b) {
            Packet* out[32];
            for (auto& packet : out)
                packet = pooled(numbered(number++), 1000);
            std::uint16_t sent = 0;
            for (int turn = 0; turn < 1000 && (sent < 32 || expected < number); ++turn) {
                if (sent < 32)
                    sent = static_cast<std::uint16_t>(
                        sent + from.transmit(queue, out + sent, static_cast<std::uint16_t>(32 - sent), lost));
                burst_.receive(to, queue);
                for (std::uint16_t i = 0; i < burst_.count; ++i)
                    ASSERT_EQ(bytes_of(burst_[i]), numbered(expected++));
            }
            ASSERT_EQ(sent, 32);
            ASSERT_EQ(expected, number);
        }
    }
    static Bytes numbered(std::uint32_t n) {
        auto frame = plain_frame(46 + n * 37 % 1455);
        std::memcpy(&frame[20], &n, sizeof n);
        return frame;
    }

    std::unique_ptr<Port> port_, driver_;
};

TEST_P(PortVirtioUser, StreamsBothWays) {
    connect(GetParam());
    stream(*driver_, *port_, 0, 200);
    stream(*port_, *driver_, 0, 200);
    EXPECT_EQ(statistic(*port_, "broken_rings"), 0u);
    EXPECT_EQ(statistic(*port_, "rx_packets"), 6400u);
    EXPECT_EQ(statistic(*port_, "tx_packets"), 6400u);
}

TEST_P(PortVirtioUser, ItsChecksumsComeUnfinished) {
    connect(GetParam());
    ASSERT_NE(driver_->info().offloads & Offload::checksum, 0);
    for (const bool ipv6 : {false, true})
        for (const bool udp : {false, true}) {
            const auto built = build({.ipv6 = ipv6, .udp = udp, .payload = 1000});
            Packet* packet = pooled(built.bytes, 600);
            packet->meta.checksum = ChecksumState::unfinished;
            packet->meta.checksum_start = built.l4;
            packet->meta.checksum_offset = built.checksum_offset;
            send(*driver_, packet);
            burst_.receive(*port_);
            ASSERT_EQ(burst_.count, 1);
            EXPECT_EQ(bytes_of(burst_[0]), built.bytes);
            EXPECT_EQ(burst_[0].meta.checksum, ChecksumState::unfinished);
            EXPECT_EQ(burst_[0].meta.checksum_start, built.l4);
            EXPECT_EQ(burst_[0].meta.checksum_offset, built.checksum_offset);
        }
}

INSTANTIATE_TEST_SUITE_P(Rings, PortVirtioUser,
                         ::testing::Values("packed_vq=0", "packed_vq=1", "packed_vq=0,mrg_rxbuf=0",
                                           "packed_vq=1,mrg_rxbuf=0", "packed_vq=0,in_order=0",
                                           "packed_vq=1,in_order=0"));

TEST_F(PortVirtioUser, SeveralQueues) {
    connect("packed_vq=1,queues=2,cq=1", 2);
    for (int turn = 0; turn < 200 && port_->info().tx_queues != 2; ++turn)
        usleep(5000);
    EXPECT_EQ(port_->info().tx_queues, 2);
    for (const std::uint16_t queue : {0, 1}) {
        stream(*driver_, *port_, queue, 20);
        stream(*port_, *driver_, queue, 20);
    }
    EXPECT_EQ(statistic(*port_, "rx_q1_packets"), 640u);
}

}  // namespace
}  // namespace weft::test::port
