// What threads share: publication, rings, wakers, counters. Run under TSan too, with the FDB's and the gate's
// tests.
#include <gtest/gtest.h>

#include <poll.h>

#include <thread>
#include <vector>

#include "tests/support/mbuf.hpp"
#include "weft/counters.hpp"
#include "weft/publish.hpp"
#include "weft/ring.hpp"

namespace weft::test {
namespace {

/// A table whose destruction is seen: readers of a freed one find `alive` false (and ASan or TSan speaks
/// first).
struct Canary {
    explicit Canary(std::uint64_t n = 0) : number(n), copy(n) {}
    ~Canary() { number = ~copy; }
    std::uint64_t number, copy;
};

TEST(Published, ReadersNeverSeeAFreedOrTornTable) {
    constexpr unsigned readers = 2;
    Quiescence quiescence(readers);
    Published<Canary> table(std::make_unique<const Canary>(0));
    std::atomic<bool> stop{false};
    std::atomic<unsigned> wrong{0};
    std::vector<std::thread> threads;
    for (unsigned r = 0; r < readers; ++r)
        threads.emplace_back([&, r] {
            quiescence.online(r);
            for (std::uint64_t last = 0; !stop.load();) {
                const Canary& seen = table.get();
                if (seen.number != seen.copy || seen.number < last) ++wrong;
                last = seen.number;
                quiescence.quiescent(r);
            }
            quiescence.offline(r);
        });
    for (std::uint64_t n = 1; n <= 500; ++n)
        table.replace(std::make_unique<const Canary>(n), quiescence);
    stop = true;
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(wrong, 0u);
    EXPECT_EQ(table.get().number, 500u);
}

TEST(Published, AnOfflineReaderHoldsNobodyUp) {
    Quiescence quiescence(1);
    Published<Canary> table;
    quiescence.online(0);
    quiescence.offline(0);
    table.replace(std::make_unique<const Canary>(7), quiescence);
    EXPECT_EQ(table.get().number, 7u);
}

TEST(PacketRing, ManyGiversLoseNothingAndKeepTheirOrder) {
    constexpr unsigned givers = 2, each = 3000;
    PacketRing ring(256);
    std::vector<HeapPacket> packets;
    const std::uint8_t frame[60] = {};
    for (unsigned i = 0; i < givers * each; ++i) {
        packets.push_back(make_packet(frame, 64));
        packets.back()->meta.mark = i;
    }
    std::vector<std::thread> threads;
    for (unsigned g = 0; g < givers; ++g)
        threads.emplace_back([&, g] {
            for (unsigned i = 0; i < each;) {
                Packet* one = packets[g * each + i].get();
                if (ring.enqueue(&one, 1))
                    ++i;
                else
                    std::this_thread::yield();
            }
        });
    unsigned next[givers] = {};
    Packet* taken[64];
    for (unsigned all = 0; all < givers * each;) {
        const unsigned n = ring.dequeue(taken, 64);
        if (n == 0) std::this_thread::yield();
        for (unsigned i = 0; i < n; ++i) {
            const unsigned giver = taken[i]->meta.mark / each;
            EXPECT_EQ(taken[i]->meta.mark % each, next[giver]++);
        }
        all += n;
    }
    for (auto& thread : threads)
        thread.join();
    EXPECT_TRUE(ring.empty());
}

TEST(PacketRing, TakesWhatFits) {
    PacketRing ring(8);
    const std::uint8_t frame[60] = {};
    const auto packet = make_packet(frame, 64);
    Packet* many[16];
    for (auto& p : many)
        p = packet.get();
    EXPECT_EQ(ring.enqueue(many, 16), 7u);
    EXPECT_EQ(ring.count(), 7u);
    EXPECT_EQ(ring.dequeue(many, 16), 7u);
}

TEST(PacketRing, TellsWhenWhatWasThereIsTaken) {
    PacketRing ring(8);
    const std::uint8_t frame[60] = {};
    const auto packet = make_packet(frame, 64);
    Packet* many[5] = {packet.get(), packet.get(), packet.get(), packet.get(), packet.get()};
    EXPECT_TRUE(ring.passed(ring.end()));
    for (int turn = 0; turn < 10; ++turn) {  // over the end of the ring too
        ASSERT_EQ(ring.enqueue(many, 3), 3u);
        const auto place = ring.end();
        ASSERT_EQ(ring.enqueue(many, 2), 2u);
        EXPECT_FALSE(ring.passed(place));
        EXPECT_EQ(ring.dequeue(many, 2), 2u);
        EXPECT_FALSE(ring.passed(place));
        EXPECT_EQ(ring.dequeue(many, 1), 1u);
        EXPECT_TRUE(ring.passed(place)) << "what came after it does not count";
        EXPECT_EQ(ring.dequeue(many, 5), 2u);
    }
}

// The order of about_to_sleep, look, poll on one side and give, wake on the other loses no wake-up.
TEST(Waker, NoWakeUpIsLost) {
    Waker waker;
    PacketRing ring(64);
    const std::uint8_t frame[60] = {};
    const auto packet = make_packet(frame, 64);
    constexpr unsigned rounds = 2000;
    std::thread giver([&] {
        for (unsigned i = 0; i < rounds;) {
            Packet* one = packet.get();
            if (ring.enqueue(&one, 1)) ++i;
            waker.wake();
        }
    });
    unsigned taken = 0, stuck = 0;
    while (taken < rounds) {
        Packet* one[8];
        if (const unsigned n = ring.dequeue(one, 8)) {
            taken += n;
            continue;
        }
        waker.about_to_sleep();
        pollfd descriptor{.fd = waker.descriptor(), .events = POLLIN, .revents = 0};
        if (ring.empty() && poll(&descriptor, 1, 5000) == 0 && !ring.empty()) ++stuck;
        waker.awake();
    }
    giver.join();
    EXPECT_EQ(stuck, 0u);
}

TEST(Counter, OneWriterAndReaders) {
    CounterTable table;
    std::thread writer([&] {
        for (int i = 0; i < 100'000; ++i)
            table[3].received.add(1, 60);
    });
    std::uint64_t last = 0;
    while (last < 100'000) {
        const auto now = table[3].received.packets.get();
        ASSERT_GE(now, last);
        last = now;
    }
    writer.join();
    EXPECT_EQ(table[3].received.bytes.get(), 6'000'000u);
    EXPECT_EQ(table[max_interfaces - 1].received.packets.get(), 0u);
}

}  // namespace
}  // namespace weft::test
