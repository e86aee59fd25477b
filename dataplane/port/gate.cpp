#include "dataplane/port/gate.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace weft::ports {

namespace {

void barrier_on_all_cpus() noexcept {
    static const bool registered =
        syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
    if (registered && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0) return;
    // Forbidden here (seccomp): no store buffer keeps a store back for this long.
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
}

}  // namespace

void Gate::close() noexcept {
    open_.store(false, std::memory_order_seq_cst);
    barrier_on_all_cpus();
    while (inside_.load(std::memory_order_acquire))
        std::this_thread::sleep_for(std::chrono::microseconds(10));
}

}  // namespace weft::ports
