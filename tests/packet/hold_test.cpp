#include "control/kernel/hold.hpp"

#include <gtest/gtest.h>

#include "tests/support/heap_pool.hpp"
#include "tests/support/ip_frame.hpp"
#include "tests/support/mbuf.hpp"

namespace weft::test {
namespace {

constexpr IfIndex in = 2, out = 3, other = 4;
constexpr int tap = 33;

class HoldTest : public testing::Test {
  protected:
    ~HoldTest() override {
        for (Packet* packet : given)
            Packet::free(packet);
    }
    static NextHop next(const char* address, IfIndex interface = out) {
        NextHop to{.interface = interface, .v6 = std::strchr(address, ':') != nullptr, .device = tap};
        const Bytes bytes = address_bytes(address);
        std::copy(bytes.begin(), bytes.end(), to.address.bytes.begin());
        return to;
    }
    /// A packet that ip_output could not send, told apart by its identification.
    void add(const std::string& to, unsigned id = 0, std::uint64_t now_us = 2'000'000,
             IfIndex interface = out) {
        rte_mbuf* m = rte_pktmbuf_alloc(pool.get());
        const Bytes frame = Ip(to.find(':') == std::string::npos ? "10.0.1.2" : "2001:db8:1::2", to)
                                .id(id)
                                .frame("02:00:00:00:00:0a", "02:00:00:00:00:0b");
        std::memcpy(rte_pktmbuf_append(m, static_cast<std::uint16_t>(frame.size())), frame.data(),
                    frame.size());
        Packet& packet = *Packet::from(m);
        packet.meta = {};
        packet.meta.l3_offset = ethernet_header_size;
        packet.meta.iif = in;
        packet.meta.oif = interface;
        ASSERT_TRUE(write_next_hop(packet, next(to.c_str(), interface)));
        hold.add(packet, now_us);
        for (const NextHop& wanted : hold.take_wanted())
            asked.push_back(wanted);
    }
    static unsigned id_of(const Packet& packet) {
        const auto bytes = bytes_of(packet);
        return bytes[18] << 8 | bytes[19];
    }
    [[nodiscard]] std::uint64_t drops(DropReason reason, IfIndex interface = out) const {
        return counters[interface].dropped[static_cast<std::size_t>(reason)].packets.get();
    }

    HeapPool pool;
    CounterTable counters;
    std::vector<NextHop> asked;
    unsigned woken = 0;
    std::vector<Packet*> given;
    Hold hold{
        {.ask = [this] { ++woken; },
         .give = [this](Packet* packets[], unsigned n) { given.insert(given.end(), packets, packets + n); },
         .counters = &counters}};
};

TEST_F(HoldTest, AsksOnceAndGivesBackInOrder) {
    for (unsigned id = 0; id < 5; ++id)
        add("10.0.2.7", id);
    const NextHop to = next("10.0.2.7");
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

TEST_F(HoldTest, EachIsWantedOnce) {
    add("203.0.113.1");
    add("2001:db8:2::7");
    EXPECT_EQ(asked, (std::vector<NextHop>{next("203.0.113.1"), next("2001:db8:2::7")}));
    EXPECT_EQ(woken, 2u);
    EXPECT_TRUE(hold.take_wanted().empty());
}

TEST_F(HoldTest, TheOldestGoesForANewOne) {
    for (unsigned id = 0; id < Hold::per_neighbour + 6; ++id)
        add("10.0.2.7", id);
    EXPECT_EQ(drops(DropReason::route_hold_full), 6u);
    hold.release(next("10.0.2.7"));
    ASSERT_EQ(given.size(), Hold::per_neighbour);
    EXPECT_EQ(id_of(*given.front()), 6u);
    EXPECT_EQ(id_of(*given.back()), Hold::per_neighbour + 5);
}

TEST_F(HoldTest, ManyNextHopsCostThoseThatWaitLongest) {
    const auto address = [](unsigned n) {
        return "10.0." + std::to_string(n / 256) + "." + std::to_string(n % 256);
    };
    for (unsigned n = 0; n < Hold::max_neighbours + 10; ++n)
        add(address(n));
    EXPECT_EQ(hold.count(), Hold::max_neighbours);
    EXPECT_EQ(drops(DropReason::route_hold_full), 10u);
    EXPECT_EQ(asked.size(), Hold::max_neighbours + 10) << "the newest is asked for, too";
    EXPECT_EQ(hold.count(next("10.0.0.9")), 0u);
    EXPECT_EQ(hold.count(next("10.0.0.10")), 1u);
}

TEST_F(HoldTest, ManyPacketsCostTheOneThatWaitsLongest) {
    constexpr unsigned each = Hold::capacity / Hold::per_neighbour;
    for (unsigned n = 0; n < each; ++n)
        for (unsigned id = 0; id < Hold::per_neighbour; ++id)
            add(("10.0.3." + std::to_string(n)), id);
    EXPECT_EQ(hold.count(), Hold::capacity);
    add("10.0.4.1");
    EXPECT_EQ(hold.count(), Hold::capacity);
    EXPECT_EQ(hold.count(next("10.0.4.1")), 1u);
    EXPECT_EQ(hold.count(next("10.0.3.0")), Hold::per_neighbour - 1);
    EXPECT_EQ(drops(DropReason::route_hold_full), 1u);
}

// The bounds are shared: who has most gives way.
TEST_F(HoldTest, AFloodToOneInterfaceCostsNothingThatWaitsForAnother) {
    for (unsigned id = 0; id < 10; ++id)
        add("10.0.9.1", id, 2'000'000, other);
    add("10.0.9.2", 0, 2'000'000, other);
    for (unsigned n = 0; n < 3 * Hold::max_neighbours; ++n)
        for (unsigned id = 0; id < 5; ++id)
            add("10.1." + std::to_string(n / 250) + "." + std::to_string(n % 250), id);
    EXPECT_EQ(hold.count(), Hold::capacity);
    EXPECT_EQ(hold.count(next("10.0.9.1", other)), 10u);
    EXPECT_EQ(hold.count(next("10.0.9.2", other)), 1u);
    EXPECT_EQ(drops(DropReason::route_hold_full, other), 0u);
    EXPECT_EQ(drops(DropReason::route_hold_full), 15 * Hold::max_neighbours + 11 - Hold::capacity);
    // … and the other may take as much as the first.
    for (unsigned n = 0; n < Hold::max_neighbours; ++n)
        for (unsigned id = 0; id < 5; ++id)
            add("10.2." + std::to_string(n / 250) + "." + std::to_string(n % 250), id, 2'000'000, other);
    EXPECT_EQ(hold.count(), Hold::capacity);
    EXPECT_NEAR(static_cast<double>(Hold::capacity + drops(DropReason::route_hold_full, other)),
                5 * Hold::max_neighbours + 11 + Hold::capacity / 2, 5);
    hold.expire(20'000'000);
    EXPECT_EQ(hold.count(), 0u);
}

TEST_F(HoldTest, WhoIsGoneIsNotWanted) {
    rte_mbuf* m = rte_pktmbuf_alloc(pool.get());
    rte_pktmbuf_append(m, 60);
    Packet& packet = *Packet::from(m);
    packet.meta = {};
    packet.meta.oif = out;
    ASSERT_TRUE(write_next_hop(packet, next("10.0.2.7")));
    hold.add(packet, 2'000'000);
    hold.forget(out);
    EXPECT_TRUE(hold.take_wanted().empty());
    EXPECT_EQ(hold.count(), 0u);
}

TEST_F(HoldTest, AsksAgainOnceASecond) {
    for (const std::uint64_t now_us : {0u, 999'999u, 1'000'000u, 1'500'000u, 2'000'000u})
        add("10.0.2.7", 0, 5'000'000 + now_us);
    EXPECT_EQ(asked.size(), 3u);
}

TEST_F(HoldTest, ForgetsWhatAnInterfaceThatGoesHasToDoWith) {
    add("10.0.2.7");
    add("10.0.2.8");
    hold.forget(in);
    EXPECT_EQ(hold.count(), 0u) << "both came by it";
    add("10.0.2.7");
    hold.forget(out);
    EXPECT_EQ(hold.count(), 0u);
    EXPECT_EQ(drops(DropReason::handover_gone), 3u);
    add("10.0.2.7");
    hold.forget(9);
    EXPECT_EQ(hold.count(), 1u);
    EXPECT_EQ(asked.back(), (next("10.0.2.7")));
}

TEST_F(HoldTest, GivesUp) {
    add("10.0.2.7", 0, 1'000'000);
    hold.expire(10'999'999);
    EXPECT_EQ(hold.count(), 1u);
    hold.expire(11'000'000);
    EXPECT_EQ(hold.count(), 0u);
    EXPECT_EQ(drops(DropReason::route_neighbour_failed), 1u);
    add("10.0.2.7", 0, 12'000'000);
    EXPECT_EQ(asked.size(), 2u) << "and asks again";
}

}  // namespace
}  // namespace weft::test
