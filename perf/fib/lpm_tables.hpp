// What is compared: a table that routes are entered in and bursts of addresses are looked up in.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "perf/fib/routes.hpp"

namespace weft::perf {

template <unsigned bytes>
class LpmTable {
  public:
    using Key = typename Lpm<bytes>::Key;
    virtual ~LpmTable() = default;
    virtual void add(const TestRoute<bytes>& route, HopIndex hop) = 0;
    /// `covering`: what the longest shorter prefix leads to; of that length, 0 if there is none.
    virtual void remove(const TestRoute<bytes>& route, HopIndex covering, unsigned covering_length) = 0;
    /// Sum of the hops of n addresses, n a multiple of batch_size.
    virtual std::uint64_t look_up(const Key* keys, std::size_t n) = 0;
    [[nodiscard]] virtual std::size_t bytes_used() const = 0;
    std::string name;
};

enum class LpmKind { weft_scalar, weft, rte_scalar, rte_avx512 };

/// Null if the CPU lacks what it needs, or the library refuses.
template <unsigned bytes>
std::unique_ptr<LpmTable<bytes>> make_table(LpmKind kind, std::uint32_t max_routes);

}  // namespace weft::perf
