// Policy rules, the tables that they name, and what weft says that it does not obey.
#include <linux/fib_rules.h>

#include "tests/unit/route_tables_rig.hpp"

namespace weft::test {
namespace {

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
    const std::vector<RoutingRule> nothing{{.action = RoutingRule::Action::unreachable}};
    routes.rule(unknown, true);
    EXPECT_EQ(routing.get().rules4, nothing);
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

// net/core/fib_rules.c, fib_rules_lookup: where no rule says anything, nothing is found.
TEST_F(RouteTablesTest, WithoutRulesThereAreNoRoutes) {
    const std::vector<RoutingRule> nothing{{.action = RoutingRule::Action::unreachable}};
    add(make("10.8.0.0", 16, {via(lan, "10.0.0.2")}));
    EXPECT_TRUE(routing.get().rules4.empty()) << "nobody has asked for the rules";
    routes.begin(RouteDump::rules4);
    routes.end(RouteDump::rules4, false);
    EXPECT_TRUE(routing.get().rules4.empty()) << "the kernel has none to ask for";
    EXPECT_EQ(look("10.8.0.1").interface, 1);
    routes.begin(RouteDump::rules4);
    routes.end(RouteDump::rules4);
    EXPECT_EQ(routing.get().rules4, nothing) << "of a daemon that starts when all are deleted";
    KernelRule rule{.action = FR_ACT_TO_TBL, .table = RT_TABLE_MAIN};
    routes.rule(rule, true);
    ASSERT_EQ(routing.get().rules4.size(), 1u);
    EXPECT_EQ(look("10.8.0.1", routing.get().rules4[0].table).interface, 1);
    routes.rule(rule, false);
    EXPECT_EQ(routing.get().rules4, nothing);
    EXPECT_TRUE(routing.get().rules6.empty()) << "another family";
}

TEST_F(RouteTablesTest, WhatWeftDoesNotObeyIsSaidAndCounted) {
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

}  // namespace
}  // namespace weft::test
