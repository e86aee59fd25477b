// Longest-prefix match as its definition has it (RFC 1812 5.2.4.3): of all prefixes that cover an address,
// the longest.
#pragma once

#include <map>
#include <random>
#include <utility>

#include "weft/lpm.hpp"

namespace weft::test {

template <unsigned bytes>
using LpmKey = typename Lpm<bytes>::Key;

/// The first `length` bits, the rest zero.
template <unsigned bytes>
LpmKey<bytes> masked(LpmKey<bytes> key, unsigned length) {
    for (unsigned i = 0; i < bytes; ++i) {
        const unsigned kept = length > 8 * i ? std::min(8U, length - 8 * i) : 0;
        key[i] &= static_cast<std::uint8_t>(0xff00 >> kept);
    }
    return key;
}

template <unsigned bytes>
class ReferenceLpm {
  public:
    struct Route {
        HopIndex hop = no_hop;
        unsigned length = 0;
    };

    void add(const LpmKey<bytes>& prefix, unsigned length, HopIndex hop) {
        const auto [at, is_new] = routes_.insert_or_assign({length, masked<bytes>(prefix, length)}, hop);
        of_length_[length] += is_new;
    }
    void remove(const LpmKey<bytes>& prefix, unsigned length) {
        of_length_[length] -= routes_.erase({length, masked<bytes>(prefix, length)});
    }
    /// The longest that covers the address and is shorter than `below`.
    [[nodiscard]] Route covering(const LpmKey<bytes>& address, unsigned below) const {
        for (unsigned length = below; length-- > 0;) {
            if (of_length_[length] == 0) continue;
            if (const auto at = routes_.find({length, masked<bytes>(address, length)}); at != routes_.end())
                return {at->second, length};
        }
        return {};
    }
    [[nodiscard]] HopIndex find(const LpmKey<bytes>& address) const {
        return covering(address, 8 * bytes + 1).hop;
    }
    [[nodiscard]] const auto& routes() const { return routes_; }

  private:
    std::map<std::pair<unsigned, LpmKey<bytes>>, HopIndex> routes_;
    std::size_t of_length_[8 * bytes + 1] = {};
};

/// An address of few different bytes, so that prefixes lie in each other.
template <unsigned bytes>
LpmKey<bytes> crowded_address(std::mt19937& random) {
    constexpr std::uint8_t choice[] = {0, 1, 0x7f, 0x80, 0xff};
    LpmKey<bytes> address;
    for (unsigned i = 0; i < bytes; ++i)
        address[i] = i < 2 ? choice[random() % 2] : choice[random() % 5];
    return address;
}

}  // namespace weft::test
