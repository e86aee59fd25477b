// A route that changes is noticed wherever it may lead elsewhere now, and little else is disturbed.
#include "weft/route_regions.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace weft::test {
namespace {

template <unsigned bytes>
void check(unsigned seed, unsigned least) {
    std::mt19937 random(seed);
    const auto regions = std::make_unique<RouteRegions<bytes>>();
    for (unsigned i = 0; i < 3000; ++i) {
        std::array<std::uint8_t, bytes> prefix{}, inside;
        const unsigned length = least + random() % (8 * bytes + 1 - least);
        for (std::size_t n = 0; n < bytes; ++n) {
            inside[n] = static_cast<std::uint8_t>(random());
            const unsigned kept = std::min(8u, length > 8 * n ? length - static_cast<unsigned>(8 * n) : 0);
            prefix[n] = static_cast<std::uint8_t>(inside[n] & 0xff00 >> kept);
        }
        const unsigned region = RouteRegions<bytes>::of(&inside);
        const std::uint32_t before = regions->generation(region);
        regions->raise(&prefix, length);
        ASSERT_EQ(regions->generation(region), before + 1) << "length " << length;
    }
}

TEST(RouteRegions, EveryAddressOfThePrefixIsTold) {
    check<4>(1, 0);
    check<16>(2, 0);
}

TEST(RouteRegions, OthersAreNot) {
    const auto v4 = std::make_unique<RouteRegions<4>>();
    const std::uint8_t prefix[] = {10, 16, 0, 0}, outside[] = {10, 15, 255, 255}, inside[] = {10, 31, 0, 0};
    v4->raise(prefix, 12);
    EXPECT_EQ(v4->generation(RouteRegions<4>::of(outside)), 0u);
    EXPECT_EQ(v4->generation(RouteRegions<4>::of(inside)), 1u);
    const auto v6 = std::make_unique<RouteRegions<16>>();
    std::uint8_t net[16] = {0x20, 1, 0xd, 0xb8}, other[16] = {0x20, 1, 0xd, 0xb9};
    v6->raise(net, 48);
    EXPECT_EQ(v6->generation(RouteRegions<16>::of(other)), 0u);
    EXPECT_EQ(v6->generation(RouteRegions<16>::of(net)), 1u);
}

TEST(RouteRegions, AChangeInBetweenIsNoticed) {
    const auto changes = std::make_unique<RouteChanges>();
    const std::uint8_t prefix[] = {10, 0, 0, 0};
    const std::uint32_t before = changes->ended();
    EXPECT_TRUE(changes->none_since(before));
    changes->begin();
    EXPECT_FALSE(changes->none_since(before)) << "it has begun";
    EXPECT_EQ(changes->ended(), before);
    changes->end<4>(prefix, 8);
    EXPECT_FALSE(changes->none_since(before));
    EXPECT_TRUE(changes->none_since(changes->ended()));
}

}  // namespace
}  // namespace weft::test
