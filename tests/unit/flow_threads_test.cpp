// The flow table between threads; run under TSan too.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "tests/unit/flow_packets.hpp"
#include "tests/unit/flow_rig.hpp"

namespace weft {
namespace {

using test::Flows;
using test::kind_of;
using test::tuple4;

constexpr std::uint16_t staying = 50;  // of each worker
constexpr std::uint32_t address_of[2] = {1, 2};

/// Two workers enter and remove their connections, and the same entries become others all the time; each
/// looks up what stays, of both, and a third thread deletes what it meets, as control does.
TEST(FlowThreads, WhatStaysIsFoundAndNothingIsTakenForAnother) {
    Flows flows(400, 2);
    for (unsigned worker = 0; worker < 2; ++worker)
        for (std::uint16_t port = 0; port < staying; ++port)
            ASSERT_NE(flows.add(tuple4(address_of[worker], port), 0, worker), 0U);
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> lost{0}, wrong{0}, entered{0}, deleted{0};
    const auto work = [&](unsigned worker) {
        std::mt19937 random(worker);
        std::vector<std::uint32_t> held(100);  // by port, from `staying` on
        while (!stop.load()) {
            const auto at = random() % held.size();
            const auto port = static_cast<std::uint16_t>(staying + at);
            if (held[at]) {
                if (flows.take(held[at], worker)) held[at] = 0;
            } else if ((held[at] = flows.add(tuple4(address_of[worker], port), 0, worker))) {
                ++entered;
            }
            for (unsigned other = 0; other < 2; ++other)
                if (!flows.look_up(tuple4(address_of[other], static_cast<std::uint16_t>(random() % staying))))
                    ++lost;
            flows.pool().reap(worker, 8, [&](std::uint32_t index) {
                for (auto& mine : held)
                    if (mine == index) mine = 0;
            });
        }
        for (auto index : held)
            if (index) flows.take(index, worker);
        flows.pool().reap(worker, 1000, [](std::uint32_t) {});
    };
    std::vector<std::thread> threads;
    threads.emplace_back(work, 0U);
    threads.emplace_back(work, 1U);
    threads.emplace_back([&] {
        std::mt19937 random(7);
        while (!stop.load()) {
            const auto worker = random() % 2;
            const auto tuple =
                tuple4(address_of[worker], static_cast<std::uint16_t>(staying + random() % 100));
            const auto hash = flows.hash(tuple, ip_protocol::udp);
            const FlowRef ref = flows.find(tuple, kind_of(tuple), hash);
            if (!ref) continue;
            // The version was there before and after the tuple was read: then they belong together.
            auto& entry = flows.pool()[FlowTable::index(ref)];
            const auto before = entry.state.version();
            const auto seen = entry.direction[0].tuple_now<Tuple4>();
            if (entry.state.version() == before && seen == tuple && entry.state.owner() != worker) ++wrong;
            if (random() % 8 == 0 && flows.remove_found(ref, hash, before)) {
                ++deleted;
                flows.pool().bury(FlowTable::index(ref));
            }
        }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    stop = true;
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(lost.load(), 0U);
    EXPECT_EQ(wrong.load(), 0U);
    EXPECT_GT(entered.load(), 100U);
    EXPECT_GT(deleted.load(), 0U);
    for (unsigned worker = 0; worker < 2; ++worker)
        flows.pool().reap(worker, 1000, [](std::uint32_t) {});
    EXPECT_EQ(flows.shape().refs, 4U * staying);
}

/// Two workers that confirm the same connection: one has it, the other is told who.
TEST(FlowThreads, OneOfTwoEntersATuple) {
    Flows flows(4000, 2);
    constexpr std::uint16_t tuples = 2000;
    std::atomic<std::size_t> entered{0}, clashes{0};
    std::atomic<unsigned> ready{0};
    const auto work = [&](unsigned worker) {
        ++ready;
        while (ready.load() < 2) {
        }
        for (std::uint16_t port = 0; port < tuples; ++port) {
            const auto tuple = tuple4(1, port);
            const auto index =
                flows.prepare(tuple, *inverted(tuple, ip_protocol::udp), kind_of(tuple), worker);
            const auto inserted = flows.insert(index);
            if (inserted.kind == FlowInserted::done) ++entered;
            if (inserted.kind == FlowInserted::clash && FlowTable::index(inserted.other) != index) ++clashes;
        }
    };
    std::thread other(work, 1U);
    work(0);
    other.join();
    EXPECT_EQ(entered.load(), tuples);
    EXPECT_EQ(clashes.load(), tuples);
    EXPECT_EQ(flows.shape().refs, 2U * tuples);
}

/// Two sources that two workers gave the same outside end: one has it.
TEST(FlowThreads, OneOfTwoSourcesHasAnOutsideEnd) {
    constexpr std::uint16_t ends = 2000;
    test::Tracker tracker(3 * ends, 2);
    std::atomic<std::size_t> entered{0}, clashes{0};
    std::atomic<unsigned> ready{0};
    const auto work = [&](unsigned worker) {
        const auto source = static_cast<std::uint8_t>(1 + worker);
        ++ready;
        while (ready.load() < 2) {
        }
        for (std::uint16_t port = 1; port <= ends; ++port) {
            const test::Ends from{source, static_cast<std::uint8_t>(10 + source), port, 53};
            const Tracked t = tracker.see(test::ip4(from, 17, test::udp(from)), 0, worker);
            tracker.set_reply(t.ref, tuple4(0x0a000000u + from.to, 53, 0x0a000009, port));
            tracker.state_of(t.ref).set(FlowStatus::src_nat_done | FlowStatus::endpoint_independent);
            if (tracker.confirm(t.ref, tracker.moment(worker)) == Confirmed::done) {
                ++entered;
            } else {
                ++clashes;
                tracker.discard(t.ref, tracker.moment(worker));
            }
        }
    };
    std::thread other(work, 1U);
    work(0);
    other.join();
    EXPECT_EQ(entered.load(), ends);
    EXPECT_EQ(clashes.load(), ends);
}

/// Two workers with flows of their own and of each other, TCP that opens and is refused, early drops and
/// ageing, while control walks, deletes and flushes.
TEST(FlowThreads, WorkersTrackWhileControlWalksAndDeletes) {
    constexpr std::uint32_t capacity = 300;
    test::Tracker tracker(capacity, 2);
    tracker.config.max = 200;
    tracker.config.acct = true;
    std::atomic<FlowTime> clock{5'000'000};
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> handled{0}, elsewhere{0}, wrong{0}, shown{0}, deleted{0};
    const auto work = [&](unsigned worker) {
        std::mt19937 random(worker);
        while (!stop.load()) {
            const FlowMoment moment{tracker.config, worker, clock.load(), 0};
            // The destination says whose it is but for every eighth, as if the NIC had erred.
            const auto side = static_cast<std::uint8_t>(random() % 8 ? worker : !worker);
            const test::Ends ends{static_cast<std::uint8_t>(1 + side), 9,
                                  static_cast<std::uint16_t>(random() % 150), 53};
            test::Bytes packet;
            switch (random() % 5) {
                case 0:
                    packet = test::ip4(ends, 17, test::udp(ends));
                    break;
                case 1:
                    packet = test::ip4(ends.back(), 17, test::udp(ends.back()));
                    break;
                case 2:
                    packet = test::ip6(ends, 6, test::tcp(ends, tcp_flag::syn, 1000));
                    break;
                case 3:
                    packet = test::ip6(ends.back(), 6,
                                       test::tcp(ends.back(), tcp_flag::rst | tcp_flag::ack, 0, 1001));
                    break;
                default:
                    packet = test::ip4(ends, 1, test::icmp(8, 0, random() % 50));
                    break;
            }
            const auto bytes = static_cast<std::uint32_t>(packet.size());
            const Tracked t =
                tracker.in({reinterpret_cast<const std::byte*>(packet.data()), bytes, bytes}, 0, 0, moment);
            if (t.kind == Tracked::elsewhere) {
                ++elsewhere;
                if ((t.version & FlowState::owner_mask) != !worker) ++wrong;
            } else if (t.kind == Tracked::tracked) {
                ++handled;
                if (tracker.state_of(t.ref).owner() != worker) ++wrong;
                if (t.fresh && (random() % 4 == 0 || tracker.confirm(t.ref, moment) != Confirmed::done))
                    tracker.discard(t.ref, moment);
            }
            tracker.age(moment, 4);
        }
    };
    std::vector<std::thread> threads;
    threads.emplace_back(work, 0U);
    threads.emplace_back(work, 1U);
    threads.emplace_back([&] {
        std::mt19937 random(7);
        for (unsigned round = 0; !stop.load(); ++round) {
            std::uint32_t cursor = 0;
            do
                cursor = tracker.walk(cursor, 64, clock.load(), [&](const FlowView& view) {
                    ++shown;
                    // What was read together belongs together.
                    const bool six = view.kind.flags & FlowKind::ipv6;
                    if (six ? view.tuple6[0].source != view.tuple6[1].destination
                            : !(view.tuple4[0].source == view.tuple4[1].destination))
                        ++wrong;
                    if (random() % 16 == 0) deleted += tracker.remove(view);
                });
            while (cursor);
            if (round % 64 == 0) tracker.flush();
            clock += 500;
        }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(900));
    stop = true;
    for (auto& thread : threads)
        thread.join();
    EXPECT_EQ(wrong.load(), 0U);
    EXPECT_GT(handled.load(), 100U);
    EXPECT_GT(elsewhere.load(), 0U);
    EXPECT_GT(shown.load(), 0U);
    EXPECT_GT(deleted.load(), 0U);
    tracker.flush();
    EXPECT_EQ(tracker.count(), 0U);
    EXPECT_EQ(tracker.table().shape().refs, 0U);
}

}  // namespace
}  // namespace weft
