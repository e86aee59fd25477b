// From what the kernel says to what workers find: the order of its tables and routes, neighbours, next hops.
#include <gtest/gtest.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <net/if.h>

#include <random>

#include "control/route/routes.hpp"
#include "tests/support/netlink_bytes.hpp"

namespace weft::test {
namespace {

class RouteTablesTest : public testing::Test {
  protected:
    RouteTablesTest() {
        for (const int device : {lan, wan, other})
            link(device, IFF_UP);
        routes.set({.interfaces = {{lan, 1}, {wan, 2}}});
        settle();
    }
    void link(int device, std::uint32_t flags) {
        routes.link({.index = device,
                     .flags = flags,
                     .mtu = 1500,
                     .has_mac = true,
                     .mac = MacAddress{{2, 0, 0, 0, 1, static_cast<std::uint8_t>(device)}},
                     .name = "if" + std::to_string(device)},
                    true);
    }
    static KernelVia via(int device, const char* gateway = nullptr, std::uint16_t weight = 1) {
        KernelVia v{.interface = device, .weight = weight};
        if (!gateway) return v;
        v.has_gateway = true;
        v.gateway_v6 = std::strchr(gateway, ':');
        v.gateway = ip(gateway);
        return v;
    }
    static KernelRoute make(const char* prefix, unsigned length, std::vector<KernelVia> vias,
                            std::uint32_t table = RT_TABLE_MAIN, std::uint8_t type = RTN_UNICAST,
                            std::uint32_t priority = 0) {
        KernelRoute route;
        route.v6 = std::strchr(prefix, ':');
        route.length = static_cast<std::uint8_t>(length);
        route.destination = ip(prefix);
        route.table = table;
        route.type = type;
        route.priority = priority;
        route.vias = std::move(vias);
        return route;
    }
    void add(const KernelRoute& route, std::uint16_t flags = 0) {
        routes.route(route, true, flags);
        settle();
    }
    void del(const KernelRoute& route) {
        routes.route(route, false, 0);
        settle();
    }
    void neighbour(int device, const char* address, std::uint16_t state, bool there = true) {
        routes.neighbour({.interface = device,
                          .v6 = std::strchr(address, ':') != nullptr,
                          .state = state,
                          .has_mac = state != NUD_FAILED,
                          .address = ip(address),
                          .mac = MacAddress{{2, 0, 0, 0, 0, 9}}},
                         there);
        settle();
    }
    void settle() { routes.settle(); }

    HopIndex index(const char* address, std::size_t table = 0) {
        const auto& at = routing.get().tables.at(table);
        const auto bytes = ip(address).bytes;
        if (std::strchr(address, ':')) return at.v6 ? at.v6->find(bytes) : no_hop;
        return at.v4 ? at.v4->find({bytes[0], bytes[1], bytes[2], bytes[3]}) : no_hop;
    }
    const Hop& look(const char* address, std::size_t table = 0) { return hops[index(address, table)]; }
    /// How many buckets of a group each interface has.
    std::map<IfIndex, int> shares(HopIndex group) {
        std::map<IfIndex, int> count;
        for (std::uint32_t i = 0; i < 1u << hops[group].bucket_bits; ++i)
            ++count[hops[hops.bucket(hops[group].first_bucket + i)].interface];
        return count;
    }

    static constexpr int lan = 11, wan = 12, other = 13;
    HopTable hops;
    Published<Routing> routing;
    Quiescence quiescence{1};
    std::vector<std::string> said;
    std::vector<std::pair<IpAddress, NeighbourState>> outcomes;
    Routes routes{
        {.hops = hops,
         .routing = routing,
         .quiescence = quiescence,
         .log = [this](const std::string& line) { said.push_back(line); },
         .on_neighbour = [this](const NextHop& to,
                                NeighbourState state) { outcomes.emplace_back(to.address, state); }}};
};

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

// net/ipv4/fib_rules.c: the rule of local comes first, whatever the length of what it finds.
TEST_F(RouteTablesTest, LocalIsAskedBeforeMainWhateverTheLength) {
    add(make("10.5.0.0", 24, {via(wan, "192.0.2.1")}));
    add(make("10.5.0.0", 16, {via(lan)}, RT_TABLE_LOCAL, RTN_LOCAL));
    EXPECT_EQ(look("10.5.0.9").kind, HopKind::local);
    del(make("10.5.0.0", 16, {via(lan)}, RT_TABLE_LOCAL, RTN_LOCAL));
    EXPECT_EQ(look("10.5.0.9").kind, HopKind::neighbour);
}

TEST_F(RouteTablesTest, AKnownNeighbourIsAHostEntryWhereAConnectedRouteCoversIt) {
    add(make("10.0.0.0", 24, {via(lan)}));
    neighbour(lan, "10.0.0.7", NUD_REACHABLE);
    EXPECT_EQ(look("10.0.0.7").kind, HopKind::neighbour);
    EXPECT_EQ(look("10.0.0.7").gateway, ip("10.0.0.7"));
    EXPECT_EQ(look("10.0.0.7").neighbour.load(),
              Hop::pack(MacAddress{{2, 0, 0, 0, 0, 9}}, NeighbourState::resolved));
    EXPECT_EQ(look("10.0.0.8").kind, HopKind::connected);
    add(make("10.0.0.0", 28, {via(wan, "192.0.2.1")}));
    EXPECT_EQ(look("10.0.0.7").gateway, ip("192.0.2.1")) << "a more specific route covers it";
    del(make("10.0.0.0", 28, {via(wan, "192.0.2.1")}));
    EXPECT_EQ(look("10.0.0.7").gateway, ip("10.0.0.7"));
    add(make("10.0.0.7", 32, {via(wan, "192.0.2.1")}));
    EXPECT_EQ(look("10.0.0.7").gateway, ip("192.0.2.1")) << "a real route has the prefix";
    del(make("10.0.0.7", 32, {via(wan, "192.0.2.1")}));
    neighbour(lan, "10.0.0.7", NUD_FAILED);
    EXPECT_EQ(Hop::state_of(look("10.0.0.7").neighbour.load()), NeighbourState::failed);
    ASSERT_EQ(outcomes.size(), 2u);
    EXPECT_EQ(outcomes[1].second, NeighbourState::failed);
    neighbour(lan, "10.0.0.7", 0, false);
    EXPECT_EQ(look("10.0.0.7").kind, HopKind::connected);
    neighbour(wan, "10.0.0.8", NUD_REACHABLE);
    EXPECT_EQ(look("10.0.0.8").kind, HopKind::connected) << "of another device";
}

TEST_F(RouteTablesTest, AGatewaysMacFollowsTheNeighbour) {
    add(make("::", 0, {via(wan, "fe80::1")}));
    EXPECT_EQ(Hop::state_of(look("2001:db8::1").neighbour.load()), NeighbourState::unknown);
    neighbour(wan, "fe80::1", NUD_STALE);
    EXPECT_EQ(Hop::state_of(look("2001:db8::1").neighbour.load()), NeighbourState::resolved);
    EXPECT_TRUE(routes.stale_in_use(100).empty());
    look("2001:db8::1").touch(99);
    ASSERT_EQ(routes.stale_in_use(100).size(), 1u);
    EXPECT_EQ(routes.stale_in_use(100)[0].address, ip("fe80::1"));
    neighbour(wan, "fe80::1", 0, false);
    EXPECT_EQ(Hop::state_of(look("2001:db8::1").neighbour.load()), NeighbourState::unknown);
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

TEST_F(RouteTablesTest, RulesAskTablesInTheirOrderAndUnsupportedOnesAreSaid) {
    const auto rule = [](std::uint32_t priority, std::uint32_t table) {
        return KernelRule{.priority = priority, .action = FR_ACT_TO_TBL, .table = table};
    };
    for (const auto& r : {rule(0, RT_TABLE_LOCAL), rule(32766, RT_TABLE_MAIN), rule(32767, RT_TABLE_DEFAULT)})
        routes.rule(r, true);
    add(make("0.0.0.0", 0, {via(lan, "10.0.0.2")}));
    add(make("0.0.0.0", 0, {via(wan, "192.0.2.2")}, 100));
    EXPECT_TRUE(routing.get().rules4.empty()) << "the usual ones are folded into one table";
    auto from = rule(1000, 100);
    from.from = ip("10.9.0.0");
    from.from_length = 16;
    routes.rule(from, true);
    settle();
    const auto& now = routing.get();
    ASSERT_EQ(now.rules4.size(), 4u);
    EXPECT_EQ(now.rules4[1].from_length, 16);
    EXPECT_EQ(look("8.8.8.8", now.rules4[1].table).interface, 2);
    EXPECT_EQ(now.rules4[2].table, 0);
    EXPECT_EQ(look("8.8.8.8", 0).interface, 1);
    auto odd = rule(2000, 100);
    odd.unsupported = "sport";
    routes.rule(odd, true);
    settle();
    EXPECT_EQ(routing.get().rules4.size(), 4u);
    ASSERT_EQ(said.size(), 1u);
    EXPECT_NE(said[0].find("sport is not supported"), std::string::npos);
    routes.rule(from, false);
    routes.rule(odd, false);
    settle();
    EXPECT_TRUE(routing.get().rules4.empty());
    EXPECT_EQ(look("8.8.8.8").interface, 1);
}

// The rule and the table that it names are seen together, and what was published stays what it was.
TEST_F(RouteTablesTest, RulesAndTheirTablesArePublishedTogether) {
    const auto rule = [](std::uint32_t priority, std::uint32_t table) {
        return KernelRule{.priority = priority, .action = FR_ACT_TO_TBL, .table = table};
    };
    for (const auto& r : {rule(0, RT_TABLE_LOCAL), rule(32766, RT_TABLE_MAIN), rule(32767, RT_TABLE_DEFAULT)})
        routes.rule(r, true);
    add(make("10.8.0.0", 16, {via(lan, "10.0.0.2")}));
    add(make("0.0.0.0", 0, {via(wan, "192.0.2.2")}, RT_TABLE_DEFAULT));
    add(make("0.0.0.0", 0, {via(lan, "10.0.0.3")}, 100));
    add(make("0.0.0.0", 0, {via(lan, "10.0.0.4")}, 200));
    const auto before = routing.get().tables;
    const auto find = [](const std::vector<RouteTable>& tables, std::size_t table) {
        return tables.at(table).v4 ? tables.at(table).v4->find({8, 8, 8, 8}) : no_hop;
    };
    const HopIndex by_default = find(before, 0);
    ASSERT_EQ(hops[by_default].gateway, ip("192.0.2.2"));
    routes.rule(rule(2000, 200), true);  // no settle: nothing waits for the end of the batch
    ASSERT_EQ(routing.get().rules4.size(), 4u);
    EXPECT_EQ(hops[find(routing.get().tables, routing.get().rules4[1].table)].gateway, ip("10.0.0.4"));
    EXPECT_EQ(find(routing.get().tables, routing.get().rules4[2].table), no_hop) << "main without default";
    EXPECT_EQ(find(before, 0), by_default) << "who still has the old tables finds what they said";
    routes.rule(rule(1000, 100), true);  // numbers of tables move
    const auto now = routing.get();
    ASSERT_EQ(now.rules4.size(), 5u);
    EXPECT_EQ(hops[find(now.tables, now.rules4[1].table)].gateway, ip("10.0.0.3"));
    EXPECT_EQ(hops[find(now.tables, now.rules4[2].table)].gateway, ip("10.0.0.4"));
    EXPECT_EQ(hops[find(now.tables, now.rules4[4].table)].gateway, ip("192.0.2.2"));
    routes.rule(rule(1000, 100), false);
    routes.rule(rule(2000, 200), false);
    settle();
    EXPECT_TRUE(routing.get().rules4.empty());
    EXPECT_EQ(look("8.8.8.8").gateway, ip("192.0.2.2"));
    EXPECT_EQ(look("10.8.0.1").gateway, ip("10.0.0.2"));
}

// net/core/fib_rules.c, fib_rule_match: an interface that is not there fits nothing, and `not` of that all.
TEST_F(RouteTablesTest, NotFromAnUnknownInterfaceIsFromAnywhere) {
    KernelRule unknown{.priority = 1000,
                       .from_length = 8,
                       .from = ip("10.0.0.0"),
                       .action = FR_ACT_BLACKHOLE,
                       .iif = "eth9"};
    routes.rule(unknown, true);
    EXPECT_TRUE(routing.get().rules4.empty());
    routes.rule(unknown, false);
    unknown.invert = true;
    routes.rule(unknown, true);
    ASSERT_EQ(routing.get().rules4.size(), 1u);
    EXPECT_EQ(routing.get().rules4[0],
              (RoutingRule{.action = RoutingRule::Action::blackhole, .priority = 1000}));
    routes.rule(unknown, false);
    unknown.iif = "if" + std::to_string(lan);
    routes.rule(unknown, true);
    ASSERT_EQ(routing.get().rules4.size(), 1u);
    EXPECT_TRUE(routing.get().rules4[0].invert);
    EXPECT_EQ(routing.get().rules4[0].iif, 1);
}

// ip route add 10.8.0.0/16 nexthop dev lan nexthop dev wan: each address is a neighbour on either.
TEST_F(RouteTablesTest, MembersWithoutAGatewayLeadToTheDestinationItself) {
    add(make("10.8.0.0", 16, {via(lan), via(wan, nullptr, 3)}));
    const HopIndex group = index("10.8.0.7");
    ASSERT_EQ(hops[group].kind, HopKind::group);
    const auto word = Hop::pack(MacAddress{{2, 0, 0, 0, 0, 9}}, NeighbourState::resolved);
    neighbour(wan, "10.8.0.7", NUD_REACHABLE);
    const HopIndex twin = index("10.8.0.7");
    ASSERT_NE(twin, group);
    ASSERT_EQ(hops[twin].kind, HopKind::group);
    EXPECT_EQ(index("10.8.0.8"), group) << "nobody knows this one";
    const auto agree = [&] {
        for (std::uint32_t i = 0; i < 1u << hops[group].bucket_bits; ++i) {
            const Hop& of_group = hops[hops.bucket(hops[group].first_bucket + i)];
            const Hop& of_twin = hops[hops.bucket(hops[twin].first_bucket + i)];
            EXPECT_EQ(of_group.kind, HopKind::connected);
            EXPECT_EQ(of_twin.kind, HopKind::neighbour);
            EXPECT_EQ(of_twin.gateway, ip("10.8.0.7"));
            EXPECT_EQ(of_twin.interface, of_group.interface) << "a flow stays on its link";
            EXPECT_EQ(of_twin.neighbour.load(), of_twin.interface == 2 ? word : 0);
        }
    };
    agree();
    EXPECT_EQ(shares(twin), shares(group));
    EXPECT_EQ(shares(twin).size(), 2u);
    link(lan, 0);
    settle();
    ASSERT_EQ(index("10.8.0.7"), twin);
    agree();
    EXPECT_EQ(shares(twin).size(), 1u) << "it follows the group";
    link(lan, IFF_UP);
    settle();
    agree();
    EXPECT_EQ(shares(twin).size(), 2u);
    neighbour(wan, "10.8.0.7", NUD_REACHABLE, false);
    EXPECT_EQ(index("10.8.0.7"), group);
    del(make("10.8.0.0", 16, {via(lan), via(wan, nullptr, 3)}));
    settle();
    settle();
    EXPECT_EQ(routes.size().hops, 0u);
}

// net/ipv4/arp.c, arp_constructor: without ARP the address is the device's own, but for who was entered.
TEST_F(RouteTablesTest, WithoutArpTheAddressIsTheDevicesOwn) {
    const auto own = Hop::pack(MacAddress{{2, 0, 0, 0, 1, lan}}, NeighbourState::resolved);
    const auto entered = Hop::pack(MacAddress{{2, 0, 0, 0, 0, 9}}, NeighbourState::resolved);
    add(make("10.0.0.0", 24, {via(lan)}));
    add(make("10.9.0.0", 16, {via(lan, "10.0.0.2")}));
    EXPECT_EQ(look("10.9.0.1").neighbour.load(), 0u);
    link(lan, IFF_UP | IFF_NOARP);
    settle();
    EXPECT_EQ(look("10.0.0.7").kind, HopKind::no_address);
    EXPECT_EQ(look("10.0.0.7").neighbour.load(), own);
    EXPECT_EQ(look("10.9.0.1").kind, HopKind::neighbour);
    EXPECT_EQ(look("10.9.0.1").neighbour.load(), own);
    neighbour(lan, "10.0.0.7", NUD_PERMANENT);
    neighbour(lan, "10.0.0.2", NUD_PERMANENT);
    EXPECT_EQ(look("10.0.0.7").kind, HopKind::neighbour);
    EXPECT_EQ(look("10.0.0.7").neighbour.load(), entered);
    EXPECT_EQ(look("10.9.0.1").neighbour.load(), entered);
    neighbour(lan, "10.0.0.7", NUD_PERMANENT, false);
    neighbour(lan, "10.0.0.2", NUD_PERMANENT, false);
    EXPECT_EQ(look("10.0.0.7").neighbour.load(), own);
    EXPECT_EQ(look("10.9.0.1").neighbour.load(), own);
    link(lan, IFF_UP | IFF_POINTOPOINT);
    settle();
    EXPECT_EQ(look("10.0.0.7").neighbour.load(),
              Hop::pack(*parse_mac("ff:ff:ff:ff:ff:ff"), NeighbourState::resolved));
    link(lan, IFF_UP);
    settle();
    EXPECT_EQ(look("10.0.0.7").kind, HopKind::connected);
    EXPECT_EQ(look("10.9.0.1").neighbour.load(), 0u);
    // A TUN's packets have no Ethernet header.
    routes.link({.index = lan, .flags = IFF_UP | IFF_NOARP | IFF_POINTOPOINT, .mtu = 1500, .name = "tun"},
                true);
    settle();
    neighbour(lan, "10.0.0.7", NUD_NOARP);
    EXPECT_EQ(look("10.0.0.7").kind, HopKind::no_address);
    EXPECT_EQ(look("10.0.0.7").neighbour.load(), 0u);
    EXPECT_EQ(look("10.9.0.1").kind, HopKind::no_address);
}

TEST_F(RouteTablesTest, WhatWeftDoesNotObeyIsSaidAndCounted) {
    auto tos = make("10.4.0.0", 16, {via(lan, "10.0.0.2")});
    tos.tos = 0x10;
    auto source = make("2001:db8::", 32, {via(lan, "2001:db8:9::1")});
    source.source = ip("2001:db8:5::");
    source.source_length = 48;
    for (int i = 0; i < 2; ++i)
        for (const auto& route : {tos, source})
            add(route);
    EXPECT_EQ(
        said,
        (std::vector<std::string>{
            "ip route 10.4.0.0/16 tos 0x10 table 254: tos is not supported: weft does not see this route",
            "ip -6 route 2001:db8::/32 from 2001:db8:5::/48 table 254: from is not supported: weft does "
            "not see this route"}));
    EXPECT_EQ(routes.size().not_supported, 2u);
    EXPECT_EQ(index("10.4.0.1"), no_hop);
    routes.begin(RouteDump::routes4);
    routes.end(RouteDump::routes4);
    EXPECT_EQ(routes.size().not_supported, 1u) << "the dump did not name it";
    del(source);
    EXPECT_EQ(routes.size().not_supported, 0u);
    for (std::uint32_t n = 0; n < 40; ++n) {
        tos.priority = n;
        add(tos);
    }
    EXPECT_EQ(said.size(), 10u) << "a flood of them is not one of the log";
    EXPECT_EQ(routes.size().not_supported, 40u);

    said.clear();
    add(make("10.5.0.0", 16, {via(other)}));
    add(make("10.6.0.0", 16, {via(other)}));
    add(make("10.7.0.0", 16, {via(lan, "10.0.0.2"), via(other)}));
    routes.tick();
    EXPECT_TRUE(said.empty()) << "its interface may be published in a moment";
    for (int i = 0; i < 3; ++i)
        routes.tick();
    EXPECT_EQ(said, std::vector<std::string>{
                        "ip route dev if13: if13 is not weft's: what its 3 routes lead there is "
                        "dropped as route/elsewhere"});
    EXPECT_EQ(routes.size().elsewhere, 3u);
    routes.set({.interfaces = {{lan, 1}, {wan, 2}, {other, 3}}});
    settle();
    routes.tick();
    EXPECT_EQ(routes.size().elsewhere, 0u);
    EXPECT_EQ(said.size(), 1u);
}

TEST_F(RouteTablesTest, MacvlansAddressesAreTheInterfacesToo) {
    const auto macvlan = [&](int device, std::uint8_t id, std::uint32_t flags) {
        routes.link({.index = device,
                     .flags = flags,
                     .below = lan,
                     .macvlan = true,
                     .has_mac = true,
                     .mac = MacAddress{{0, 0, 0x5e, 0, 1, id}},
                     .name = "vrrp" + std::to_string(id)},
                    true);
        settle();
    };
    for (unsigned id = 1; id < 256; ++id)
        macvlan(300 - static_cast<int>(id), static_cast<std::uint8_t>(id), IFF_UP);
    const auto accepts = [&](std::uint8_t id) {
        return routing.get().interface(1).accepts(MacAddress{{0, 0, 0x5e, 0, 1, id}});
    };
    for (unsigned id = 1; id < 256; ++id)
        EXPECT_TRUE(accepts(static_cast<std::uint8_t>(id))) << id;
    EXPECT_FALSE(accepts(0));
    EXPECT_FALSE(routing.get().interface(2).accepts(MacAddress{{0, 0, 0x5e, 0, 1, 1}}));
    macvlan(293, 7, 0);
    EXPECT_FALSE(accepts(7)) << "down (drivers/net/macvlan.c, macvlan_stop)";
    EXPECT_TRUE(accepts(8));
    // What goes by it is resolved on it, with its address, not on the TAP below.
    add(make("10.0.0.0", 24, {via(299)}));
    EXPECT_EQ(look("10.0.0.9").interface, 1);
    EXPECT_EQ(look("10.0.0.9").device, 299);
    EXPECT_EQ(look("10.0.0.9").own.load(), (MacAddress{{0, 0, 0x5e, 0, 1, 1}}).raw());
    neighbour(299, "10.0.0.9", NUD_REACHABLE);
    EXPECT_EQ(look("10.0.0.9").kind, HopKind::neighbour);
    EXPECT_EQ(Hop::state_of(look("10.0.0.9").neighbour.load()), NeighbourState::resolved);
    EXPECT_TRUE(routes.is_resolved({1, false, 299, ip("10.0.0.9")}));
    EXPECT_FALSE(routes.is_resolved({1, false, lan, ip("10.0.0.9")}));
}

TEST_F(RouteTablesTest, ManyNeighboursInADump) {
    constexpr int count = 20000;
    const auto address = [](int n) {
        return "10.0." + std::to_string(n / 250) + "." + std::to_string(n % 250 + 1);
    };
    add(make("10.0.0.0", 16, {via(lan)}));
    const auto dump = [&](int step) {
        routes.begin(RouteDump::neighbours);
        for (int n = 0; n < count; n += step)
            routes.neighbour({.interface = lan,
                              .state = NUD_REACHABLE,
                              .has_mac = true,
                              .address = ip(address(n).c_str()),
                              .mac = MacAddress{{2, 0, 0, 0, 0, 9}}},
                             true);
        routes.end(RouteDump::neighbours);
        settle();
    };
    const auto begin = std::chrono::steady_clock::now();
    dump(1);
    EXPECT_EQ(routes.size().neighbours, static_cast<std::size_t>(count));
    dump(1);
    dump(2);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    EXPECT_EQ(routes.size().neighbours, count / 2u);
    EXPECT_EQ(look("10.0.0.1").kind, HopKind::neighbour);
    EXPECT_EQ(look("10.0.0.2").kind, HopKind::connected) << "the last dump did not name it";
    EXPECT_LT(took.count(), 2) << "linear: a fraction of a second";
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
