// Fragments that wait for their datagram: net/ipv4/inet_fragment.c, inet_frag_queue_insert; RFC 815, 5722.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "dataplane/flow/fragments.hpp"

namespace weft::test {
namespace {

struct Waiting {
    FragmentTable table{1, 2};
    std::vector<std::unique_ptr<Packet, void (*)(Packet*)>> made;
    std::map<const Packet*, DropReason> dropped;
    std::vector<Packet*> whole;
    std::uint32_t now = 100;

    /// The packet, of datagram `id`; what became whole is in `whole`.
    Packet* add(std::uint16_t id, FragmentPlace place) {
        auto* packet = static_cast<Packet*>(std::aligned_alloc(64, sizeof(Packet)));
        made.emplace_back(packet, [](Packet* p) { std::free(p); });
        Fragment fragment;
        fragment.key.of.source_port = be16{id};
        fragment.key.protocol = ip_protocol::udp;
        fragment.place = place;
        Packet* all[FragmentTable::most_of_one];
        const unsigned count = table.add(*packet, fragment, now, all,
                                         [&](Packet& gone, DropReason why) { dropped[&gone] = why; });
        whole.assign(all, all + count);
        return packet;
    }
    void expire() {
        table.expire(now, [&](Packet& gone, DropReason why) { dropped[&gone] = why; });
    }
    [[nodiscard]] std::size_t dropped_as(DropReason why) const {
        return static_cast<std::size_t>(std::count_if(dropped.begin(), dropped.end(),
                                                      [&](const auto& one) { return one.second == why; }));
    }
};

TEST(FlowFragments, AnyOrderGivesTheOrderOfOffsets) {
    const FragmentPlace places[] = {{0, 800, false}, {800, 1600, false}, {1600, 1700, true}};
    int order[] = {0, 1, 2};
    do {
        Waiting w;
        Packet* of[3];
        for (int k = 0; k < 3; ++k) {
            EXPECT_TRUE(w.whole.empty());
            of[order[k]] = w.add(7, places[order[k]]);
        }
        EXPECT_EQ(w.whole, (std::vector<Packet*>{of[0], of[1], of[2]}));
        EXPECT_EQ(w.table.datagrams(), 0u);
        EXPECT_EQ(w.table.fragments(), 0u);
        EXPECT_TRUE(w.dropped.empty());
    } while (std::next_permutation(std::begin(order), std::end(order)));
}

TEST(FlowFragments, DatagramsDoNotMix) {
    Waiting w;
    w.add(1, {0, 8, false});
    w.add(2, {8, 16, true});
    EXPECT_TRUE(w.whole.empty());
    w.add(1, {8, 16, true});
    EXPECT_EQ(w.whole.size(), 2u);
    EXPECT_EQ(w.table.datagrams(), 1u);
}

TEST(FlowFragments, ADuplicateGoesAndTheRestStays) {
    Waiting w;
    w.add(1, {0, 80, false});
    w.add(1, {80, 160, false});
    const Packet* same = w.add(1, {80, 160, false});
    const Packet* within = w.add(1, {40, 120, false});
    EXPECT_EQ(w.dropped.at(same), DropReason::fragment_duplicate);
    EXPECT_EQ(w.dropped.at(within), DropReason::fragment_duplicate) << "spans two that touch";
    w.add(1, {160, 161, true});
    EXPECT_EQ(w.whole.size(), 3u);
}

TEST(FlowFragments, WhatContradictsEndsTheDatagram) {
    for (const std::vector<FragmentPlace>& places :
         std::vector<std::vector<FragmentPlace>>{{{0, 80, false}, {72, 160, false}},
                                                 {{80, 160, false}, {0, 88, false}},
                                                 {{80, 160, false}, {72, 168, false}},
                                                 {{80, 160, true}, {160, 168, false}},
                                                 {{80, 160, false}, {72, 80, true}},
                                                 {{80, 160, true}, {40, 79, true}}}) {
        Waiting w;
        for (const auto& place : places)
            w.add(1, place);
        EXPECT_EQ(w.dropped_as(DropReason::fragment_overlap), 2u);
        EXPECT_EQ(w.table.datagrams(), 0u);
        EXPECT_EQ(w.table.fragments(), 0u);
    }
}

TEST(FlowFragments, PatienceEnds) {
    Waiting w;
    w.add(1, {0, 80, false});
    w.now += 10;
    w.add(2, {0, 80, false});
    w.now += FragmentTable::patience4 - 10;
    w.expire();
    EXPECT_EQ(w.dropped_as(DropReason::fragment_timeout), 1u);
    EXPECT_EQ(w.table.datagrams(), 1u);
    w.add(1, {80, 88, true});
    EXPECT_TRUE(w.whole.empty()) << "the first is forgotten";
}

TEST(FlowFragments, TheOldestMakesRoom) {
    Waiting w;
    for (unsigned id = 0; id < FragmentTable::most + 10; ++id)
        w.add(static_cast<std::uint16_t>(id), {0, 8, false});
    EXPECT_EQ(w.table.datagrams(), FragmentTable::most);
    EXPECT_EQ(w.dropped_as(DropReason::fragment_table_full), 10u);
    w.add(11, {8, 9, true});
    EXPECT_EQ(w.whole.size(), 2u) << "it made no room";
    for (const std::uint16_t id : {std::uint16_t{9}, std::uint16_t{10}}) {
        w.add(id, {8, 9, true});
        EXPECT_TRUE(w.whole.empty()) << id;
    }

    Waiting narrow;
    narrow.table = FragmentTable{1, 2, 3};
    for (unsigned id = 0; id < 5; ++id)
        narrow.add(static_cast<std::uint16_t>(id), {0, 8, false});
    EXPECT_EQ(narrow.table.fragments(), 3u);

    Waiting many;
    for (std::uint32_t i = 0; i <= FragmentTable::most_of_one; ++i)
        many.add(1, {8 * i, 8 * i + 8, false});
    EXPECT_EQ(many.dropped_as(DropReason::fragment_table_full), FragmentTable::most_of_one + 1u);
    EXPECT_EQ(many.table.fragments(), 0u);
}

// Random datagrams cut at random and shuffled together: each comes out whole and in order, nothing is lost.
TEST(FlowFragments, NothingIsLost) {
    for (unsigned seed = 1; seed <= 50; ++seed) {
        std::mt19937 random(seed);
        struct Part {
            std::uint16_t id;
            FragmentPlace place;
        };
        std::vector<Part> parts;
        for (std::uint16_t id = 0; id < 40; ++id) {
            std::uint32_t at = 0;
            for (unsigned n = 1 + random() % 6; n-- > 0;) {
                const std::uint32_t end = at + 8 * (1 + static_cast<std::uint32_t>(random() % 20));
                const auto cut = static_cast<std::uint32_t>(n == 0 ? random() % 8 : 0);
                parts.push_back({id, {at, end - cut, n == 0}});
                at = end;
            }
        }
        std::shuffle(parts.begin(), parts.end(), random);
        Waiting w;
        std::map<const Packet*, Part> of;
        std::size_t out = 0;
        for (const Part& part : parts) {
            const Packet* packet = w.add(part.id, part.place);
            of[packet] = part;
            std::uint32_t at = 0;
            for (const Packet* piece : w.whole) {
                EXPECT_EQ(of[piece].id, part.id);
                EXPECT_EQ(of[piece].place.begin, at);
                at = of[piece].place.end;
            }
            out += w.whole.size();
        }
        EXPECT_EQ(out, parts.size());
        EXPECT_TRUE(w.dropped.empty());
        EXPECT_EQ(w.table.fragments(), 0u);
    }
}

}  // namespace
}  // namespace weft::test
