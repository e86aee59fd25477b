#include "control/kernel/tap_io.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <poll.h>
#include <rte_mbuf.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <optional>
#include <vector>

#include "control/kernel/sysctl.hpp"
#include "control/kernel/tap.hpp"
#include "tests/smoke/kernel_namespaces.hpp"
#include "tests/support/heap_pool.hpp"
#include "tests/support/mbuf.hpp"
#include "weft/net/ip.hpp"

namespace weft::test {
namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr MacAddress tap_mac{{0x02, 0, 0, 0, 0x0a, 0x01}}, host_mac{{0x02, 0, 0, 0, 0x0b, 0x01}};
constexpr std::uint16_t test_type = 0x88b5;  // IEEE 802 local experimental

/// A frame to the TAP's MAC with an EtherType that no protocol of the kernel takes; bytes counted up after
/// it.
Bytes test_frame(std::size_t size, std::uint8_t first = 0) {
    Bytes frame(size);
    std::copy(tap_mac.bytes.begin(), tap_mac.bytes.end(), frame.begin());
    std::copy(host_mac.bytes.begin(), host_mac.bytes.end(), frame.begin() + 6);
    frame[12] = test_type >> 8;
    frame[13] = test_type & 0xff;
    std::iota(frame.begin() + 14, frame.end(), first);
    return frame;
}

/// Everything that arrives on a device, as its packet socket sees it.
class Listener {
  public:
    Listener(const Netns& netns, int index) {
        auto opened = run_in(netns, []() -> Result<int> {
            return socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        });
        socket_ = Descriptor{*opened};
        const int on = 1, room = 8 << 20;
        setsockopt(socket_.get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof on);
        setsockopt(socket_.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
        sockaddr_ll address{};
        address.sll_family = AF_PACKET;
        address.sll_protocol = be16{ETH_P_ALL}.raw();
        address.sll_ifindex = index;
        EXPECT_EQ(bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    }
    /// The next frame of test_type (tag put aside into `tag`), waiting a little; empty: none came.
    Bytes next(std::optional<std::pair<unsigned, unsigned>>* tag = nullptr, int wait_ms = 2000) {
        for (;;) {
            pollfd ready{socket_.get(), POLLIN, 0};
            if (poll(&ready, 1, wait_ms) <= 0) return {};
            Bytes frame(70000);
            iovec piece{frame.data(), frame.size()};
            alignas(cmsghdr) char control[256];
            msghdr message{};
            message.msg_iov = &piece;
            message.msg_iovlen = 1;
            message.msg_control = control;
            message.msg_controllen = sizeof control;
            const auto n = recvmsg(socket_.get(), &message, 0);
            if (n < 14) continue;
            frame.resize(static_cast<std::size_t>(n));
            if ((frame[12] << 8 | frame[13]) != test_type) continue;
            for (auto* c = CMSG_FIRSTHDR(&message); c && tag; c = CMSG_NXTHDR(&message, c)) {
                tpacket_auxdata auxiliary;
                std::memcpy(&auxiliary, CMSG_DATA(c), sizeof auxiliary);
                if (auxiliary.tp_status & TP_STATUS_VLAN_VALID)
                    *tag = {auxiliary.tp_vlan_tpid, auxiliary.tp_vlan_tci};
            }
            return frame;
        }
    }

  private:
    Descriptor socket_;
};

struct FreePacket {
    void operator()(Packet* p) const noexcept { Packet::free(p); }
};
using HeldPacket = std::unique_ptr<Packet, FreePacket>;

/// Two workers' rings, a TAP thread, and TAPs that are up with carrier.
class TapIoTest : public KernelTest {
  protected:
    void SetUp() override {
        KernelTest::SetUp();
        if (IsSkipped() || HasFatalFailure()) return;
        pool_.set_limit(pool_size);
        TapIo::Wiring wiring;
        for (auto& queues : queues_)
            wiring.punted.push_back(&queues);
        for (unsigned w = 0; w < workers; ++w)
            wiring.workers.push_back({&from_kernel_[w], &wakers_[w]});
        wiring.pool = pool_.get();
        wiring.register_with_eal = false;
        wiring.counters = &counters_;
        io_ = std::make_unique<TapIo>(std::move(wiring));
    }
    void TearDown() override {
        io_.reset();
        taps_.clear();
        for (auto& ring : from_kernel_)
            for (Packet* p = nullptr; ring.dequeue(&p, 1);)
                Packet::free(p);
        EXPECT_EQ(pool_.live(), 0u) << "mbufs leaked";
        KernelTest::TearDown();
    }
    KernelTap& add_tap(IfIndex interface, const std::string& name) {
        TapSettings settings;
        settings.mac = tap_mac;
        settings.up = settings.carrier = true;
        auto tap = KernelTap::open(*netns_, *netlink_, name, socket_, settings);
        EXPECT_TRUE(tap) << tap.error().message;
        taps_.push_back(std::make_unique<KernelTap>(std::move(*tap)));
        io_->add_tap(interface, fcntl(taps_.back()->descriptor(), F_DUPFD_CLOEXEC, 0));
        return *taps_.back();
    }
    /// A packet from the pool in segments of at most `segment` bytes.
    Packet* packet(IfIndex interface, const Bytes& frame, std::size_t segment = 1500) {
        rte_mbuf *head = nullptr, *tail = nullptr;
        for (std::size_t at = 0; at < frame.size(); at += segment) {
            rte_mbuf* m = rte_pktmbuf_alloc(pool_.get());
            const auto n = static_cast<std::uint16_t>(std::min(segment, frame.size() - at));
            std::memcpy(rte_pktmbuf_append(m, n), frame.data() + at, n);
            if (head) {
                tail->next = m;
                head->pkt_len += n;
                ++head->nb_segs;
            } else {
                head = m;
            }
            tail = m;
        }
        auto* p = Packet::from(head);
        p->meta.iif = interface;
        p->meta.tag_place = TagPlace::none;
        p->meta.checksum = ChecksumState::unknown;
        p->meta.gso_type = GsoType::none;
        return p;
    }
    void punt(Packet* p, PuntClass in = PuntClass::host, unsigned worker = 0) {
        ASSERT_EQ(queues_[worker].by_class[static_cast<std::size_t>(in)].enqueue(&p, 1), 1u);
    }
    void punt_and_wake(Packet* p) {
        punt(p);
        io_->waker().wake();
    }
    /// The next packet that the worker got and that fits; others are freed.
    HeldPacket arrived(
        unsigned worker, const std::function<bool(Packet&)>& fits = [](Packet&) { return true; }) {
        HeldPacket found;
        eventually([&] {
            for (Packet* p = nullptr; !found && from_kernel_[worker].dequeue(&p, 1);) {
                HeldPacket held{p};
                if (fits(*p)) found = std::move(held);
            }
            return found != nullptr;
        });
        return found;
    }
    std::uint64_t dropped(IfIndex interface, DropReason reason) {
        return counters_[interface].dropped[static_cast<std::size_t>(reason)].packets.get();
    }
    /// Sends UDP from within the namespace to a neighbour that is known.
    void send_udp(const std::string& name, unsigned count, std::size_t size) {
        must(host_->ip + "addr replace 10.7.0.1/24 dev " + name);
        must(host_->ip + "neigh replace 10.7.0.2 lladdr " + to_string(host_mac) + " dev " + name);
        auto opened =
            run_in(*netns_, []() -> Result<int> { return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); });
        const Descriptor sender{*opened};
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = be16{4789}.raw();
        inet_pton(AF_INET, "10.7.0.2", &to.sin_addr);
        const Bytes payload(size, 0x5a);
        for (unsigned i = 0; i < count; ++i)
            ASSERT_EQ(
                sendto(sender.get(), payload.data(), size, 0, reinterpret_cast<sockaddr*>(&to), sizeof to),
                static_cast<ssize_t>(size));
    }
    static bool is_udp(Packet& p) {
        return p.ethernet().type.host() == 0x0800 && p.data()[23] == std::byte{17};
    }

    static constexpr unsigned workers = 2, pool_size = 2047, ring_size = 64;
    HeapPool pool_;
    std::array<PuntQueues, workers> queues_;
    std::array<PacketRing, workers> from_kernel_{PacketRing{ring_size}, PacketRing{ring_size}};
    std::array<Waker, workers> wakers_;
    CounterTable counters_;
    std::unique_ptr<TapIo> io_;
    std::vector<std::unique_ptr<KernelTap>> taps_;
};

TEST_F(TapIoTest, APuntedFrameReachesTheKernel) {
    Listener listener(*netns_, add_tap(1, "t1").index());
    const auto frame = test_frame(60);
    punt_and_wake(packet(1, frame));
    EXPECT_EQ(listener.next(), frame);
    const auto long_frame = test_frame(1514, 7);
    punt(packet(1, long_frame, 100), PuntClass::arp, 1);
    io_->waker().wake();
    EXPECT_EQ(listener.next(), long_frame) << "16 segments, by the other worker";
}

TEST_F(TapIoTest, AStrippedTagGoesBackIntoTheFrame) {
    Listener listener(*netns_, add_tap(1, "t1").index());
    const auto frame = test_frame(60);
    auto* p = packet(1, frame);
    p->meta.tag_place = TagPlace::stripped;
    p->meta.vlan_tpid = 0x88a8;
    p->meta.vlan_tci = 0x6008;
    punt_and_wake(p);
    std::optional<std::pair<unsigned, unsigned>> tag;
    EXPECT_EQ(listener.next(&tag), frame);
    EXPECT_EQ(tag, (std::pair<unsigned, unsigned>{0x88a8, 0x6008}));
}

TEST_F(TapIoTest, AFrameOfTheKernelReachesItsWorker) {
    add_tap(5, "t5");
    send_udp("t5", 1, 100);
    const auto got = arrived(5 % workers, is_udp);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->length(), 14u + 20 + 8 + 100);
    EXPECT_EQ(got->ethernet().destination, host_mac);
    EXPECT_EQ(got->ethernet().source, tap_mac);
    EXPECT_EQ(got->meta.iif, no_interface);
    EXPECT_EQ(got->meta.oif, 5);
    EXPECT_EQ(got->meta.port_iif, no_interface);
    EXPECT_EQ(got->meta.flags, PacketFlags::from_kernel);
    EXPECT_EQ(got->meta.mark, 0u);
    EXPECT_EQ(got->meta.hops, 0);
    EXPECT_EQ(got->meta.tag_place, TagPlace::none);
    EXPECT_EQ(got->meta.gso_type, GsoType::none);
    EXPECT_EQ(got->meta.checksum, ChecksumState::unfinished);
    EXPECT_EQ(got->meta.checksum_start, 14 + 20);
    EXPECT_EQ(got->meta.checksum_offset, 6);
}

TEST_F(TapIoTest, TheKernelAnswersAPing) {
    add_tap(1, "t1");
    must(host_->ip + "addr add 10.7.0.1/24 dev t1");
    must(host_->ip + "neigh replace 10.7.0.2 lladdr " + to_string(host_mac) + " dev t1");
    // Echo request of 10.7.0.2 with both checksums right.
    Bytes frame(tap_mac.bytes.begin(), tap_mac.bytes.end());
    frame.insert(frame.end(), host_mac.bytes.begin(), host_mac.bytes.end());
    const Bytes rest{0x08, 0, 0x45, 0,  0, 28, 0, 0, 0, 0,    64,   1, 0x66, 0xd1, 10,
                     7,    0, 2,    10, 7, 0,  1, 8, 0, 0xf7, 0xfd, 0, 1,    0,    1};
    frame.insert(frame.end(), rest.begin(), rest.end());
    punt_and_wake(packet(1, frame));
    const auto answer = arrived(1, [](Packet& p) { return p.ethernet().type.host() == 0x0800; });
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->data()[34], std::byte{0}) << "echo reply";
    EXPECT_EQ(answer->ethernet().destination, host_mac);
}

TEST_F(TapIoTest, ATapThatIsDownOrGoneIsCounted) {
    auto& tap = add_tap(1, "t1");
    ASSERT_TRUE(tap.set_up(false));
    punt_and_wake(packet(1, test_frame(60)));
    io_->drain();
    EXPECT_EQ(dropped(1, DropReason::punt_tap_down), 1u);
    must(host_->ip + "link del t1");
    punt_and_wake(packet(1, test_frame(60)));
    io_->drain();
    EXPECT_EQ(dropped(1, DropReason::punt_tap_down), 2u);
    punt_and_wake(packet(9, test_frame(60)));
    io_->drain();
    EXPECT_EQ(dropped(9, DropReason::punt_tap_down), 1u) << "no TAP at all";
    EXPECT_EQ(counters_[9].dropped[static_cast<std::size_t>(DropReason::punt_tap_down)].bytes.get(), 60u);
}

TEST_F(TapIoTest, AFrameTheKernelRefusesIsCounted) {
    add_tap(1, "t1");
    auto* p = packet(1, test_frame(60));
    p->meta.checksum = ChecksumState::unfinished;
    p->meta.checksum_start = 200;
    p->meta.checksum_offset = 6;
    punt_and_wake(p);
    io_->drain();
    EXPECT_EQ(dropped(1, DropReason::punt_tap_refused), 1u);
}

TEST_F(TapIoTest, AFullWorkerRingIsCounted) {
    add_tap(2, "t2");
    send_udp("t2", 100, 100);
    ASSERT_TRUE(eventually([&] { return dropped(2, DropReason::tap_queue_full) >= 100 - (ring_size - 1); }));
    EXPECT_EQ(from_kernel_[0].count(), ring_size - 1);
}

TEST_F(TapIoTest, NoMbufIsCountedAndTheTapIsReadOn) {
    add_tap(2, "t2");
    std::vector<Packet*> all;
    while (auto* m = rte_pktmbuf_alloc(pool_.get()))
        all.push_back(Packet::from(m));
    send_udp("t2", 5, 100);
    EXPECT_TRUE(eventually([&] { return dropped(2, DropReason::tap_no_mbuf) >= 4; }))
        << "all but one that the thread may keep for the next frame";
    for (auto* p : all)
        Packet::free(p);
    send_udp("t2", 1, 100);
    EXPECT_TRUE(arrived(0, is_udp));
}

TEST_F(TapIoTest, ARemovedTapIsLeftAlone) {
    auto& tap = add_tap(1, "t1");
    io_->remove_tap(1);
    EXPECT_TRUE(link("t1").carrier) << "the maker's descriptor is still open";
    punt_and_wake(packet(1, test_frame(60)));
    io_->drain();
    EXPECT_EQ(dropped(1, DropReason::punt_tap_down), 1u);
    const unsigned before = from_kernel_[1].count();  // IPv6 may have sent something
    send_udp("t1", 1, 100);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    EXPECT_EQ(from_kernel_[1].count(), before);
    io_->remove_tap(1);
    io_->add_tap(1, fcntl(tap.descriptor(), F_DUPFD_CLOEXEC, 0));
    EXPECT_TRUE(arrived(1, is_udp)) << "what waited in the TAP";
    ASSERT_TRUE(tap.remove());
}

TEST_F(TapIoTest, ADeletedTapDoesNotKeepTheThreadBusy) {
    add_tap(1, "t1");
    must(host_->ip + "link del t1");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto used = [] {
        timespec t;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
        return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
    };
    const auto before = used();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_LT(used() - before, std::chrono::milliseconds(15));
}

TEST_F(TapIoTest, AFloodInOneClassDoesNotDelayAnother) {
    Listener listener(*netns_, add_tap(1, "t1").index());
    // What IPv6 sends of itself would wake the thread too early.
    ASSERT_TRUE(write_sysctl(*netns_, "net/ipv6/conf/t1/disable_ipv6", "1"));
    io_->drain();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // asleep, so that all of it waits at once
    for (unsigned i = 0; i < PuntQueues::size - 1; ++i)
        punt(packet(1, test_frame(60, 1)), PuntClass::broadcast);
    punt(packet(1, test_frame(60, 2)), PuntClass::host);
    punt(packet(1, test_frame(60, 3)), PuntClass::link_local, 1);
    io_->waker().wake();
    std::vector<unsigned> order;
    for (Bytes frame; order.size() < PuntQueues::size + 1 && !(frame = listener.next()).empty();)
        order.push_back(frame[14]);
    ASSERT_EQ(order.size(), PuntQueues::size + 1);
    EXPECT_EQ(order[0], 3u);
    EXPECT_EQ(order[1], 2u);
}

TEST_F(TapIoTest, DrainWritesWhatWaits) {
    Listener listener(*netns_, add_tap(1, "t1").index());
    for (unsigned i = 0; i < 200; ++i)
        punt(packet(1, test_frame(60)), PuntClass::broadcast);
    io_->drain();
    EXPECT_TRUE(queues_[0].by_class[static_cast<std::size_t>(PuntClass::broadcast)].empty());
    for (unsigned i = 0; i < 200; ++i)
        ASSERT_FALSE(listener.next().empty()) << i;
}

TEST_F(TapIoTest, AFrameOf64KilobytesGoesBothWays) {
    // The kernel forwards a GSO frame from one TAP to the other as it is.
    add_tap(1, "t1");
    add_tap(2, "t2");
    must(host_->exec("sysctl -qw net.ipv4.ip_forward=1"));
    must(host_->ip + "addr add 10.1.0.1/24 dev t1");
    must(host_->ip + "addr add 10.2.0.1/24 dev t2");
    must(host_->ip + "neigh replace 10.2.0.2 lladdr " + to_string(host_mac) + " dev t2");

    constexpr std::uint16_t payload = 64000;
    Bytes frame(14 + 20 + 20 + payload);
    auto* ethernet = reinterpret_cast<EthernetHeader*>(frame.data());
    *ethernet = {tap_mac, host_mac, be16{0x0800}};
    auto* ip = reinterpret_cast<Ipv4Header*>(frame.data() + 14);
    ip->version_ihl = 0x45;
    ip->total_length = be16{20 + 20 + payload};
    ip->ttl = 64;
    ip->protocol = 6;
    ip->source = be32{0x0a010002};
    ip->destination = be32{0x0a020002};
    const auto sum_words = [](const std::uint8_t* p, std::size_t n) {
        std::uint32_t sum = 0;
        for (std::size_t i = 0; i < n; i += 2)
            sum += static_cast<std::uint32_t>(p[i] << 8 | p[i + 1]);
        while (sum >> 16)
            sum = (sum & 0xffff) + (sum >> 16);
        return sum;
    };
    ip->checksum = be16{static_cast<std::uint16_t>(~sum_words(frame.data() + 14, 20))};
    auto* tcp = reinterpret_cast<TcpHeader*>(frame.data() + 34);
    tcp->source_port = be16{1000};
    tcp->destination_port = be16{2000};
    tcp->data_offset = 0x50;
    tcp->flags = 0x10;
    std::uint32_t pseudo = sum_words(frame.data() + 26, 8) + 6 + 20 + payload;
    while (pseudo >> 16)
        pseudo = (pseudo & 0xffff) + (pseudo >> 16);
    tcp->checksum = be16{static_cast<std::uint16_t>(pseudo)};
    for (std::size_t i = 54; i < frame.size(); ++i)
        frame[i] = static_cast<std::uint8_t>(i * 7 >> 3);

    auto* p = packet(1, frame);
    p->meta.checksum = ChecksumState::unfinished;
    p->meta.checksum_start = 34;
    p->meta.checksum_offset = 16;
    p->meta.gso_type = GsoType::tcp4;
    p->meta.gso_size = 1448;
    p->meta.gso_ecn = 0;
    punt_and_wake(p);

    const auto got = arrived(0, [](Packet& q) { return q.length() > 60000; });
    ASSERT_TRUE(got);
    EXPECT_EQ(got->meta.oif, 2);
    EXPECT_GT(got->nb_segs, 30);
    EXPECT_EQ(got->meta.gso_type, GsoType::tcp4);
    EXPECT_EQ(got->meta.gso_size, 1448);
    EXPECT_EQ(got->meta.checksum, ChecksumState::unfinished);
    EXPECT_EQ(got->meta.checksum_start, 34);
    EXPECT_EQ(got->meta.checksum_offset, 16);
    const auto bytes = bytes_of(*got);
    ASSERT_EQ(bytes.size(), frame.size());
    EXPECT_TRUE(std::equal(bytes.begin() + 54, bytes.end(), frame.begin() + 54));
    EXPECT_EQ(bytes[22], 63) << "it was forwarded";
}

}  // namespace
}  // namespace weft::test
