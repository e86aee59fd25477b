// Network byte order as a type: a be16 is two bytes in wire order and converts only when asked to.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>

namespace weft {

/// An unsigned integer stored big-endian, with alignment 1, so that header structs need no packing.
/// Trivial: may be overlaid on packet bytes. No implicit conversion from or to host order.
template <class T>
class BigEndian {
  public:
    BigEndian() = default;
    constexpr explicit BigEndian(T host) noexcept
        : bytes_(std::bit_cast<std::array<std::uint8_t, sizeof(T)>>(swap(host))) {}

    /// The value in host order.
    [[nodiscard]] constexpr T host() const noexcept { return swap(std::bit_cast<T>(bytes_)); }
    /// The value as it lies in memory, for comparisons that need no swap.
    [[nodiscard]] constexpr T raw() const noexcept { return std::bit_cast<T>(bytes_); }
    static constexpr BigEndian from_raw(T raw) noexcept {
        BigEndian value;
        value.bytes_ = std::bit_cast<std::array<std::uint8_t, sizeof(T)>>(raw);
        return value;
    }
    friend constexpr bool operator==(const BigEndian&, const BigEndian&) = default;

  private:
    static constexpr T swap(T v) noexcept {
        if constexpr (std::endian::native == std::endian::big || sizeof(T) == 1)
            return v;
        else if constexpr (sizeof(T) == 2)
            return __builtin_bswap16(v);
        else if constexpr (sizeof(T) == 4)
            return __builtin_bswap32(v);
        else
            return __builtin_bswap64(v);
    }
    std::array<std::uint8_t, sizeof(T)> bytes_;
};

using be16 = BigEndian<std::uint16_t>;
using be32 = BigEndian<std::uint32_t>;
static_assert(sizeof(be16) == 2 && alignof(be16) == 1 && sizeof(be32) == 4 && alignof(be32) == 1);

}  // namespace weft
