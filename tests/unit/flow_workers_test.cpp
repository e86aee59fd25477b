// Two workers, each with a thread, that share connections whose outcomes they keep, while a third thread
// replaces rules, routes and neighbours and ends connections. Run under TSan, only there: the packet tests
// run the same workers by turns.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/worker/worker.hpp"
#include "tests/support/heap_pool.hpp"
#include "tests/support/ip_frame.hpp"
#include "weft/port.hpp"

namespace weft::test {
namespace {

constexpr unsigned workers = 2;
constexpr IfIndex a = 1, b = 2;
constexpr MacAddress own[] = {{}, {{2, 0, 0, 0, 0, 0x1a}}, {{2, 0, 0, 0, 0, 0x1b}}};
constexpr hook::RuleId policy = 1;

/// Each queue receives the frames of the port's side in random order, whoever owns their connections, and
/// frees what it sends.
class Side final : public Port {
  public:
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
    std::uint16_t transmit(std::uint16_t, Packet* in[], std::uint16_t n, TransmitLoss&) noexcept override {
        for (std::uint16_t i = 0; i < n; ++i)
            Packet::free(in[i]);
        sent.fetch_add(n, std::memory_order_relaxed);
        return n;
    }
    PortInfo info() override { return {.driver = "side", .tx_queues = workers, .link_up = true}; }
    Result<> set_up(bool) override { return {}; }
    Result<> set_mtu(std::uint16_t) override { return {}; }
    Result<> set_mac(const MacAddress&) override { return {}; }
    std::vector<std::pair<std::string, std::uint64_t>> statistics() override { return {}; }

    std::atomic<bool> stopped{false};
    std::atomic<std::uint64_t> received{0}, sent{0};

  private:
    struct alignas(64) Random {
        std::mt19937 engine;
    };
    HeapPool& pool_;
    const std::vector<Bytes> frames_;
    Random random_[workers];
};

/// Datagrams of 40 flows of each family between 10.0.1.2 and 10.0.2.2, as they come by a or by b.
std::vector<Bytes> frames_of(IfIndex side) {
    std::vector<Bytes> all;
    for (unsigned port = 1000; port < 1040; ++port)
        for (const bool v6 : {false, true}) {
            const std::string near = v6 ? "2001:db8:1::2" : "10.0.1.2",
                              far = v6 ? "2001:db8:2::2" : "10.0.2.2";
            Ip ip =
                side == a ? Ip(near, far).payload(20).udp(port, 53) : Ip(far, near).payload(20).udp(53, port);
            all.push_back(ip.frame(MacAddress{{2, 0, 0, 0, 0, 9}}, own[side]));
        }
    return all;
}

/// Rules of one policy, which counts what is forwarded.
std::shared_ptr<const hook::HookProgram> program(hook::Family family) {
    auto made = std::make_shared<hook::HookProgram>();
    made->family = family;
    made->hooks[static_cast<std::size_t>(hook::Hook::forward)] = {
        {.table = hook::TableId::filter, .chain = 0, .policy = policy, .drops = false}};
    made->chains = {std::make_shared<hook::ChainCode>()};
    made->ids = policy + 1;
    made->tracks = true;
    return made;
}

class FlowWorkers : public testing::Test {
  protected:
    FlowWorkers() {
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
        for (const IfIndex side : {a, b}) {
            Hop& hop = shared.hops[side];
            hop.kind = HopKind::neighbour;
            hop.interface = side;
            hop.neighbour = neighbour(side, 0);
            hop.own = own[side].raw();
            EXPECT_TRUE(v4->add({10, 0, static_cast<std::uint8_t>(side)}, 24, side));
            EXPECT_TRUE(v6->add({0x20, 1, 0xd, 0xb8, 0, static_cast<std::uint8_t>(side)}, 48, side));
        }
        routing->tables[0] = {.v4 = v4, .v6 = v6};
        shared.routing.replace(std::move(routing), shared.quiescence);
        publish();
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
    void publish() {
        auto filtering = std::make_unique<Filtering>();
        for (const bool of6 : {false, true}) {
            filtering->rules[of6] = program(of6 ? hook::Family::ip6 : hook::Family::ip);
            filtering->tracks[of6] = true;
        }
        filtering->tracker = tracker;
        filtering->generation = ++generation;
        shared.filtering.replace(std::move(filtering), shared.quiescence);
    }
    /// The same route again, which has the flows of its region ask anew.
    void change_route() {
        RouteChanges& changes = shared.hops.changes();
        const Lpm4::Key prefix{10, 0, 2};
        changes.begin();
        EXPECT_TRUE(v4->add(prefix, 24, b));
        changes.end<4>(prefix.data(), 24);
    }
    std::uint64_t sum(auto&& of_worker) {
        std::uint64_t all = 0;
        for (const auto& worker : shared.workers)
            all += of_worker(*worker);
        return all;
    }

    HeapPool pool;
    Side near{pool, frames_of(a)}, far{pool, frames_of(b)};
    Shared shared{std::vector<unsigned>(workers), pool.get(), 4096, 1, 2};
    std::shared_ptr<Lpm4> v4;
    std::shared_ptr<Lpm6> v6;
    std::shared_ptr<FlowTracker> tracker = std::make_shared<FlowTracker>(1024, workers, 3, 4);
    std::uint32_t generation = 0;
};

TEST_F(FlowWorkers, KeepOutcomesWhileRulesRoutesAndConnectionsChange) {
    std::vector<std::unique_ptr<Worker>> made;
    for (unsigned w = 0; w < workers; ++w)
        made.push_back(std::make_unique<Worker>(shared, w));
    std::vector<std::thread> threads;
    for (auto& worker : made)
        threads.emplace_back([&] { worker->run(); });
    std::mt19937 random(7);
    unsigned ended = 0;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(1500);
    for (unsigned turn = 0; std::chrono::steady_clock::now() < end; ++turn) {
        publish();
        std::this_thread::sleep_for(std::chrono::milliseconds(3));
        shared.hops[b].neighbour.store(neighbour(b, turn), std::memory_order_relaxed);
        change_route();
        const auto now = static_cast<FlowTime>(coarse_microseconds() / 1000);
        std::uint32_t cursor = 0;
        do
            cursor = tracker->walk(cursor, 64, now, [&](const FlowView& view) {
                if (random() % 8 == 0) ended += tracker->remove(view);
            });
        while (cursor);
        if (turn % 16 == 0) tracker->flush();
        for (auto& worker : shared.workers)
            worker->counts_wanted.fetch_add(1, std::memory_order_release);
    }
    near.stopped = far.stopped = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    shared.stop = true;
    for (auto& thread : threads)
        thread.join();
    // What one handed to the other when that one had ended.
    for (unsigned w = 0; w < workers; ++w) {
        shared.quiescence.online(w);
        for (unsigned n = 0; n < 2 * workers; ++n)
            made[w]->round(coarse_microseconds());
        shared.quiescence.offline(w);
    }
    const std::uint64_t received = near.received + far.received, sent = near.sent + far.sent;
    const std::uint64_t dropped = sum([](const WorkerShare& worker) {
        std::uint64_t all = 0;
        for (const IfIndex i : {a, b})
            for (const auto& reason : worker.counters[i].dropped)
                all += reason.packets.get();
        return all;
    });
    EXPECT_EQ(pool.live(), 0u);
    EXPECT_EQ(received, sent + dropped);
    EXPECT_GT(sent, 1000u);
    EXPECT_GT(ended, 10u);
    EXPECT_GT(generation, 50u);
    const auto stage = static_cast<std::size_t>(StageId::flow_batch);
    EXPECT_GT(sum([&](const WorkerShare& worker) { return worker.stages[stage].packets.get(); }), sent / 2);
    EXPECT_GT(sum([](const WorkerShare& worker) { return worker.own.handed_over.get(); }), 100u);
    // Counted once each, by the walk or by the path, whichever rules were there.
    for (unsigned w = 0; w < workers; ++w) {
        shared.workers[w]->counts_wanted.fetch_add(1);
        shared.quiescence.online(w);
        made[w]->round(coarse_microseconds());
        shared.quiescence.offline(w);
    }
    const std::uint64_t counted = sum([](const WorkerShare& worker) {
        return worker.rule_counters[0][policy].packets.get() + worker.rule_counters[1][policy].packets.get();
    });
    EXPECT_GE(counted, sent);
    EXPECT_LE(counted, sent + dropped) << "those that clashed when they were confirmed had passed it";
}

}  // namespace
}  // namespace weft::test
