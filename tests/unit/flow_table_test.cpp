#include "dataplane/flow/table.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

#include "tests/unit/flow_rig.hpp"

namespace weft {
namespace {

using test::Flows;
using test::kind_of;
using test::tuple4;
using test::tuple6;

TEST(FlowTable, BothDirectionsAreFoundAndSayWhichTheyAre) {
    Flows flows;
    const auto index = flows.add(tuple4(1, 1000));
    ASSERT_NE(index, 0U);
    EXPECT_EQ(flows.look_up(tuple4(1, 1000)), index << 1);
    EXPECT_EQ(flows.look_up(*inverted(tuple4(1, 1000), ip_protocol::udp)), index << 1 | 1);
    EXPECT_EQ(flows.look_up(tuple4(1, 1001)), 0U);
    EXPECT_TRUE(flows.pool()[index].state.has(FlowStatus::confirmed));
    EXPECT_TRUE(flows.take(index));
    EXPECT_EQ(flows.look_up(tuple4(1, 1000)), 0U);
    EXPECT_FALSE(flows.remove(index));
}

TEST(FlowTable, FamilyProtocolAndZoneArePartOfTheKey) {
    Flows flows;
    const auto four = flows.add(tuple4(1, 1000)), six = flows.add(tuple6(1, 1000)),
               zone = flows.add(tuple4(1, 1000), 7);
    EXPECT_EQ(flows.look_up(tuple4(1, 1000)), four << 1);
    EXPECT_EQ(flows.look_up(tuple6(1, 1000)), six << 1);
    EXPECT_EQ(flows.look_up(tuple4(1, 1000), 7), zone << 1);
    EXPECT_EQ(flows.look_up(tuple4(1, 1000), 8), 0U);
    const auto tuple = tuple4(1, 1000);
    const auto tcp = kind_of(tuple, 0, ip_protocol::tcp);
    EXPECT_EQ(flows.find(tuple, tcp, flows.hash(tuple, ip_protocol::udp)), 0U);
}

TEST(FlowTable, AHintIsPartOfTheHashAndOfNoComparison) {
    Flows flows;
    const auto tuple = tuple4(1, 1000), reply = *inverted(tuple, ip_protocol::udp);
    FlowKind kind = kind_of(tuple, 7);
    kind.flags |= FlowKind::hinted;
    const auto index = flows.prepare(tuple, reply, kind);
    ASSERT_EQ(flows.insert(index).kind, FlowInserted::done);
    EXPECT_EQ(flows.find(tuple, kind_of(tuple, 7), flows.hash(tuple, ip_protocol::udp, 7)), index << 1);
    EXPECT_EQ(flows.find(tuple, kind_of(tuple, 7), flows.hash(tuple, ip_protocol::udp, 0)), 0U);
    EXPECT_TRUE(flows.take(index));
    EXPECT_EQ(flows.shape().refs, 0U);
}

TEST(FlowTable, AClashNamesTheConnectionThatHasTheTupleAndChangesNothing) {
    Flows flows;
    const auto first = flows.add(tuple4(1, 1000));
    const auto reply_of_first = *inverted(tuple4(1, 1000), ip_protocol::udp);
    const auto kind = kind_of(reply_of_first);
    // another original with the same reply, as source NAT makes it
    const auto second = flows.prepare(tuple4(9, 9), reply_of_first, kind);
    const auto clash = flows.insert(second);
    EXPECT_EQ(clash.kind, FlowInserted::clash);
    EXPECT_EQ(clash.other, first << 1 | 1);
    EXPECT_EQ(flows.look_up(tuple4(9, 9)), 0U);
    EXPECT_FALSE(flows.pool()[second].state.has(FlowStatus::confirmed));
    // with another reply it is welcome
    flows.pool()[second].direction[1].set(tuple4(0x0a000002, 80, 1, 1001), kind);
    EXPECT_EQ(flows.insert(second).kind, FlowInserted::done);
    EXPECT_EQ(flows.look_up(tuple4(9, 9)), second << 1);
    // an original that is somebody's reply
    const auto third = flows.prepare(reply_of_first, tuple4(1, 1000), kind);
    EXPECT_EQ(flows.insert(third).other, first << 1 | 1);
}

// nf_ct_key_equal: a zone is compared with that of the same direction.
TEST(FlowTable, AZoneOfOneDirectionIsComparedWithThatDirectionAlone) {
    Flows flows;
    const auto add = [&](const Tuple4& original, FlowZones zones) {
        const Tuple4 reply = *inverted(original, ip_protocol::udp);
        const auto index = flows.prepare(original, reply, kind_of(original, zones.original));
        flows.pool()[index].direction[1].set(reply, kind_of(reply, zones.reply));
        return std::pair{index, flows.insert(index)};
    };
    const Tuple4 to = tuple4(1, 1000), back = *inverted(to, ip_protocol::udp);
    const auto [one, entered] = add(back, {0, 7});  // its reply is `to` in zone 7
    ASSERT_EQ(entered.kind, FlowInserted::done);
    const auto [two, beside] =
        add(to, {7, 0});  // whose original is `to` in zone 7, and its reply `back` in 0
    EXPECT_EQ(beside.kind, FlowInserted::done);
    const auto find = [&](const Tuple4& tuple, FlowZone zone, FlowWay way) {
        return flows.find(tuple, kind_of(tuple, zone), flows.hash(tuple, ip_protocol::udp), way);
    };
    EXPECT_EQ(find(to, 7, FlowWay::original), two << 1);
    EXPECT_EQ(find(to, 7, FlowWay::reply), one << 1 | 1);
    EXPECT_EQ(find(back, 0, FlowWay::original), one << 1);
    EXPECT_EQ(find(back, 0, FlowWay::reply), two << 1 | 1);
    EXPECT_EQ(find(to, 0, FlowWay::original), 0u);
    // Of one zone it is compared with either.
    const auto [three, clash] = add(to, 7);
    EXPECT_EQ(clash.kind, FlowInserted::clash);
    // The same direction in the same zone.
    EXPECT_EQ(add(to, {7, 3}).second.other, two << 1);
    EXPECT_EQ(add(to, {9, 0}).second.other, two << 1 | 1);
}

TEST(FlowTable, AConnectionWithItselfHasOneTupleTwice) {
    Flows flows;
    const auto self = tuple4(5, 80, 5, 80);
    const auto index = flows.add(self);
    ASSERT_NE(index, 0U);
    EXPECT_EQ(FlowTable::index(flows.look_up(self)), index);
    EXPECT_TRUE(flows.take(index));
    EXPECT_EQ(flows.look_up(self), 0U);
}

TEST(FlowTable, AnyoneMayTakeOutWhatIsStillInItsChain) {
    Flows flows;
    const auto tuple = tuple4(1, 1000);
    const auto hash = flows.hash(tuple, ip_protocol::udp);
    const auto index = flows.add(tuple);
    const auto version_then = flows.pool()[index].state.version();
    EXPECT_FALSE(flows.remove_found(index << 1, hash, version_then + 256));
    EXPECT_TRUE(flows.remove_found(index << 1, hash, version_then));
    EXPECT_FALSE(flows.remove_found(index << 1, hash, version_then));
    EXPECT_FALSE(flows.remove(index));
    EXPECT_EQ(flows.look_up(tuple), 0U);
    flows.pool().bury(index);
    std::vector<std::uint32_t> forgotten;
    EXPECT_EQ(flows.pool().reap(0, 10, [&](std::uint32_t i) { forgotten.push_back(i); }), 1U);
    EXPECT_EQ(forgotten, std::vector<std::uint32_t>{index});
    const auto version = flows.pool()[index].state.version();
    EXPECT_EQ(flows.add(tuple4(2, 2)), index);  // used again, as another incarnation
    EXPECT_NE(flows.pool()[index].state.version(), version);
}

TEST(FlowTable, FullChainsAreRefusedAndNeverLonger) {
    Flows flows(8);  // eight first buckets
    std::size_t entered = 0;
    for (std::uint16_t i = 0; i < 400; ++i)
        entered += flows.add(tuple4(1, i)) != 0;
    EXPECT_LE(flows.shape().longest_chain, FlowTable::chain_limit);
    EXPECT_EQ(flows.shape().refs, 2 * entered);
    EXPECT_LT(entered, 97U);
    EXPECT_GT(entered, 60U);
}

TEST(FlowTable, ItIsAMapWhateverHappens) {
    std::mt19937 random(5);
    Flows flows(300);  // of 200 to 300 connections at a time, so that chains grow and shrink
    std::map<std::pair<bool, std::uint16_t>, std::uint32_t> model;
    std::set<std::uint32_t> versions_of_7;
    for (int step = 0; step < 60'000; ++step) {
        const bool six = random() % 2;
        const auto port = static_cast<std::uint16_t>(random() % 200);
        const auto key = std::pair{six, port};
        const auto ref = six ? flows.look_up(tuple6(1, port)) : flows.look_up(tuple4(1, port));
        const auto known = model.find(key);
        ASSERT_EQ(ref, known == model.end() ? 0 : known->second << 1) << step;
        if (known == model.end()) {
            if (random() % 4 == 0) continue;
            const auto index = six ? flows.add(tuple6(1, port)) : flows.add(tuple4(1, port));
            ASSERT_NE(index, 0U);
            model[key] = index;
        } else if (random() % 2) {
            ASSERT_TRUE(flows.take(known->second));
            model.erase(known);
        } else {
            ASSERT_EQ(six ? flows.add(tuple6(1, port)) : flows.add(tuple4(1, port)), 0U);
        }
    }
    EXPECT_EQ(flows.shape().refs, 2 * model.size());
    for (const auto& [key, index] : model)
        ASSERT_TRUE(flows.take(index));
    const auto shape = flows.shape();
    EXPECT_EQ(shape.refs + shape.overflow_buckets, 0U);
}

TEST(FlowTable, TheWholeCapacityFindsPlace) {
    Flows flows(100'000);
    std::size_t entered = 0;
    for (std::uint32_t i = 0; i < 100'000; ++i)
        entered += flows.add(tuple4(i, 53, 0x08080808, 53)) != 0;
    EXPECT_EQ(entered, 100'000U);
    const auto shape = flows.shape();
    EXPECT_LE(shape.longest_chain, 3U);
    EXPECT_LT(shape.overflow_buckets, 37'500U / 10);
}

/// Keys as an attacker would choose them who knows the algorithm and not the secret: such that a hash without
/// one puts them all into the same bucket.
TEST(FlowTable, A100000KeysThatCollideUnkeyedAreScattered) {
    const FlowHash unkeyed(0, 0);
    Flows flows(100'000);
    std::vector<Tuple4> crafted;
    for (std::uint32_t i = 0; crafted.size() < 100'000; ++i) {
        const auto tuple = tuple4(i, static_cast<std::uint16_t>(i >> 9), i * 3, 80);
        if (unkeyed(tuple, ip_protocol::udp) >> 58 == 0) crafted.push_back(tuple);  // one sixty-fourth
    }
    std::size_t entered = 0;
    for (const auto& tuple : crafted)
        entered += flows.add(tuple) != 0;
    EXPECT_EQ(entered, crafted.size());
    EXPECT_LT(flows.shape().overflow_buckets, 37'500U / 10);
}

/// Keys that differ in few bits, which linear hashes cannot scatter.
TEST(FlowTable, StructuredKeysAreScattered) {
    Flows flows(65'536);
    std::size_t entered = 0;
    for (std::uint32_t i = 0; i < 65'536; ++i)
        entered += flows.add(tuple4((i & 0xff) << 24, static_cast<std::uint16_t>(i & 0xff00))) != 0;
    EXPECT_EQ(entered, 65'536U);
    EXPECT_LT(flows.shape().overflow_buckets, 24'576U / 10);
}

TEST(FlowPool, EntriesOfManyWorkersComeRoundAndNoneIsTwice) {
    constexpr std::uint32_t capacity = 2000;
    FlowPool pool(capacity, 2);
    std::set<std::uint32_t> all;
    for (int round = 0; round < 3; ++round) {
        std::vector<std::uint32_t> held;
        while (const auto index = pool.allocate(0))
            held.push_back(index);
        EXPECT_GE(held.size(), capacity);
        EXPECT_EQ(std::set<std::uint32_t>(held.begin(), held.end()).size(), held.size());
        all.insert(held.begin(), held.end());
        // the other worker frees them, which is allowed as nobody else does
        for (const auto index : held)
            pool.release(1, index);
        std::size_t by_other = 0;
        std::vector<std::uint32_t> more;
        while (const auto index = pool.allocate(1)) {
            more.push_back(index);
            ++by_other;
        }
        EXPECT_GE(by_other, held.size());
        for (const auto index : more)
            pool.release(0, index);
    }
    EXPECT_LE(all.size(), capacity + 2 * 3 * 256);
}

}  // namespace
}  // namespace weft
