#include "weft/lpm.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <vector>

#include "tests/unit/lpm_reference.hpp"
#include "weft/lpm_lanes.hpp"

namespace weft::test {
namespace {

/// Sixteen lanes without a vector: what find4_in_lanes and find16_in_lanes do does not depend on the CPU.
struct PlainLanes {
    using Words = std::array<std::uint32_t, 16>;
    using Mask = std::uint32_t;
    static constexpr Mask every = 0xffff;

    template <class F>
    static Words map(F f) {
        Words out;
        for (unsigned i = 0; i < 16; ++i)
            out[i] = f(i);
        return out;
    }
    static Words all(std::uint32_t value) {
        return map([=](unsigned) { return value; });
    }
    static Words load(const std::uint32_t* from) {
        return map([=](unsigned i) { return from[i]; });
    }
    static void store(std::uint32_t* to, const Words& words) { std::copy(words.begin(), words.end(), to); }
    static Words both(const Words& a, const Words& b) {
        return map([&](unsigned i) { return a[i] & b[i]; });
    }
    static Words either(const Words& a, const Words& b) {
        return map([&](unsigned i) { return a[i] | b[i]; });
    }
    static Words shift_left(const Words& a, unsigned n) {
        return map([&](unsigned i) { return a[i] << n; });
    }
    static Words shift_right(const Words& a, unsigned n) {
        return map([&](unsigned i) { return a[i] >> n; });
    }
    static Words swap_bytes(const Words& a) {
        return map([&](unsigned i) { return __builtin_bswap32(a[i]); });
    }
    static Words each_fourth() {
        return map([](unsigned i) { return 4 * i; });
    }
    static Words gather(Mask mask, const Words& otherwise, const std::uint32_t* base, const Words& index) {
        return map([&](unsigned i) {
            return mask >> i & 1 ? base[static_cast<std::int32_t>(index[i])] : otherwise[i];
        });
    }
    static Mask negative(const Words& a) {
        Mask mask = 0;
        for (unsigned i = 0; i < 16; ++i)
            mask |= (a[i] >> 31) << i;
        return mask;
    }
    static Words where_zero(const Words& a, std::uint32_t value, const Words& otherwise) {
        return map([&](unsigned i) { return a[i] == 0 ? value : otherwise[i]; });
    }
};

bool has_vectors() {
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq");
#else
    return false;
#endif
}

/// All ways to look up 64 addresses.
template <unsigned bytes>
std::vector<std::vector<HopIndex>> every_way(const Lpm<bytes>& lpm, HopIndex default_hop,
                                             const std::vector<LpmKey<bytes>>& addresses) {
    const auto n = static_cast<unsigned>(addresses.size());
    std::vector<std::vector<HopIndex>> all(6, std::vector<HopIndex>(n));
    for (unsigned i = 0; i < n; ++i)
        all[0][i] = lpm.find(addresses[i]);
    lpm.find(addresses.data(), all[1].data(), n);
    lpm.find_scalar(addresses.data(), all[2].data(), n);
    // a burst that is no multiple of sixteen
    lpm.find(addresses.data(), all[3].data(), n - 5);
    lpm.find(addresses.data() + n - 5, all[3].data() + n - 5, 5);
    const LpmView view = lpm.view();
    EXPECT_EQ(view.default_hop, default_hop);
    if constexpr (bytes == 4)
        find4_in_lanes<PlainLanes>(view, addresses.data(), all[4].data(), n);
    else
        find16_in_lanes<PlainLanes>(view, addresses.data(), all[4].data(), n);
    all[5] = all[4];
    // TSan does not see a gather.
    if (!has_vectors()) return all;
    if constexpr (bytes == 4)
        find4_avx512(view, addresses.data(), all[5].data(), n);
    else
        find16_avx512(view, addresses.data(), all[5].data(), n);
    return all;
}

template <class Family>
class LpmTest : public testing::Test {};
template <unsigned n>
struct Bytes {
    static constexpr unsigned count = n;
};
using Families = testing::Types<Bytes<4>, Bytes<16>>;
struct FamilyName {
    template <class Family>
    static std::string GetName(int) {
        return Family::count == 4 ? "Ipv4" : "Ipv6";
    }
};
TYPED_TEST_SUITE(LpmTest, Families, FamilyName);

TYPED_TEST(LpmTest, EmptyFindsNothing) {
    const Lpm<TypeParam::count> lpm(0);
    EXPECT_EQ(lpm.find({}), no_hop);
    EXPECT_EQ(lpm.groups_in_use(), 0u);
    EXPECT_FALSE(lpm.has_unlinked());
}

TYPED_TEST(LpmTest, TheDefaultRouteNeedsNoTable) {
    Lpm<TypeParam::count> lpm(0);
    const std::size_t before = lpm.bytes_touched();
    ASSERT_TRUE(lpm.add({}, 0, 7));
    EXPECT_EQ(lpm.find({1, 2, 3, 4}), 7u);
    EXPECT_EQ(lpm.bytes_touched(), before);
    ASSERT_TRUE(lpm.add({}, 0, 8));
    EXPECT_EQ(lpm.find({1, 2, 3, 4}), 8u);
    lpm.remove({}, 0, no_hop, 0);
    EXPECT_EQ(lpm.find({1, 2, 3, 4}), no_hop);
}

TYPED_TEST(LpmTest, TheLargestHopAndTheLongestPrefix) {
    constexpr unsigned bytes = TypeParam::count;
    Lpm<bytes> lpm(16);
    LpmKey<bytes> host;
    host.fill(0xff);
    ASSERT_TRUE(lpm.add(host, 8 * bytes, LpmWord::value_mask));
    EXPECT_EQ(lpm.find(host), LpmWord::value_mask);
    host[bytes - 1] = 0xfe;
    EXPECT_EQ(lpm.find(host), no_hop);
    EXPECT_EQ(lpm.groups_in_use(), bytes - 3);
}

// Random prefixes of every length in each other: added, given other hops, removed; then as many look-ups.
TYPED_TEST(LpmTest, EqualsTheReference) {
    constexpr unsigned bytes = TypeParam::count;
    for (unsigned seed = 1; seed <= 3; ++seed) {
        std::mt19937 random(seed);
        Lpm<bytes> lpm(20'000);
        ReferenceLpm<bytes> reference;
        for (unsigned step = 0; step < 1200; ++step) {
            const auto prefix = crowded_address<bytes>(random);
            // 0 and the full length come often; up to 24 bits as often as more
            const unsigned kind = random() % 8;
            const unsigned length = kind == 0   ? 0
                                    : kind == 1 ? 8 * bytes
                                    : kind < 4  ? 9 + random() % 16
                                                : 1 + random() % (8 * bytes);
            const bool known = reference.covering(prefix, length + 1).length == length &&
                               reference.covering(prefix, length + 1).hop != no_hop;
            if (known && random() % 2) {
                const auto covering = reference.covering(prefix, length);
                lpm.remove(prefix, length, covering.hop, covering.length);
                reference.remove(prefix, length);
            } else {
                const HopIndex hop = 1 + random() % 5;
                ASSERT_TRUE(lpm.add(prefix, length, hop));
                reference.add(prefix, length, hop);
            }
            if (step % 16) continue;
            lpm.reclaim();
            std::vector<LpmKey<bytes>> addresses;
            for (unsigned i = 0; i < batch_size; ++i)
                addresses.push_back(crowded_address<bytes>(random));
            std::vector<HopIndex> wanted;
            for (const auto& address : addresses)
                wanted.push_back(reference.find(address));
            unsigned way = 0;
            for (const auto& got : every_way<bytes>(lpm, reference.covering({}, 1).hop, addresses))
                ASSERT_EQ(got, wanted) << "seed " << seed << " step " << step << " way " << way++;
        }
        // All of them removed in any order: the table is empty again, and no group is lost.
        std::vector<std::pair<unsigned, LpmKey<bytes>>> left;
        for (const auto& [prefix, hop] : reference.routes())
            left.push_back(prefix);
        std::shuffle(left.begin(), left.end(), random);
        for (const auto& [length, prefix] : left) {
            const auto covering = reference.covering(prefix, length);
            lpm.remove(prefix, length, covering.hop, covering.length);
            reference.remove(prefix, length);
        }
        EXPECT_EQ(lpm.groups_in_use(), 0u);
        for (unsigned i = 0; i < 1000; ++i)
            ASSERT_EQ(lpm.find(crowded_address<bytes>(random)), no_hop);
    }
}

// Where a group goes with its last prefix, what covered that one holds for the whole of it.
TYPED_TEST(LpmTest, HostRoutesComeAndGo) {
    constexpr unsigned bytes = TypeParam::count;
    Lpm<bytes> lpm(64);
    const LpmKey<bytes> net{10, 1, 2, 0}, host{10, 1, 2, 9}, other{10, 1, 2, 200};
    ASSERT_TRUE(lpm.add(net, 24, 3));
    ASSERT_TRUE(lpm.add(host, 8 * bytes, 4));
    ASSERT_TRUE(lpm.add(other, 8 * bytes, 5));
    EXPECT_EQ(lpm.find(host), 4u);
    ASSERT_TRUE(lpm.add(net, 24, 6));
    lpm.remove(host, 8 * bytes, 6, 24);
    EXPECT_EQ(lpm.find(host), 6u);
    EXPECT_EQ(lpm.find(other), 5u);
    lpm.remove(other, 8 * bytes, 6, 24);
    EXPECT_EQ(lpm.find(other), 6u);
    EXPECT_EQ(lpm.groups_in_use(), 0u);
    lpm.remove(net, 24, no_hop, 0);
    EXPECT_EQ(lpm.find(other), no_hop);
}

// Two halves of a group leave nothing to be covered, yet the group stays: it is of two prefixes.
TYPED_TEST(LpmTest, HalvesWithOneHopAreTwoPrefixes) {
    constexpr unsigned bytes = TypeParam::count;
    Lpm<bytes> lpm(1);
    const LpmKey<bytes> low{10, 1, 2, 0}, high{10, 1, 2, 128};
    ASSERT_TRUE(lpm.add(low, 25, 3));
    ASSERT_TRUE(lpm.add(high, 25, 3));
    ASSERT_TRUE(lpm.add(low, 24, 4));
    EXPECT_EQ(lpm.find(low), 3u);
    lpm.remove(low, 25, 4, 24);
    EXPECT_EQ(lpm.find(low), 4u);
    EXPECT_EQ(lpm.find(high), 3u);
    lpm.remove(high, 25, 4, 24);
    EXPECT_EQ(lpm.find(high), 4u);
    EXPECT_EQ(lpm.groups_in_use(), 0u);
}

TYPED_TEST(LpmTest, GroupsAreUsedAgainOnlyAfterReclaim) {
    constexpr unsigned bytes = TypeParam::count;
    Lpm<bytes> lpm(1);
    const LpmKey<bytes> one{10, 1, 2, 0}, two{10, 1, 3, 0};
    ASSERT_TRUE(lpm.add(one, 30, 3));
    EXPECT_FALSE(lpm.add(two, 30, 4));
    lpm.remove(one, 30, no_hop, 0);
    EXPECT_TRUE(lpm.has_unlinked());
    EXPECT_EQ(lpm.groups_in_use(), 0u);
    EXPECT_FALSE(lpm.add(two, 30, 4)) << "a reader may still be in it";
    EXPECT_EQ(lpm.find(two), no_hop);
    lpm.reclaim();
    EXPECT_FALSE(lpm.has_unlinked());
    ASSERT_TRUE(lpm.add(two, 30, 4));
    EXPECT_EQ(lpm.find(two), 4u);
    EXPECT_EQ(lpm.find(one), no_hop);
}

TYPED_TEST(LpmTest, ExhaustionChangesNothing) {
    constexpr unsigned bytes = TypeParam::count;
    constexpr std::uint32_t groups = bytes == 4 ? 8 : 8 * 13 - 1;
    Lpm<bytes> lpm(groups);
    ASSERT_TRUE(lpm.add({}, 0, 9));
    ASSERT_TRUE(lpm.add({10}, 8, 8));
    std::uint8_t made = 0;
    for (;; ++made) {
        LpmKey<bytes> host{10, 0, made, 1};
        if (!lpm.add(host, 8 * bytes, made + 1u)) break;
        ASSERT_LT(made, 16);
    }
    EXPECT_EQ(made, groups / (bytes - 3));
    const std::uint32_t used = lpm.groups_in_use();
    for (std::uint8_t k = 0; k < 32; ++k) {
        EXPECT_EQ(lpm.find({10, 0, k, 1}), k < made ? k + 1u : 8u);
        EXPECT_EQ(lpm.find({10, 0, k, 2}), 8u);
        EXPECT_EQ(lpm.find({11, 0, k, 1}), 9u);
    }
    EXPECT_EQ(lpm.groups_in_use(), used);
    // What needs no group still works, and so does a prefix in a group that is there.
    EXPECT_TRUE(lpm.add({10, 0, 77}, 24, 5));
    EXPECT_EQ(lpm.find({10, 0, 77, 1}), 5u);
    EXPECT_TRUE(lpm.add({10, 0, 0, 128}, 25, 6));
    EXPECT_EQ(lpm.find({10, 0, 0, 200}), 6u);
}

TYPED_TEST(LpmTest, RemovingWhatIsNotThereChangesNothing) {
    constexpr unsigned bytes = TypeParam::count;
    Lpm<bytes> lpm(16);
    ASSERT_TRUE(lpm.add({10}, 8, 3));
    ASSERT_TRUE(lpm.add({10, 1, 2, 128}, 25, 4));
    for (unsigned length = 1; length <= 8 * bytes; ++length) {
        if (length == 8 || length == 25) continue;
        lpm.remove({10, 1, 2, 129}, length, no_hop, 0);
        EXPECT_EQ(lpm.find({10, 1, 2, 1}), 3u) << length;
        EXPECT_EQ(lpm.find({10, 1, 2, 129}), 4u) << length;
    }
    EXPECT_EQ(lpm.groups_in_use(), 1u);
}

/// KiB of this process that are resident.
std::size_t resident() {
    std::ifstream statm("/proc/self/statm");
    std::size_t size = 0, pages = 0;
    statm >> size >> pages;
    return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) / 1024;
}

// An idle router has a table for each family with some addresses, networks and neighbours.
TYPED_TEST(LpmTest, AFewRoutesCostLittleMemory) {
    constexpr unsigned bytes = TypeParam::count;
    const std::size_t before = resident();
    Lpm<bytes> lpm(1 << 20);
    ASSERT_TRUE(lpm.add({}, 0, 1));
    for (std::uint8_t net = 0; net < 16; ++net) {
        ASSERT_TRUE(lpm.add({10, net}, 24, 2));
        ASSERT_TRUE(lpm.add({10, net, 0, 1}, 8 * bytes, 3));
    }
    ASSERT_TRUE(lpm.add({127}, 8, 4));
    // two huge pages, of 127/8 and of the groups
    EXPECT_LT(resident() - before, 5000u) << "KiB";
    EXPECT_LT(lpm.bytes_touched(), 5'000'000u);
    // What is only read costs nothing.
    for (unsigned first = 0; first < 256; ++first)
        EXPECT_EQ(lpm.find({static_cast<std::uint8_t>(first), 77}), first == 127 ? 4u : 1u);
    EXPECT_LT(resident() - before, 5000u) << "KiB";
}

// The words at the ends of the regions that are read as one empty word until something is written there, with
// all ways to look up.
TYPED_TEST(LpmTest, RegionsAreReadFromTheirFirstRouteOn) {
    constexpr unsigned bytes = TypeParam::count;
    const auto at = [](std::uint32_t first) {
        return LpmKey<bytes>{static_cast<std::uint8_t>(first >> 16), static_cast<std::uint8_t>(first >> 8),
                             static_cast<std::uint8_t>(first)};
    };
    constexpr std::uint32_t region = 1 << LpmStore::region_bits;
    std::vector<LpmKey<bytes>> addresses;
    for (std::uint32_t k = 0; k < 16; ++k)
        for (const std::uint32_t edge :
             {k * region, (k + 1) * region - 1, (1024 - k) * region - 1, k * 64 * region})
            addresses.push_back(at(edge));
    Lpm<bytes> lpm(0);
    ASSERT_TRUE(lpm.add({}, 0, 1));
    const auto expect = [&](const auto& wanted) {
        for (const auto& way : every_way<bytes>(lpm, 1, addresses))
            for (std::size_t i = 0; i < addresses.size(); ++i)
                ASSERT_EQ(way[i], wanted(addresses[i])) << testing::PrintToString(addresses[i]);
    };
    expect([](const auto&) { return 1u; });
    // the last word of a region, the first of the next, and the last of all
    for (const std::uint32_t first : {3 * region - 1, 5 * region, LpmStore::first_size - 1})
        ASSERT_TRUE(lpm.add(at(first), 24, 3 + first / 4));
    ASSERT_TRUE(lpm.add(at(6 * region), 9, 2));  // over two regions
    expect([&](const auto& address) -> HopIndex {
        const std::uint32_t first = address[0] << 16 | address[1] << 8 | address[2];
        if (first == 3 * region - 1 || first == 5 * region || first == LpmStore::first_size - 1)
            return 3 + first / 4;
        return first / (2 * region) == 3 ? 2 : 1;
    });
}

// Where many words are written huge pages take the place of ordinary ones: with what those held.
TYPED_TEST(LpmTest, LargeTablesKeepTheirWords) {
    constexpr unsigned bytes = TypeParam::count;
    Lpm<bytes> lpm(4000);
    for (unsigned n = 0; n < 4000; ++n) {
        const auto high = static_cast<std::uint8_t>(n >> 8), low = static_cast<std::uint8_t>(n);
        ASSERT_TRUE(lpm.add({low, high, 5, 1}, 31, 1 + n));
        ASSERT_TRUE(lpm.add({low, 200, high}, 24, 10'000 + n));
    }
    for (unsigned n = 0; n < 4000; ++n) {
        const auto high = static_cast<std::uint8_t>(n >> 8), low = static_cast<std::uint8_t>(n);
        ASSERT_EQ(lpm.find({low, high, 5, 1}), 1 + n);
        ASSERT_EQ(lpm.find({low, high, 5, 2}), no_hop);
        ASSERT_EQ(lpm.find({low, 200, high, 9}), 10'000 + n);
    }
    EXPECT_EQ(lpm.groups_in_use(), 4000u);
}

}  // namespace
}  // namespace weft::test
