// net/netfilter/xt_statistic.c
#include <atomic>

#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

/// SplitMix64 (Steele, Lea, Flood 2014) of a counter that workers share.
class RandomCheck final : public Check {
  public:
    RandomCheck(const StatisticMatch& match, std::uint64_t seed) : match_(match), state_(seed) {}

    Matched matches(Look& look) const noexcept override {
        look.rests.on(Rest::limit);
        constexpr std::uint64_t step = 0x9e37'79b9'7f4a'7c15;
        std::uint64_t drawn = look.peeks ? state_.load(std::memory_order_relaxed)
                                         : state_.fetch_add(step, std::memory_order_relaxed);
        drawn += step;
        drawn = (drawn ^ drawn >> 30) * 0xbf58'476d'1ce4'e5b9;
        drawn = (drawn ^ drawn >> 27) * 0x94d0'49bb'1331'11eb;
        return matched_if((drawn >> 33 < match_.probability) != match_.inverted);
    }

  private:
    StatisticMatch match_;
    mutable std::atomic<std::uint64_t> state_;
};

class NthCheck final : public Check {
  public:
    explicit NthCheck(const StatisticMatch& match)
        : last_(match.every - 1), inverted_(match.inverted), count_(last_ - match.packet) {}

    Matched matches(Look& look) const noexcept override {
        look.rests.on(Rest::limit);
        std::uint32_t old = count_.load(std::memory_order_relaxed);
        const auto next = [&] { return old == last_ ? 0 : old + 1; };
        if (!look.peeks)
            while (!count_.compare_exchange_weak(old, next(), std::memory_order_relaxed)) {
            }
        return matched_if((next() == 0) != inverted_);
    }

  private:
    std::uint32_t last_;
    bool inverted_;
    mutable std::atomic<std::uint32_t> count_;
};

}  // namespace

SharedCheck statistic_check(const StatisticMatch& match, std::uint64_t seed) {
    if (match.nth) return std::make_shared<const NthCheck>(match);
    return std::make_shared<const RandomCheck>(match, seed);
}

}  // namespace weft::hook
