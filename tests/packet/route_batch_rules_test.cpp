// The batch path where rules or rp_filter have a say decides what one packet at a time is told.
#include <gtest/gtest.h>

#include <random>

#include "dataplane/route/batch.hpp"
#include "dataplane/route/lookup.hpp"
#include "tests/packet/environment.hpp"
#include "tests/packet/route_batch_rig.hpp"
#include "tests/support/mbuf.hpp"

namespace weft::test {
namespace {

constexpr HopIndex next_table = 40;
const std::vector<std::uint8_t> last_bytes = {1, 2, 3, 4};

/// Both addresses end in one byte of a few, so that rules, routes and packets meet.
IpPacket random_packet(bool v6, std::mt19937& random) {
    IpPacket packet = packet_of(v6);
    packet.source.back() = last_bytes[random() % last_bytes.size()];
    packet.tos = random() % 2 ? 0x12 : 0;
    packet.destination.back() = last_bytes[random() % last_bytes.size()];
    return packet;
}

IpAddress address_of(const std::vector<std::uint8_t>& bytes) {
    IpAddress address{};
    std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
    return address;
}

RoutingRule random_rule(bool v6, std::mt19937& random, IfIndex a, IfIndex b) {
    const IpPacket packet = random_packet(v6, random);
    const auto length = static_cast<std::uint8_t>(v6 ? 128 : 32);
    RoutingRule rule;
    if (random() % 2) rule.from = address_of(packet.source), rule.from_length = length;
    if (random() % 3 == 0) rule.to = address_of(packet.destination), rule.to_length = length;
    if (random() % 3 == 0) rule.tos = 0x10;
    if (random() % 4 == 0) rule.mark = random() % 2, rule.mask = 1;
    if (random() % 4 == 0) rule.iif = random() % 2 ? a : b;
    rule.from_host = random() % 8 == 0;
    rule.invert = random() % 4 == 0;
    if (random() % 6 == 0) rule.action = RoutingRule::Action::prohibit;
    rule.table = static_cast<std::uint16_t>(random() % 5);  // the last of which there is not
    return rule;
}

void random_routes(bool v6, std::mt19937& random, RouteTable& table) {
    const HopIndex hops[] = {Tables::by_b,  Tables::local,     Tables::blackhole,
                             Tables::group, Tables::small_mtu, next_table};
    auto v4_routes = std::make_shared<Lpm4>(64);
    auto v6_routes = std::make_shared<Lpm6>(64);
    for (int i = 0; i < 3; ++i) {
        const IpPacket packet = random_packet(v6, random);
        const bool any = random() % 4 == 0;
        const HopIndex hop = hops[random() % std::size(hops)];
        if (v6) {
            Lpm6::Key key{};
            std::copy(packet.destination.begin(), packet.destination.end(), key.begin());
            ASSERT_TRUE(v6_routes->add(key, any ? 0 : 128, hop));
        } else {
            Lpm4::Key key{};
            std::copy(packet.destination.begin(), packet.destination.end(), key.begin());
            ASSERT_TRUE(v4_routes->add(key, any ? 0 : 32, hop));
        }
    }
    table = {.v4 = v6 ? nullptr : v4_routes, .v6 = v6 ? v6_routes : nullptr};
}

std::unique_ptr<Context> context_of(RoutedRig& rig) {
    auto context = std::make_unique<Context>();
    *context = {};
    context->topology = &rig.shared().topology.get();
    context->routing = &rig.shared().routing.get();
    context->filtering = &rig.shared().filtering.get();
    context->hops = &rig.shared().hops;
    context->receiving = &context->topology->interface(rig.index("a"));
    return context;
}

class RouteBatchRules : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Families, RouteBatchRules, testing::Bool(),
                         [](const auto& info) { return info.param ? "Ipv6" : "Ipv4"; });

// net/ipv4/fib_rules.c, fib_lookup: the first rule that fits and whose table has an answer.
TEST_P(RouteBatchRules, DecideAsForOnePacket) {
    const bool v6 = GetParam();
    unsigned stayed = 0, left = 0;
    for (unsigned seed = 1; seed <= 200; ++seed) {
        std::mt19937 random(seed);
        RoutedRig rig({});
        const IfIndex a = rig.index("a"), b = rig.index("b");
        auto routing = std::make_unique<Routing>();
        routing->tables.resize(4);
        for (auto& table : routing->tables)
            random_routes(v6, random, table);
        auto& rules = v6 ? routing->rules6 : routing->rules4;
        for (unsigned i = 0; i < 1 + random() % 6; ++i)
            rules.push_back(random_rule(v6, random, a, b));
        rig.shared().hops[next_table].kind = HopKind::next_table;
        rig.while_offline([&] { rig.shared().routing.replace(std::move(routing), rig.shared().quiescence); });

        const auto context = context_of(rig);
        auto burst = RouteBatch::begin(*context);
        std::vector<HeapPacket> packets;
        RouteBatch::Prepared prepared[batch_size];
        for (unsigned i = 0; i < batch_size; ++i) {
            packets.push_back(make_packet(frame_of(random_packet(v6, random))));
            RouteBatch::prepare(*packets.back(), prepared[i], burst, *context);
            ASSERT_NE(prepared[i].size, 0);
        }
        RouteBatch::look_up(burst, *context);
        for (unsigned i = 0; i < batch_size; ++i) {
            packets[i]->meta.mark = 0;  // as ingress would
            packets[i]->meta.iif = a;
            packets[i]->meta.l3_offset = ethernet_header_size;
            const RouteAnswer one =
                find_route(key_of(*packets[i], *context->routing), *context->routing, *context->hops);
            const HopIndex got = burst.hops[prepared[i].slot];
            if (one.kind == HopKind::neighbour) {
                EXPECT_EQ(got, one.table_entry) << "seed " << seed << ", packet " << i;
                ++stayed;
            } else {
                const HopKind kind = (*context->hops)[got].kind;
                EXPECT_TRUE(kind != HopKind::neighbour && kind != HopKind::group) << "seed " << seed;
                ++left;
            }
        }
    }
    EXPECT_GT(stayed, 1000u);
    EXPECT_GT(left, 1000u);
}

// RFC 3704 2.2 (strict), 2.4 (loose); net/ipv4/fib_frontend.c, __fib_validate_source.
TEST(RouteBatchSources, ByTheirWayBack) {
    struct Row {
        std::uint8_t rp_filter;
        HopIndex way_back;
        bool stays, local_networks = false;
    };
    for (const Row& row :
         {Row{0, Tables::blackhole, true}, Row{1, Tables::back, true}, Row{1, Tables::by_b, false},
          Row{1, Tables::group, false}, Row{2, Tables::by_b, true}, Row{2, Tables::blackhole, false},
          // fib_validate_source: with local routes of one's own the source is looked up whatever rp_filter is
          Row{0, Tables::local, false, true}, Row{0, Tables::blackhole, true, true},
          Row{0, Tables::by_b, true, true}, Row{1, Tables::local, false, true}}) {
        RoutedRig rig({}, two_ports, [&](Tables& t) {
            EXPECT_TRUE(t.v4->add({192, 0, 2, 0}, 24, row.way_back));
            t.routing->local_networks4 = row.local_networks;
            t.routing->interfaces.resize(8);
            for (auto& interface : t.routing->interfaces)
                interface.rp_filter = row.rp_filter;
        });
        const auto context = context_of(rig);
        auto burst = RouteBatch::begin(*context);
        const auto packet = make_packet(frame_of(packet_of(false)));
        RouteBatch::Prepared prepared;
        RouteBatch::prepare(*packet, prepared, burst, *context);
        RouteBatch::look_up(burst, *context);
        EXPECT_EQ(burst.hops[prepared.slot], row.stays ? Tables::by_b : no_hop)
            << "rp_filter " << int{row.rp_filter} << ", way back by hop " << row.way_back;
    }
}

}  // namespace
}  // namespace weft::test
