// The TSC of a benchmark that runs without EAL.
#pragma once

#include <rte_cycles.h>

#include <chrono>
#include <thread>

namespace weft::perf {

/// Measured for 50 ms.
inline double nanoseconds_a_clock() {
    const auto start = std::chrono::steady_clock::now();
    const std::uint64_t clocks = rte_rdtsc();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    return time.count() / static_cast<double>(rte_rdtsc() - clocks);
}

}  // namespace weft::perf
