// What rules have counted on one worker: written by it alone, summed by control.
#pragma once

#include <sys/mman.h>

#include <cstdlib>

#include "dataplane/hook/rule_code.hpp"
#include "weft/counters.hpp"

namespace weft {

/// By RuleId. Control subtracts a baseline when an id is given out again. Anonymous memory, touched when
/// used.
class RuleCounters {
  public:
    static constexpr hook::RuleId capacity = 1 << 20;

    RuleCounters() noexcept
        : counters_(static_cast<PacketCounter*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
        if (counters_ == MAP_FAILED) std::abort();
    }
    ~RuleCounters() { munmap(counters_, bytes); }
    RuleCounters(const RuleCounters&) = delete;
    RuleCounters& operator=(const RuleCounters&) = delete;
    [[nodiscard]] PacketCounter& operator[](hook::RuleId id) noexcept { return counters_[id]; }
    [[nodiscard]] const PacketCounter& operator[](hook::RuleId id) const noexcept { return counters_[id]; }

  private:
    static constexpr std::size_t bytes = sizeof(PacketCounter) * capacity;
    PacketCounter* counters_;
};

}  // namespace weft
