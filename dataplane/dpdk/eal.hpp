// Starting and ending DPDK's environment layer. Once per process, by the main thread.
#pragma once

#include <string>
#include <vector>

#include "weft/result.hpp"

namespace weft {

struct EalOptions {
    std::vector<unsigned> worker_cpus = {};   ///< worker i is lcore i + 1, pinned to worker_cpus[i]
    std::vector<unsigned> control_cpus = {};  ///< lcore 0, the main thread; empty: the first worker's CPU
    bool no_huge = false;                     ///< do not even look for hugepages
    unsigned memory_mb = 256;                 ///< for packet buffers and drivers
    std::vector<std::string> extra = {};      ///< what the user gave after "--"
};

struct EalStarted {
    bool hugepages = false;  ///< false: ordinary pages, which hardware cannot reach by DMA
};

/// Starts EAL. DPDK's warnings and errors go to stderr, each line after "dpdk: ". Leaves no file behind, even
/// if the process is killed. When hugepages are wanted but too few are free it says so on stderr in one line.
[[nodiscard]] Result<EalStarted> start_eal(const EalOptions& options);

/// Frees what EAL holds. All ports and pools must be gone.
void stop_eal();

/// The argument list start_eal gives to rte_eal_init, program name included.
[[nodiscard]] std::vector<std::string> eal_arguments(const EalOptions& options, bool hugepages);

}  // namespace weft
