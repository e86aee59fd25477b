// From what the kernel says to what workers find: the order of its tables and routes, and next hops.
#include <linux/if_addr.h>
#include <linux/netconf.h>

#include <random>

#include "tests/unit/route_tables_rig.hpp"

namespace weft::test {
namespace {

TEST_F(RouteTablesTest, KindsOfRoutes) {
    add(make("10.0.0.0", 24, {via(lan)}));
    add(make("0.0.0.0", 0, {via(wan, "192.0.2.1")}));
    add(make("10.0.0.1", 32, {via(lan)}, RT_TABLE_LOCAL, RTN_LOCAL));
    add(make("10.0.0.255", 32, {via(lan)}, RT_TABLE_LOCAL, RTN_BROADCAST));
    add(make("10.3.0.0", 16, {}, RT_TABLE_MAIN, RTN_BLACKHOLE));
    add(make("10.4.0.0", 16, {via(other, "10.9.9.9")}));
    EXPECT_EQ(look("10.0.0.7").kind, HopKind::connected);
    EXPECT_EQ(look("10.0.0.7").interface, 1);
    EXPECT_EQ(look("10.0.0.1").kind, HopKind::local);
    EXPECT_EQ(look("10.0.0.255").kind, HopKind::broadcast);
    EXPECT_EQ(look("10.3.1.1").kind, HopKind::blackhole);
    EXPECT_EQ(look("10.4.1.1").kind, HopKind::elsewhere) << "an interface that weft lacks";
    EXPECT_EQ(look("8.8.8.8").kind, HopKind::neighbour);
    EXPECT_EQ(look("8.8.8.8").gateway, ip("192.0.2.1"));
    EXPECT_EQ(look("8.8.8.8").own.load(), (MacAddress{{2, 0, 0, 0, 1, wan}}).raw());
}

TEST_F(RouteTablesTest, EveryChangeIsToldToItsRegionAlone) {
    const auto here = [&] {
        return hops.changes().v4.generation(RouteRegions<4>::of(ip("10.8.1.1").bytes.data()));
    };
    const auto there = [&] {
        return hops.changes().v4.generation(RouteRegions<4>::of(ip("172.16.1.1").bytes.data()));
    };
    const KernelRoute route = make("10.8.0.0", 16, {via(lan, "10.0.0.2")});
    add(route);
    const std::uint32_t first = here(), far = there();
    EXPECT_EQ(first, 1u);
    add(make("10.8.0.0", 16, {via(wan, "192.0.2.2")}), NLM_F_REPLACE);
    EXPECT_EQ(here(), first + 1);
    del(make("10.8.0.0", 16, {via(wan, "192.0.2.2")}));
    EXPECT_EQ(here(), first + 2);
    EXPECT_EQ(there(), far);
    add(make("172.16.0.0", 16, {via(lan, "10.0.0.2")}));
    EXPECT_EQ(here(), first + 2);
    EXPECT_EQ(there(), far + 1);
    EXPECT_TRUE(hops.changes().none_since(hops.changes().ended()));
}

TEST_F(RouteTablesTest, TheLowestMetricIsTakenAndTheNextOneWhenItGoes) {
    add(make("10.8.0.0", 16, {via(lan, "10.0.0.2")}, RT_TABLE_MAIN, RTN_UNICAST, 20));
    add(make("10.8.0.0", 16, {via(wan, "192.0.2.2")}, RT_TABLE_MAIN, RTN_UNICAST, 10));
    EXPECT_EQ(look("10.8.1.1").interface, 2);
    del(make("10.8.0.0", 16, {via(wan, "192.0.2.2")}, RT_TABLE_MAIN, RTN_UNICAST, 10));
    EXPECT_EQ(look("10.8.1.1").interface, 1);
    add(make("10.8.0.0", 16, {via(lan, "10.0.0.3")}, RT_TABLE_MAIN, RTN_UNICAST, 20), NLM_F_REPLACE);
    EXPECT_EQ(look("10.8.1.1").gateway, ip("10.0.0.3"));
    EXPECT_EQ(routes.size().routes4, 1u);
}

// net/ipv4/fib_semantics.c, fib_find_info: routes of one prefix and metric may differ in anything.
TEST_F(RouteTablesTest, RoutesThatDifferInWhatNoPacketSeesAreTwo) {
    const auto plain = make("10.8.0.0", 16, {via(lan, "10.0.0.2")});
    auto window = plain, locked = plain, onlink = plain, realm = plain;
    window.metrics_set = 1u << RTAX_INITCWND;
    window.metrics[RTAX_INITCWND] = 20;
    locked.metrics_locked = 1u << RTAX_MTU;
    onlink.vias[0].flags = RTNH_F_ONLINK;
    realm.other = 7;
    static_cast<void>(routes.take_wanted());
    for (const auto& twin : {window, locked, onlink, realm}) {
        add(plain);
        add(twin, NLM_F_APPEND);
        EXPECT_EQ(routes.size().routes4, 2u);
        del(plain);
        EXPECT_EQ(look("10.8.0.1").gateway, ip("10.0.0.2"));
        add(plain, NLM_F_REPLACE);
        EXPECT_EQ(routes.size().routes4, 1u);
        del(plain);
        EXPECT_EQ(index("10.8.0.1"), no_hop);
        EXPECT_EQ(routes.take_wanted(), 0u);
    }
}

TEST_F(RouteTablesTest, TheFirstOfOnePrefixAndMetric) {
    const auto a = make("10.8.0.0", 16, {via(lan, "10.0.0.2")}, RT_TABLE_MAIN, RTN_UNICAST, 7);
    const auto b = make("10.8.0.0", 16, {via(lan, "10.0.0.3")}, RT_TABLE_MAIN, RTN_UNICAST, 7);
    EXPECT_FALSE(routes.is_first(a));
    add(make("10.8.0.0", 16, {via(lan, "10.0.0.4")}, RT_TABLE_MAIN, RTN_UNICAST, 6));
    add(a);
    add(b, NLM_F_APPEND);
    EXPECT_TRUE(routes.is_first(a));
    EXPECT_FALSE(routes.is_first(b));
    del(a);
    EXPECT_TRUE(routes.is_first(b));
    EXPECT_FALSE(routes.is_first(make("10.8.0.0", 16, {via(lan, "10.0.0.3")}, 100, RTN_UNICAST, 7)));
}

// net/ipv4/fib_rules.c: the rule of local comes first, whatever the length of what it finds.
TEST_F(RouteTablesTest, LocalIsAskedBeforeMainWhateverTheLength) {
    add(make("10.5.0.0", 24, {via(wan, "192.0.2.1")}));
    add(make("10.5.0.0", 16, {via(lan)}, RT_TABLE_LOCAL, RTN_LOCAL));
    EXPECT_EQ(look("10.5.0.9").kind, HopKind::local);
    del(make("10.5.0.0", 16, {via(lan)}, RT_TABLE_LOCAL, RTN_LOCAL));
    EXPECT_EQ(look("10.5.0.9").kind, HopKind::neighbour);
}

TEST_F(RouteTablesTest, SayWhetherAnyIsAGroup) {
    EXPECT_FALSE(hops.has_groups());
    const auto both = make("10.9.0.0", 16, {via(lan, "10.0.0.9"), via(wan, "10.1.0.9")});
    add(both);
    EXPECT_TRUE(hops.has_groups());
    add(make("10.8.0.0", 16, {via(lan, "10.0.0.9"), via(wan, "10.1.0.9")}));
    del(both);
    EXPECT_TRUE(hops.has_groups()) << "the other route has it, too";
    del(make("10.8.0.0", 16, {via(lan, "10.0.0.9"), via(wan, "10.1.0.9")}));
    EXPECT_FALSE(hops.has_groups());
}

TEST_F(RouteTablesTest, WeightsShareOutBucketsAndOnlyTheLostOnesMove) {
    add(make("10.6.0.0", 16, {via(lan, "10.0.0.2", 3), via(wan, "192.0.2.2", 1)}));
    const auto group = index("10.6.0.1");
    ASSERT_EQ(hops[group].kind, HopKind::group);
    EXPECT_EQ(hops[group].bucket_bits, 7);
    EXPECT_EQ(shares(group), (std::map<IfIndex, int>{{1, 96}, {2, 32}}));
    std::vector<IfIndex> before;
    for (std::uint32_t i = 0; i < 128; ++i)
        before.push_back(hops[hops.bucket(hops[group].first_bucket + i)].interface);
    link(wan, 0);
    settle();
    EXPECT_EQ(index("10.6.0.1"), group) << "changed in place";
    EXPECT_EQ(shares(group), (std::map<IfIndex, int>{{1, 128}}));
    link(wan, IFF_UP);
    settle();
    EXPECT_EQ(shares(group), (std::map<IfIndex, int>{{1, 96}, {2, 32}}));
    // The route again, with one next hop more: a quarter's worth moves, no more than it has to.
    auto three =
        make("10.6.0.0", 16, {via(lan, "10.0.0.2", 3), via(wan, "192.0.2.2", 1), via(lan, "10.0.0.3", 4)});
    add(three, NLM_F_REPLACE);
    EXPECT_NE(index("10.6.0.1"), group);
    link(lan, 0);
    link(wan, 0);
    settle();
    EXPECT_EQ(index("10.6.0.1"), no_hop) << "no next hop is left";
    EXPECT_NE(routes.take_wanted() & bit_of(RouteDump::routes4), 0u)
        << "the kernel forgets without a message";
}

TEST_F(RouteTablesTest, FlowsOfMembersThatStayDoNotMove) {
    for (const std::uint32_t members : {3u, 4u, 5u, 6u, 7u, 8u, 9u, 17u}) {
        std::vector<KernelVia> vias;
        for (std::uint32_t i = 0; i < members; ++i)
            vias.push_back(via(lan, ("10.0.0." + std::to_string(i + 2)).c_str()));
        add(make("10.6.0.0", 16, vias), NLM_F_REPLACE);
        // By the 12 first bits of a flow's hash, as finely as buckets ever are.
        const auto gateways = [&] {
            const Hop& group = look("10.6.0.1");
            std::vector<IpAddress> all;
            for (std::uint32_t hash = 0; hash < 4096; ++hash)
                all.push_back(
                    hops[hops.bucket(group.first_bucket + (hash >> (12 - group.bucket_bits)))].gateway);
            return all;
        };
        const auto before = gateways();
        const auto gone = vias[members / 2].gateway;
        vias.erase(vias.begin() + members / 2);
        add(make("10.6.0.0", 16, vias), NLM_F_REPLACE);
        const auto after = gateways();
        int moved = 0;
        for (std::size_t i = 0; i < before.size(); ++i)
            moved += before[i] != gone && before[i] != after[i];
        EXPECT_EQ(moved, 0) << "of " << members;
        EXPECT_EQ(std::count(after.begin(), after.end(), gone), 0);
        del(make("10.6.0.0", 16, vias));
    }
}

TEST_F(RouteTablesTest, NextHopObjectsGroupsAndTheirEnd) {
    KernelNexthop a{.id = 1, .family = AF_INET, .via = via(lan, "10.0.0.2")};
    KernelNexthop b{.id = 2, .family = AF_INET, .via = via(wan, "192.0.2.2")};
    routes.nexthop(a, true);
    routes.nexthop(b, true);
    KernelNexthop group{.id = 9, .group = {{1, 1}, {2, 1}}};
    routes.nexthop(group, true);
    auto route = make("10.7.0.0", 16, {});
    route.nexthop = 9;
    add(route);
    EXPECT_EQ(shares(index("10.7.0.1")), (std::map<IfIndex, int>{{1, 32}, {2, 32}}));
    routes.nexthop(b, false);
    settle();
    EXPECT_EQ(look("10.7.0.1").interface, 1);
    EXPECT_NE(routes.take_wanted() & bit_of(RouteDump::routes4), 0u);
    routes.nexthop(group, false);
    settle();
    EXPECT_EQ(index("10.7.0.1"), no_hop);
}

// net/ipv4/nexthop.c, nexthop_flush_dev: a lost carrier takes next-hop objects along, and nobody is told.
TEST_F(RouteTablesTest, ALostCarrierAsksForNextHopObjectsOfTheLinkOnly) {
    link(wan, IFF_UP | IFF_RUNNING);
    link(lan, IFF_UP | IFF_RUNNING);
    add(make("10.6.0.0", 16, {via(lan, "10.0.0.2")}));
    routes.nexthop({.id = 1, .family = AF_INET, .via = via(wan, "192.0.2.2")}, true);
    static_cast<void>(routes.take_wanted());
    link(lan, IFF_UP);
    EXPECT_EQ(routes.take_wanted(), 0u);
    link(wan, IFF_UP);
    const auto asked = routes.take_wanted();
    for (const auto kind : {RouteDump::links, RouteDump::nexthops, RouteDump::routes4, RouteDump::routes6})
        EXPECT_NE(asked & bit_of(kind), 0u);
    link(wan, IFF_UP | IFF_RUNNING);
    EXPECT_EQ(routes.take_wanted(), 0u);
}

// net/ipv4/fib_semantics.c, fib_sync_down_dev: nothing is forgotten of a device to which nothing leads.
TEST_F(RouteTablesTest, ADeviceThatGoesDownAsksForRoutesThatLeadThereOnly) {
    link(wan, IFF_UP);
    link(lan, IFF_UP);
    add(make("10.6.0.0", 16, {via(lan, "10.0.0.2")}));
    static_cast<void>(routes.take_wanted());
    for (const std::uint32_t flags : {0, IFF_UP + 0}) {
        link(wan, flags);
        EXPECT_EQ(routes.take_wanted(), 0u);
        link(lan, flags);
        EXPECT_NE(routes.take_wanted() & bit_of(RouteDump::routes4), 0u);
    }
    routes.nexthop({.id = 1, .family = AF_INET, .via = via(wan, "192.0.2.2")}, true);
    link(wan, 0);
    EXPECT_NE(routes.take_wanted() & bit_of(RouteDump::nexthops), 0u) << "an object that no route has yet";
}

// Documentation/networking/ip-sysctl.rst; include/linux/inetdevice.h: of all devices or of one.
TEST_F(RouteTablesTest, ALinkWithoutCarrierIsIgnoredWhereItIsToBe) {
    for (const int device : {lan, wan})
        link(device, IFF_UP | IFF_RUNNING);
    add(make("10.6.0.0", 16, {via(lan, "10.0.0.2"), via(wan, "192.0.2.2")}));
    add(make("fd06::", 16, {via(wan, "fd00::2")}, RT_TABLE_MAIN, RTN_UNICAST, 10));
    add(make("fd06::", 16, {via(lan, "fd00::3")}, RT_TABLE_MAIN, RTN_UNICAST, 20));
    const auto interfaces = [&] {
        return std::pair{shares(index("10.6.0.1")).size(), look("fd06::1").interface};
    };
    using Both = std::pair<std::size_t, IfIndex>;
    link(wan, IFF_UP);
    settle();
    EXPECT_EQ(interfaces(), (Both{2, 2}));
    const auto set = [&](bool v6, int device, bool ignores) {
        routes.netconf({.v6 = v6, .index = device, .ignores_linkdown = ignores});
        settle();
    };
    set(false, NETCONFA_IFINDEX_ALL, true);
    EXPECT_EQ(interfaces(), (Both{1, 2}));
    set(true, NETCONFA_IFINDEX_ALL, true);
    EXPECT_EQ(interfaces(), (Both{1, 2})) << "of IPv6 each device is told of";
    set(true, wan, true);
    EXPECT_EQ(interfaces(), (Both{1, 1}));
    link(wan, IFF_UP | IFF_RUNNING);
    settle();
    EXPECT_EQ(interfaces(), (Both{2, 2}));
    link(wan, IFF_UP);
    settle();
    set(false, NETCONFA_IFINDEX_ALL, false);
    EXPECT_EQ(interfaces(), (Both{2, 1}));
    set(false, wan, true);
    EXPECT_EQ(interfaces(), (Both{1, 1}));
    // Told as dead for as long as there is no carrier.
    auto route = make("10.8.0.0", 16, {via(wan, "192.0.2.2")});
    route.vias[0].flags = RTNH_F_DEAD | RTNH_F_LINKDOWN;
    add(route);
    EXPECT_EQ(index("10.8.0.1"), no_hop);
    set(false, wan, false);
    EXPECT_EQ(look("10.8.0.1").interface, 2);
    static_cast<void>(routes.take_wanted());
    link(wan, IFF_UP | IFF_RUNNING);
    settle();
    EXPECT_EQ(index("10.8.0.1"), no_hop) << "dead for another reason, or no longer";
    EXPECT_NE(routes.take_wanted() & bit_of(RouteDump::routes4), 0u);
}

// net/ipv4/fib_frontend.c, fib_inetaddr_event.
TEST_F(RouteTablesTest, TheEndOfAnAddressAsksForRoutesThatHangOnIt) {
    const auto address = [&](int device, const char* text, bool there) {
        routes.address({.index = device, .v6 = false, .length = 24, .local = ip(text)}, there, 0);
        return routes.take_wanted() & bit_of(RouteDump::routes4);
    };
    for (const int device : {lan, wan})
        for (const char* text : {"10.0.0.1", "10.0.1.1"})
            address(device, text, true);
    static_cast<void>(routes.take_wanted());
    auto route = make("10.6.0.0", 16, {via(lan, "10.0.0.2")});
    route.has_preferred = true;
    route.preferred = ip("10.9.9.9");
    add(route);
    EXPECT_EQ(address(wan, "10.0.0.1", false), 0u);
    EXPECT_EQ(address(wan, "10.0.1.1", false), 0u) << "no route leads there";
    EXPECT_EQ(address(lan, "10.0.0.1", false), 0u) << "the device has another one";
    EXPECT_NE(address(lan, "10.0.1.1", false), 0u) << "its last one";
    EXPECT_EQ(address(lan, "10.0.1.1", true), 0u);
    EXPECT_NE(address(wan, "10.9.9.9", false), 0u) << "the source of a route";
    auto half = make("10.7.0.0", 16, {via(lan, "10.0.0.2"), via(wan, "192.0.2.2")});
    half.vias[1].flags = RTNH_F_DEAD;
    add(half);
    EXPECT_NE(address(wan, "192.0.2.1", true), 0u) << "what was dead may live again";
    routes.begin(RouteDump::addresses);
    routes.address({.index = wan, .v6 = false, .length = 24, .local = ip("192.0.2.1")}, true, NLM_F_MULTI);
    EXPECT_EQ(routes.take_wanted(), 0u) << "a dump of routes comes behind it anyway";
}

// net/ipv6/addrconf.c, ipv6_link_dev_addr: the newest first, also when it is told in the middle of a dump.
TEST_F(RouteTablesTest, AnAddressThatComesDuringADumpHasTheKernelsPlace) {
    const auto tell = [&](int device, const char* text, std::uint16_t flags,
                          std::uint32_t address_flags = 0) {
        routes.address({.index = device, .v6 = true, .length = 64, .flags = address_flags, .local = ip(text)},
                       true, flags);
    };
    const auto sources = [&] {
        settle();
        std::vector<IpAddress> all;
        for (const auto& source : routing.get().sources6)
            all.push_back(source.address);
        return all;
    };
    tell(lan, "fd00::1", 0);
    tell(lan, "fd00::2", 0);
    EXPECT_EQ(sources(), (std::vector{ip("fd00::2"), ip("fd00::1")}));
    routes.begin(RouteDump::addresses);
    tell(lan, "fd00::2", NLM_F_MULTI);
    tell(lan, "fd00::3", 0);
    tell(lan, "fd00::2", 0, IFA_F_DEPRECATED);
    tell(lan, "fd00::1", NLM_F_MULTI);
    routes.end(RouteDump::addresses);
    EXPECT_EQ(sources(), (std::vector{ip("fd00::3"), ip("fd00::2"), ip("fd00::1")}));
    routes.begin(RouteDump::addresses);
    for (const char* text : {"fd00::1", "fd00::3", "fd00::2"})
        tell(lan, text, NLM_F_MULTI);
    routes.end(RouteDump::addresses);
    EXPECT_EQ(sources(), (std::vector{ip("fd00::1"), ip("fd00::3"), ip("fd00::2")})) << "as the kernel says";
}

TEST_F(RouteTablesTest, ANextHopOfASplitIpv6RouteGoesAlone) {
    add(make("fd01::", 64, {via(lan, "fe80::2"), via(wan, "fe80::3")}, RT_TABLE_MAIN, RTN_UNICAST, 1024));
    EXPECT_EQ(look("fd01::1").kind, HopKind::group);
    del(make("fd01::", 64, {via(wan, "fe80::3")}, RT_TABLE_MAIN, RTN_UNICAST, 1024));
    EXPECT_EQ(look("fd01::1").kind, HopKind::neighbour);
    EXPECT_EQ(look("fd01::1").interface, 1);
    del(make("fd01::", 64, {via(lan, "fe80::2")}, RT_TABLE_MAIN, RTN_UNICAST, 1024));
    EXPECT_EQ(index("fd01::1"), no_hop);
    EXPECT_EQ(routes.size().routes6, 0u);
}

TEST_F(RouteTablesTest, WhatADumpDoesNotNameGoes) {
    add(make("10.1.0.0", 16, {via(lan, "10.0.0.2")}));
    add(make("10.2.0.0", 16, {via(lan, "10.0.0.2")}));
    routes.begin(RouteDump::routes4);
    add(make("10.1.0.0", 16, {via(lan, "10.0.0.2")}), NLM_F_MULTI);
    EXPECT_NE(index("10.2.0.1"), no_hop) << "forwarding goes on meanwhile";
    add(make("10.3.0.0", 16, {via(lan, "10.0.0.2")}));
    routes.end(RouteDump::routes4);
    settle();
    EXPECT_NE(index("10.1.0.1"), no_hop);
    EXPECT_EQ(index("10.2.0.1"), no_hop);
    EXPECT_NE(index("10.3.0.1"), no_hop) << "told while the dump was under way";
}

// net/ipv6/route.c, rt6_check_expired, and fib6_age, which comes by half a minute later.
TEST_F(RouteTablesTest, TheEndOfALifetimeAsksForIpv6Routes) {
    auto route = make("fd01::", 64, {via(lan, "fe80::2")});
    route.has_lifetime = true;
    route.expires = 200;
    const auto now = std::chrono::steady_clock::now();
    static_cast<void>(routes.take_wanted());
    EXPECT_EQ(routes.expiry(), std::chrono::steady_clock::time_point::max());
    add(route);
    EXPECT_NE(index("fd01::1"), no_hop);
    EXPECT_GE(routes.expiry(), now + std::chrono::seconds(2));
    EXPECT_LE(routes.expiry(), now + std::chrono::seconds(4));
    routes.expire(now + std::chrono::seconds(1));
    EXPECT_EQ(routes.take_wanted(), 0u);
    routes.expire(now + std::chrono::seconds(4));
    EXPECT_EQ(routes.take_wanted(), bit_of(RouteDump::routes6));
    const auto dump = [&] {
        routes.begin(RouteDump::routes6);
        add(route, NLM_F_MULTI);
        routes.end(RouteDump::routes6);
        settle();
    };
    route.expires = 100'000;  // advertised again
    dump();
    EXPECT_NE(index("fd01::1"), no_hop);
    EXPECT_GE(routes.expiry(), now + std::chrono::seconds(1000));
    route.expires = -10;
    dump();
    EXPECT_EQ(index("fd01::1"), no_hop);
    EXPECT_EQ(routes.expiry(), std::chrono::steady_clock::time_point::max());
}

// A naive list of routes says the same, after many changes; and no hop is left behind.
TEST_F(RouteTablesTest, RandomChangesAgreeWithAList) {
    std::mt19937 random{7};
    struct Entry {
        KernelRoute route;
        bool operator==(const Entry&) const = default;
    };
    std::vector<KernelRoute> list;
    const auto pick = [&](unsigned n) { return static_cast<unsigned>(random() % n); };
    for (int step = 0; step < 4000; ++step) {
        if (list.size() > 60 || (!list.empty() && pick(3) == 0)) {
            const auto at = list.begin() + pick(static_cast<unsigned>(list.size()));
            routes.route(*at, false, 0);
            list.erase(at);
        } else {
            static constexpr unsigned lengths[] = {0, 8, 20, 24, 28, 32};
            auto route = make("0.0.0.0", lengths[pick(6)], {via(pick(2) ? lan : wan, "10.0.0.2")},
                              pick(4) ? RT_TABLE_MAIN : RT_TABLE_LOCAL, RTN_UNICAST, pick(3));
            route.destination.bytes = {10, static_cast<std::uint8_t>(pick(2)),
                                       static_cast<std::uint8_t>(pick(2)),
                                       static_cast<std::uint8_t>(pick(4) * 32)};
            for (unsigned bit = route.length; bit < 32; ++bit)
                route.destination.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
            const bool taken = std::any_of(list.begin(), list.end(), [&](const KernelRoute& other) {
                return other.table == route.table && other.length == route.length &&
                       other.destination == route.destination && other.priority == route.priority;
            });
            if (taken) continue;
            routes.route(route, true, 0);
            list.push_back(route);
        }
        settle();
        const std::array<std::uint8_t, 4> address{10, static_cast<std::uint8_t>(pick(2)),
                                                  static_cast<std::uint8_t>(pick(2)),
                                                  static_cast<std::uint8_t>(random())};
        const KernelRoute* best = nullptr;
        for (const std::uint32_t table : {std::uint32_t{RT_TABLE_LOCAL}, std::uint32_t{RT_TABLE_MAIN}}) {
            for (const auto& route : list) {
                AddressKey<4> key;
                std::copy_n(route.destination.bytes.begin(), 4, key.begin());
                if (route.table != table || network_of<4>(address, route.length) != key) continue;
                if (!best || route.length > best->length ||
                    (route.length == best->length && route.priority < best->priority))
                    best = &route;
            }
            if (best) break;
        }
        const auto& now = routing.get().tables[0].v4;
        const Hop& hop = hops[now ? now->find(address) : no_hop];
        ASSERT_EQ(hop.interface, best ? (best->vias[0].interface == lan ? 1 : 2) : no_interface) << step;
    }
    for (const auto& route : list)
        routes.route(route, false, 0);
    settle();
    settle();
    EXPECT_EQ(routes.size().hops, 0u);
    EXPECT_EQ(routes.size().routes4, 0u);
}

TEST_F(RouteTablesTest, BytesOfARoute) {
    std::mt19937 random{1};
    constexpr std::size_t count = 200000;
    for (std::size_t i = 0; i < count; ++i) {
        auto route = make("0.0.0.0", 24, {via(lan, i % 2 ? "10.0.0.2" : "10.0.0.3")});
        const auto word = static_cast<std::uint32_t>(random());
        std::memcpy(route.destination.bytes.data(), &word, 3);
        routes.route(route, true, NLM_F_MULTI);
    }
    settle();
    const auto size = routes.size();
    const double bytes = static_cast<double>(size.memory) / static_cast<double>(size.routes4);
    std::printf("%zu routes: %.1f bytes each without the look-up table\n", size.routes4, bytes);
    EXPECT_LE(bytes, 96) << "worst: the tables have just doubled";
}

}  // namespace
}  // namespace weft::test
