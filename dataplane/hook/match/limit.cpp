// net/netfilter/xt_limit.c, limit_mt, in its units: a jiffy is a millisecond and gives 32 credits
#include <algorithm>
#include <atomic>

#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

constexpr std::uint32_t jiffies_per_second = 1000, credits_per_jiffy = 32, scale = 10'000;

/// user2credits: divides first where multiplying would overflow.
std::uint32_t credits(std::uint32_t units) noexcept {
    constexpr std::uint32_t per_second = jiffies_per_second * credits_per_jiffy;
    return units > 0xffff'ffff / per_second ? units / scale * per_second : units * per_second / scale;
}

class LimitCheck final : public Check {
  public:
    explicit LimitCheck(const LimitMatch& match)
        : cost_(credits(match.interval)), most_(credits(match.interval * match.burst)), credit_(most_) {}

    Matched matches(Look& look) const noexcept override {
        look.rests.on(Rest::limit);
        if (look.peeks) return matched_if(credit_at(look.now_us / 1000) >= cost_);
        const std::uint64_t since = advance(look.now_us / 1000);
        const std::uint64_t gain = std::min<std::uint64_t>(since, 0xffff'ffff) * credits_per_jiffy;
        std::uint32_t old = credit_.load(std::memory_order_relaxed), left;
        bool enough;
        do {
            left = static_cast<std::uint32_t>(std::min<std::uint64_t>(old + gain, most_));
            enough = left >= cost_;
            if (enough) left -= cost_;
        } while (!credit_.compare_exchange_weak(old, left, std::memory_order_relaxed));
        return matched_if(enough);
    }

  private:
    /// What there will be, of which nothing is taken.
    std::uint64_t credit_at(std::uint64_t now) const noexcept {
        const std::uint64_t previous = previous_.load(std::memory_order_relaxed);
        const std::uint64_t since = std::min<std::uint64_t>(now > previous ? now - previous : 0, 0xffff'ffff);
        return std::min<std::uint64_t>(credit_.load(std::memory_order_relaxed) + since * credits_per_jiffy,
                                       most_);
    }
    /// Milliseconds since the last call. Workers take the time at the begin of a round: one may come with an
    /// earlier one than was seen.
    std::uint64_t advance(std::uint64_t now) const noexcept {
        std::uint64_t previous = previous_.load(std::memory_order_relaxed);
        while (previous < now)
            if (previous_.compare_exchange_weak(previous, now, std::memory_order_relaxed))
                return now - previous;
        return 0;
    }

    std::uint32_t cost_, most_;
    mutable std::atomic<std::uint32_t> credit_;
    mutable std::atomic<std::uint64_t> previous_ = 0;  // long ago: the credit is full anyway
};

}  // namespace

SharedCheck limit_check(const LimitMatch& match) {
    return std::make_shared<const LimitCheck>(match);
}

}  // namespace weft::hook
