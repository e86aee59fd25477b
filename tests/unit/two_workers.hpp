// Two workers, each with a thread, between the ports `a` and `b` with 10.0.1.0/24 and 2001:db8:1::/48, and
// 10.0.2.0/24 and 2001:db8:2::/48. Both receive the frames of a port, in random order, whoever owns their
// connections. For TSan: the packet tests run the same workers by turns.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "dataplane/worker/worker.hpp"
#include "tests/support/heap_pool.hpp"
#include "tests/support/ip_frame.hpp"
#include "weft/port.hpp"

namespace weft::test {

class TwoWorkers : public testing::Test {
  protected:
    static constexpr unsigned workers = 2;
    static constexpr IfIndex a = 1, b = 2;
    static constexpr MacAddress own[] = {{}, {{2, 0, 0, 0, 0, 0x1a}}, {{2, 0, 0, 0, 0, 0x1b}}};
    static constexpr MacAddress host{{2, 0, 0, 0, 0, 9}};

    /// Receives frames and frees what it sends. `judge` says of a frame with its length whether it is wrong.
    class Side final : public Port {
      public:
        using Judge = std::function<bool(const std::uint8_t*, std::uint32_t)>;
        Side(HeapPool& pool, std::vector<Bytes> frames) : pool_(pool), frames_(std::move(frames)) {}
        std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                              ReceiveLoss&) noexcept override {
            constexpr std::uint16_t burst = 16;
            std::uint16_t count = 0;
            for (; count < n && count < burst && !stopped; ++count) {
                rte_mbuf* const m = rte_pktmbuf_alloc(pool_.get());
                if (!m) break;
                const Bytes& frame = frames_[random_[queue].engine() % frames_.size()];
                std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(frame.size())), frame.data(),
                            frame.size());
                out[count] = Packet::from(m);
                out[count]->meta = {};
                out[count]->meta.checksum = ChecksumState::good;
            }
            received.fetch_add(count, std::memory_order_relaxed);
            return count;
        }
        std::uint16_t transmit(std::uint16_t, Packet* in[], std::uint16_t n,
                               TransmitLoss&) noexcept override {
            for (std::uint16_t i = 0; i < n; ++i) {
                if (judge && judge(in[i]->header<std::uint8_t>(0), in[i]->length())) ++wrong;
                Packet::free(in[i]);
            }
            sent.fetch_add(n, std::memory_order_relaxed);
            return n;
        }
        PortInfo info() override { return {.driver = "side", .tx_queues = workers, .link_up = true}; }
        Result<> set_up(bool) override { return {}; }
        Result<> set_mtu(std::uint16_t) override { return {}; }
        Result<> set_mac(const MacAddress&) override { return {}; }
        std::vector<std::pair<std::string, std::uint64_t>> statistics() override { return {}; }

        std::atomic<bool> stopped{false};
        std::atomic<std::uint64_t> received{0}, sent{0}, wrong{0};
        Judge judge;  ///< set before it runs

      private:
        struct alignas(64) Random {
            std::mt19937 engine;
        };
        HeapPool& pool_;
        const std::vector<Bytes> frames_;
        Random random_[workers];
    };

    TwoWorkers(std::vector<Bytes> by_a, std::vector<Bytes> by_b)
        : near(pool, std::move(by_a)), far(pool, std::move(by_b)) {
        shared.kernel = false;
        shared.poll_always = true;
        auto topology = std::make_unique<Topology>();
        topology->interfaces.resize(3);
        for (const IfIndex side : {a, b}) {
            topology->interfaces[side] = {.index = side,
                                          .kind = InterfaceKind::port,
                                          .up = true,
                                          .carrier = true,
                                          .mac = own[side],
                                          .port = static_cast<PortIndex>(side - 1)};
            topology->ports.push_back({.port = &port(side), .interface = side, .tx_queues = workers});
        }
        derive_exits(*topology);
        shared.topology.replace(std::move(topology), shared.quiescence);
        auto routing = std::make_unique<Routing>();
        v4 = std::make_shared<Lpm4>(256);
        v6 = std::make_shared<Lpm6>(256);
        routing->interfaces.resize(3);
        for (const IfIndex side : {a, b}) {
            Hop& hop = shared.hops[side];
            hop.kind = HopKind::neighbour;
            hop.interface = side;
            hop.neighbour = neighbour(side, 0);
            hop.own = own[side].raw();
            const auto number = static_cast<std::uint8_t>(side);
            EXPECT_TRUE(v4->add({10, 0, number}, 24, side));
            EXPECT_TRUE(v6->add({0x20, 1, 0xd, 0xb8, 0, number}, 48, side));
            const std::uint32_t network = 0x0a000000u + (side << 8);
            routing->interfaces[side].networks4 = {{be32{network + 1}, be32{network}, 24}};
            routing->interfaces[side].send_redirects = false;
        }
        routing->tables[0] = {.v4 = v4, .v6 = v6};
        shared.routing.replace(std::move(routing), shared.quiescence);
        for (unsigned w = 0; w < workers; ++w) {
            auto plan = std::make_unique<PollPlan>();
            for (const IfIndex side : {a, b})
                plan->queues.push_back({&port(side), static_cast<std::uint16_t>(w), side});
            shared.workers[w]->plan.replace(std::move(plan), shared.quiescence);
        }
    }

    Side& port(IfIndex side) { return side == a ? near : far; }
    static std::uint64_t neighbour(IfIndex side, unsigned move) {
        return Hop::pack(
            {{2, 0, 0, 0, static_cast<std::uint8_t>(move % 100), static_cast<std::uint8_t>(side)}},
            NeighbourState::resolved);
    }
    void publish(std::unique_ptr<Filtering> filtering) {
        filtering->tracker = tracker;
        filtering->generation = ++generation;
        shared.filtering.replace(std::move(filtering), shared.quiescence);
    }
    /// As a thread of control does: ends one connection of `each`, and all at every `flush`-th turn.
    void end_some(unsigned turn, unsigned each, unsigned flush) {
        const auto now = static_cast<FlowTime>(coarse_microseconds() / 1000);
        std::uint32_t cursor = 0;
        do
            cursor = tracker->walk(cursor, 64, now, [&](const FlowView& view) {
                if (random() % each == 0) ended += tracker->remove(view);
            });
        while (cursor);
        if (turn % flush == 0) tracker->flush();
    }

    /// Runs both for so long while this thread calls `act(turn)`; at the end nothing is under way.
    void run(std::chrono::milliseconds time, const std::function<void(unsigned)>& act) {
        for (unsigned w = 0; w < workers; ++w)
            made.push_back(std::make_unique<Worker>(shared, w));
        std::vector<std::thread> threads;
        for (auto& worker : made)
            threads.emplace_back([&] { worker->run(); });
        const auto end = std::chrono::steady_clock::now() + time;
        for (unsigned turn = 0; std::chrono::steady_clock::now() < end; ++turn)
            act(turn);
        near.stopped = far.stopped = true;
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        shared.stop = true;
        for (auto& thread : threads)
            thread.join();
        // What one handed to the other when that one had ended.
        for (unsigned n = 0; n < 2 * workers; ++n)
            rounds();
    }
    /// One of each worker, in this thread.
    void rounds() {
        for (unsigned w = 0; w < workers; ++w) {
            shared.quiescence.online(w);
            made[w]->round(coarse_microseconds());
            shared.quiescence.offline(w);
        }
    }
    std::uint64_t sum(auto&& of_worker) {
        std::uint64_t all = 0;
        for (const auto& worker : shared.workers)
            all += of_worker(*worker);
        return all;
    }
    std::uint64_t drops(auto&& of_reason) {
        return sum([&](const WorkerShare& worker) {
            std::uint64_t all = 0;
            for (const IfIndex i : {a, b})
                for (std::size_t reason = 0; reason < std::size(worker.counters[i].dropped); ++reason)
                    if (of_reason(static_cast<DropReason>(reason)))
                        all += worker.counters[i].dropped[reason].packets.get();
            return all;
        });
    }
    std::uint64_t dropped() {
        return drops([](DropReason) { return true; });
    }

    HeapPool pool;
    Side near, far;
    Shared shared{std::vector<unsigned>(workers), pool.get(), 4096, 1, 2};
    std::shared_ptr<Lpm4> v4;
    std::shared_ptr<Lpm6> v6;
    std::shared_ptr<FlowTracker> tracker = std::make_shared<FlowTracker>(1024, workers, 3, 4);
    std::vector<std::unique_ptr<Worker>> made;
    std::mt19937 random{7};
    std::uint32_t generation = 0;
    unsigned ended = 0;
};

}  // namespace weft::test
