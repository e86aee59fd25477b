#include "dataplane/flow/ahead.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace weft {

namespace {

constexpr std::chrono::milliseconds period{50};
/// Some entries, a huge page or so: the longest that stopping waits for.
constexpr std::uint32_t step = (std::uint32_t{2} << 20) / sizeof(FlowEntry);

/// As if each page had been written to, but nothing is: workers may use it meanwhile.
bool touch(const FlowEntry* from, const FlowEntry* to) noexcept {
    constexpr std::uintptr_t page = 4096;
    const auto start = reinterpret_cast<std::uintptr_t>(from) & ~(page - 1);
    const auto end = (reinterpret_cast<std::uintptr_t>(to) + page - 1) & ~(page - 1);
    return madvise(reinterpret_cast<void*>(start), end - start, MADV_POPULATE_WRITE) == 0;
}

}  // namespace

std::uint32_t FlowAhead::wanted() const noexcept {
    constexpr auto more = static_cast<std::uint32_t>(distance / sizeof(FlowEntry));
    const std::uint32_t used = pool_.end();
    return pool_.size() - used > more ? used + more : pool_.size();
}

void FlowAhead::run(const std::stop_token& stop) {
    std::uint32_t touched = 0;
    while (!stop.stop_requested()) {
        while (touched < wanted() && !stop.stop_requested()) {
            const std::uint32_t next = std::min(wanted(), touched + step);
            if (!touch(&pool_[touched], &pool_[next])) return;
            touched = next;
        }
        std::unique_lock lock(mutex_);
        stopped_.wait_for(lock, stop, period, [] { return false; });
    }
}

}  // namespace weft
