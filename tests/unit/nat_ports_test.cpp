// A port is found while one is free, whoever took and left the others (RFC 6888 REQ-13), in bounded time.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "dataplane/nat/choose.hpp"
#include "tests/unit/flow_packets.hpp"

namespace weft::test {
namespace {

struct NatPorts : testing::Test {
    Tracker tracker{100'000};
    NatRandom random;
    hook::NatTarget range;
    std::uint32_t next_source = 0;
    std::map<unsigned, FlowView> taken;

    NatPorts() {
        tracker.config.max = 100'000;
        range.map_addresses = range.map_ports = true;
        range.addresses = {to_address(be32{0xc0000201}), to_address(be32{0xc0000201})};
    }
    /// What 10.0.0.1 with the next port of its own gets towards 10.0.0.2, or 0; confirmed.
    unsigned connect(bool confirmed = true) {
        const Ends ends{static_cast<std::uint8_t>(1 + next_source / 60'000), 200,
                        static_cast<std::uint16_t>(2000 + next_source % 60'000), 53};
        ++next_source;
        const Tracked fresh = tracker.see(ip4(ends, 17, udp(ends)));
        EXPECT_TRUE(fresh.fresh);
        const auto wanted = tracker.table().direction_of(fresh.ref).tuple_now<Tuple4>();
        const FlowMoment moment = tracker.moment();
        const auto choice =
            choose_tuple(wanted, {tracker, fresh.ref, NatSide::source, range, moment, random});
        if (choice.unique && confirmed) {
            tracker.set_reply(fresh.ref, *inverted(choice.tuple, 17));
            tracker.state_of(fresh.ref).set(static_cast<std::uint16_t>(
                FlowStatus::src_nat | FlowStatus::src_nat_done |
                (range.endpoint_independent ? FlowStatus::endpoint_independent : 0)));
            EXPECT_EQ(tracker.confirm(fresh.ref, moment), Confirmed::done) << "nobody had it";
            const unsigned port = choice.tuple.source_port.host();
            EXPECT_TRUE(taken.emplace(port, *tracker.view(fresh.ref >> 1, tracker.now)).second);
        } else {
            tracker.discard(fresh.ref, moment);
        }
        return choice.unique ? choice.tuple.source_port.host() : 0;
    }
    void end(unsigned port) {
        EXPECT_TRUE(tracker.remove(taken.at(port)));
        taken.erase(port);
    }
    /// Until one is found; how many searches it takes.
    unsigned searches(unsigned most) {
        for (unsigned n = 1; n <= most; ++n)
            if (connect()) return n;
        return most + 1;
    }
};

TEST_F(NatPorts, EveryPortOfARangeIsFoundAndNoneTwice) {
    for (const auto ports : {hook::PortRange{3000, 3031}, {3000, 3999}, {65000, 65535}, {1, 5000}}) {
        range.ports = ports;
        tracker.flush();
        tracker.age_all();
        taken.clear();
        const unsigned count = ports.high - ports.low + 1u;
        for (unsigned i = 0; i < count; ++i)
            EXPECT_LE(searches(count / 1000 + 3), count / 1000 + 3) << i << " of " << count;
        EXPECT_EQ(taken.size(), count);
        EXPECT_GE(taken.begin()->first, ports.low);
        EXPECT_LE(taken.rbegin()->first, ports.high);
        for (unsigned i = 0; i < 100; ++i)
            EXPECT_EQ(connect(), 0u);
    }
}

TEST_F(NatPorts, WhatIsLeftIsFoundAtOnce) {
    range.ports = {1024, 11'023};
    while (taken.size() < 10'000)
        ASSERT_LE(searches(20), 20u);
    ASSERT_EQ(connect(), 0u);
    std::mt19937 draw(1);
    for (unsigned i = 0; i < 500; ++i) {
        const unsigned port = 1024 + draw() % 10'000;
        end(port);
        tracker.age_all();
        EXPECT_EQ(connect(), port);
    }
    ASSERT_EQ(connect(), 0u);
    // A connection that is never confirmed gives its port back.
    end(5000);
    tracker.age_all();
    for (unsigned i = 0; i < 10; ++i)
        EXPECT_EQ(connect(false), 5000u);
    EXPECT_EQ(connect(), 5000u);
}

// Sources that keep their ports draw none, and their ports are taken all the same.
TEST_F(NatPorts, PortsThatWereKeptAreNotMistakenForFreeOnes) {
    range.map_ports = false;
    constexpr unsigned keep = 60'000, draw = 2000;
    for (unsigned round = 0; round < 3; ++round) {
        next_source = 0;
        for (unsigned i = 0; i < keep; ++i)
            ASSERT_EQ(connect(), 2000 + i);
        // At first the map has to be filled.
        const unsigned most = round == 0 ? 40 : 1;
        for (unsigned i = 0; i < draw; ++i)
            ASSERT_LE(searches(most), most) << "round " << round << ", " << i << " drawn";
        tracker.flush();
        tracker.age_all();
        taken.clear();
    }
}

// The router's own connections and others that no rule decided on tell nobody when they end.
TEST_F(NatPorts, WhatNobodyTellsOfIsFoundAfterSomeSearches) {
    range.ports = {1024, 11'023};
    const Ends answers{200, 1, 53, 4321};  // from the peer to the outside address
    Bytes packet = ip4({1, 200, 4321, 53}, 17, udp(answers.back()));
    packet[12] = 0xc0, packet[13] = 0, packet[14] = 2, packet[15] = 1;
    const Tracked own = tracker.pass(packet);
    ASSERT_TRUE(own.fresh);
    const FlowView seen = *tracker.view(own.ref >> 1, tracker.now);
    while (taken.size() < 9'999)
        ASSERT_LE(searches(20), 20u);
    ASSERT_FALSE(taken.contains(4321));
    ASSERT_EQ(connect(), 0u);
    ASSERT_TRUE(tracker.remove(seen));
    tracker.age_all();
    EXPECT_LE(searches(10'000 / 64 + 2), 10'000u / 64 + 2);
    EXPECT_TRUE(taken.contains(4321));
}

// One host has all ports of an address, to which others then come in vain.
TEST_F(NatPorts, AVainSearchOfAnEndpointIndependentSourceIsNotBegunAgainAtOnce) {
    range.map_ports = false;
    range.endpoint_independent = true;
    tracker.config.udp_timeout = 3600;
    const auto until_found = [&](unsigned most) {
        for (unsigned n = 1; n <= most; ++n, tracker.now += CrowdedPorts::vain_ms)
            if (connect()) return n;
        return most + 1;
    };
    constexpr unsigned all = 65536 - 1024;
    while (taken.size() < all)
        ASSERT_LE(until_found(100), 100u) << taken.size();
    ASSERT_EQ(connect(), 0u);
    end(5000);
    tracker.age_all();
    tracker.now += CrowdedPorts::vain_ms - 1;
    EXPECT_EQ(connect(), 0u) << "what was found in vain is still believed";
    ++tracker.now;
    EXPECT_LE(until_found(20), 20u);
    EXPECT_TRUE(taken.contains(5000));
    // A source whose own port is free needs no search.
    ASSERT_EQ(connect(), 0u);
    next_source = 4000;
    const unsigned own = 2000 + next_source % 60'000;
    end(own);
    tracker.age_all();
    EXPECT_EQ(connect(), own);
}

TEST(CrowdedPorts, RemembersVainSearchesForAWhile) {
    CrowdedPorts crowded;
    constexpr std::uint64_t one = 7ULL << 32 | 5, same_place = 8ULL << 32 | 5, other = 7ULL << 32 | 6;
    constexpr std::uint32_t late = 0xffff'fffe;  // the clock wraps
    EXPECT_FALSE(crowded.was_vain(one, late));
    crowded.note_vain(one, late);
    EXPECT_TRUE(crowded.was_vain(one, late));
    EXPECT_TRUE(crowded.was_vain(one, late + CrowdedPorts::vain_ms - 1));
    EXPECT_FALSE(crowded.was_vain(one, late + CrowdedPorts::vain_ms));
    EXPECT_FALSE(crowded.was_vain(other, late));
    EXPECT_FALSE(crowded.was_vain(same_place, late));
    crowded.note_vain(same_place, late);
    EXPECT_FALSE(crowded.was_vain(one, late));
}

TEST(CrowdedPorts, KeepsApartAndMakesRoom) {
    CrowdedPorts crowded;
    EXPECT_FALSE(crowded.some());
    constexpr std::uint64_t one = 1, same_place = 3, other = (5ULL << 32) | 1;
    EXPECT_EQ(crowded.find(one), nullptr);
    PortMap& map = crowded.make(one);
    EXPECT_TRUE(crowded.some());
    EXPECT_FALSE(map.is_filled(70));
    map.taken(70).fetch_or(PortMap::bit(70));
    map.set_filled(70);
    EXPECT_TRUE(map.is_filled(64));
    EXPECT_TRUE(map.is_filled(127));
    EXPECT_FALSE(map.is_filled(63));
    EXPECT_FALSE(map.is_filled(128));
    crowded.leave(other, 70);
    EXPECT_EQ(map.taken(70), PortMap::bit(70));
    crowded.leave(one, 70);
    EXPECT_EQ(map.taken(70), 0u);
    EXPECT_EQ(&crowded.make(one), &map);
    EXPECT_TRUE(map.is_filled(70));
    EXPECT_FALSE(map.is_doubted());
    map.doubt(64, 1000);
    EXPECT_TRUE(map.is_doubted());
    EXPECT_FALSE(map.is_filled(70));
    map.set_filled(65535);
    EXPECT_EQ(&crowded.make(same_place), &map);
    EXPECT_FALSE(map.is_filled(65535));
    EXPECT_FALSE(map.is_doubted());
    EXPECT_EQ(crowded.find(one), nullptr);
    EXPECT_NE(&crowded.make(other), &map);
}

}  // namespace
}  // namespace weft::test
