// The clock of ages and rate limits: CLOCK_MONOTONIC_COARSE, which costs no system call and ticks every few
// milliseconds.
#pragma once

#include <time.h>

#include <cstdint>

namespace weft {

[[nodiscard]] inline std::uint64_t coarse_microseconds() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}
[[nodiscard]] inline std::uint32_t coarse_seconds() noexcept {
    return static_cast<std::uint32_t>(coarse_microseconds() / 1'000'000);
}

}  // namespace weft
