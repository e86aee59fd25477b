// vhost-user ports: weft is the device, the test is the guest.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include "dataplane/egress/prepare.hpp"
#include "tests/packet/port_vhost_bench.hpp"
#include "tests/support/offload_frames.hpp"

namespace weft::test::port {
namespace {

class PortVhost : public VhostBench {};

TEST_F(PortVhost, PlainFramesBothWays) {
    for (const std::uint64_t features :
         {feature::linux, feature::linux & ~feature::event_idx, feature::protocol | feature::version_1,
          feature::protocol, feature::protocol | feature::mrg_rxbuf}) {
        auto port = open({.features = features, .buffer_bytes = 16384});
        EXPECT_EQ(port->info().driver, "vhost-user");
        for (const std::size_t payload : {0, 46, 1500, 2035, 9000}) {
            const auto frame = plain_frame(payload);
            for (const bool apart : {true, false}) {
                EXPECT_TRUE(guest_->send(frame, {}, 0, payload > 100 ? 700 : 65536, apart));
                expect_received(*port, frame);
            }
            send(*port, pooled(frame, payload > 100 ? payload / 5 : 2048));
            auto got = guest_->receive();
            ASSERT_TRUE(got) << payload;
            EXPECT_EQ(got->bytes, frame);
            EXPECT_EQ(got->buffers, 1);
        }
        EXPECT_EQ(statistic(*port, "tx_packets"), 5u);
        EXPECT_EQ(statistic(*port, "rx_packets"), 10u);
        EXPECT_EQ(guest_->sent(), 10u);
    }
}

TEST_F(PortVhost, RingsGoRound) {
    auto port = open({.ring_size = 16});
    for (std::uint16_t i = 0; i < 200; ++i) {
        const auto frame = plain_frame(60 + i);
        ASSERT_TRUE(guest_->send(frame, {}, 0, 30));
        expect_received(*port, frame);
        send(*port, pooled(frame));
        auto got = guest_->receive();
        ASSERT_TRUE(got);
        EXPECT_EQ(got->bytes, frame);
    }
    // A guest that does not look has a full ring; the caller keeps the rest.
    Packet* many[20];
    for (auto& packet : many)
        packet = pooled(plain_frame(100));
    EXPECT_EQ(port->transmit(0, many, 20, lost), 16);
    for (int i = 16; i < 20; ++i)
        Packet::free(many[i]);
}

TEST_F(PortVhost, IndirectDescriptors) {
    auto port = open();
    const auto frame = plain_frame(3000);
    for (int i = 0; i < 300; ++i) {
        ASSERT_TRUE(guest_->send(frame, {}, 0, 200, true, true));
        expect_received(*port, frame);
    }
}

TEST_F(PortVhost, AFrameTakesSeveralMergeableBuffers) {
    auto port = open({.buffer_bytes = 512});
    lost = {};
    const auto frame = plain_frame(9000);
    for (int i = 0; i < 50; ++i) {
        send(*port, pooled(frame, 2000));
        auto got = guest_->receive();
        ASSERT_TRUE(got);
        EXPECT_EQ(got->bytes, frame);
        EXPECT_EQ(got->buffers, (frame.size() + 12 + 511) / 512);
    }
    EXPECT_EQ(lost.packets, 0u);
}

TEST_F(PortVhost, ALongFrameIsLostWithoutMergeableBuffersAndTheNextIsSent) {
    auto port = open({.features = feature::linux & ~feature::mrg_rxbuf, .buffer_bytes = 1526});
    lost = {};
    Packet* packets[] = {pooled(plain_frame(3000)), pooled(plain_frame(1500))};
    EXPECT_EQ(port->transmit(0, packets, 2, lost), 2);
    EXPECT_EQ(lost.packets, 1u);
    EXPECT_EQ(lost.bytes, 3014u);
    auto got = guest_->receive();
    ASSERT_TRUE(got);
    EXPECT_EQ(got->bytes, plain_frame(1500));
    EXPECT_FALSE(guest_->receive());
    EXPECT_EQ(statistic(*port, "tx_errors"), 1u);
    EXPECT_EQ(statistic(*port, "tx_packets"), 1u);
}

TEST_F(PortVhost, AGuestsOffloadsComeAsSuch) {
    auto port = open();
    for (const bool ipv6 : {false, true})
        for (const std::size_t payload : {100, 64000}) {
            const auto built = build({.tags = {{0x8100, 5}}, .ipv6 = ipv6, .payload = payload});
            VirtioNetHeader header{virtio::needs_checksum, 0, 0, 0, built.l4, built.checksum_offset};
            if (payload > 1448) {
                header.gso_type = (ipv6 ? virtio::gso_tcp6 : virtio::gso_tcp4) | virtio::gso_ecn;
                header.gso_size = 1448;
            }
            EXPECT_TRUE(guest_->send(built.bytes, header, 0, 4096, true, true));
            burst_.receive(*port);
            ASSERT_EQ(burst_.count, 1);
            EXPECT_EQ(bytes_of(burst_[0]), built.bytes);
            const Metadata& meta = burst_[0].meta;
            EXPECT_EQ(meta.checksum, ChecksumState::unfinished);
            EXPECT_EQ(meta.checksum_start, built.l4);
            EXPECT_EQ(meta.checksum_offset, built.checksum_offset);
            EXPECT_EQ(meta.tag_place, TagPlace::none);
            EXPECT_EQ(meta.gso_type, payload == 100 ? GsoType::none : ipv6 ? GsoType::tcp6 : GsoType::tcp4);
            if (payload > 1448) {
                EXPECT_EQ(meta.gso_size, 1448);
                EXPECT_EQ(meta.gso_ecn, 1);
                EXPECT_GT(burst_[0].nb_segs, 1);
            }
        }
}

// virtio 1.1 5.1.6.2.1: a driver must not vouch for a checksum, so nobody believes it.
TEST_F(PortVhost, AGuestCannotVouchForAChecksum) {
    auto port = open();
    EXPECT_TRUE(guest_->send(plain_frame(100), {virtio::data_valid, 0, 0, 0, 0, 0}));
    burst_.receive(*port);
    ASSERT_EQ(burst_.count, 1);
    EXPECT_EQ(burst_[0].meta.checksum, ChecksumState::unknown);
}

TEST_F(PortVhost, ALyingHeaderIsCountedAndTheNextFrameComes) {
    auto port = open();
    const VirtioNetHeader lies[] = {
        {virtio::needs_checksum, 0, 0, 0, 200, 16},                 // outside the frame
        {virtio::needs_checksum, virtio::gso_tcp4, 0, 0, 34, 16},   // GSO of no size
        {virtio::needs_checksum, virtio::gso_tcp4, 0, 100, 34, 6},  // TCP with UDP's field
        {0, 3, 0, 100, 0, 0},                                       // UFO, which nobody offered
    };
    for (const auto& lie : lies)
        EXPECT_TRUE(guest_->send(plain_frame(100), lie));
    EXPECT_TRUE(guest_->send(plain_frame(50)));
    expect_received(*port, plain_frame(50));
    EXPECT_EQ(burst_.loss.bad_offload, 4u);
    EXPECT_EQ(guest_->sent(), 5u);
    EXPECT_EQ(statistic(*port, "rx_errors"), 4u);
}

TEST_F(PortVhost, AnEmptyOrEndlessFrameIsTruncated) {
    auto port = open();
    EXPECT_TRUE(guest_->send({}, {}));
    const Bytes endless(70000, 1);
    EXPECT_TRUE(guest_->send(endless, {}));
    EXPECT_EQ(burst_.receive(*port).count, 0);
    EXPECT_EQ(burst_.loss.truncated, 2u);
    EXPECT_EQ(guest_->sent(), 2u);
}

/// What a guest did not take over is finished and segmented for it, what it did is left alone.
TEST_F(PortVhost, AGuestGetsWhatItNegotiatedAndNothingElse) {
    struct Case {
        std::uint64_t features;
        std::uint8_t offloads;
    };
    const Case cases[] = {
        {0, 0},
        {feature::guest_csum, Offload::checksum},
        {feature::guest_csum | feature::guest_tso4, Offload::checksum | Offload::tcp4_gso},
        {feature::guest_csum | feature::guest_tso6, Offload::checksum | Offload::tcp6_gso},
        {feature::guest_tso4, 0},  // needs guest_csum (virtio 1.1 5.1.3.1)
        {feature::linux, Offload::checksum | Offload::tcp4_gso | Offload::tcp6_gso | Offload::tcp_ecn},
    };
    for (const auto& [features, offloads] : cases) {
        auto port = open({.features = features | feature::protocol | feature::version_1 | feature::mrg_rxbuf,
                          .ring_size = 256});
        ASSERT_EQ(port->info().offloads, offloads | Offload::vlan_insert | Offload::multi_segment);
        for (const bool ipv6 : {false, true})
            for (const bool tagged : {false, true})
                for (const bool udp : {false, true})
                    for (const bool gso : {false, true}) {
                        const std::size_t payload = gso ? 20000 : 300;
                        const auto built = build({.ipv6 = ipv6, .udp = udp, .payload = payload});
                        Packet* packet = pooled(built.bytes, 2000);
                        packet->meta.checksum = ChecksumState::unfinished;
                        packet->meta.checksum_start = built.l4;
                        packet->meta.checksum_offset = built.checksum_offset;
                        packet->meta.gso_size = 1400;
                        if (gso)
                            packet->meta.gso_type = udp ? GsoType::udp : ipv6 ? GsoType::tcp6 : GsoType::tcp4;
                        if (tagged) {
                            packet->meta.tag_place = TagPlace::stripped;
                            packet->meta.vlan_tpid = 0x8100;
                            packet->meta.vlan_tci = 5;
                        }
                        expect_frames_for(*port, packet, built, offloads, tagged, gso);
                    }
    }
}

/// virtio 1.1 5.1.6.4: no VIRTIO_NET_HDR_GSO_ECN for a guest that did not negotiate GUEST_ECN, which would
/// repeat CWR in every segment if it got the frame whole.
TEST_F(PortVhost, AGuestWithoutEcnGetsCwrInSegments) {
    constexpr std::uint8_t cwr = 0x80;
    const auto built = build({.payload = 20000, .tcp_flags = 0x10u | cwr});
    for (const bool ecn : {true, false}) {
        auto port =
            open({.features = ecn ? feature::linux : feature::linux & ~feature::guest_ecn, .ring_size = 256});
        Packet* packet = pooled(built.bytes, 2000);
        packet->meta.checksum = ChecksumState::unfinished;
        packet->meta.checksum_start = built.l4;
        packet->meta.checksum_offset = built.checksum_offset;
        packet->meta.gso_type = GsoType::tcp4;
        packet->meta.gso_size = 1400;
        packet->meta.gso_ecn = 1;
        Packet* out[max_segments];
        DropReason why{};
        const unsigned n = prepare_for_port(packet, port->info().offloads, pool(), out, max_segments, why);
        ASSERT_EQ(n, ecn ? 1u : (20000u + 1399) / 1400);
        ASSERT_EQ(port->transmit(0, out, static_cast<std::uint16_t>(n), lost), n);
        for (unsigned i = 0; i < n; ++i) {
            const auto got = guest_->receive();
            ASSERT_TRUE(got);
            EXPECT_EQ(got->header.gso_type, ecn ? virtio::gso_tcp4 | virtio::gso_ecn : virtio::gso_none);
            EXPECT_EQ(got->bytes[built.l4 + 13u] & cwr, i == 0 ? cwr : 0);
        }
    }
}

TEST_F(PortVhost, WhatANewGuestCannotTakeIsLost) {
    auto port = open({.features = feature::protocol | feature::version_1});
    lost = {};
    std::uint32_t n = 0;
    for (const std::uint16_t gso_size : {0, 1448}) {
        Packet* packet = pooled(unfinished_frame(ip_protocol::tcp, 3000));
        packet->meta.checksum = ChecksumState::unfinished;
        packet->meta.checksum_start = test_l4;
        packet->meta.checksum_offset = 16;
        packet->meta.gso_size = gso_size;
        if (gso_size) packet->meta.gso_type = GsoType::tcp4;
        send(*port, packet);
        EXPECT_EQ(lost.packets, ++n);
    }
    EXPECT_FALSE(guest_->receive());
}

TEST_F(PortVhost, QueuesAreFollowed) {
    auto port = open({.features = feature::linux | feature::mq, .pairs = 3}, {.rx = 4, .tx = 4}, 4);
    EXPECT_EQ(guest_->pairs_offered(), 4u);
    EXPECT_EQ(port->info().tx_queues, 3);
    for (const std::uint16_t queue : {0, 1, 2}) {
        const auto frame = plain_frame(100u + queue);
        EXPECT_TRUE(guest_->send(frame, {}, queue));
        expect_received(*port, frame, queue);
        Packet* packet = pooled(frame);
        EXPECT_EQ(port->transmit(queue, &packet, 1, lost), 1);
        auto got = guest_->receive(queue);
        ASSERT_TRUE(got);
        EXPECT_EQ(got->bytes, frame);
    }
    EXPECT_EQ(burst_.receive(*port, 3).count, 0);
    EXPECT_EQ(statistic(*port, "rx_q2_packets"), 1u);
    EXPECT_EQ(statistic(*port, "tx_q1_packets"), 1u);

    guest_->enable(1, false);
    guest_->enable(2, false);
    EXPECT_EQ(port->info().tx_queues, 1);
    EXPECT_TRUE(port->info().link_up);
    EXPECT_TRUE(guest_->send(plain_frame(9), {}, 1));
    EXPECT_EQ(burst_.receive(*port, 1).count, 0);
    guest_->enable(1, true);
    EXPECT_EQ(port->info().tx_queues, 2);
    expect_received(*port, plain_frame(9), 1);
    guest_->enable(0, false);
    guest_->enable(1, false);
    EXPECT_FALSE(port->info().link_up);
}

TEST_F(PortVhost, ADownPortAnswersTheGuestAndMovesNothing) {
    auto port = open();
    EXPECT_TRUE(port->set_up(false));
    EXPECT_FALSE(port->info().link_up);
    EXPECT_TRUE(guest_->send(plain_frame(100)));
    EXPECT_EQ(burst_.receive(*port).count, 0);
    Packet* packet = pooled(plain_frame(100));
    EXPECT_EQ(port->transmit(0, &packet, 1, lost), 0);
    EXPECT_TRUE(guest_->ask(1, {}, {}, true));  // VHOST_USER_GET_FEATURES
    EXPECT_TRUE(port->set_up(true));
    expect_received(*port, plain_frame(100));
    EXPECT_EQ(port->transmit(0, &packet, 1, lost), 1);
    EXPECT_TRUE(guest_->receive());
}

TEST_F(PortVhost, AGuestThatComesBackIsAnother) {
    auto port = open();
    EXPECT_NE(port->info().offloads & Offload::tcp4_gso, 0);
    guest_->disconnect();
    EXPECT_TRUE(link_becomes(*port, false));
    EXPECT_EQ(burst_.receive(*port).count, 0);
    start_again({.features = feature::protocol});
    EXPECT_TRUE(link_becomes(*port, true));
    EXPECT_EQ(port->info().offloads & (Offload::tcp4_gso | Offload::checksum), 0);
    EXPECT_TRUE(guest_->send(plain_frame(100)));
    expect_received(*port, plain_frame(100));
    EXPECT_EQ(statistic(*port, "connections"), 2u);
}

/// Frames in flight while guests die and come back; another guest's go on meanwhile.
TEST_F(PortVhost, AGuestDiesInMidBurst) {
    auto port = open();
    VhostGuest other{path("other"), {}};
    auto healthy = opened(open_vhost("v1", path("other"), false, {}, environment()));
    ASSERT_TRUE(other.connect());
    EXPECT_TRUE(healthy->set_up(true));
    ASSERT_TRUE(link_becomes(*healthy, true));
    std::atomic<bool> stop = false;
    std::thread lives{[&] {
        for (int life = 0; life < 4; ++life) {
            const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
            while (std::chrono::steady_clock::now() < end) {
                static_cast<void>(guest_->send(plain_frame(1500), {}, 0, 300));
                while (guest_->receive()) {
                }
            }
            guest_->disconnect();
            if (!guest_->connect()) ADD_FAILURE() << "not reconnected";
        }
        stop = true;
    }};
    std::uint64_t from_dying = 0, from_healthy = 0, sent = 0;
    while (!stop) {
        from_dying += burst_.receive(*port).count;
        Packet* packet = pooled(plain_frame(1400));
        if (port->transmit(0, &packet, 1, lost) == 1)
            ++sent;
        else
            Packet::free(packet);
        static_cast<void>(other.send(plain_frame(100)));
        from_healthy += burst_.receive(*healthy).count;
    }
    lives.join();
    EXPECT_GT(from_dying, 100u);
    EXPECT_GT(sent, 100u);
    EXPECT_GT(from_healthy, 100u);
    EXPECT_EQ(statistic(*port, "broken_rings"), 0u);
    burst_.receive(*healthy);
}

/// VHOST_USER_GET_VRING_BASE: a guest that is stopped goes on where weft was.
TEST_F(PortVhost, AStoppedRingSaysHowFarItCame) {
    auto port = open({.ring_size = 16});
    for (int i = 0; i < 21; ++i) {
        EXPECT_TRUE(guest_->send(plain_frame(100), {}, 0, 65536, false));
        expect_received(*port, plain_frame(100));
    }
    send(*port, pooled(plain_frame(100)));
    for (const std::uint64_t ring : {1, 0}) {
        const auto base = guest_->ask(11, ring, true);
        ASSERT_TRUE(base);
        EXPECT_EQ(*base >> 32, ring == 1 ? 21u : 1u);
        EXPECT_FALSE(port->info().link_up);
    }
}

TEST_F(PortVhost, MemoryMayChangeUnderTheRings) {
    auto port = open();
    for (const std::size_t less : {4096, 0, 8192}) {
        EXPECT_TRUE(guest_->share_memory(guest_->memory_bytes() - less));
        EXPECT_TRUE(port->info().link_up);
        EXPECT_TRUE(guest_->send(plain_frame(100)));
        expect_received(*port, plain_frame(100));
        send(*port, pooled(plain_frame(200)));
        EXPECT_TRUE(guest_->receive());
    }
    EXPECT_EQ(statistic(*port, "broken_rings"), 0u);
}

/// Reading where the file ends before the region does would be a bus error.
TEST_F(PortVhost, MemoryThatIsNotThereEndsTheConnection) {
    auto port = open();
    EXPECT_FALSE(guest_->share_memory(guest_->memory_bytes() + 4096));
    EXPECT_TRUE(guest_->abandoned());
    EXPECT_TRUE(link_becomes(*port, false));
    start_again({});
    EXPECT_TRUE(link_becomes(*port, true));
}

TEST_F(PortVhost, MemoryThatShrinksIsItsGuestsLoss) {
    auto port = open();
    EXPECT_TRUE(guest_->send(plain_frame(100)));
    guest_->shrink_memory();
    EXPECT_EQ(burst_.receive(*port).count, 0);
    for (int turn = 0; turn < 2; ++turn) {
        Packet* packet = pooled(plain_frame(100));
        if (port->transmit(0, &packet, 1, lost) == 0) Packet::free(packet);
        EXPECT_EQ(burst_.receive(*port).count, 0);
    }
    guest_.reset();
    guest_.emplace(path("guest"), GuestOptions{});
    ASSERT_TRUE(guest_->connect());
    ASSERT_TRUE(link_becomes(*port, true));
    EXPECT_TRUE(guest_->send(plain_frame(100)));
    expect_received(*port, plain_frame(100));
}

/// The library has one thread for all guests.
TEST_F(PortVhost, AMessageWithoutItsEndKeepsNobodyWaiting) {
    auto port = open();
    const std::uint32_t half[] = {2, 1, 8};  // VHOST_USER_SET_FEATURES, and no features
    guest_->say(std::as_bytes(std::span{half}));
    VhostGuest other{path("other"), {}};
    auto healthy = opened(open_vhost("v1", path("other"), false, {}, environment()));
    EXPECT_TRUE(healthy->set_up(true));
    EXPECT_TRUE(other.connect());
    EXPECT_TRUE(link_becomes(*healthy, true));
    EXPECT_TRUE(guest_->abandoned(3000));
    EXPECT_TRUE(link_becomes(*port, false));
}

TEST_F(PortVhost, NonsenseStopsTheRingUntilItIsSetUpAnew) {
    const std::size_t table = VhostGuest::ring_bytes - 4096;  // room behind the parts of ring 0
    const auto nowhere = VhostGuest::physical - 4096;
    using Write = std::function<std::uint16_t(VhostGuest&)>;
    const std::pair<const char*, Write> cases[] = {
        {"head outside the ring", [](VhostGuest&) { return 128; }},
        {"memory that is not shared",
         [&](VhostGuest& g) {
             g.descriptors(1)[0] = {nowhere, 100, 0, 0};
             return 0;
         }},
        {"memory that ends",
         [](VhostGuest& g) {
             g.descriptors(1)[0] = {g.address(g.memory_bytes() - 50), 100, 0, 0};
             return 0;
         }},
        {"length that wraps around",
         [](VhostGuest& g) {
             g.descriptors(1)[0] = {g.address(4096), 0xffff'ffff, 0, 0};
             return 0;
         }},
        {"chain in a circle",
         [](VhostGuest& g) {
             g.descriptors(1)[0] = {g.address(4096), 10, 1, 1};
             g.descriptors(1)[1] = {g.address(4096), 10, 1, 0};
             return 0;
         }},
        {"next outside the ring",
         [](VhostGuest& g) {
             g.descriptors(1)[0] = {g.address(4096), 10, 1, 500};
             return 0;
         }},
        {"a buffer to write to",
         [](VhostGuest& g) {
             g.descriptors(1)[0] = {g.address(4096), 100, 2, 0};
             return 0;
         }},
        {"no bytes",
         [](VhostGuest& g) {
             g.descriptors(1)[0] = {g.address(4096), 0, 0, 0};
             return 0;
         }},
        {"a table of no whole entries",
         [&](VhostGuest& g) {
             g.descriptors(1)[0] = {g.address(table), 24, 4, 0};
             return 0;
         }},
        {"a table in a table",
         [&](VhostGuest& g) {
             *reinterpret_cast<GuestDescriptor*>(g.memory() + table) = {g.address(table), 16, 4, 0};
             g.descriptors(1)[0] = {g.address(table), 16, 4, 0};
             return 0;
         }},
        {"a table with a circle",
         [&](VhostGuest& g) {
             *reinterpret_cast<GuestDescriptor*>(g.memory() + table) = {g.address(table), 16, 1, 0};
             g.descriptors(1)[0] = {g.address(table), 16, 4, 0};
             return 0;
         }},
        {"more than the ring holds",
         [&](VhostGuest& g) {
             g.available(1)[1] = 1000;
             return 0;
         }},
    };
    auto port = open();
    std::uint64_t broken = 0;
    for (const auto& [what, write] : cases) {
        burst_.loss = {};
        guest_->offer(1, write(*guest_));
        EXPECT_EQ(burst_.receive(*port).count, 0) << what;
        EXPECT_EQ(burst_.loss.bad_descriptor, 1u) << what;
        EXPECT_EQ(burst_.receive(*port).count, 0) << what;
        EXPECT_EQ(burst_.loss.bad_descriptor, 1u) << what;  // said once
        EXPECT_EQ(statistic(*port, "broken_rings"), ++broken) << what;
        guest_->disconnect();
        ASSERT_TRUE(link_becomes(*port, false));
        start_again({});
        ASSERT_TRUE(link_becomes(*port, true));
        EXPECT_TRUE(guest_->send(plain_frame(100)));
        expect_received(*port, plain_frame(100));
    }
}

TEST_F(PortVhost, AServerHasOneGuestAndLeavesNoFile) {
    const auto where = path("server");
    auto port = opened(open_vhost("v0", where, true, {}, environment()));
    ASSERT_TRUE(port);
    EXPECT_TRUE(port->set_up(true));
    VhostGuest guest{where, {.weft_is_server = true}}, second{where, {.weft_is_server = true}};
    ASSERT_TRUE(guest.connect());
    EXPECT_TRUE(link_becomes(*port, true));
    EXPECT_TRUE(second.accept(0));
    EXPECT_TRUE(second.abandoned());
    EXPECT_TRUE(guest.send(plain_frame(100)));
    expect_received(*port, plain_frame(100));
    guest.disconnect();
    EXPECT_TRUE(link_becomes(*port, false));
    ASSERT_TRUE(guest.connect());
    EXPECT_TRUE(link_becomes(*port, true));
    port.reset();                        // with the guest there
    EXPECT_TRUE(guest.abandoned(3000));  // the library's thread waits on the connection for up to 1 s
    EXPECT_FALSE(std::filesystem::exists(where));
}

TEST_F(PortVhost, WhatCannotBeOpenedIsRefusedInOneSentence) {
    const auto error = [&](const std::string& where, bool server, const PortQueues& queues = {}) {
        auto result = open_vhost("v0", where, server, queues, environment());
        return result ? std::string{"opened"} : result.error().message;
    };
    const std::string long_path = "/tmp/" + std::string(103, 'x');
    EXPECT_EQ(error(long_path, true),
              "port v0: " + long_path + " is longer than the 107 characters that a socket's path may have");
    EXPECT_EQ(error("/nowhere/s", false), "port v0: /nowhere: No such file or directory");
    EXPECT_EQ(error("/dev/null/s", true), "port v0: /dev/null is not a folder");
    std::ofstream{path("file")} << "text";
    EXPECT_EQ(error(path("file"), true),
              "port v0: " + path("file") + " exists and is not a socket: choose another path");
    EXPECT_EQ(error(path("s"), true, {.rx = 65}), "port v0: 65 receive queues asked, vhost-user has 64");
    EXPECT_EQ(error(path("s"), true, {.rx = 2, .tx = 3}),
              "port v0: 3 transmit queues asked, vhost-user has 2");

    const auto where = path("taken");
    auto live = opened(open_vhost("v1", where, true, {}, environment()));
    EXPECT_EQ(error(where, true), "port v0: a program listens at " + where + " already: choose another path");
    // What a dead program left is taken over.
    std::filesystem::rename(where, path("kept"));
    live.reset();
    std::filesystem::rename(path("kept"), where);
    EXPECT_TRUE(std::filesystem::is_socket(where));
    EXPECT_EQ(error(where, true), "opened");
}

}  // namespace
}  // namespace weft::test::port
