// Routing tables as they are in the Internet: how long prefixes are and how they lie in each other, by
// distributions of public BGP tables; which ones is random.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include "weft/lpm.hpp"

namespace weft::perf {

template <unsigned bytes>
struct TestRoute {
    typename Lpm<bytes>::Key prefix;
    unsigned length;
    friend auto operator<=>(const TestRoute&, const TestRoute&) = default;
};

struct LengthShare {
    unsigned length, percent;
};
inline constexpr LengthShare lengths4[] = {{24, 60}, {23, 10}, {22, 11}, {21, 5}, {20, 5},
                                           {19, 3},  {18, 2},  {17, 1},  {16, 2}, {25, 1}};
inline constexpr LengthShare lengths6[] = {{48, 55}, {32, 15}, {40, 10}, {44, 10}, {64, 10}};

template <unsigned bytes>
void keep_bits(typename Lpm<bytes>::Key& key, unsigned length) {
    for (unsigned i = 0; i < bytes; ++i) {
        const unsigned kept = length > 8 * i ? std::min(8U, length - 8 * i) : 0;
        key[i] &= static_cast<std::uint8_t>(0xff00 >> kept);
    }
}

/// Random bits; of IPv6 within one of 20,000 allocations of a registry.
template <unsigned bytes>
typename Lpm<bytes>::Key random_key(std::mt19937_64& random) {
    typename Lpm<bytes>::Key key;
    for (auto& byte : key)
        byte = static_cast<std::uint8_t>(random());
    if constexpr (bytes == 4) {
        key[0] = static_cast<std::uint8_t>(1 + random() % 222);
        if (key[0] == 127) key[0] = 126;
    } else {
        constexpr std::uint8_t registries[] = {0x24, 0x26, 0x28, 0x2a, 0x2c, 0x20};
        std::mt19937 allocation(static_cast<std::uint32_t>(random() % 20'000));
        const std::uint32_t bits = allocation();
        key[0] = registries[bits % 6];
        key[1] = static_cast<std::uint8_t>(bits >> 3 & 0x0f);
        key[2] = static_cast<std::uint8_t>(bits >> 8);
        key[3] = static_cast<std::uint8_t>(bits >> 16);
    }
    return key;
}

/// `count` different prefixes in random order, the same at each call.
template <unsigned bytes>
std::vector<TestRoute<bytes>> random_routes(std::size_t count) {
    std::mt19937_64 random(bytes);
    std::set<TestRoute<bytes>> seen;
    std::vector<TestRoute<bytes>> routes;
    const auto draw_length = [&](const auto& shares) {
        auto draw = static_cast<unsigned>(random() % 100);
        for (const auto& share : shares) {
            if (draw < share.percent) return share.length;
            draw -= share.percent;
        }
        return shares[0].length;
    };
    while (routes.size() < count) {
        TestRoute<bytes> route{random_key<bytes>(random), 0};
        if constexpr (bytes == 4)
            route.length = draw_length(lengths4);
        else
            route.length = draw_length(lengths6);
        keep_bits<bytes>(route.prefix, route.length);
        if (seen.insert(route).second) routes.push_back(route);
    }
    return routes;
}

/// Addresses within random ones of the routes.
template <unsigned bytes>
std::vector<typename Lpm<bytes>::Key> random_destinations(const std::vector<TestRoute<bytes>>& routes,
                                                          std::size_t count) {
    std::mt19937_64 random(99);
    std::vector<typename Lpm<bytes>::Key> keys(count);
    for (auto& key : keys) {
        const TestRoute<bytes>& route = routes[random() % routes.size()];
        key = random_key<bytes>(random);
        for (unsigned i = 0; i < bytes; ++i) {
            const unsigned kept = route.length > 8 * i ? std::min(8U, route.length - 8 * i) : 0;
            const auto mask = static_cast<std::uint8_t>(0xff00 >> kept);
            key[i] = static_cast<std::uint8_t>((key[i] & ~mask) | (route.prefix[i] & mask));
        }
    }
    return keys;
}

}  // namespace weft::perf
