// IPv4 routes with a TOS and IPv6 routes with a source prefix: what a packet finds, as Linux 6.18 chooses.
#include <linux/fib_rules.h>

#include <optional>
#include <random>

#include "dataplane/route/lookup.hpp"
#include "tests/unit/route_tables_rig.hpp"

namespace weft::test {
namespace {

class RouteChoices : public RouteTablesTest {
  protected:
    static KernelRoute with_tos(KernelRoute route, std::uint8_t tos) {
        route.tos = tos;
        return route;
    }
    static KernelRoute from(const char* source, unsigned length, KernelRoute route) {
        route.source = ip(source);
        route.source_length = static_cast<std::uint8_t>(length);
        return route;
    }
    RouteAnswer ask(const IpAddress& to, bool v6, const IpAddress& source, std::uint8_t tos) {
        return find_route({.source = source, .destination = to, .v6 = v6, .tos = asked_tos(tos, v6)},
                          routing.get(), hops);
    }
    /// The gateway; "none" if there is no route.
    std::string way(const char* to, std::uint8_t tos) { return text(ask(ip(to), false, {}, tos)); }
    std::string way6(const char* to, const char* source) { return text(ask(ip(to), true, ip(source), 0)); }
    std::string text(const RouteAnswer& answer) {
        if (answer.kind == HopKind::connected) return "link";
        if (answer.kind != HopKind::neighbour) return "none";
        return to_text(hops[answer.index]);
    }
    static std::string to_text(const Hop& hop) {
        const auto& bytes = hop.gateway.bytes;
        return "." + std::to_string(hop.v6 ? bytes[15] : bytes[3]);
    }
    static KernelVia gateway(int number) { return via(lan, ("10.0.0." + std::to_string(number)).c_str()); }
    static KernelVia gateway6(int number) {
        return via(lan, ("2001:db8:1::" + std::to_string(number)).c_str());
    }
};

// net/ipv4/fib_trie.c, fib_table_lookup: fa_dscp of the packet's, then 0, then a shorter prefix.
TEST_F(RouteChoices, OfIpv4TheTosComesFirstThenNoneThenAShorterPrefix) {
    add(make("0.0.0.0", 0, {gateway(1)}));
    add(with_tos(make("0.0.0.0", 0, {gateway(6)}), 0x04));
    add(make("10.9.0.0", 16, {gateway(2)}));
    add(with_tos(make("10.9.0.0", 16, {gateway(3)}), 0x10));
    add(with_tos(make("10.9.1.0", 24, {gateway(4)}), 0x08));
    EXPECT_EQ(way("10.9.0.1", 0), ".2");
    EXPECT_EQ(way("10.9.0.1", 0x10), ".3");
    EXPECT_EQ(way("10.9.0.1", 0x12), ".3") << "the bits of ECN are not asked for";
    EXPECT_EQ(way("10.9.0.1", 0xf0), ".3") << "nor are the upper three (fib_dscp_masked_match)";
    EXPECT_EQ(way("10.9.0.1", 0x04), ".2");
    EXPECT_EQ(way("10.9.1.1", 0x08), ".4");
    EXPECT_EQ(way("10.9.1.1", 0), ".2") << "no route of the longer prefix is for it";
    EXPECT_EQ(way("10.9.1.1", 0x10), ".3");
    EXPECT_EQ(way("10.8.0.1", 0x04), ".6");
    EXPECT_TRUE(routing.get().tos_routes);
    EXPECT_TRUE(ask(ip("10.9.0.1"), false, {}, 0).by_tos);

    del(make("10.9.0.0", 16, {gateway(2)}));
    EXPECT_EQ(way("10.9.1.1", 0), ".1");
    EXPECT_EQ(way("10.9.1.1", 0x04), ".6");
    del(with_tos(make("10.9.0.0", 16, {gateway(3)}), 0x10));
    EXPECT_EQ(way("10.9.1.1", 0x10), ".1");
    EXPECT_EQ(way("10.9.1.1", 0x08), ".4");
    del(with_tos(make("10.9.1.0", 24, {gateway(4)}), 0x08));
    del(with_tos(make("0.0.0.0", 0, {gateway(6)}), 0x04));
    EXPECT_FALSE(routing.get().tos_routes);
    EXPECT_EQ(look("10.9.1.1").kind, HopKind::neighbour) << "no choice is left";
}

// A TOS beyond the four bits is taken by the kernel, and no packet finds it (seen in 6.18).
TEST_F(RouteChoices, ATosBeyondTheFourBitsIsNobodys) {
    add(make("10.9.0.0", 16, {gateway(2)}));
    add(with_tos(make("10.9.0.0", 16, {gateway(3)}), 0xb8));
    EXPECT_EQ(way("10.9.0.1", 0xb8), ".2");
}

TEST_F(RouteChoices, MetricsOfOneTosAreTheirOwn) {
    const auto metric = [](KernelRoute route, std::uint32_t priority) {
        route.priority = priority;
        return route;
    };
    add(with_tos(make("10.9.0.0", 16, {gateway(3)}), 0x10));
    add(metric(with_tos(make("10.9.0.0", 16, {gateway(4)}), 0x10), 5));
    add(metric(make("10.9.0.0", 16, {gateway(5)}), 7));
    EXPECT_EQ(way("10.9.0.1", 0x10), ".3");
    EXPECT_EQ(way("10.9.0.1", 0), ".5");
    add(with_tos(make("10.9.0.0", 16, {gateway(6)}), 0x10), NLM_F_REPLACE);
    EXPECT_EQ(way("10.9.0.1", 0x10), ".6");
    EXPECT_EQ(routes.size().routes4, 3u);
    del(with_tos(make("10.9.0.0", 16, {gateway(6)}), 0x10));
    EXPECT_EQ(way("10.9.0.1", 0x10), ".4");
    routes.begin(RouteDump::routes4);
    add(metric(make("10.9.0.0", 16, {gateway(5)}), 7), NLM_F_MULTI);
    routes.end(RouteDump::routes4);
    settle();
    EXPECT_EQ(way("10.9.0.1", 0x10), ".5") << "the dump named no other";
}

TEST_F(RouteChoices, AKnownNeighbourIsOneWhateverTheTos) {
    add(make("10.0.0.0", 24, {via(lan)}));
    add(with_tos(make("10.0.0.0", 24, {via(wan)}), 0x10));
    neighbour(lan, "10.0.0.7", NUD_REACHABLE);
    EXPECT_EQ(way("10.0.0.7", 0), ".7");
    EXPECT_EQ(way("10.0.0.7", 0x10), "link") << "nobody knows it on the other device";
    neighbour(wan, "10.0.0.7", NUD_REACHABLE);
    EXPECT_EQ(way("10.0.0.7", 0x10), ".7");
    EXPECT_EQ(hops[ask(ip("10.0.0.7"), false, {}, 0x10).index].interface, 2);
    EXPECT_EQ(hops[ask(ip("10.0.0.7"), false, {}, 0).index].interface, 1);
    EXPECT_EQ(way("10.0.0.8", 0), "link");
    neighbour(lan, "10.0.0.7", 0, false);
    EXPECT_EQ(way("10.0.0.7", 0), "link");
    EXPECT_EQ(way("10.0.0.7", 0x10), ".7");
    del(with_tos(make("10.0.0.0", 24, {via(wan)}), 0x10));
    EXPECT_EQ(way("10.0.0.7", 0x10), "link");
}

TEST_F(RouteChoices, RulesGoOnWhereNoRouteMeansThePacket) {
    add(with_tos(make("0.0.0.0", 0, {gateway(3)}, 100), 0x10));
    add(make("0.0.0.0", 0, {gateway(1)}));
    KernelRule rule{.v6 = false, .priority = 7, .action = FR_ACT_TO_TBL, .table = 100};
    routes.rule({.v6 = false, .priority = 0, .action = FR_ACT_TO_TBL, .table = RT_TABLE_LOCAL}, true);
    routes.rule({.v6 = false, .priority = 32766, .action = FR_ACT_TO_TBL, .table = RT_TABLE_MAIN}, true);
    routes.rule(rule, true);
    settle();
    EXPECT_EQ(way("10.9.0.1", 0x10), ".3");
    EXPECT_EQ(way("10.9.0.1", 0), ".1");
    EXPECT_TRUE(ask(ip("10.9.0.1"), false, {}, 0).by_tos);
}

// net/ipv6/ip6_fib.c: seen in 6.18 with `ip -6 route get`.
TEST_F(RouteChoices, OfIpv6TheLongestSourceAndElseAShorterDestination) {
    add(make("::", 0, {gateway6(2)}));
    add(make("2001:db8:f00::", 48, {gateway6(3)}));
    add(from("2001:db8:a::", 48, make("2001:db8:f00::", 48, {gateway6(4)})));
    add(from("2001:db8:a:1::", 64, make("2001:db8:f00::", 48, {gateway6(5)})));
    add(from("2001:db8:c::", 48, make("::", 0, {gateway6(6)})));
    EXPECT_EQ(way6("2001:db8:f00::1", "2001:db8:a::9"), ".4");
    EXPECT_EQ(way6("2001:db8:f00::1", "2001:db8:a:1::9"), ".5");
    EXPECT_EQ(way6("2001:db8:f00::1", "2001:db8:b::9"), ".2")
        << "not .3: where some have sources it is not asked";
    EXPECT_EQ(way6("2001:db8:f00::1", "2001:db8:c::9"), ".6");
    EXPECT_EQ(way6("2001:db8:e::1", "2001:db8:c::9"), ".6");
    EXPECT_EQ(way6("2001:db8:e::1", "2001:db8:a::9"), ".2");
    EXPECT_FALSE(routing.get().tos_routes);
    del(from("2001:db8:a::", 48, make("2001:db8:f00::", 48, {gateway6(4)})));
    EXPECT_EQ(way6("2001:db8:f00::1", "2001:db8:a::9"), ".2");
    del(from("2001:db8:a:1::", 64, make("2001:db8:f00::", 48, {gateway6(5)})));
    EXPECT_EQ(way6("2001:db8:f00::1", "2001:db8:b::9"), ".3");
    EXPECT_EQ(routes.size().routes6, 3u);
}

// With no room for a choice the route for all packets stands, and those that have found room.
TEST_F(RouteChoices, WithoutRoomThePlainRouteStands) {
    // 128 units of weight ask for the most buckets a group may have: 256 such groups would take all there
    // are.
    const auto fill = [&](const std::string& prefix, const std::string& last, std::uint16_t weight) {
        add(make(prefix.c_str(), 24,
                 {via(lan, ("10.0.1." + last).c_str()), via(lan, ("10.0.2." + last).c_str(), weight)}));
    };
    for (int i = 0; i < 255; ++i)
        fill("10.7." + std::to_string(i) + ".0", std::to_string(i), 127);
    for (const int weight : {63, 31, 15, 7, 3, 1})  // half of what is left, each
        fill("10.6." + std::to_string(weight) + ".0", "1", static_cast<std::uint16_t>(weight));
    EXPECT_EQ(look("10.7.254.1").kind, HopKind::group);
    EXPECT_EQ(look("10.6.1.1").kind, HopKind::group);
    EXPECT_EQ(routes.size().left_out, 0u);
    for (int i = 1; i <= 40; ++i) {  // 64 buckets, two for each
        const auto prefix = "10.5." + std::to_string(i) + ".0";
        add(make(prefix.c_str(), 24, {gateway(200)}));
        add(with_tos(make(prefix.c_str(), 24, {gateway(i)}), 0x10));
    }
    EXPECT_EQ(routes.size().left_out, 8u);
    for (int i = 1; i <= 40; ++i) {
        const auto address = "10.5." + std::to_string(i) + ".1";
        EXPECT_EQ(way(address.c_str(), 0), ".200") << i;
        EXPECT_EQ(way(address.c_str(), 0x10), i <= 32 ? "." + std::to_string(i) : ".200") << i;
    }
}

TEST_F(RouteChoices, AreNamedByWhatTheyMean) {
    add(make("10.9.0.0", 16, {gateway(2)}));
    add(with_tos(make("10.9.0.0", 16, {gateway(3)}), 0x10));
    add(with_tos(make("10.9.1.0", 24, {gateway(4)}), 0x08));
    const auto of4 = [&](AddressKey<4> address, std::uint8_t tos) {
        const auto origin = routes.tables4().origin(0, address, {}, tos);
        return origin ? std::pair{origin->length, unsigned{origin->tos}} : std::pair{99u, 99u};
    };
    EXPECT_EQ(of4({10, 9, 0, 1}, 0), std::pair(16u, 0u));
    EXPECT_EQ(of4({10, 9, 0, 1}, 0x10), std::pair(16u, 0x10u));
    EXPECT_EQ(of4({10, 9, 1, 1}, 0x08), std::pair(24u, 0x08u));
    EXPECT_EQ(of4({10, 9, 1, 1}, 0x10), std::pair(16u, 0x10u));
    EXPECT_EQ(of4({10, 9, 1, 1}, 0x04), std::pair(16u, 0u));
    EXPECT_EQ(of4({10, 8, 1, 1}, 0x04), std::pair(99u, 99u));

    add(make("::", 0, {gateway6(2)}));
    add(make("2001:db8:f00::", 48, {gateway6(3)}));
    add(from("2001:db8:a::", 48, make("2001:db8:f00::", 48, {gateway6(4)})));
    const auto of6 = [&](const char* address, const char* source) {
        const auto origin = routes.tables6().origin(0, ip(address).bytes, ip(source), 0);
        return origin ? std::pair{origin->length, unsigned{origin->source_length}} : std::pair{99u, 99u};
    };
    EXPECT_EQ(of6("2001:db8:f00::1", "2001:db8:a::1"), std::pair(48u, 48u));
    EXPECT_EQ(of6("2001:db8:f00::1", "2001:db8:b::1"), std::pair(0u, 0u)) << "not the plain one beside it";
    EXPECT_EQ(of6("2001:db8:e::1", "2001:db8:a::1"), std::pair(0u, 0u));
}

// net/ipv4/fib_frontend.c, inet_rtm_newroute: fib_has_custom_local_routes of any length; the kernel's own, of
// addresses and of 127.0.0.0/8, are not entered by anybody.
TEST_F(RouteChoices, NetworksOfOursAreKnownAsSuch) {
    add(make("127.0.0.0", 8, {via(lan)}, RT_TABLE_LOCAL, RTN_LOCAL));
    auto own = make("10.0.0.1", 32, {via(lan)}, RT_TABLE_LOCAL, RTN_LOCAL);
    own.protocol = RTPROT_KERNEL;
    add(own);
    EXPECT_FALSE(routing.get().local_networks4);
    const auto entered = make("10.9.9.9", 32, {via(lan)}, RT_TABLE_LOCAL, RTN_LOCAL);
    add(entered);
    EXPECT_TRUE(routing.get().local_networks4);
    del(entered);
    EXPECT_FALSE(routing.get().local_networks4);
    add(make("10.9.0.0", 16, {via(lan)}, RT_TABLE_LOCAL, RTN_LOCAL));
    EXPECT_TRUE(routing.get().local_networks4);
    EXPECT_EQ(look("10.9.0.1").kind, HopKind::local);
    del(make("10.9.0.0", 16, {via(lan)}, RT_TABLE_LOCAL, RTN_LOCAL));
    EXPECT_FALSE(routing.get().local_networks4);
}

struct Listed {
    KernelRoute route;
    int number;
};

bool covers(const IpAddress& prefix, unsigned length, const IpAddress& address) {
    for (unsigned bit = 0; bit < length; ++bit)
        if ((prefix.bytes[bit / 8] ^ address.bytes[bit / 8]) & 0x80 >> bit % 8) return false;
    return true;
}

/// What the list says, by the words of the kernel's look-ups.
std::optional<int> find_in(const std::vector<Listed>& list, const IpAddress& to, const IpAddress& source,
                           std::uint8_t tos, bool v6) {
    for (int length = v6 ? 128 : 32; length >= 0; --length) {
        const Listed *plain = nullptr, *best = nullptr;
        bool some = false;
        for (const auto& one : list) {
            if (one.route.length != length || !covers(one.route.destination, one.route.length, to)) continue;
            if (one.route.tos == 0 && one.route.source_length == 0) {
                plain = &one;
                continue;
            }
            some = true;
            const bool meant = v6 ? covers(one.route.source, one.route.source_length, source)
                                  : one.route.tos == (tos & 0x1c);
            if (meant && (!best || one.route.source_length > best->route.source_length)) best = &one;
        }
        if (best) return best->number;
        if (plain && (!v6 || !some || length == 0)) return plain->number;
    }
    return std::nullopt;
}

/// The last byte of the gateway's address, whose digits are hexadecimal in IPv6.
std::string gateway_text(int number, bool v6) {
    return "." + std::to_string(v6 ? number / 10 * 16 + number % 10 : number);
}

TEST_F(RouteChoices, RandomChangesAgreeWithAList) {
    std::mt19937 random(42);
    for (const bool v6 : {false, true}) {
        std::vector<Listed> list;
        const auto address = [&](IpAddress first) {  // few, so that prefixes cover one another
            first.bytes[v6 ? 5 : 2] = static_cast<std::uint8_t>(random() % 4 << 6);
            first.bytes[v6 ? 6 : 3] = static_cast<std::uint8_t>(random() % 4 << 6);
            return first;
        };
        const auto first = v6 ? ip("2001:db8::") : ip("10.9.0.0");
        const auto masked = [](IpAddress a, unsigned length) {
            for (unsigned bit = length; bit < 128; ++bit)
                a.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
            return a;
        };
        for (int step = 0; step < 3000; ++step) {
            const unsigned lengths4[] = {0, 8, 17, 18, 25, 26, 32}, lengths6[] = {0, 32, 41, 42, 49, 50, 128};
            KernelRoute route = make(v6 ? "::" : "0.0.0.0", 0, {});
            route.length = static_cast<std::uint8_t>((v6 ? lengths6 : lengths4)[random() % 7]);
            route.destination = masked(address(first), route.length);
            if (v6 && random() % 2) {
                route.source_length = static_cast<std::uint8_t>(lengths6[1 + random() % 6]);
                route.source = masked(address(first), route.source_length);
            } else if (!v6 && random() % 2) {
                route.tos = static_cast<std::uint8_t>(4 << random() % 3);
            }
            const int number = 1 + static_cast<int>(random() % 99);
            route.vias = {v6 ? via(lan, ("2001:db8:1::" + std::to_string(number)).c_str()) : gateway(number)};
            const auto at = std::find_if(list.begin(), list.end(), [&](const Listed& one) {
                return one.route.length == route.length && one.route.destination == route.destination &&
                       one.route.tos == route.tos && one.route.source == route.source &&
                       one.route.source_length == route.source_length;
            });
            if (at == list.end()) {
                routes.route(route, true, 0);
                list.push_back({route, number});
            } else if (random() % 3 == 0) {
                routes.route(route, true, NLM_F_REPLACE);
                *at = {route, number};
            } else {
                routes.route(at->route, false, 0);
                list.erase(at);
            }
            if (step % 4 == 0) settle();
            for (int n = 0; n < 4; ++n) {
                const auto to = address(first), source = address(first);
                const auto tos = static_cast<std::uint8_t>(random());
                const auto wanted = find_in(list, to, source, tos, v6);
                ASSERT_EQ(text(ask(to, v6, source, tos)), wanted ? gateway_text(*wanted, v6) : "none")
                    << "step " << step << " v6 " << v6;
            }
        }
        for (const auto& one : list)
            routes.route(one.route, false, 0);
        for (int n = 0; n < 5000 && routes.hops().in_use(); ++n)
            settle();
        EXPECT_EQ(routes.hops().in_use(), 0u) << "every reference is given back";
    }
}

}  // namespace
}  // namespace weft::test
