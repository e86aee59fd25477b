// What the tests of vhost-user ports share: a port, its guest and a folder for sockets.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "dataplane/egress/prepare.hpp"
#include "tests/packet/port_namespace.hpp"
#include "tests/support/offload_frames.hpp"
#include "tests/support/vhost_guest.hpp"

namespace weft::test::port {

class VhostBench : public ::testing::Test {
  protected:
    VhostBench() {
        char name[] = "/tmp/weft-vhost-XXXXXX";
        folder_ = mkdtemp(name);
    }
    ~VhostBench() override {
        guest_.reset();
        std::filesystem::remove_all(folder_);
    }
    [[nodiscard]] std::string path(const std::string& name) const { return folder_ + "/" + name; }

    /// The guest, started anew.
    void start_again(const GuestOptions& options) {
        EXPECT_TRUE(guest_->accept(3000));
        EXPECT_TRUE(guest_->set_up(options));
    }
    /// A port that is up and a guest that is connected to it.
    std::unique_ptr<Port> open(const GuestOptions& options = {}, const PortQueues& queues = {},
                               unsigned workers = 1) {
        guest_.reset();
        guest_.emplace(path("guest"), options);
        auto port = opened(open_vhost("v0", path("guest"), false, queues, environment(workers)));
        EXPECT_FALSE(port->info().link_up);
        EXPECT_TRUE(port->set_up(true));
        EXPECT_TRUE(guest_->connect());
        EXPECT_TRUE(link_becomes(*port, true));
        return port;
    }
    void send(Port& port, Packet* packet) { EXPECT_EQ(port.transmit(0, &packet, 1, lost), 1); }
    void expect_received(Port& port, const Bytes& frame, std::uint16_t queue = 0) {
        burst_.receive(port, queue);
        ASSERT_EQ(burst_.count, 1);
        EXPECT_EQ(bytes_of(burst_[0]), frame);
        EXPECT_EQ(burst_[0].meta.checksum, ChecksumState::unknown);
        EXPECT_EQ(burst_[0].meta.gso_type, GsoType::none);
        EXPECT_EQ(burst_[0].meta.tag_place, TagPlace::none);
    }

    /// Sends as the egress does and compares what the guest gets: one unfinished frame where it took that
    /// over, else finished ones.
    void expect_frames_for(Port& port, Packet* packet, const BuiltFrame& built, std::uint8_t offloads,
                           bool tagged, bool gso) {
        const bool udp = built.checksum_offset == 6, ipv6 = get16(built.bytes, 12) == 0x86dd;
        const std::uint8_t needed = gso ? (udp    ? Offload::udp_gso
                                           : ipv6 ? Offload::tcp6_gso
                                                  : Offload::tcp4_gso)
                                        : Offload::checksum;
        const bool whole = offloads & needed, unfinished = offloads & Offload::checksum;
        Packet* out[max_segments];
        DropReason why{};
        const unsigned n = prepare_for_port(packet, port.info().offloads, pool(), out, max_segments, why);
        ASSERT_EQ(n, gso && !whole ? (20000 + 1399) / 1400 : 1u);
        EXPECT_EQ(port.transmit(0, out, static_cast<std::uint16_t>(n), lost), n);
        const auto shift = static_cast<std::uint16_t>(tagged ? 4 : 0);
        for (unsigned i = 0; i < n; ++i) {
            auto got = guest_->receive();
            ASSERT_TRUE(got);
            if (tagged) {
                EXPECT_EQ(get32(got->bytes, 12), 0x8100'0005u);
            }
            if (unfinished) {
                EXPECT_EQ(got->header.flags, virtio::needs_checksum);
                EXPECT_EQ(got->header.csum_start, built.l4 + shift);
                EXPECT_EQ(got->header.csum_offset, built.checksum_offset);
                const std::size_t field = built.l4 + shift + built.checksum_offset;
                put16(got->bytes, field,
                      ~naive_sum(got->bytes, built.l4 + shift, got->bytes.size()) & 0xffff);
            } else {
                EXPECT_EQ(got->header.flags & virtio::needs_checksum, 0);
            }
            EXPECT_EQ(fault_of(got->bytes), "");
            EXPECT_EQ(got->header.gso_type,
                      gso && whole ? (ipv6 ? virtio::gso_tcp6 : virtio::gso_tcp4) : virtio::gso_none);
            EXPECT_EQ(got->header.gso_size, gso && whole ? 1400 : 0);
            if (gso && whole) {
                EXPECT_EQ(got->header.hdr_len, built.payload + shift);
            }
        }
        EXPECT_FALSE(guest_->receive());
    }

    std::string folder_;
    std::optional<VhostGuest> guest_;
    Burst burst_;
};

}  // namespace weft::test::port
