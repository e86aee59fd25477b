// What the benchmarks of paths have in common: turns of the floor and of the path, and what comes out of
// them.
#pragma once

#include <fmt/format.h>
#include <rte_cycles.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/dpdk/eal.hpp"
#include "dataplane/worker/worker.hpp"
#include "weft/port.hpp"
#include "weft/result.hpp"

namespace weft::perf {

/// Bursts of a turn: about a millisecond.
inline constexpr unsigned rounds_a_turn = 500;

template <class T>
T must(Result<T> result) {
    if (result) return std::move(result).value();
    fmt::print(stderr, "{}\n", result.error().message);
    std::exit(1);
}
inline void must(Result<> result) {
    if (result) return;
    fmt::print(stderr, "{}\n", result.error().message);
    std::exit(1);
}

/// EAL with this thread on `cpu` and one more lcore on another.
inline void start(unsigned cpu) {
    EalOptions eal;
    eal.control_cpus = {cpu};
    eal.worker_cpus = {cpu == 0 ? 1U : 0U};
    eal.memory_mb = 256;
    const auto started = must(start_eal(eal));
    fmt::print(stderr, "pages: {}\n", started.hugepages ? "huge" : "ordinary");
}

/// This thread to the CPU that the benchmark does not measure on.
inline void run_beside(unsigned cpu) {
    cpu_set_t other;
    CPU_ZERO(&other);
    CPU_SET(cpu == 0 ? 1 : 0, &other);
    sched_setaffinity(0, sizeof other, &other);
}

/// Beside the measured CPU: change(0), change(1), … at a steady rate from the constructor's end to stop().
class Disturbance {
  public:
    Disturbance(unsigned cpu, unsigned a_second, std::function<void(std::uint64_t)> change)
        : start_(rte_rdtsc()), thread_([this, cpu, a_second, change = std::move(change)] {
              run_beside(cpu);
              running_ = true;
              while (!stopped_.load(std::memory_order_relaxed)) {
                  const auto due = static_cast<std::uint64_t>(seconds() * a_second);
                  for (; done_ < due; ++done_)
                      change(done_);
                  std::this_thread::sleep_for(std::chrono::microseconds(50));
              }
          }) {
        while (!running_)
            std::this_thread::yield();
    }
    ~Disturbance() { static_cast<void>(stop()); }
    Disturbance(const Disturbance&) = delete;
    Disturbance& operator=(const Disturbance&) = delete;

    /// Changes a second until now.
    double stop() {
        if (!thread_.joinable()) return rate_;
        stopped_ = true;
        thread_.join();
        return rate_ = static_cast<double>(done_) / seconds();
    }

  private:
    [[nodiscard]] double seconds() const {
        return static_cast<double>(rte_rdtsc() - start_) / static_cast<double>(rte_get_tsc_hz());
    }
    std::atomic<bool> running_{false}, stopped_{false};
    std::uint64_t start_, done_ = 0;
    double rate_ = 0;
    std::thread thread_;
};

struct Spread {
    double low, median, high;
};
/// Quartiles.
inline Spread spread_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return {values[values.size() / 4], values[values.size() / 2], values[values.size() * 3 / 4]};
}

/// TSC clocks of a dependent addition, which takes one core cycle.
inline double clocks_of_a_cycle() {
    constexpr unsigned additions = 200'000;
    std::uint64_t sum = 0;
    const std::uint64_t start = rte_rdtsc();
    for (unsigned i = 0; i < additions / 10; ++i)
        asm volatile(
            "add $1, %0\n add $1, %0\n add $1, %0\n add $1, %0\n add $1, %0\n"
            "add $1, %0\n add $1, %0\n add $1, %0\n add $1, %0\n add $1, %0\n"
            : "+r"(sum));
    return static_cast<double>(rte_rdtsc() - start) / additions;
}

/// Clocks per packet of `rounds` bursts from one port to another without the pipeline.
inline double floor_of(Port& from, Port& to, unsigned rounds) {
    Packet* packets[batch_size];
    ReceiveLoss loss;
    TransmitLoss lost;
    std::uint64_t count = 0;
    const std::uint64_t start = rte_rdtsc();
    for (unsigned i = 0; i < rounds; ++i)
        count += to.transmit(0, packets, from.receive(0, packets, batch_size, loss), lost);
    return static_cast<double>(rte_rdtsc() - start) / static_cast<double>(count);
}
/// The same of a worker's rounds.
inline double through_of(Worker& worker, Shared& shared, unsigned number, unsigned rounds) {
    std::uint64_t count = 0;
    const std::uint64_t start = rte_rdtsc();
    for (unsigned i = 0; i < rounds; ++i) {
        count += worker.round(coarse_microseconds());
        shared.quiescence.quiescent(number);
    }
    return static_cast<double>(rte_rdtsc() - start) / static_cast<double>(count);
}

/// Of all turns, clocks a packet; own: the path without the floor, cycles: that in core cycles.
struct Figures {
    Spread floor, through, own, cycles, cycle;
    double ghz;  ///< of the TSC
    [[nodiscard]] double mpps() const { return ghz * 1e3 / through.median; }
};
template <class Floor, class Through>
Figures measure(unsigned turns, Floor&& floor, Through&& through) {
    std::vector<double> floors, throughs, own, cycles, cycle;
    for (unsigned turn = 0; turn < turns; ++turn) {
        floors.push_back(floor(rounds_a_turn));
        throughs.push_back(through(rounds_a_turn));
        own.push_back(throughs.back() - floors.back());
        cycle.push_back(clocks_of_a_cycle());
        cycles.push_back(own.back() / cycle.back());
    }
    return {spread_of(floors), spread_of(throughs), spread_of(own),
            spread_of(cycles), spread_of(cycle),    static_cast<double>(rte_get_tsc_hz()) / 1e9};
}

/// `path`: as in "gen -> bridge -> null".
inline void print_figures(const Figures& of, const std::string& path) {
    fmt::print("  {:<23}{:6.1f} [{:.1f} .. {:.1f}] clocks a packet\n", "gen -> null", of.floor.median,
               of.floor.low, of.floor.high);
    fmt::print("  {:<23}{:6.1f} [{:.1f} .. {:.1f}]   {:.1f} Mpps at {:.2f} GHz TSC\n", path,
               of.through.median, of.through.low, of.through.high, of.mpps(), of.ghz);
    fmt::print("  {:<23}{:6.1f} [{:.1f} .. {:.1f}]\n", "own clocks", of.own.median, of.own.low, of.own.high);
    fmt::print("  {:<23}{:6.1f} [{:.1f} .. {:.1f}]   {:.2f} clocks a cycle\n", "own core cycles",
               of.cycles.median, of.cycles.low, of.cycles.high, of.cycle.median);
}
/// Their fields, for --json.
inline std::string json_figures(const Figures& of) {
    return fmt::format(
        "\"floor\":{:.1f},\"through\":{:.1f},\"own\":{:.1f},\"own_low\":{:.1f},\"own_high\":{:.1f},\"own_"
        "cycles\":{:.1f},"
        "\"mpps\":{:.2f},\"ghz\":{:.3f}",
        of.floor.median, of.through.median, of.own.median, of.own.low, of.own.high, of.cycles.median,
        of.mpps(), of.ghz);
}

/// Packets that any worker dropped, for any reason.
inline std::uint64_t dropped_of(Shared& shared) {
    std::uint64_t dropped = 0;
    for (const auto& worker : shared.workers)
        for (IfIndex i = 0; i < shared.topology.get().interfaces.size(); ++i)
            for (const auto& reason : worker->counters[i].dropped)
                dropped += reason.packets.get();
    return dropped;
}
/// Clocks a packet of each stage of worker 0, from sampled batches, and what was dropped.
inline void print_stages(Shared& shared) {
    std::string text;
    for (std::size_t s = 0; s < stage_count; ++s) {
        const auto& c = shared.workers[0]->stages[s];
        if (c.sampled_packets.get())
            text += fmt::format(
                "  {} {:.1f}", stage_names[s],
                static_cast<double>(c.sampled_clocks.get()) / static_cast<double>(c.sampled_packets.get()));
    }
    fmt::print("  stages (sampled)     {}\n  dropped {}\n", text, dropped_of(shared));
}

}  // namespace weft::perf
