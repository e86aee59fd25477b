// How often the kernel is asked for what it forgets without a word.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

namespace weft {

/// Keeps dumps that nobody waits for apart: a device that flaps before a full table would have the mirror
/// read it without end. A lone wish is granted at once; the next round may begin when 4 times what the last
/// one took has passed since its end, at least `least` and at most `most` later: what the kernel does
/// meanwhile without a word, workers do that much later. Kinds are bits (bit_of). Not thread safe.
class DumpPace {
  public:
    using Clock = std::chrono::steady_clock;
    static constexpr std::chrono::milliseconds least{200}, most{2'000};

    void want(std::uint32_t kinds) noexcept { wanted_ |= kinds; }
    /// What is to be asked for now: all that is wanted, or nothing yet. A round begins with it.
    [[nodiscard]] std::uint32_t take(Clock::time_point now) noexcept {
        if (wanted_ == 0 || running_ || now < next_) return 0;
        running_ = true;
        began_ = now;
        return std::exchange(wanted_, 0);
    }
    /// All that was asked for is answered. Of no round: nothing.
    void ended(Clock::time_point now) noexcept {
        if (!std::exchange(running_, false)) return;
        next_ = now + std::clamp<Clock::duration>(4 * (now - began_), least, most);
    }
    /// When to take() again; the clock's end: when something is wanted, or the round has ended.
    [[nodiscard]] Clock::time_point next() const noexcept {
        return wanted_ != 0 && !running_ ? next_ : Clock::time_point::max();
    }

  private:
    std::uint32_t wanted_ = 0;
    bool running_ = false;
    Clock::time_point began_{}, next_{};
};

}  // namespace weft
