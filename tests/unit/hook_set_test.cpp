// hash:ip and hash:net: net/netfilter/ipset/ip_set_hash_gen.h.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "dataplane/hook/address_table.hpp"

namespace weft::test {
namespace {

using namespace hook;
constexpr std::uint64_t second = 1'000'000, secret = 0x1122'3344'5566'7788;

IpAddress address(const char* text) {
    IpAddress a;
    inet_pton(AF_INET, text, a.bytes.data());
    return a;
}
SetMember net(const char* text, std::uint8_t length = 0xff, bool exception = false) {
    return {.address = address(text), .length = length, .exception = exception};
}
bool holds(const AddressTable& set, const char* text, std::uint64_t now = 0) {
    return set.holds({.address = address(text), .now_us = now});
}

TEST(HookSet, AddressesComeAndGo) {
    AddressTable set({}, secret);
    EXPECT_EQ(set.add(net("10.0.0.1"), 0), SetChange::done);
    EXPECT_EQ(set.add(net("10.0.0.1"), 0), SetChange::exists);
    EXPECT_EQ(set.add(net("10.0.0.1"), 0, true), SetChange::done);
    EXPECT_EQ(set.add(net("0.0.0.0"), 0), SetChange::invalid);
    EXPECT_TRUE(holds(set, "10.0.0.1"));
    EXPECT_FALSE(holds(set, "10.0.0.2"));
    EXPECT_EQ(set.remove(net("10.0.0.2"), 0), SetChange::missing);
    EXPECT_EQ(set.remove(net("10.0.0.1"), 0), SetChange::done);
    EXPECT_FALSE(holds(set, "10.0.0.1"));
    EXPECT_EQ(set.add(net("10.0.0.1"), 0), SetChange::done);
    set.clear();
    set.reclaim();
    EXPECT_FALSE(holds(set, "10.0.0.1"));
}

TEST(HookSet, NetmaskCutsAddresses) {
    AddressTable set({.netmask = 24}, secret);
    EXPECT_EQ(set.add(net("10.0.0.1"), 0), SetChange::done);
    EXPECT_TRUE(holds(set, "10.0.0.200"));
    EXPECT_EQ(set.add(net("10.0.0.9"), 0), SetChange::exists);
}

TEST(HookSet, LongestNetworkSaysWhetherItIsAnException) {
    AddressTable set({.networks = true}, secret);
    EXPECT_EQ(set.add(net("10.0.0.0", 8), 0), SetChange::done);
    EXPECT_EQ(set.add(net("10.1.0.0", 16, true), 0), SetChange::done);
    EXPECT_EQ(set.add(net("10.1.2.0", 24), 0), SetChange::done);
    EXPECT_EQ(set.add(net("0.0.0.0", 0), 0), SetChange::invalid);
    EXPECT_TRUE(holds(set, "10.2.0.1"));
    EXPECT_FALSE(holds(set, "10.1.1.1"));
    EXPECT_TRUE(holds(set, "10.1.2.3"));
    EXPECT_FALSE(holds(set, "11.0.0.1"));
    EXPECT_TRUE(set.holds({.address = address("10.1.1.1"), .return_nomatch = true}));
    EXPECT_FALSE(set.holds({.address = address("10.2.1.1"), .return_nomatch = true}));
    EXPECT_TRUE(set.test(net("10.0.0.0", 8), 0));
    EXPECT_FALSE(set.test(net("10.0.0.0", 9), 0));
    EXPECT_TRUE(set.test(net("10.2.3.4"), 0));
    EXPECT_EQ(set.remove(net("10.1.2.0", 24), 0), SetChange::done);
    EXPECT_FALSE(holds(set, "10.1.2.3"));
}

TEST(HookSet, TimesEnd) {
    AddressTable set({.most_members = 2, .timeouts = true}, secret);
    auto member = net("10.0.0.1");
    member.deadline_us = 11 * second;
    EXPECT_EQ(set.add(member, second), SetChange::done);
    EXPECT_TRUE(holds(set, "10.0.0.1", 11 * second - 1));
    EXPECT_FALSE(holds(set, "10.0.0.1", 11 * second));
    member.deadline_us = 21 * second;
    EXPECT_EQ(set.add(member, 12 * second), SetChange::done) << "its time was over";
    EXPECT_TRUE(holds(set, "10.0.0.1", 13 * second));
    std::uint64_t over = 0;
    member.deadline_us = 22 * second;
    EXPECT_EQ(set.add(member, 13 * second, true), SetChange::done);
    set.list(13 * second, [&](const SetMember& listed) { over = listed.deadline_us; });
    EXPECT_EQ(over, 22 * second);
    EXPECT_EQ(set.add(net("10.0.0.2"), 0), SetChange::done);
    EXPECT_EQ(set.add(net("10.0.0.3"), 13 * second), SetChange::full);
    EXPECT_EQ(set.add(net("10.0.0.3"), 30 * second), SetChange::done) << "the first made room";
    EXPECT_TRUE(holds(set, "10.0.0.2", 30 * second));
}

TEST(HookSet, MembersCountAndAreAskedTheirCounters) {
    AddressTable set({.counters = true}, secret);
    static_cast<void>(set.add(net("10.0.0.1"), 0));
    SetQuery query{.address = address("10.0.0.1"), .bytes = 100};
    query.packet_count = {SetMatch::Compare::greater, 2};
    EXPECT_FALSE(set.holds(query));
    EXPECT_FALSE(set.holds(query));
    EXPECT_TRUE(set.holds(query)) << "counts, then compares";
    query.count = false;
    query.byte_count = {SetMatch::Compare::equal, 300};
    EXPECT_TRUE(set.holds(query));
    Counters counters;
    set.list(0, [&](const SetMember& member) { counters = member.counters; });
    EXPECT_EQ(counters, (Counters{3, 300}));
}

TEST(HookSet, ManyMembersAreAsInAModel) {
    AddressTable set({.most_members = 100'000}, secret);
    std::mt19937 random(1);
    std::set<std::uint32_t> model;
    for (unsigned i = 0; i < 60'000; ++i) {
        const std::uint32_t value = 1 + random() % 20'000;
        SetMember member{.address = to_address(be32{value})};
        if (random() % 3)
            EXPECT_EQ(set.add(member, 0), model.insert(value).second ? SetChange::done : SetChange::exists);
        else
            EXPECT_EQ(set.remove(member, 0), model.erase(value) ? SetChange::done : SetChange::missing);
        if (i % 10'000 == 0) set.reclaim();
    }
    EXPECT_EQ(set.size(), model.size());
    for (std::uint32_t value = 1; value <= 20'000; ++value)
        ASSERT_EQ(set.holds({.address = to_address(be32{value})}), model.contains(value));
}

TEST(HookSet, WorkersSeeMembersThatStayWhileOthersComeAndGo) {
    AddressTable set({.networks = true, .most_members = 100'000}, secret);
    static_cast<void>(set.add(net("10.0.0.0", 8), 0));
    NamedSet named(set);
    std::atomic<bool> end = false;
    std::atomic<unsigned> missed = 0, rounds = 0;
    std::thread reader([&] {
        while (!end) {
            if (!named.holds({.address = address("10.9.9.9")})) ++missed;
            ++rounds;
        }
    });
    for (unsigned turn = 0; turn < 20 || rounds < 1000; ++turn)
        for (std::uint32_t i = 0; i < 200; ++i) {
            const SetMember member{.address = to_address(be32{0x0b00'0000 + i * 256}), .length = 24};
            if (turn % 2)
                static_cast<void>(set.remove(member, 0));
            else
                static_cast<void>(set.add(member, 0));
        }
    end = true;
    reader.join();
    EXPECT_EQ(missed, 0U);
}

TEST(HookSet, ASwappedSetAnswersAtOnce) {
    AddressTable one({}, secret), other({}, secret);
    static_cast<void>(one.add(net("10.0.0.1"), 0));
    NamedSet named(one);
    EXPECT_TRUE(named.holds({.address = address("10.0.0.1")}));
    named.exchange(other);
    EXPECT_FALSE(named.holds({.address = address("10.0.0.1")}));
}

}  // namespace
}  // namespace weft::test
