// The hash of a tuple: multiplied and folded with secret words, so that nobody outside can tell which tuples
// meet in a bucket.
#pragma once

#include <cstdint>
#include <cstring>

#include "dataplane/flow/tuple.hpp"

namespace weft {

/// Immutable after construction, so any thread may call it. Two wide multiplications for IPv4, four for IPv6.
class FlowHash {
  public:
    /// 128 bits that nobody outside knows, drawn anew at each start.
    constexpr FlowHash(std::uint64_t secret_lo, std::uint64_t secret_hi) noexcept {
        std::uint64_t state = secret_lo;
        for (auto& word : secret_) {
            state = fold(state ^ 0x9e37'79b9'7f4a'7c15, secret_hi ^ 0xd6e8'feb8'6659'fd93) + secret_lo;
            secret_hi = (secret_hi ^ state) * 0xda94'2042'e4dd'58b5 + 1;
            word = state ^ secret_hi;
        }
    }

    /// `hint`: the zone where it is known from the packet's interface alone, otherwise 0; a connection is
    /// only found with the hint that it was entered with.
    [[nodiscard]] std::uint64_t operator()(const Tuple4& tuple, std::uint8_t protocol,
                                           FlowZone hint = 0) const noexcept {
        return finish(word(&tuple, 0), ports(tuple), protocol, hint);
    }
    [[nodiscard]] std::uint64_t operator()(const Tuple6& tuple, std::uint8_t protocol,
                                           FlowZone hint = 0) const noexcept {
        const std::uint64_t source = fold(word(&tuple, 0) ^ secret_[2], word(&tuple, 8) ^ secret_[3]);
        const std::uint64_t destination = fold(word(&tuple, 16) ^ secret_[4], word(&tuple, 24) ^ secret_[5]);
        return finish(source + (destination ^ destination << 1), ports(tuple), protocol, hint);
    }

  private:
    [[nodiscard]] std::uint64_t finish(std::uint64_t addresses, std::uint32_t ports, std::uint8_t protocol,
                                       FlowZone hint) const noexcept {
        const std::uint64_t rest =
            std::uint64_t{ports} << 32 | std::uint64_t{hint} << 8 | std::uint64_t{protocol};
        const std::uint64_t both = fold(addresses ^ secret_[0], rest ^ secret_[1]);
        return fold(both ^ addresses, secret_[6] + rest);
    }
    static constexpr std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
        __extension__ using Wide = unsigned __int128;
        const Wide product = Wide{a} * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    }
    template <class Tuple>
    static std::uint64_t word(const Tuple* tuple, std::size_t at) noexcept {
        std::uint64_t eight;
        std::memcpy(&eight, reinterpret_cast<const std::byte*>(tuple) + at, sizeof eight);
        return eight;
    }
    template <class Tuple>
    static std::uint32_t ports(const Tuple& tuple) noexcept {
        return tuple.source_port.raw() | std::uint32_t{tuple.destination_port.raw()} << 16;
    }

    std::uint64_t secret_[7] = {};
};

}  // namespace weft
