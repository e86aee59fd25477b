// The keys of the FDB's benchmarks and the order in which they are asked for.
#pragma once

#include <algorithm>
#include <random>
#include <vector>

#include "dataplane/bridge/fdb.hpp"
#include "perf/micro/fdb_cases.hpp"

namespace weft::perf {

constexpr std::size_t batch = 64;
constexpr std::size_t batches_a_round = 1024;

inline std::vector<FdbKey64> keys_of(std::size_t count, FdbDomain domain = 1) {
    std::mt19937_64 random(7);
    std::vector<FdbKey64> keys(count);
    for (auto& key : keys)
        key = fdb_key(random() & 0xffff'ffff'fffe, domain);
    return keys;
}
inline BridgePortIndex port_of(FdbKey64 key) {
    return static_cast<BridgePortIndex>(key & 63);
}

/// Every key once in random order, then again, in whole batches.
class Queries {
  public:
    explicit Queries(std::vector<FdbKey64> keys, std::uint64_t seed = 11) : order_(std::move(keys)) {
        std::shuffle(order_.begin(), order_.end(), std::mt19937_64(seed));
        const auto whole = order_.size();
        for (std::size_t i = 0; order_.size() % batch; ++i)
            order_.push_back(order_[i % whole]);
    }
    const FdbKey64* next() {
        at_ = at_ + batch < order_.size() ? at_ + batch : 0;
        return &order_[at_];
    }

  private:
    std::vector<FdbKey64> order_;
    std::size_t at_ = 0;
};

/// Runs use(keys of a batch) for a round.
template <class Use>
void over_batches(Clocks& clocks, Queries& queries, Use&& use) {
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
