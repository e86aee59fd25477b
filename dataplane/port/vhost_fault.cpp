#include "dataplane/port/vhost_fault.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace weft::ports {

namespace {

/// Read by the signal handler. size 0: free; the begin is written before the size.
struct Range {
    std::atomic<std::uintptr_t> begin;
    std::atomic<std::uint64_t> size;
    std::atomic<bool> taken;
};
Range ranges[8192];
struct sigaction former;

bool is_guest_memory(std::uintptr_t address) noexcept {
    for (const Range& range : ranges) {
        const auto size = range.size.load(std::memory_order_acquire);
        if (size != 0 && address - range.begin.load(std::memory_order_relaxed) < size) return true;
    }
    return false;
}

void on_bus_error(int, siginfo_t* info, void*) {
    const int kept = errno;
    const auto page_bytes = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto page = reinterpret_cast<std::uintptr_t>(info->si_addr) & ~(page_bytes - 1);
    if (!is_guest_memory(reinterpret_cast<std::uintptr_t>(info->si_addr)) ||
        mmap(reinterpret_cast<void*>(page), page_bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        sigaction(SIGBUS, &former, nullptr);  // and the instruction is tried once more
    errno = kept;
}

void install() noexcept {
    static const bool once = [] {
        struct sigaction mine {};
        mine.sa_sigaction = on_bus_error;
        mine.sa_flags = SA_SIGINFO;
        return sigaction(SIGBUS, &mine, &former) == 0;
    }();
    static_cast<void>(once);
}

}  // namespace

SurvivesFaults::SurvivesFaults(const GuestMemory& memory) noexcept {
    install();
    int slot = 0;
    for (unsigned i = 0; i < memory.count; ++i) {
        while (slot < static_cast<int>(std::size(ranges)) && ranges[slot].taken.exchange(true))
            ++slot;
        if (slot == static_cast<int>(std::size(ranges))) return;
        ranges[slot].begin.store(reinterpret_cast<std::uintptr_t>(memory.regions[i].host),
                                 std::memory_order_relaxed);
        ranges[slot].size.store(memory.regions[i].size, std::memory_order_release);
        slots_[count_++] = slot;
    }
}

SurvivesFaults::SurvivesFaults(SurvivesFaults&& other) noexcept {
    *this = std::move(other);
}

SurvivesFaults& SurvivesFaults::operator=(SurvivesFaults&& other) noexcept {
    std::swap(slots_, other.slots_);
    std::swap(count_, other.count_);
    return *this;
}

SurvivesFaults::~SurvivesFaults() {
    for (unsigned i = 0; i < count_; ++i) {
        ranges[slots_[i]].size.store(0, std::memory_order_release);
        ranges[slots_[i]].taken.store(false);
    }
}

}  // namespace weft::ports
