#include "control/kernel/hold.hpp"

#include <gtest/gtest.h>

#include "tests/support/heap_pool.hpp"
#include "tests/support/ip_frame.hpp"
#include "tests/support/mbuf.hpp"

namespace weft::test {
namespace {

constexpr IfIndex in = 2, out = 3;

class HoldTest : public testing::Test {
  protected:
    HoldTest() {
        hops[1].kind = HopKind::connected;
        hops[1].interface = out;
        hops[2].kind = HopKind::neighbour;
        hops[2].interface = out;
        hops[2].gateway = {{10, 0, 2, 9}};
    }
    ~HoldTest() override {
        for (Packet* packet : given)
            Packet::free(packet);
    }
    /// A packet that ip_output could not send, told apart by its identification.
    void add(const char* to, HopIndex hop, unsigned id = 0, std::uint64_t now_us = 2'000'000) {
        rte_mbuf* m = rte_pktmbuf_alloc(pool.get());
        const Bytes frame =
            Ip(std::string(to).find(':') == std::string::npos ? "10.0.1.2" : "2001:db8:1::2", to)
                .id(id)
                .frame("02:00:00:00:00:0a", "02:00:00:00:00:0b");
        std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(frame.size())), frame.data(),
                    frame.size());
        Packet& packet = *Packet::from(m);
        packet.meta = {};
        packet.meta.l3_offset = ethernet_header_size;
        packet.meta.iif = in;
        packet.meta.oif = out;
        packet.meta.hop = hop;
        hold.add(packet, hops, now_us);
    }
    static unsigned id_of(const Packet& packet) {
        const auto bytes = bytes_of(packet);
        return bytes[18] << 8 | bytes[19];
    }
    [[nodiscard]] std::uint64_t drops(DropReason reason) const {
        return counters[out].dropped[static_cast<std::size_t>(reason)].packets.get();
    }

    HeapPool pool;
    HopTable hops;
    CounterTable counters;
    std::vector<NextHop> asked;
    std::vector<Packet*> given;
    Hold hold{
        {.ask = [this](const NextHop& to) { asked.push_back(to); },
         .give = [this](Packet* packets[], unsigned n) { given.insert(given.end(), packets, packets + n); },
         .counters = &counters}};
};

TEST_F(HoldTest, AsksOnceAndGivesBackInOrder) {
    for (unsigned id = 0; id < 5; ++id)
        add("10.0.2.7", 1, id);
    const NextHop to{.interface = out, .v6 = false, .address = {{10, 0, 2, 7}}};
    EXPECT_EQ(asked, std::vector<NextHop>{to});
    EXPECT_EQ(hold.count(to), 5u);
    hold.release(to);
    ASSERT_EQ(given.size(), 5u);
    for (unsigned id = 0; id < 5; ++id) {
        EXPECT_EQ(id_of(*given[id]), id);
        EXPECT_TRUE(given[id]->meta.flags & PacketFlags::resolved);
    }
    EXPECT_EQ(hold.count(), 0u);
    hold.release(to);
    EXPECT_EQ(given.size(), 5u);
}

TEST_F(HoldTest, WhoIsAskedFor) {
    add("203.0.113.1", 2);
    add("2001:db8:2::7", 1);
    ASSERT_EQ(asked.size(), 2u);
    EXPECT_EQ(asked[0], (NextHop{out, false, {{10, 0, 2, 9}}})) << "the gateway";
    IpAddress destination;
    const Bytes bytes = address_bytes("2001:db8:2::7");
    std::copy(bytes.begin(), bytes.end(), destination.bytes.begin());
    EXPECT_EQ(asked[1], (NextHop{out, true, destination}));
}

TEST_F(HoldTest, TheOldestGoesForANewOne) {
    for (unsigned id = 0; id < Hold::per_neighbour + 6; ++id)
        add("10.0.2.7", 1, id);
    EXPECT_EQ(drops(DropReason::route_hold_full), 6u);
    hold.release({out, false, {{10, 0, 2, 7}}});
    ASSERT_EQ(given.size(), Hold::per_neighbour);
    EXPECT_EQ(id_of(*given.front()), 6u);
    EXPECT_EQ(id_of(*given.back()), Hold::per_neighbour + 5);
}

TEST_F(HoldTest, ManyNextHopsCostThoseThatWaitLongest) {
    const auto address = [](unsigned n) {
        return "10.0." + std::to_string(n / 256) + "." + std::to_string(n % 256);
    };
    for (unsigned n = 0; n < Hold::max_neighbours + 10; ++n)
        add(address(n).c_str(), 1);
    EXPECT_EQ(hold.count(), Hold::max_neighbours);
    EXPECT_EQ(drops(DropReason::route_hold_full), 10u);
    EXPECT_EQ(asked.size(), Hold::max_neighbours + 10) << "the newest is asked for, too";
    EXPECT_EQ(hold.count({out, false, {{10, 0, 0, 9}}}), 0u);
    EXPECT_EQ(hold.count({out, false, {{10, 0, 0, 10}}}), 1u);
}

TEST_F(HoldTest, ManyPacketsCostTheOneThatWaitsLongest) {
    constexpr unsigned each = Hold::capacity / Hold::per_neighbour;
    for (unsigned n = 0; n < each; ++n)
        for (unsigned id = 0; id < Hold::per_neighbour; ++id)
            add(("10.0.3." + std::to_string(n)).c_str(), 1, id);
    EXPECT_EQ(hold.count(), Hold::capacity);
    add("10.0.4.1", 1);
    EXPECT_EQ(hold.count(), Hold::capacity);
    EXPECT_EQ(hold.count({out, false, {{10, 0, 4, 1}}}), 1u);
    EXPECT_EQ(hold.count({out, false, {{10, 0, 3, 0}}}), Hold::per_neighbour - 1);
    EXPECT_EQ(drops(DropReason::route_hold_full), 1u);
}

TEST_F(HoldTest, AsksAgainOnceASecond) {
    for (const std::uint64_t now_us : {0u, 999'999u, 1'000'000u, 1'500'000u, 2'000'000u})
        add("10.0.2.7", 1, 0, 5'000'000 + now_us);
    EXPECT_EQ(asked.size(), 3u);
}

TEST_F(HoldTest, ForgetsWhatAnInterfaceThatGoesHasToDoWith) {
    add("10.0.2.7", 1);
    add("10.0.2.8", 1);
    hold.forget(in);
    EXPECT_EQ(hold.count(), 0u) << "both came by it";
    add("10.0.2.7", 1);
    hold.forget(out);
    EXPECT_EQ(hold.count(), 0u);
    EXPECT_EQ(drops(DropReason::handover_gone), 3u);
    add("10.0.2.7", 1);
    hold.forget(9);
    EXPECT_EQ(hold.count(), 1u);
    EXPECT_EQ(asked.back(), (NextHop{out, false, {{10, 0, 2, 7}}}));
}

TEST_F(HoldTest, GivesUp) {
    add("10.0.2.7", 1, 0, 1'000'000);
    hold.expire(10'999'999);
    EXPECT_EQ(hold.count(), 1u);
    hold.expire(11'000'000);
    EXPECT_EQ(hold.count(), 0u);
    EXPECT_EQ(drops(DropReason::route_neighbour_failed), 1u);
    add("10.0.2.7", 1, 0, 12'000'000);
    EXPECT_EQ(asked.size(), 2u) << "and asks again";
}

}  // namespace
}  // namespace weft::test
