// Neighbours: host entries, MAC addresses, devices without ARP, macvlans.
#include <chrono>

#include "tests/unit/route_tables_rig.hpp"

namespace weft::test {
namespace {

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

}  // namespace
}  // namespace weft::test
