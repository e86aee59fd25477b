// Policing of what goes to the kernel: by interface and class, so that a flood at one port takes nothing from
// the kernel's protocols at another.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

#include "dataplane/route/limit.hpp"
#include "weft/packet.hpp"
#include "weft/routing.hpp"

namespace weft {

/// Buckets of one worker, in an anonymous mapping touched lazily.
class PuntLimits {
  public:
    PuntLimits() noexcept
        : limits_(static_cast<RateLimit*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
        if (limits_ == MAP_FAILED) std::abort();
    }
    ~PuntLimits() { munmap(limits_, bytes); }
    PuntLimits(const PuntLimits&) = delete;
    PuntLimits& operator=(const PuntLimits&) = delete;

    /// Takes a token. A tenth of a second's packets may come at once. rate: packets/s, 0: no limit.
    bool allow(IfIndex interface, PuntClass which, std::uint32_t rate, std::uint64_t now_us) noexcept {
        if (rate == 0) return true;
        const std::uint64_t burst = rate < 10 ? 1 : rate / 10;
        return limits_[interface * punt_class_count + static_cast<std::size_t>(which)].allow(
            now_us, 1'000'000 / rate, burst);
    }

  private:
    static constexpr std::size_t bytes = sizeof(RateLimit) * punt_class_count * max_interfaces;
    RateLimit* limits_;
};

}  // namespace weft
