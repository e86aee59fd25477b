// A fuzzer's bytes, taken one decision at a time; when they are used up every decision is zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

namespace weft::fuzz {

class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) noexcept : rest_(data, size) {}

    /// The next bytes as a plain value in the machine's byte order.
    template <class T>
    [[nodiscard]] T take() noexcept {
        T value{};
        const std::size_t n = rest_.size() < sizeof value ? rest_.size() : sizeof value;
        std::memcpy(&value, rest_.data(), n);
        rest_ = rest_.subspan(n);
        return value;
    }
    [[nodiscard]] std::uint8_t byte() noexcept { return take<std::uint8_t>(); }
    [[nodiscard]] std::span<const std::uint8_t> rest() const noexcept { return rest_; }

  private:
    std::span<const std::uint8_t> rest_;
};

/// Ends the fuzzer with a sentence if what must hold does not; libFuzzer keeps the input.
inline void require(bool holds, const char* what) noexcept {
    if (holds) return;
    std::fprintf(stderr, "does not hold: %s\n", what);
    std::abort();
}

}  // namespace weft::fuzz
