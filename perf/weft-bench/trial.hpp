// One trial: frames into one port and out of another, by one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "flows.hpp"
#include "weft/port.hpp"

struct rte_mempool;

namespace weft::bench {

struct Path {
    Port& tx;
    Port& rx;
    rte_mempool* pool;
    const Flows& flows;
    const std::vector<std::byte>& ready;  ///< the flows' frames, one after the other; empty: made one by one
    std::uint32_t flow_count;
    std::uint16_t rx_queues = 1;
};

struct Counted {
    std::uint64_t offered = 0;   ///< what the rate asked for
    std::uint64_t sent = 0;      ///< what the port took
    std::uint64_t received = 0;  ///< of ours
    std::uint64_t foreign = 0;   ///< received, not ours
    double seconds = 0;          ///< of sending
    bool late = false;           ///< the generator did not keep up with the rate
    std::vector<std::uint32_t> latency_ns;

    /// At a rate, of what was offered; else of what was sent.
    [[nodiscard]] double loss() const {
        return offered == 0
                   ? 0
                   : 1 - static_cast<double>(std::min(received, offered)) / static_cast<double>(offered);
    }
};

/// Frames of flows 0 to n - 1, if they take little memory.
std::vector<std::byte> ready_frames(const Flows& flows, std::uint32_t n);
/// Shows the switch where the destinations are, at 500,000 a second.
void announce(const Path& path);
/// Has each flow go once and be answered by its receiver, at 250,000 a second.
void connect(const Path& path);
/// rate 0: as fast as the port takes them.
Counted run(const Path& path, double rate, double seconds);
/// Packets a second that the generator makes and the sink counts with nothing between.
double loop_back(const Path& path, double seconds);
/// Nanoseconds that a cache line takes from one CPU to the other and back, the median of many; 0 if there is
/// one.
double line_round_trip(unsigned cpu, unsigned far_cpu);

}  // namespace weft::bench
