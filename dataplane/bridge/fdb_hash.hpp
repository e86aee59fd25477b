// The FDB's hash: a permutation of the 64-bit key, chosen by a secret.
//
// Being a permutation it can be undone, so a bucket need not keep what its own position already says of a
// key: 48 of 64 bits are stored (fdb_bucket.hpp). Each of the two rounds multiplies by a secret odd number,
// whose carries make it non-linear over GF(2), and folds the high bits, which depend on all bits below them,
// back onto the low ones. Keys that collide under one secret are scattered by another;
// tests/unit/bridge_fdb_test.cpp tries 100,000 crafted ones.
#pragma once

#include <cstdint>

namespace weft {

/// Immutable after construction, so any thread may call it. Two multiplications a call.
class FdbHash {
  public:
    /// 128 bits that nobody outside knows, drawn anew at each start.
    constexpr FdbHash(std::uint64_t secret_lo, std::uint64_t secret_hi) noexcept
        : mask_(spread(secret_lo ^ spread(secret_hi))),
          first_(spread(mask_ ^ secret_lo) | 1),
          second_(spread(first_ ^ secret_hi) | 1),
          first_inverse_(inverse(first_)),
          second_inverse_(inverse(second_)) {}

    [[nodiscard]] constexpr std::uint64_t operator()(std::uint64_t key) const noexcept {
        return salted(key, mask_);
    }
    /// For many keys that have these bits in common.
    [[nodiscard]] constexpr std::uint64_t salt(std::uint64_t common) const noexcept { return mask_ ^ common; }
    /// The hash of a key, given its other bits and the salt of the common ones.
    [[nodiscard]] constexpr std::uint64_t salted(std::uint64_t others, std::uint64_t salt) const noexcept {
        return __builtin_bswap64((others ^ salt) * first_) * second_;
    }
    /// The key that has this hash.
    [[nodiscard]] constexpr std::uint64_t undo(std::uint64_t hash) const noexcept {
        return __builtin_bswap64(hash * second_inverse_) * first_inverse_ ^ mask_;
    }

  private:
    /// Makes any seed, 0 and 1 too, look random, so that a poor secret weakens secrecy but not the spread.
    static constexpr std::uint64_t spread(std::uint64_t x) noexcept {
        x = (x + 0x9e37'79b9'7f4a'7c15) * 0xd134'2543'de82'ef95;
        x = (x ^ x >> 32) * 0xda94'2042'e4dd'58b5;
        return x ^ x >> 29;
    }
    /// Of an odd number modulo 2^64, by Newton's iteration: five steps double 3 good bits to 96.
    static constexpr std::uint64_t inverse(std::uint64_t odd) noexcept {
        std::uint64_t x = odd;
        for (int step = 0; step < 5; ++step)
            x *= 2 - odd * x;
        return x;
    }

    std::uint64_t mask_;
    std::uint64_t first_;
    std::uint64_t second_;
    std::uint64_t first_inverse_;
    std::uint64_t second_inverse_;
};

}  // namespace weft
