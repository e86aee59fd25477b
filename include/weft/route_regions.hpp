// What has changed of routes, by region of their destinations: who keeps the answer of a look-up need not ask
// again because a route far away changed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>

#include "weft/net/byte_order.hpp"

namespace weft {

/// Of one family. A region of IPv4 is 2^20 addresses; of IPv6 what has the same first 32 bits, and whatever
/// shares their hash. Any thread reads, one writes. 16 KiB.
template <unsigned bytes>
class RouteRegions {
  public:
    static constexpr unsigned region_bits = 12, count = 1 << region_bits;
    static constexpr unsigned told_apart = bytes == 4 ? region_bits : 32;  ///< bits of an address that tell

    /// The region of an address in network order.
    [[nodiscard]] static unsigned of(const void* address) noexcept {
        std::uint32_t raw;
        std::memcpy(&raw, address, sizeof raw);
        const std::uint32_t first = __builtin_bswap32(raw);
        return (bytes == 4 ? first : first * 0x9e37'79b1u) >> (32 - region_bits);
    }
    /// Another one whenever an address of the region may lead elsewhere.
    [[nodiscard]] std::uint32_t generation(unsigned region) const noexcept {
        return generation_[region].load(std::memory_order_acquire);
    }
    /// A route of this prefix has changed. `length` in bits.
    void raise(const void* prefix, unsigned length) noexcept {
        if (length >= told_apart) return raise(of(prefix));
        // All that begin as it does; of hashes nobody knows which.
        const unsigned first = bytes == 4 ? of(prefix) : 0;
        const unsigned span = bytes == 4 ? count >> length : count;
        for (unsigned region = first; region < first + span; ++region)
            raise(region);
    }

  private:
    void raise(unsigned region) noexcept {
        auto& of = generation_[region];
        of.store(of.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    alignas(64) std::array<std::atomic<std::uint32_t>, count> generation_{};
};

/// Of both families, and how many changes there have been, so that who looks a route up and asks for the
/// region afterwards can tell whether one came in between.
class RouteChanges {
  public:
    /// Before workers can see the change of a route, and after it.
    void begin() noexcept {
        begun_.store(begun_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    template <unsigned bytes>
    void end(const void* prefix, unsigned length) noexcept {
        if constexpr (bytes == 4)
            v4.raise(prefix, length);
        else
            v6.raise(prefix, length);
        ended_.store(begun_.load(std::memory_order_relaxed), std::memory_order_release);
    }
    /// To be kept before a look-up …
    [[nodiscard]] std::uint32_t ended() const noexcept { return ended_.load(std::memory_order_acquire); }
    /// … and asked after generation(): true if that is the one under which the route was looked up.
    [[nodiscard]] bool none_since(std::uint32_t kept) const noexcept {
        return begun_.load(std::memory_order_acquire) == kept;
    }

    RouteRegions<4> v4;
    RouteRegions<16> v6;

  private:
    alignas(64) std::atomic<std::uint32_t> begun_{0}, ended_{0};
};

}  // namespace weft
