// The order in which a table's benchmarks ask for its keys, a batch at a time.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "perf/micro/fdb_cases.hpp"

namespace weft::perf {

constexpr std::size_t batch = 64;
constexpr std::size_t batches_a_round = 1024;

/// Every key once in random order, then again, in whole batches.
template <class Key>
class Queries {
  public:
    explicit Queries(std::vector<Key> keys, std::uint64_t seed = 11) : order_(std::move(keys)) {
        std::shuffle(order_.begin(), order_.end(), std::mt19937_64(seed));
        const auto whole = order_.size();
        for (std::size_t i = 0; order_.size() % batch; ++i)
            order_.push_back(order_[i % whole]);
    }
    const Key* next() {
        at_ = at_ + batch < order_.size() ? at_ + batch : 0;
        return &order_[at_];
    }

  private:
    std::vector<Key> order_;
    std::size_t at_ = 0;
};

/// Runs use(keys of a batch) for a round.
template <class Key, class Use>
void over_batches(Clocks& clocks, Queries<Key>& queries, Use&& use) {
    clocks.start();
    for (std::size_t i = 0; i < batches_a_round; ++i)
        use(queries.next());
    clocks.stop(batches_a_round * batch);
}

/// Keeps the compiler from leaving out what the sum is made of.
inline void consume(std::uint64_t sum) {
    asm volatile("" : : "r"(sum) : "memory");
}

}  // namespace weft::perf
