#include <pthread.h>
#include <rte_cycles.h>
#include <rte_pause.h>
#include <sched.h>

#include <atomic>
#include <thread>
#include <vector>

#include "figures.hpp"
#include "trial.hpp"

namespace weft::bench {

namespace {

bool run_on(unsigned cpu) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    return pthread_setaffinity_np(pthread_self(), sizeof set, &set) == 0;
}

}  // namespace

double line_round_trip(unsigned cpu, unsigned far_cpu) {
    constexpr unsigned rounds = 20'000;
    if (cpu == far_cpu) return 0;
    alignas(64) std::atomic<unsigned> line{0};
    std::thread far{[&] {
        run_on(far_cpu);
        for (unsigned i = 1; i < 2 * rounds; i += 2) {
            while (line.load(std::memory_order_acquire) != i)
                rte_pause();
            line.store(i + 1, std::memory_order_release);
        }
    }};
    std::vector<double> took;
    for (unsigned i = 0; i < 2 * rounds; i += 2) {
        const auto begin = rte_rdtsc();
        line.store(i + 1, std::memory_order_release);
        while (line.load(std::memory_order_acquire) != i + 2)
            rte_pause();
        took.push_back(static_cast<double>(rte_rdtsc() - begin));
    }
    far.join();
    return median(took) * 1e9 / static_cast<double>(rte_get_tsc_hz());
}

}  // namespace weft::bench
