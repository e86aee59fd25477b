#include "dataplane/bridge/fdb.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <unordered_map>
#include <vector>

namespace weft {

/// So that a failing comparison says the word.
void PrintTo(Learned learned, std::ostream* out) {
    static constexpr const char* names[] = {"known", "refreshed", "added",      "moved",        "held",
                                            "own",   "fixed",     "port_limit", "bridge_limit", "full"};
    *out << names[static_cast<unsigned>(learned)];
}

namespace {

constexpr FdbDomain blue = 7, red = 8;
constexpr BridgeIndex br0 = 0, br1 = 1;
constexpr FdbLimits unlimited{0, 0};
constexpr std::uint64_t secret_lo = 0x1122'3344'5566'7788, secret_hi = 0x99aa'bbcc'ddee'ff00;

FdbKey64 key_of(const char* mac, FdbDomain domain = blue) {
    return fdb_key(parse_mac(mac)->raw(), domain);
}
const FdbKey64 ann = key_of("02:00:00:00:00:01"), bob = key_of("02:00:00:00:00:02"),
               eve = key_of("02:00:00:00:00:03");

/// A table and a frame's arrival in short.
struct Table : Fdb {
    explicit Table(std::uint32_t capacity = 1000) : Fdb(capacity, secret_lo, secret_hi) {}
    Learned hear(FdbKey64 key, BridgePortIndex port, std::uint32_t now = 100, FdbLimits limits = unlimited,
                 BridgeIndex bridge = br0) {
        return learn(key, hash(key), port, bridge, now, limits);
    }
    /// -1: not found
    int port_of(FdbKey64 key) const {
        const auto hit = find(key);
        return hit.found ? hit.port : -1;
    }
    std::map<FdbKey64, Entry> entries(std::uint32_t now) const {
        std::map<FdbKey64, Entry> all;
        for_each(now, [&](const Entry& e) { all.emplace(e.key, e); });
        return all;
    }
    std::size_t age(std::uint32_t now, std::uint32_t ageing_time) {
        return remove_if(
            now, [=](const Entry& e) { return e.is_dynamic() && ageing_time && e.age >= ageing_time; });
    }
};

TEST(BridgeFdb, KeyHoldsTheMacBelowTheDomain) {
    EXPECT_EQ(to_string(fdb_mac(ann)), "02:00:00:00:00:01");
    EXPECT_EQ(fdb_domain(ann), blue);
    EXPECT_NE(ann, key_of("02:00:00:00:00:01", red));
}

TEST(BridgeFdb, HashCanBeUndone) {
    std::mt19937_64 random(1);
    for (const std::uint64_t lo : {std::uint64_t{0}, std::uint64_t{1}, secret_lo}) {
        const FdbHash hash(lo, ~lo);
        for (int i = 0; i < 1000; ++i) {
            const auto key = random();
            ASSERT_EQ(hash.undo(hash(key)), key);
        }
    }
}

TEST(BridgeFdb, LearnsOnceThenKnows) {
    Table fdb;
    EXPECT_FALSE(fdb.find(ann).found);
    EXPECT_EQ(fdb.hear(ann, 3, 100), Learned::added);
    EXPECT_EQ(fdb.hear(ann, 3, 100), Learned::known);
    EXPECT_EQ(fdb.hear(ann, 3, 101), Learned::refreshed);
    EXPECT_EQ(fdb.port_of(ann), 3);
    EXPECT_EQ(fdb.find(ann).flags, FdbFlags::learned);
    EXPECT_FALSE(fdb.find(bob).found);
    EXPECT_EQ(fdb.size(), 1U);
}

TEST(BridgeFdb, TheSameMacInAnotherDomainIsAnotherStation) {
    Table fdb;
    fdb.hear(ann, 3);
    const auto red_ann = key_of("02:00:00:00:00:01", red);
    EXPECT_EQ(fdb.port_of(red_ann), -1);
    EXPECT_EQ(fdb.hear(red_ann, 4, 100, unlimited, br1), Learned::added);
    EXPECT_EQ(fdb.port_of(ann), 3);
    EXPECT_EQ(fdb.port_of(red_ann), 4);
    EXPECT_EQ(fdb.learned_in(br0), 1U);
    EXPECT_EQ(fdb.learned_in(br1), 1U);
}

TEST(BridgeFdb, PortZeroAndTheGreatestPort) {
    Table fdb;
    EXPECT_EQ(fdb.hear(ann, 0), Learned::added);
    EXPECT_EQ(fdb.hear(bob, FdbWord::max_port), Learned::added);
    EXPECT_EQ(fdb.port_of(ann), 0);
    EXPECT_EQ(fdb.port_of(bob), FdbWord::max_port);
    EXPECT_EQ(fdb.hear(eve, FdbWord::max_port + 1), Learned::full);
    EXPECT_FALSE(fdb.set(eve, FdbWord::max_port + 1, br0, 0, 100));
}

TEST(BridgeFdb, MovesAndTakesTheCountAlong) {
    Table fdb;
    fdb.hear(ann, 3);
    EXPECT_EQ(fdb.hear(ann, 4), Learned::moved);
    EXPECT_EQ(fdb.port_of(ann), 4);
    EXPECT_EQ(fdb.learned_on(3), 0U);
    EXPECT_EQ(fdb.learned_on(4), 1U);
    EXPECT_EQ(fdb.learned_in(br0), 1U);
}

TEST(BridgeFdb, HoldsAStationThatMovesTooOftenUntilTheNextSecond) {
    Table fdb;
    fdb.hear(ann, 1, 100);
    for (unsigned i = 0; i < FdbWord::max_moves; ++i)
        EXPECT_EQ(fdb.hear(ann, i % 2 ? 1 : 2, 100), Learned::moved);
    const int where = fdb.port_of(ann);
    EXPECT_EQ(fdb.hear(ann, 9, 100), Learned::held);
    EXPECT_EQ(fdb.hear(ann, 8, 100), Learned::held);
    EXPECT_EQ(fdb.port_of(ann), where);
    EXPECT_EQ(fdb.holds(), 1U) << "counted once a second, not once a frame";
    EXPECT_EQ(fdb.hear(ann, static_cast<BridgePortIndex>(where), 100), Learned::known);
    EXPECT_EQ(fdb.hear(ann, 9, 101), Learned::moved);
    EXPECT_EQ(fdb.port_of(ann), 9);
}

TEST(BridgeFdb, AFrameOnTheSamePortInANewSecondForgetsTheMoves) {
    Table fdb;
    fdb.hear(ann, 1, 100);
    for (unsigned i = 0; i < FdbWord::max_moves; ++i)
        fdb.hear(ann, i % 2 ? 1 : 2, 100);
    EXPECT_EQ(fdb.hear(ann, 2, 101), Learned::refreshed);
    for (unsigned i = 0; i < FdbWord::max_moves; ++i)
        EXPECT_EQ(fdb.hear(ann, i % 2 ? 2 : 1, 101), Learned::moved);
    EXPECT_EQ(fdb.hear(ann, 7, 101), Learned::held);
    EXPECT_EQ(fdb.holds(), 1U);
}

TEST(BridgeFdb, LocalEntriesAreOurOwn) {
    Table fdb;
    EXPECT_TRUE(fdb.set(ann, no_index, br0, FdbFlags::local, 100));
    EXPECT_TRUE(fdb.find(ann).found);
    EXPECT_EQ(fdb.find(ann).port, no_index);
    EXPECT_EQ(fdb.find(ann).flags, FdbFlags::local);
    EXPECT_EQ(fdb.hear(ann, 3), Learned::own);
    EXPECT_EQ(fdb.find(ann).port, no_index);
    EXPECT_TRUE(fdb.set(bob, 3, br0, FdbFlags::local | FdbFlags::stationary, 100));
    EXPECT_EQ(fdb.hear(bob, 3), Learned::own);
    EXPECT_EQ(fdb.age(5000, 1), 0U);
    EXPECT_TRUE(fdb.remove(ann));
    EXPECT_FALSE(fdb.remove(ann));
}

TEST(BridgeFdb, StaticEntriesDoNotAgeButMoveAsInLinux) {
    Table fdb;
    EXPECT_TRUE(fdb.set(ann, 3, br0, FdbFlags::stationary, 100));
    EXPECT_EQ(fdb.hear(ann, 3, 100), Learned::known);
    EXPECT_EQ(fdb.hear(ann, 3, 105), Learned::known);
    EXPECT_EQ(fdb.hear(ann, 4, 105), Learned::moved);
    EXPECT_EQ(fdb.find(ann).port, 4);
    EXPECT_EQ(fdb.find(ann).flags, FdbFlags::stationary);
    EXPECT_EQ(fdb.age(100'000, 1), 0U);
    EXPECT_EQ(fdb.learned_on(4), 0U);
    for (unsigned i = 1; i < FdbWord::max_moves; ++i)
        EXPECT_EQ(fdb.hear(ann, i % 2 ? 5 : 4, 105), Learned::moved);
    EXPECT_EQ(fdb.hear(ann, 9, 105), Learned::held);
    EXPECT_EQ(fdb.hear(ann, 9, 106), Learned::moved);
    EXPECT_EQ(fdb.find(ann).flags, FdbFlags::stationary);
}

TEST(BridgeFdb, StickyAndBlackholeEntriesStay) {
    Table fdb;
    fdb.set(ann, 3, br0, FdbFlags::stationary | FdbFlags::sticky, 100);
    fdb.set(bob, 3, br0, FdbFlags::blackhole, 100);
    fdb.set(eve, 3, br0, FdbFlags::sticky, 100);
    for (const auto key : {ann, bob, eve}) {
        EXPECT_EQ(fdb.hear(key, 4, 101), Learned::fixed);
        EXPECT_EQ(fdb.port_of(key), 3);
    }
    EXPECT_EQ(fdb.find(ann).flags, FdbFlags::stationary | FdbFlags::sticky);
    EXPECT_EQ(fdb.find(bob).flags, FdbFlags::blackhole);
    EXPECT_EQ(fdb.find(eve).flags, FdbFlags::sticky);
    EXPECT_EQ(fdb.age(400, 300), 0U)
        << "a dynamic sticky entry is refreshed by frames on any port, as in Linux";
    EXPECT_EQ(fdb.age(401, 300), 1U);
    EXPECT_FALSE(fdb.find(eve).found);
}

TEST(BridgeFdb, AgesFromTheLastFrame) {
    Table fdb;
    fdb.hear(ann, 3, 100);
    fdb.hear(bob, 3, 100);
    fdb.hear(ann, 3, 350);
    fdb.set(eve, 3, br0, 0, 100);
    EXPECT_EQ(fdb.entries(399).at(bob).age, 299U);
    EXPECT_EQ(fdb.age(399, 300), 0U);
    EXPECT_EQ(fdb.age(400, 300), 2U);
    EXPECT_EQ(fdb.port_of(ann), 3);
    EXPECT_EQ(fdb.port_of(bob), -1);
    EXPECT_EQ(fdb.age(650, 300), 1U);
    EXPECT_EQ(fdb.size(), 0U);
    EXPECT_EQ(fdb.learned_on(3), 0U);
    EXPECT_EQ(fdb.learned_in(br0), 0U);
    EXPECT_EQ(fdb.hear(ann, 4, 700), Learned::added);
}

TEST(BridgeFdb, AgeingTimeZeroIsNever) {
    Table fdb;
    fdb.hear(ann, 3, 100);
    for (std::uint32_t now = 100; now < 2'000'000; now += 900)
        EXPECT_EQ(fdb.age(now, 0), 0U);
    EXPECT_EQ(fdb.port_of(ann), 3);
    EXPECT_NEAR(fdb.entries(2'000'000).at(ann).age, FdbWord::max_age, 1000) << "as old as can be told";
}

TEST(BridgeFdb, LongAgesAreKeptToAMinute) {
    Table fdb;
    fdb.hear(ann, 3, 5000);
    std::uint32_t gone = 0;
    for (std::uint32_t now = 5000; now < 100'000 && !gone; now += 50)
        if (fdb.age(now, 14'400)) gone = now;
    EXPECT_NEAR(gone, 5000 + 14'400, 2 * FdbWord::coarse_unit);
    fdb.hear(ann, 3, 5000);
    fdb.age(8000, 0);
    EXPECT_EQ(fdb.hear(ann, 3, 9096), Learned::refreshed) << "4096 s later, when the clock looks the same";
    EXPECT_EQ(fdb.entries(9100).at(ann).age, 4U);
}

TEST(BridgeFdb, AWorkerWhoseClockIsBehindNeitherAgesNorWrites) {
    Table fdb;
    fdb.hear(ann, 3, 4096);
    EXPECT_EQ(fdb.hear(ann, 3, 4095), Learned::known);
    EXPECT_EQ(fdb.age(4095, 300), 0U);
    EXPECT_EQ(fdb.age(4095 - 50, 300), 0U);
    EXPECT_EQ(fdb.entries(4095).at(ann).age, 0U);
}

TEST(BridgeFdb, SweepsInSteps) {
    Table fdb(5000);
    for (std::uint64_t i = 0; i < 5000; ++i)
        fdb.hear(fdb_key(2 + i * 256, blue), 1, 100);
    std::size_t removed = 0, steps = 0;
    for (std::size_t first = 0; first < fdb.region_count(); first += 100, ++steps)
        removed += fdb.sweep(500, first, 100, [](const Fdb::Entry& e) { return e.age >= 300; });
    EXPECT_EQ(removed, 5000U);
    EXPECT_GE(steps, 20U);
    std::size_t seen = 0;
    for (std::uint64_t i = 0; i < 5000; ++i)
        fdb.hear(fdb_key(2 + i * 256, blue), 1, 500);
    for (const std::size_t first : {std::size_t{0}, std::size_t{77}, fdb.region_count() - 1}) {
        seen = 0;
        EXPECT_EQ(fdb.sweep(500, first, 2 * fdb.region_count(), [&](const auto&) { return ++seen, false; }),
                  0U);
        EXPECT_EQ(seen, 5000U) << "from region " << first << " on, around the end, none twice";
    }
    const auto half = fdb.region_count() / 2;
    EXPECT_EQ(fdb.sweep(500, half + 10, half, [](const auto&) { return true; }) +
                  fdb.sweep(500, 10, half, [](const auto&) { return true; }),
              5000U);
    EXPECT_EQ(fdb.size(), 0U);
}

TEST(BridgeFdb, FlushesByPortDomainAndBridge) {
    Table fdb;
    const auto red_ann = key_of("02:00:00:00:00:01", red);
    const auto refill = [&] {
        fdb.hear(ann, 3);
        fdb.hear(bob, 4);
        fdb.hear(red_ann, 3, 100, unlimited, br1);
        fdb.set(eve, 3, br0, FdbFlags::stationary, 100);
    };
    refill();
    EXPECT_EQ(fdb.remove_if(100, [](const Fdb::Entry& e) { return e.port == 3 && e.is_dynamic(); }), 2U);
    EXPECT_EQ(fdb.port_of(ann), -1);
    EXPECT_EQ(fdb.port_of(bob), 4);
    EXPECT_EQ(fdb.port_of(eve), 3);
    refill();
    EXPECT_EQ(fdb.remove_if(100, [](const Fdb::Entry& e) { return fdb_domain(e.key) == red; }), 1U);
    EXPECT_EQ(fdb.port_of(red_ann), -1);
    EXPECT_EQ(fdb.port_of(ann), 3);
    refill();
    EXPECT_EQ(fdb.remove_if(100, [](const Fdb::Entry&) { return true; }), 4U);
    EXPECT_EQ(fdb.size(), 0U);
    EXPECT_EQ(fdb.learned_on(3) + fdb.learned_on(4) + fdb.learned_in(br0) + fdb.learned_in(br1), 0U);
}

TEST(BridgeFdb, LearnLimitsOfPortAndBridge) {
    Table fdb;
    const FdbLimits two_on_port{2, 0}, three_in_bridge{0, 3};
    EXPECT_EQ(fdb.hear(ann, 3, 100, two_on_port), Learned::added);
    EXPECT_EQ(fdb.hear(bob, 3, 100, two_on_port), Learned::added);
    EXPECT_EQ(fdb.hear(eve, 3, 100, two_on_port), Learned::port_limit);
    EXPECT_EQ(fdb.port_of(eve), -1);
    EXPECT_EQ(fdb.hear(ann, 3, 101, two_on_port), Learned::refreshed) << "the known ones go on";
    EXPECT_EQ(fdb.hear(eve, 4, 100, two_on_port), Learned::added) << "another port";
    EXPECT_EQ(fdb.hear(eve, 3, 100, two_on_port), Learned::port_limit) << "nor by a move";
    EXPECT_EQ(fdb.port_of(eve), 4);
    const auto more = key_of("02:00:00:00:00:04");
    EXPECT_EQ(fdb.hear(more, 5, 100, three_in_bridge), Learned::bridge_limit);
    EXPECT_EQ(fdb.hear(ann, 5, 101, three_in_bridge), Learned::moved);
    EXPECT_EQ(fdb.hear(key_of("02:00:00:00:00:04", red), 5, 100, three_in_bridge, br1), Learned::added);
    EXPECT_TRUE(fdb.remove(ann));
    EXPECT_EQ(fdb.hear(ann, 3, 101, three_in_bridge), Learned::added);
}

TEST(BridgeFdb, ALimitSetLaterCountsWhatWasLearnedWithoutOne) {
    Table fdb(100'000);
    for (std::uint64_t i = 0; i < 300; ++i)  // of ports that share a worker's record, too
        fdb.hear(fdb_key(2 + i * 256, blue), i % 3 ? 3 : 67);
    EXPECT_EQ(fdb.learned_on(3), 200U);
    EXPECT_EQ(fdb.learned_on(67), 100U);
    EXPECT_EQ(fdb.learned_in(br0), 300U);
    EXPECT_EQ(fdb.size(), 300U);
    EXPECT_EQ(fdb.hear(ann, 3, 100, {200, 0}), Learned::port_limit);
    EXPECT_EQ(fdb.hear(ann, 3, 100, {0, 300}), Learned::bridge_limit);
    EXPECT_EQ(fdb.hear(ann, 3, 100, {201, 301}), Learned::added);
    EXPECT_EQ(fdb.hear(bob, 3, 100, {201, 0}), Learned::port_limit);
    EXPECT_TRUE(fdb.remove(ann));
    EXPECT_EQ(fdb.hear(bob, 3, 100, {201, 301}), Learned::added);
}

TEST(BridgeFdb, WorkersTogetherKeepToALimitExactly) {
    Table fdb(100'000);
    constexpr std::uint32_t before = 100, limit = 1000;
    const auto hear = [&](std::uint64_t first, std::uint64_t count, FdbLimits limits) {
        std::size_t added = 0;
        for (std::uint64_t i = first; i < first + count; ++i)
            added += fdb.hear(fdb_key(2 + i * 256, blue), 3, 100, limits) == Learned::added;
        return added;
    };
    for (const FdbLimits limits : {FdbLimits{limit, 0}, FdbLimits{0, limit}}) {
        std::thread([&] { hear(0, before, unlimited); }).join();
        std::atomic<std::size_t> added{0};
        std::thread other([&] { added += hear(1'000'000, 5000, limits); });
        added += hear(2'000'000, 5000, limits);
        other.join();
        EXPECT_EQ(added.load(), limit - before);
        EXPECT_EQ(fdb.learned_on(3), limit);
        EXPECT_EQ(fdb.learned_in(br0), limit);
        EXPECT_EQ(fdb.size(), limit);
        EXPECT_EQ(fdb.remove_if(100, [](const auto&) { return true; }), limit);
        EXPECT_EQ(fdb.learned_on(3) + fdb.learned_in(br0) + fdb.size(), 0U);
    }
}

TEST(BridgeFdb, OnlyLearnedEntriesCountAgainstLimits) {
    Table fdb;
    const FdbLimits one{1, 1};
    fdb.set(ann, 3, br0, 0, 100);
    fdb.set(bob, 3, br0, FdbFlags::stationary, 100);
    EXPECT_EQ(fdb.hear(eve, 3, 100, one), Learned::added);
    EXPECT_TRUE(fdb.set(eve, 3, br0, FdbFlags::stationary, 100)) << "replaces a learned entry";
    EXPECT_EQ(fdb.learned_on(3), 0U);
    EXPECT_EQ(fdb.learned_in(br0), 0U);
    EXPECT_EQ(fdb.find(eve).flags, FdbFlags::stationary);
    EXPECT_EQ(fdb.size(), 3U);
    EXPECT_EQ(fdb.hear(key_of("02:00:00:00:00:04"), 3, 100, one), Learned::added);
}

TEST(BridgeFdb, FullRefusesStrangersButNotControl) {
    Table fdb(100);
    for (std::uint64_t i = 0; i < 100; ++i)
        EXPECT_EQ(fdb.hear(fdb_key(2 + (i << 8), blue), 1), Learned::added);
    EXPECT_EQ(fdb.hear(ann, 1), Learned::full);
    EXPECT_EQ(fdb.port_of(ann), -1);
    EXPECT_EQ(fdb.learned_on(1), 100U);
    EXPECT_EQ(fdb.learned_in(br0), 100U);
    EXPECT_EQ(fdb.hear(fdb_key(2, blue), 1, 101), Learned::refreshed);
    EXPECT_TRUE(fdb.set(ann, 1, br0, FdbFlags::stationary, 100));
    EXPECT_EQ(fdb.port_of(ann), 1);
    EXPECT_EQ(fdb.size(), 101U);
    EXPECT_EQ(fdb.capacity(), 100U);
}

TEST(BridgeFdbLarge, AMillionEntriesTakeSixteenBytesEach) {
    Table fdb(1'000'000);
    EXPECT_LE(fdb.bytes(), 16'000'000U);
    std::mt19937_64 random(5);
    std::vector<FdbKey64> keys(1'000'000);
    for (auto& key : keys)
        key = fdb_key(random() & 0xffff'ffff'fffe, blue);
    std::size_t full = 0;
    for (const auto key : keys)
        full += fdb.hear(key, static_cast<BridgePortIndex>(key & 1023)) == Learned::full;
    EXPECT_EQ(full, 0U);
    std::size_t wrong = 0;
    for (const auto key : keys)
        wrong += fdb.port_of(key) != static_cast<int>(key & 1023);
    EXPECT_EQ(wrong, 0U);
    const auto shape = fdb.shape();
    EXPECT_EQ(shape.entries, fdb.size());
    EXPECT_LT(shape.in_alternate, shape.entries / 11);
    std::size_t seen = 0;
    fdb.for_each(100, [&](const Fdb::Entry& e) { seen += e.port == (e.key & 1023); });
    EXPECT_EQ(seen, fdb.size());
}

/// The keys of 100,000 stations that somebody chose.
struct Crafted {
    const char* how;
    std::vector<FdbKey64> keys;
};

std::vector<Crafted> crafted() {
    constexpr std::size_t count = 100'000;
    std::vector<Crafted> sets;
    // Against a table whose secret somebody knows: undoing a hash of one's choice gives the key.
    const FdbHash stolen(1, 2);
    Crafted upper{"one bucket's under another secret", {}},
        lower{"equal low halves under another secret", {}};
    for (std::uint64_t i = 0; i < count; ++i) {
        upper.keys.push_back(stolen.undo(i));
        lower.keys.push_back(stolen.undo(i << 32));
    }
    sets.push_back(std::move(upper));
    sets.push_back(std::move(lower));
    for (const unsigned shift : {8U, 16U, 24U, 30U}) {
        Crafted set{"counted up from one bit", {}};
        for (std::uint64_t i = 0; i < count; ++i)
            set.keys.push_back(fdb_key((i << shift & 0xffff'ffff'ff00) | 2, blue));
        sets.push_back(std::move(set));
    }
    // What a CRC or any other linear hash cannot tell apart: sums of 17 keys, all in its kernel or not.
    Crafted linear{"a subspace over GF(2)", {}};
    std::mt19937_64 random(9);
    std::vector<std::uint64_t> basis(17);
    for (auto& b : basis)
        b = random() & 0xffff'ffff'ff00;
    for (std::uint64_t i = 0; i < count; ++i) {
        std::uint64_t mac = 2;
        for (unsigned b = 0; b < basis.size(); ++b)
            mac ^= i >> b & 1 ? basis[b] : 0;
        linear.keys.push_back(fdb_key(mac, blue));
    }
    sets.push_back(std::move(linear));
    return sets;
}

TEST(BridgeFdbLarge, CraftedKeysSpreadUnderASecretTheyWereNotMadeFor) {
    for (auto& set : crafted()) {
        Fdb fdb(100'000, secret_lo, secret_hi);
        std::size_t refused = 0;
        for (const auto key : set.keys)
            refused += fdb.learn(key, fdb.hash(key), 1, br0, 100, unlimited) == Learned::full;
        EXPECT_EQ(refused, 0U) << set.how;
        std::sort(set.keys.begin(), set.keys.end());
        EXPECT_EQ(fdb.size(), std::unique(set.keys.begin(), set.keys.end()) - set.keys.begin()) << set.how;
        const auto shape = fdb.shape();
        // Random keys at this load: about one bucket in 10,000 has more than six at home.
        EXPECT_LT(shape.in_alternate, 200U) << set.how;
        EXPECT_LT(shape.most_overflow, 6U) << set.how;
    }
}

TEST(BridgeFdb, KeysCraftedForAKnownSecretAreRefusedNotChained) {
    const FdbHash stolen(1, 2);
    Fdb fdb(100'000, 1, 2);
    std::size_t added = 0;
    for (std::uint64_t i = 0; i < 1000; ++i) {
        const auto key = stolen.undo(i << 20);
        added += fdb.learn(key, fdb.hash(key), 1, br0, 100, unlimited) == Learned::added;
    }
    EXPECT_GT(added, 500U) << "one home, many alternates";
    for (std::uint64_t i = 0; i < 1000; ++i)
        fdb.remove(stolen.undo(i << 20));
    EXPECT_EQ(fdb.size(), 0U);
    EXPECT_EQ(fdb.shape().entries, 0U);
}

/// Against std::unordered_map; keys are drawn from few so that buckets overflow, entries go back and forth.
TEST(BridgeFdb, DoesWhatAMapDoes) {
    struct Known {
        BridgePortIndex port;
        std::uint32_t seen;
        unsigned moves;
        std::uint8_t flags;
    };
    std::mt19937_64 random(42);
    const FdbHash known(secret_lo, secret_hi);
    std::vector<FdbKey64> keys;
    for (std::uint64_t bucket = 0; bucket < 40; ++bucket)  // 40 neighbouring buckets, 12 keys at home in each
        for (std::uint64_t i = 0; i < 12; ++i)
            keys.push_back(known.undo((bucket << 15 | (i * 2731 & 0x7fff)) << 32 | (random() & 0xffff'ffff)));
    Table fdb(100'000);
    std::unordered_map<FdbKey64, Known> map;
    std::uint32_t now = 1000;
    for (int step = 0; step < 300'000; ++step) {
        const auto key = keys[random() % keys.size()];
        const auto port = static_cast<BridgePortIndex>(random() % 3);
        const auto at = map.find(key);
        const auto action = random() % 100;
        if (action < 70) {
            const auto learned = fdb.hear(key, port, now);
            auto expected = Learned::known;
            if (at == map.end()) {
                expected = Learned::added;
                map[key] = {port, now, 0, FdbFlags::learned};
            } else if (auto& it = at->second; it.flags & FdbFlags::local) {
                expected = Learned::own;
            } else if (it.port == port) {
                if (it.flags != FdbFlags::stationary && it.seen != now) {
                    expected = Learned::refreshed;
                    it.seen = now;
                    it.moves = 0;
                }
            } else {
                if (it.seen != now) it.moves = 0;
                expected = it.moves >= FdbWord::max_moves ? Learned::held : Learned::moved;
                if (expected == Learned::moved) it = {port, now, it.moves + 1, it.flags};
            }
            ASSERT_EQ(learned, expected) << "step " << step;
        } else if (action < 80) {
            ASSERT_EQ(fdb.remove(key), map.erase(key) == 1);
        } else if (action < 85) {
            const std::uint8_t flags = random() % 2 ? FdbFlags::stationary : FdbFlags::local;
            ASSERT_TRUE(fdb.set(key, port, br0, flags, now));
            map[key] = {port, 0, 0, flags};
        } else if (action < 99) {
            const auto hit = fdb.find(key);
            ASSERT_EQ(hit.found, at != map.end());
            if (hit.found) {
                ASSERT_EQ(hit.port, at->second.port);
                ASSERT_EQ(hit.flags, at->second.flags);
            }
        } else if (random() % 20 == 0) {
            ++now;
            const auto aged = fdb.age(now, 4);
            ASSERT_EQ(aged, std::erase_if(map, [&](const auto& e) {
                          return e.second.flags == FdbFlags::learned && now - e.second.seen >= 4;
                      }));
        }
        ASSERT_EQ(fdb.size(), map.size());
    }
    EXPECT_GT(fdb.shape().in_alternate, 50U) << "the test is about these";
    std::size_t learned = 0;
    for (const auto& [key, entry] : map)
        learned += entry.flags == FdbFlags::learned;
    EXPECT_EQ(fdb.learned_in(br0), learned);
    EXPECT_EQ(fdb.learned_on(0) + fdb.learned_on(1) + fdb.learned_on(2), learned);
    const auto entries = fdb.entries(now);
    ASSERT_EQ(entries.size(), map.size());
    for (const auto& [key, entry] : map)
        EXPECT_EQ(entries.at(key).port, entry.port);
}

/// Keys all at home in few buckets, so that every insertion displaces somebody.
std::vector<FdbKey64> crowded(std::size_t buckets, std::size_t each) {
    const FdbHash known(secret_lo, secret_hi);
    std::mt19937_64 random(3);
    std::vector<FdbKey64> keys;
    for (std::size_t i = 0; i < each; ++i)
        for (std::uint64_t bucket = 0; bucket < buckets; ++bucket)
            keys.push_back(known.undo((bucket << 15 | (random() & 0x7fff)) << 32 | (random() & 0x3fff'ffff)));
    return keys;
}

TEST(BridgeFdb, ARefreshedEntryGoesHomeWhenThereIsRoom) {
    Table fdb(100'000);
    const auto keys = crowded(1, 8);
    for (const auto key : keys)
        ASSERT_EQ(fdb.hear(key, 1, 100), Learned::added);
    ASSERT_EQ(fdb.shape().in_alternate, 2U);
    ASSERT_EQ(fdb.shape().most_overflow, 2U);
    fdb.remove(keys[0]);
    fdb.remove(keys[1]);
    ASSERT_EQ(fdb.shape().in_alternate, 2U);
    for (std::size_t i = 2; i < keys.size(); ++i)
        EXPECT_EQ(fdb.hear(keys[i], 1, 101), Learned::refreshed);
    const auto shape = fdb.shape();
    EXPECT_EQ(shape.entries, 6U);
    EXPECT_EQ(shape.in_alternate, 0U);
    EXPECT_EQ(shape.most_overflow, 0U);
    for (std::size_t i = 2; i < keys.size(); ++i)
        EXPECT_EQ(fdb.port_of(keys[i]), 1);
    EXPECT_EQ(fdb.learned_on(1), 6U);
    EXPECT_EQ(fdb.entries(101).size(), 6U);
}

TEST(BridgeFdb, MoreThanABucketCountsInTheirAlternatesAreFoundAndForgotten) {
    Table fdb(100'000);
    const auto keys = crowded(1, 60);
    for (const auto key : keys)
        ASSERT_EQ(fdb.hear(key, 1), Learned::added);
    for (int round = 0; round < 2; ++round) {
        for (std::size_t i = 0; i < keys.size(); i += 2)
            ASSERT_TRUE(fdb.remove(keys[i]));
        for (std::size_t i = 0; i < keys.size(); ++i)
            ASSERT_EQ(fdb.port_of(keys[i]), i % 2 ? 1 : -1) << i;
        for (std::size_t i = 0; i < keys.size(); i += 2)
            ASSERT_EQ(fdb.hear(keys[i], 1, 101), Learned::added);
        for (std::size_t i = 0; i < keys.size(); ++i)
            ASSERT_EQ(fdb.hear(keys[i], 1, 101), i % 2 && !round ? Learned::refreshed : Learned::known) << i;
    }
    for (const auto key : keys)
        ASSERT_TRUE(fdb.remove(key));
    for (const auto key : keys)
        ASSERT_FALSE(fdb.find(key).found);
    EXPECT_EQ(fdb.shape().entries + fdb.size() + fdb.learned_in(br0), 0U);
}

TEST(BridgeFdb, WorkersLearnAndRemoveWhileOthersFindWhatIsThere) {
    Table fdb(100'000);
    // The stationary ones are there all the time and must be found at every look; the others come and go
    // around them, in the same buckets, and push them from one bucket to the other.
    const auto keys = crowded(64, 16);
    const std::size_t staying = 64 * 5;
    for (std::size_t i = 0; i < staying; ++i)
        ASSERT_EQ(fdb.hear(keys[i], keys[i] % 100), Learned::added);
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> lost{0}, wrong{0}, looks{0};
    const auto read = [&] {
        std::size_t n = 0;
        while (!stop.load()) {
            for (std::size_t i = 0; i < keys.size(); ++i, ++n) {
                const auto hit = fdb.find(keys[i]);
                if (!hit.found && i < staying) ++lost;
                if (hit.found && hit.port != keys[i] % 100) ++wrong;
            }
        }
        looks += n;
    };
    const auto write = [&](unsigned seed) {
        std::mt19937 random(seed);
        while (!stop.load()) {
            const auto key = keys[staying + random() % (keys.size() - staying)];
            if (random() % 2) {
                fdb.hear(key, key % 100);
            } else {
                fdb.remove(key);
            }
            const auto fresh = keys[random() % staying];
            fdb.hear(fresh, fresh % 100, 100 + random() % 3);
        }
    };
    std::vector<std::thread> threads;
    threads.emplace_back(read);
    threads.emplace_back(write, 1U);
    threads.emplace_back(write, 2U);
    threads.emplace_back([&] {
        while (!stop.load()) {
            std::set<FdbKey64> seen;
            fdb.for_each(100, [&](const Fdb::Entry& e) {
                if (e.port != e.key % 100) ++wrong;
            });
            fdb.remove_if(100, [&](const Fdb::Entry& e) { return e.key == keys.back(); });
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    stop = true;
    for (auto& t : threads)
        t.join();
    EXPECT_EQ(lost.load(), 0U);
    EXPECT_EQ(wrong.load(), 0U);
    EXPECT_GT(looks.load(), 1000U);
    std::size_t counted = 0;
    fdb.for_each(100, [&](const Fdb::Entry&) { ++counted; });
    EXPECT_EQ(counted, fdb.size());
    EXPECT_EQ(fdb.learned_in(br0), fdb.size());
    fdb.remove_if(100, [](const Fdb::Entry&) { return true; });
    const auto shape = fdb.shape();
    EXPECT_EQ(shape.entries + shape.most_overflow + fdb.size() + fdb.learned_in(br0), 0U);
}

TEST(BridgeFdb, TwoWorkersAddEveryStationOnce) {
    Table fdb(100'000);
    const auto keys = crowded(2000, 4);
    std::atomic<std::size_t> added{0}, refused{0};
    const auto work = [&](BridgePortIndex) {
        for (const auto key : keys) {
            const auto learned = fdb.hear(key, 1);
            added += learned == Learned::added;
            refused += learned == Learned::full;
        }
    };
    std::thread other(work, BridgePortIndex{1});
    work(1);
    other.join();
    EXPECT_EQ(refused.load(), 0U);
    EXPECT_EQ(fdb.size(), added.load());
    EXPECT_EQ(fdb.shape().entries, added.load());
}

TEST(BridgeFdb, AFlushUnderLearningIsComplete) {
    Table fdb(100'000);
    const auto keys = crowded(500, 10);
    std::atomic<bool> stop{false};
    std::thread worker([&] {
        while (!stop.load())
            for (std::size_t i = 0; i < keys.size(); i += 2) {
                fdb.hear(keys[i], 1);
                if (i % 8 == 0) fdb.remove(keys[i]);
            }
    });
    std::size_t left = 0;
    for (int round = 0; round < 50; ++round) {
        for (std::size_t i = 1; i < keys.size(); i += 2)
            fdb.set(keys[i], 2, br0, 0, 100);
        fdb.remove_if(100, [](const Fdb::Entry& e) { return e.port == 2; });
        for (std::size_t i = 1; i < keys.size(); i += 2)
            left += fdb.find(keys[i]).found;
    }
    stop = true;
    worker.join();
    EXPECT_EQ(left, 0U);
}

}  // namespace
}  // namespace weft
