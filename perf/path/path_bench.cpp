// What the switch itself costs a packet: gen -> bridge -> null on one worker, over the floor gen -> null,
// measured in turns of about a millisecond in one run. Prints TSC clocks per packet as quartiles over the
// turns.
//
//     path_bench [--flows N] [--size BYTES] [--turns N] [--workers 1|2] [--cpu N] [--unaware] [--move N]
//     [--json]
//
// N flows are N source and N destination stations: the FDB holds 2 N entries. VLAN filtering, per-port flags
// and counters are on unless --unaware. --move: so many times a second a source, each in its turn, is heard
// behind the other port by a thread on the other CPU; its next frame brings it back. --cpu is that of the one
// worker, or of the first of two.
//
// How much a TSC clock is worth changes between machines and, with the host's load, within a run. So each
// turn also times a chain of dependent additions, one core cycle each, and the own cost is printed in core
// cycles too.
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_launch.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/dpdk/pool.hpp"
#include "dataplane/port/open.hpp"
#include "perf/path/measure.hpp"

namespace weft {
namespace {

struct Options {
    std::uint32_t flows = 500;
    std::uint16_t size = 64;
    unsigned turns = 400, workers = 1, cpu = 1, move = 0;
    bool unaware = false, json = false;
};

/// One gen and one null port in a bridge, for one worker.
struct Lane {
    std::unique_ptr<Port> gen, sink;
    GenConfig config;
};

class Bench {
  public:
    explicit Bench(const Options& options)
        : options_(options), pool_(perf::must(PacketPool::create("bench", 8192))) {
        std::vector<unsigned> cpus;
        for (unsigned w = 0; w < options.workers; ++w)
            cpus.push_back(w);
        const std::uint32_t capacity =
            std::max(1U << 20, 2 * options.workers * options.flows);  // weftd's own
        shared_ = std::make_unique<Shared>(cpus, pool_.get(), capacity, 0x9d39247e33776d41ULL,
                                           0x2af7398005aaa5c7ULL);
        shared_->kernel = false;
        shared_->poll_always = true;
        const PortEnvironment environment{.pool = pool_.get(), .workers = options.workers};
        for (unsigned w = 0; w < options.workers; ++w) {
            Lane lane;
            lane.config.size = options.size;
            lane.config.flows = options.flows;
            lane.config.shuffled = true;
            lane.config.source = {{0x02, 0x10, static_cast<std::uint8_t>(w), 0, 0, 0}};
            lane.config.destination = {{0x02, 0x20, static_cast<std::uint8_t>(w), 0, 0, 0}};
            lane.gen = perf::must(open_gen(fmt::format("gen{}", w), lane.config, {}, environment));
            lane.sink = perf::must(open_null(fmt::format("null{}", w), {}, environment));
            perf::must(lane.gen->set_up(true));
            perf::must(lane.sink->set_up(true));
            lanes_.push_back(std::move(lane));
        }
        publish();
        teach();
        for (unsigned w = 0; w < options.workers; ++w)
            workers_.push_back(std::make_unique<Worker>(*shared_, w));
    }

    /// Clocks per packet of `rounds` bursts without the pipeline.
    double floor(unsigned lane, unsigned rounds) {
        return perf::floor_of(*lanes_[lane].gen, *lanes_[lane].sink, rounds);
    }
    double through(unsigned lane, unsigned rounds) {
        return perf::through_of(*workers_[lane], *shared_, lane, rounds);
    }

    Shared& shared() { return *shared_; }
    [[nodiscard]] std::size_t fdb_bytes() const { return shared_->fdb.bytes(); }
    [[nodiscard]] std::uint32_t fdb_size() const { return shared_->fdb.size(); }
    Quiescence& quiescence() { return shared_->quiescence; }

    /// As another worker would.
    void move(std::uint64_t number) { hear(sources_[number % sources_.size()], sink_of(0)); }

  private:
    void publish() {
        auto topology = std::make_unique<Topology>();
        auto vlans = std::make_shared<VlanSet>();
        vlans->add(1, true);
        vlans->pvid = 1;
        topology->interfaces.resize(2 + 2 * lanes_.size());
        topology->bridges.resize(1);
        Interface& self = topology->interfaces[1];
        self = {.index = 1, .kind = InterfaceKind::bridge, .up = true, .carrier = true, .bridge = 0};
        Bridge& bridge = topology->bridges[0];
        bridge.interface = 1;
        bridge.domain = 1;
        bridge.self.bridge = 0;
        bridge.self.interface = 1;
        if (!options_.unaware) {
            bridge.vlan_filtering = true;
            auto domains = std::make_unique<std::array<FdbDomain, vid_count>>();
            domains->fill(0);
            (*domains)[1] = 1;
            bridge.vlan_domain = std::move(domains);
            bridge.self.vlans = vlans.get();
        }
        for (std::size_t w = 0; w < lanes_.size(); ++w) {
            add(*topology, bridge, static_cast<IfIndex>(2 + 2 * w), lanes_[w].gen.get(), vlans.get());
            add(*topology, bridge, static_cast<IfIndex>(3 + 2 * w), lanes_[w].sink.get(), vlans.get());
        }
        topology->vlan_sets.push_back(vlans);
        derive_exits(*topology);
        shared_->topology.replace(std::move(topology), shared_->quiescence);
        for (std::size_t w = 0; w < lanes_.size(); ++w) {
            auto plan = std::make_unique<PollPlan>();
            plan->queues.push_back({lanes_[w].gen.get(), 0, static_cast<IfIndex>(2 + 2 * w)});
            shared_->workers[w]->plan.replace(std::move(plan), shared_->quiescence);
        }
    }
    void add(Topology& topology, Bridge& bridge, IfIndex index, Port* port, const VlanSet* vlans) {
        const auto at = static_cast<std::uint16_t>(topology.bridge_ports.size());
        topology.interfaces[index] = {.index = index,
                                      .kind = InterfaceKind::port,
                                      .up = true,
                                      .carrier = true,
                                      .port = static_cast<PortIndex>(topology.ports.size()),
                                      .bridge_port = at,
                                      .offloads = port->info().offloads};
        topology.ports.push_back({.port = port, .interface = index, .tx_queues = 2});
        BridgePort member;
        member.interface = index;
        member.bridge = 0;
        member.vlans = options_.unaware ? nullptr : vlans;
        topology.bridge_ports.push_back(member);
        bridge.members.push_back(at);
    }
    /// Every destination is known before the first frame, and every source is noted.
    void teach() {
        Packet* packets[batch_size];
        ReceiveLoss loss;
        TransmitLoss lost;
        for (std::size_t w = 0; w < lanes_.size(); ++w)
            for (std::uint32_t made = 0; made < options_.flows + batch_size;) {
                const auto n = lanes_[w].gen->receive(0, packets, batch_size, loss);
                for (std::uint16_t i = 0; i < n; ++i) {
                    hear(packets[i]->ethernet().destination.raw(), sink_of(w));
                    if (sources_.size() < options_.flows)
                        sources_.push_back(packets[i]->ethernet().source.raw());
                }
                lanes_[w].sink->transmit(0, packets, n, lost);
                made += n;
            }
    }

    static BridgePortIndex sink_of(std::size_t lane) { return static_cast<BridgePortIndex>(2 * lane + 1); }
    void hear(std::uint64_t station, BridgePortIndex port) {
        const auto key = fdb_key(station, 1);
        shared_->fdb.learn(key, shared_->fdb.hash(key), port, 0, coarse_seconds(), {0, 0});
    }

    Options options_;
    PacketPool pool_;
    std::vector<Lane> lanes_;
    std::vector<std::uint64_t> sources_;
    std::unique_ptr<Shared> shared_;
    std::vector<std::unique_ptr<Worker>> workers_;
};

void one_worker(Bench& bench, const Options& options) {
    bench.quiescence().online(0);
    bench.floor(0, perf::rounds_a_turn);
    bench.through(0, perf::rounds_a_turn + 4 * options.flows / batch_size);
    std::optional<perf::Disturbance> disturbance;
    if (options.move)
        disturbance.emplace(options.cpu, options.move, [&](std::uint64_t number) { bench.move(number); });
    const auto figures = perf::measure(
        options.turns, [&](unsigned rounds) { return bench.floor(0, rounds); },
        [&](unsigned rounds) { return bench.through(0, rounds); });
    const double rate = disturbance ? disturbance->stop() : 0;
    if (options.json) {
        fmt::print("{{\"flows\":{},\"fdb_entries\":{},{}}}\n", options.flows, bench.fdb_size(),
                   perf::json_figures(figures));
        return;
    }
    fmt::print("flows {:>8}  FDB {:>8} entries, {:.1f} MB  {}\n", options.flows, bench.fdb_size(),
               static_cast<double>(bench.fdb_bytes()) / 1e6,
               options.unaware ? "VLAN-unaware" : "VLAN filtering");
    perf::print_figures(figures, "gen -> bridge -> null");
    if (options.move) fmt::print("  moves                 {:.0f} a second\n", rate);
    perf::print_stages(bench.shared());
}

struct LaneRun {
    Bench* bench;
    unsigned lane;
    std::atomic<bool>* go;
    double clocks;
};
int run_lane(void* argument) {
    auto* run = static_cast<LaneRun*>(argument);
    run->bench->quiescence().online(run->lane);
    while (!run->go->load())
        rte_pause();
    run->clocks = run->bench->through(run->lane, 60'000);
    run->bench->quiescence().offline(run->lane);
    return 0;
}

/// Two workers on separate ports against one, in turns.
void two_workers(Bench& bench, const Options& options) {
    std::vector<double> ratios;
    for (unsigned turn = 0; turn < options.turns; ++turn) {
        std::atomic<bool> go{true};
        LaneRun alone{&bench, 0, &go, 0};
        run_lane(&alone);
        go = false;
        LaneRun first{&bench, 0, &go, 0}, second{&bench, 1, &go, 0};
        rte_eal_remote_launch(run_lane, &second, rte_get_next_lcore(-1, 1, 0));
        go = true;
        run_lane(&first);
        rte_eal_mp_wait_lcore();
        ratios.push_back((1 / first.clocks + 1 / second.clocks) / (1 / alone.clocks));
    }
    const auto r = perf::spread_of(ratios);
    fmt::print("two workers over one: {:.2f} [{:.2f} .. {:.2f}] times\n", r.median, r.low, r.high);
}

int run(const Options& options) {
    perf::start(options.cpu);
    Bench bench(options);
    if (options.workers == 2)
        two_workers(bench, options);
    else
        one_worker(bench, options);
    return 0;
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
    weft::Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const auto value = [&] { return i + 1 < argc ? std::strtoul(argv[++i], nullptr, 10) : 0; };
        if (word == "--flows")
            options.flows = static_cast<std::uint32_t>(value());
        else if (word == "--size")
            options.size = static_cast<std::uint16_t>(value());
        else if (word == "--turns")
            options.turns = static_cast<unsigned>(value());
        else if (word == "--workers")
            options.workers = static_cast<unsigned>(value());
        else if (word == "--cpu")
            options.cpu = static_cast<unsigned>(value());
        else if (word == "--unaware")
            options.unaware = true;
        else if (word == "--move")
            options.move = static_cast<unsigned>(value());
        else if (word == "--json")
            options.json = true;
        else
            return fmt::print(stderr, "path_bench: \"{}\" is not known\n", word), 1;
    }
    return weft::run(options);
}
