// The walk through chains: net/ipv4/netfilter/ip_tables.c, ipt_do_table.
#include <gtest/gtest.h>

#include "tests/unit/hook_rig.hpp"

namespace weft::test {
namespace {

using namespace hook;

const Bytes dns = Packet4{.payload = udp(1000, 53)}.bytes();

TEST(HookWalk, FamilyWithoutRulesHasNoHook) {
    HookRig rig;
    rig.program = rig.compiler.compile(rig.rules, rig.names, rig.find_set);
    EXPECT_FALSE(rig.program->active(Hook::forward));
    rig.rule("-A FORWARD -j DROP");
    EXPECT_EQ(rig.walk(Hook::forward, dns).ending, Ending::drop);
    EXPECT_TRUE(rig.program->active(Hook::forward));
}

TEST(HookWalk, PolicyCountsWhatComesToTheEnd) {
    HookRig rig;
    rig.rule_set({"-P INPUT DROP", "-A INPUT -p tcp -j ACCEPT", "-A INPUT -p udp"});
    const auto result = rig.walk(Hook::input, dns);
    EXPECT_EQ(result.ending, Ending::drop);
    EXPECT_EQ(result.by, rig.compiler.policy_id(TableId::filter, "INPUT"));
    EXPECT_EQ(rig.trail.path,
              (std::vector<RuleId>{rig.compiler.ids(TableId::filter, "INPUT")[1], result.by}));
}

TEST(HookWalk, JumpReturnsBehindItAndGotoToTheCallersCaller) {
    HookRig rig;
    rig.rule_set({"-N a", "-N b", "-N c", "-A INPUT -j a", "-A INPUT -p udp", "-A a -g b", "-A a -p udp",
                  "-A b -j c", "-A b -p udp", "-A c -p udp -j RETURN", "-A c -j DROP"});
    EXPECT_EQ(rig.walk(Hook::input, dns).ending, Ending::accept);
    EXPECT_EQ(rig.path("INPUT"), (std::vector<std::size_t>{1, 2}));
    EXPECT_EQ(rig.path("a"), (std::vector<std::size_t>{1})) << "goto does not come back to a";
    EXPECT_EQ(rig.path("b"), (std::vector<std::size_t>{1, 2}));
    EXPECT_EQ(rig.path("c"), (std::vector<std::size_t>{1}));
}

TEST(HookWalk, ReturnInABuiltInChainAndGotoFromItMeetThePolicy) {
    HookRig rig;
    rig.rule_set(
        {"-P INPUT DROP", "-N a", "-A INPUT -s 10.0.0.1 -j RETURN", "-A INPUT -g a", "-A INPUT -j ACCEPT"});
    EXPECT_EQ(rig.walk(Hook::input, dns).ending, Ending::drop);
    EXPECT_EQ(rig.path("INPUT"), (std::vector<std::size_t>{1}));
    EXPECT_EQ(rig.walk(Hook::input, Packet4{.source = "10.0.0.9", .payload = udp(1, 2)}.bytes()).ending,
              Ending::drop);
    EXPECT_EQ(rig.path("INPUT"), (std::vector<std::size_t>{2}));
}

TEST(HookWalk, MarkOfMangleIsSeenByFilterAndSecurity) {
    HookRig rig;
    rig.rule_set({"-t security -A FORWARD -m mark --mark 1 -j DROP", "-A FORWARD -m mark --mark 1 -p udp",
                  "-t mangle -A FORWARD -j MARK --set-mark 1"});
    const auto result = rig.walk(Hook::forward, dns);
    EXPECT_EQ(result.ending, Ending::drop);
    EXPECT_EQ(rig.packet.mark, 1U);
    EXPECT_EQ(rig.counted("FORWARD", 1), 1U);
    EXPECT_EQ(rig.trail.rests.mask.mark, 0U) << "the mark that came does not matter";
}

TEST(HookWalk, RawIsWalkedAloneBeforeConntrack) {
    HookRig rig;
    rig.rule_set({"-t raw -A PREROUTING -p udp -j CT --notrack", "-t raw -A PREROUTING -j CT --zone 7",
                  "-t mangle -A PREROUTING -m conntrack --ctstate UNTRACKED -j DROP"});
    EXPECT_EQ(rig.walk(Hook::prerouting, dns, before_conntrack).ending, Ending::accept);
    ASSERT_NE(rig.packet.template_, nullptr);
    EXPECT_TRUE(rig.packet.template_->notrack) << "the first CT wins";
    EXPECT_EQ(rig.path("PREROUTING", "raw"), (std::vector<std::size_t>{1, 2})) << "both have been met";
    EXPECT_EQ(rig.walk(Hook::prerouting, dns, mangling).ending, Ending::drop);
}

TEST(HookWalk, RejectNamesItsKind) {
    HookRig rig;
    rig.rule("-A INPUT -p udp -j REJECT --reject-with icmp-admin-prohibited");
    const auto result = rig.walk(Hook::input, dns);
    EXPECT_EQ(result.ending, Ending::reject);
    ASSERT_NE(result.reject, nullptr);
    EXPECT_EQ(result.reject->icmp_code, 13);
}

TEST(HookWalk, ActionsAreInOrderAndKnowTheirPlaceInThePath) {
    HookRig rig;
    rig.rule_set(
        {"-A INPUT -p udp", "-A INPUT -j LOG --log-prefix \"one \"", "-A INPUT -j LOG --log-prefix two"});
    static_cast<void>(rig.walk(Hook::input, dns));
    ASSERT_EQ(rig.actions.all.size(), 2U);
    EXPECT_EQ(std::get<LogTarget>(rig.actions.all[0].rule->target).prefix, "one ");
    EXPECT_EQ(rig.actions.all[0].at, 2U);
    EXPECT_EQ(rig.actions.all[1].at, 3U);
    EXPECT_FALSE(rig.trail.rests.may_be_kept()) << "each packet is logged";
}

// Linux walks on; what it costs is time, not memory.
TEST(HookWalk, OfALongWayTheBeginningIsCountedAtOnce) {
    HookRig rig;
    constexpr unsigned chains = 12;
    for (unsigned i = 0; i < chains; ++i)
        rig.rule("-N c" + std::to_string(i));
    for (unsigned i = 0; i + 1 < chains; ++i)
        for (const unsigned times : {1, 2})
            rig.rule_set({"-A c" + std::to_string(i) + " -m comment --comment " + std::to_string(times) +
                          " -j c" + std::to_string(i + 1)});
    rig.rule("-A c11 -p udp");
    rig.rule("-A INPUT -j c0");
    static_cast<void>(rig.walk(Hook::input, dns));
    EXPECT_TRUE(rig.trail.cut);
    EXPECT_LE(rig.trail.path.size(), Trail::most_rules);
    for (unsigned i = 0; i < chains; ++i) {
        const auto chain = "c" + std::to_string(i);
        const auto id = rig.compiler.ids(TableId::filter, chain).front();
        EXPECT_EQ(rig.actions.cut[id] + rig.counted(chain, 1), 1U << i) << chain;
    }
    rig.rule("-F c0");
    static_cast<void>(rig.walk(Hook::input, dns));
    EXPECT_FALSE(rig.trail.cut);
}

TEST(HookWalk, TracedPacketsHaveTheRestOfThePath) {
    HookRig rig;
    rig.rule_set({"-t raw -A PREROUTING -p udp -j TRACE", "-t raw -A PREROUTING -p udp"});
    static_cast<void>(rig.walk(Hook::prerouting, dns));
    ASSERT_EQ(rig.actions.all.size(), 1U);
    EXPECT_EQ(rig.actions.all[0].rule->step, Step::trace);
    EXPECT_EQ(rig.trail.path.size() - rig.actions.all[0].at, 2U) << "a rule and the policy";
}

struct Watching final : Actions {
    explicit Watching(const HookProgram& program) : Actions(true), words(program) {}
    bool perform(const RuleCode&, View&, std::size_t) noexcept override { return true; }
    void count(std::span<const RuleId>) noexcept override {}
    void met(RuleId rule) noexcept override { all.push_back(words.rule_words.at(rule)); }
    void came_to_end(ChainSlot chain) noexcept override { all.push_back(words.end_words.at(chain)); }
    const HookProgram& words;
    std::vector<std::string> all;
};

// net/ipv4/netfilter/ip_tables.c, ipt_do_table and get_chainname_rulenum
TEST(HookWalk, TellsWhatItMeetsInTheWordsOfTraces) {
    HookRig rig;
    rig.rule_set({"-t raw -A OUTPUT -j TRACE", "-N A", "-N B", "-A INPUT -p tcp", "-A INPUT -p udp -j A",
                  "-A INPUT -g B", "-A A -p udp -j B", "-A A -j RETURN", "-A B -p udp",
                  "-A B -p tcp -j DROP"});
    static_cast<void>(rig.walk(Hook::input, dns));
    Watching watching(*rig.program);
    static_cast<void>(walk(*rig.program, Hook::input, all_tables, rig.packet, rig.trail, 0, &watching));
    EXPECT_EQ(watching.all,
              (std::vector<std::string>{"filter:INPUT:rule:2", "filter:A:rule:1", "filter:B:rule:1",
                                        "filter:B:return:3", "filter:A:return:2", "filter:INPUT:rule:3",
                                        "filter:B:rule:1", "filter:B:return:3", "filter:INPUT:policy:4"}));
}

TEST(HookWalk, ThereAreWordsOnlyWhereSomebodyTraces) {
    HookRig rig;
    rig.rule("-A INPUT -p udp");
    static_cast<void>(rig.walk(Hook::input, dns));
    EXPECT_FALSE(rig.program->traces);
    EXPECT_TRUE(rig.program->rule_words.empty());
    rig.rule_set({"-t raw -N X", "-t raw -A X -j TRACE"});
    static_cast<void>(rig.walk(Hook::input, dns));
    EXPECT_TRUE(rig.program->traces);
}

TEST(HookWalk, ConnmarkSavesAndRestoresThroughBothMasks) {
    HookRig rig;
    rig.rule_set({"-t mangle -A PREROUTING -j CONNMARK --restore-mark --nfmask 0xff --ctmask 0xff",
                  "-t mangle -A PREROUTING -j CONNMARK --set-xmark 0x500/0xf00"});
    ConnectionFacts connection;
    connection.mark = connection.arrived_mark = 0x1234;
    rig.packet.connection = &connection;
    rig.packet.mark = rig.packet.arrived_mark = 0xabcd;
    static_cast<void>(rig.walk(Hook::prerouting, dns));
    EXPECT_EQ(rig.packet.mark, 0xab34U);
    EXPECT_EQ(connection.mark, 0x1534U);
    EXPECT_EQ(rig.trail.rests.mask.connection_mark, 0xffU);
    EXPECT_EQ(rig.trail.rests.value.connection_mark, 0x34U);
}

TEST(HookWalk, OutcomeRestsOnWhatWasLookedAt) {
    HookRig rig;
    rig.rule_set({"-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j ACCEPT",
                  "-A FORWARD -m state --state ESTABLISHED -j ACCEPT",
                  "-A FORWARD -m mac --mac-source 02:00:00:00:00:01 -j ACCEPT",
                  "-A FORWARD -m limit --limit 1/s -j ACCEPT"});
    set_source_mac(rig.packet, *parse_mac("02:00:00:00:00:01"));
    ConnectionFacts connection;
    rig.packet.connection = &connection;
    static_cast<void>(rig.walk(Hook::forward, dns));
    const auto& rests = rig.trail.rests;
    EXPECT_EQ(rests.mask.tcp_flags, 0) << "no rule of TCP was asked for flags";
    EXPECT_EQ(rests.value.state, ConntrackState::new_);
    EXPECT_EQ(rests.mask.mac, 0xffff'ffff'ffffU);
    EXPECT_TRUE(rests.may_be_kept());
    static_cast<void>(rig.walk(Hook::forward, Packet4{.protocol = 6, .payload = tcp(1, 2, 0x02)}.bytes()));
    EXPECT_EQ(rig.trail.rests.mask.tcp_flags, 0x06);
    EXPECT_EQ(rig.trail.rests.value.tcp_flags, 0x02);
    set_source_mac(rig.packet, *parse_mac("02:00:00:00:00:02"));
    static_cast<void>(rig.walk(Hook::forward, dns));
    EXPECT_FALSE(rig.trail.rests.may_be_kept()) << "a rate was asked";
}

TEST(HookWalk, InterfacesByNamePatternAndInversion) {
    HookRig rig;
    const auto match = [&](std::string_view text, IfIndex iif, IfIndex oif) {
        rig.rule("-F FORWARD");
        rig.rule("-A FORWARD " + std::string(text));
        rig.packet.iif = iif;
        rig.packet.oif = oif;
        static_cast<void>(rig.walk(Hook::forward, dns));
        return rig.counted("FORWARD", 1) == 1;
    };
    EXPECT_TRUE(match("-i eth0 -o eth1", 1, 2));
    EXPECT_FALSE(match("-i eth0 -o eth1", 2, 1));
    EXPECT_TRUE(match("-i eth+", 2, 3));
    EXPECT_FALSE(match("-i eth+", 3, 2));
    EXPECT_TRUE(match("! -o eth+", 1, 3));
    EXPECT_TRUE(match("-i +", 4, 1));
    EXPECT_FALSE(match("-i gone", 4, 1));
    EXPECT_TRUE(match("! -i gone", 4, 1));
}

TEST(HookWalk, AnInterfaceThatComesLaterIsFound) {
    HookRig rig;
    rig.rule("-A FORWARD -i ppp+ -j DROP");
    rig.packet.iif = 9;
    EXPECT_EQ(rig.walk(Hook::forward, dns).ending, Ending::accept);
    rig.names.emplace_back("ppp0", 9);
    rig.program.reset();
    EXPECT_EQ(rig.walk(Hook::forward, dns).ending, Ending::drop);
}

TEST(HookWalk, InterfacesThatComeAndGoLeaveCountersAndLimitsAlone) {
    HookRig rig;
    rig.rule_set({"-A INPUT -i eth+ -m limit --limit 1/hour --limit-burst 2 -j ACCEPT",
                  "-A INPUT -i ppp0 -m physdev --physdev-in vnet0 -j ACCEPT", "-A INPUT -p udp -j ACCEPT",
                  "-P INPUT DROP"});
    rig.packet.iif = 1;
    EXPECT_EQ(rig.walk(Hook::input, dns).ending, Ending::accept);
    EXPECT_EQ(rig.path("INPUT"), (std::vector<std::size_t>{1}));
    const auto ids = rig.compiler.ids(TableId::filter, "INPUT");

    for (const auto& [name, index] : InterfaceNames{{"eth7", 9}, {"ppp0", 8}, {"vnet0", 7}}) {
        rig.names.emplace_back(name, index);
        rig.program.reset();
    }
    rig.packet.iif = 9;
    EXPECT_EQ(rig.walk(Hook::input, dns).ending, Ending::accept);
    EXPECT_EQ(rig.path("INPUT"), (std::vector<std::size_t>{1})) << "the second of two";
    EXPECT_EQ(rig.walk(Hook::input, dns).ending, Ending::accept);
    EXPECT_EQ(rig.path("INPUT"), (std::vector<std::size_t>{3})) << "the bucket is empty still";
    rig.packet.iif = 8;
    rig.packet.bridged = 1;
    rig.packet.physical_in = 7;
    static_cast<void>(rig.walk(Hook::input, dns));
    EXPECT_EQ(rig.path("INPUT"), (std::vector<std::size_t>{2}));
    EXPECT_EQ(rig.compiler.ids(TableId::filter, "INPUT"), ids);

    rig.names = four_interfaces();
    rig.program.reset();
    static_cast<void>(rig.walk(Hook::input, dns));
    EXPECT_EQ(rig.path("INPUT"), (std::vector<std::size_t>{3}));
    EXPECT_EQ(rig.compiler.recycle_ids(), std::vector<RuleId>{});
}

TEST(HookWalk, ARenamedChainGoesOnCounting) {
    HookRig rig;
    rig.rule_set({"-N old", "-A old -p tcp", "-A old -p udp -m limit --limit 1/hour --limit-burst 1",
                  "-A INPUT -j old"});
    static_cast<void>(rig.walk(Hook::input, dns));
    EXPECT_EQ(rig.path("old"), (std::vector<std::size_t>{2}));
    const auto ids = rig.compiler.ids(TableId::filter, "old");
    const auto input = rig.compiler.ids(TableId::filter, "INPUT");
    rig.rule("-E old new");
    static_cast<void>(rig.walk(Hook::input, dns));
    EXPECT_EQ(rig.compiler.ids(TableId::filter, "new"), ids);
    EXPECT_EQ(rig.path("new"), (std::vector<std::size_t>{})) << "the bucket is empty still";
    EXPECT_EQ(rig.compiler.ids(TableId::filter, "INPUT"), input) << "the rule that jumps, too";
    EXPECT_EQ(rig.path("INPUT"), (std::vector<std::size_t>{1}));
    EXPECT_EQ(rig.compiler.recycle_ids(), std::vector<RuleId>{});
    rig.rule("-E new third");
    rig.rule("-E third fourth");
    static_cast<void>(rig.walk(Hook::input, dns));
    EXPECT_EQ(rig.compiler.ids(TableId::filter, "INPUT"), input);
    EXPECT_EQ(rig.compiler.recycle_ids(), std::vector<RuleId>{});
}

TEST(HookWalk, Ip6ComparesTheUpperProtocol) {
    HookRig rig(Family::ip6);
    rig.rule("-A INPUT -p udp --dport 53 -j DROP");
    const Bytes options{17, 0, 1, 4, 0, 0, 0, 0};
    EXPECT_EQ(rig.walk(Hook::input, Packet6{.next = 60, .payload = options + udp(9, 53)}.bytes()).ending,
              Ending::drop);
    const Bytes later_fragment{17, 0, 0x05, 0xa8, 0, 0, 0, 1};
    EXPECT_EQ(
        rig.walk(Hook::input, Packet6{.next = 44, .payload = later_fragment + udp(9, 53)}.bytes()).ending,
        Ending::accept);
}

TEST(HookWalk, Ip6WithoutUpperProtocolIsDroppedByARuleThatAsksForOne) {
    HookRig rig(Family::ip6);
    rig.rule_set({"-A INPUT -s 2001:db8::9 -p udp -j ACCEPT", "-A INPUT -s 2001:db8::1"});
    const auto broken = Packet6{.next = 0, .payload = {17}}.bytes();
    EXPECT_EQ(rig.walk(Hook::input, broken).ending, Ending::accept) << "other addresses are compared first";
    rig.rule("-A INPUT ! -p tcp");
    const auto result = rig.walk(Hook::input, broken);
    EXPECT_EQ(result.ending, Ending::drop);
    EXPECT_EQ(result.by, no_rule);
    EXPECT_EQ(rig.counted("INPUT", 2), 1U);
    EXPECT_EQ(rig.counted("INPUT", 3), 0U) << "a packet dropped so is not counted";
}

}  // namespace
}  // namespace weft::test
