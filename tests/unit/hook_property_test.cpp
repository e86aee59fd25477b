// Compiled rules against the same rules walked one by one: end, mark and every counter.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

#include "tests/unit/hook_random.hpp"
#include "tests/unit/hook_rig.hpp"

namespace weft::test {
namespace {

using namespace hook;

IfIndex index_of(const std::string& name) {
    for (const auto& [known, index] : four_interfaces())
        if (known == name) return index;
    return no_interface;
}

/// False if the packet is none that a kernel would let in.
bool fill(View& view, Family family, const NaivePacket& packet, ConnectionFacts& connection) {
    view = {};
    if (!read_packet(view, family, packet.bytes.data(), static_cast<std::uint32_t>(packet.bytes.size())))
        return false;
    view.iif = index_of(packet.in);
    view.oif = index_of(packet.out);
    view.mark = view.arrived_mark = packet.mark;
    view.packet_type = packet.type;
    view.state = packet.state;
    if (packet.state & (ConntrackState::new_ | ConntrackState::established | ConntrackState::related)) {
        connection.state = packet.state;
        view.connection = &connection;
    }
    MacAddress mac;
    if (packet.mac.size() == mac.bytes.size()) {
        std::copy(packet.mac.begin(), packet.mac.end(), mac.bytes.begin());
        set_source_mac(view, mac);
    }
    return true;
}

/// Of the walk just made, as NaiveResult has them.
auto counts_of(const HookRig& rig) {
    decltype(NaiveResult::counts) counts;
    std::vector<unsigned> by_id(rig.program->ids);
    for (const auto id : rig.trail.path)
        ++by_id[id];
    for (const auto& table : rig.rules.tables)
        for (const auto& chain : table.chains) {
            std::vector<unsigned> of;
            for (const auto id : rig.compiler.ids(table.id, chain.name))
                of.push_back(by_id[id]);
            of.push_back(by_id[rig.compiler.policy_id(table.id, chain.name)]);
            if (std::any_of(of.begin(), of.end(), [](unsigned n) { return n != 0; }))
                counts[{table.id, chain.name}] = of;
        }
    return counts;
}

void compare(HookRig& rig, RandomRules& random, unsigned packets, std::uint32_t seed) {
    rig.program = rig.compiler.compile(rig.rules, rig.names, rig.find_set);
    for (unsigned i = 0; i < packets; ++i) {
        const auto packet = random.packet();
        ConnectionFacts connection;
        if (!fill(rig.packet, rig.rules.family, packet, connection)) continue;
        rig.trail.clear();
        const auto result = walk(*rig.program, Hook::forward, all_tables, rig.packet, rig.trail, rig.now_us);
        const auto naive = naive_walk(rig.rules, Hook::forward, packet);
        ASSERT_EQ(static_cast<int>(result.ending), static_cast<int>(naive.end))
            << "seed " << seed << " packet " << i << '\n'
            << rig.save();
        ASSERT_EQ(counts_of(rig), naive.counts) << "seed " << seed << " packet " << i << '\n' << rig.save();
        ASSERT_EQ(rig.packet.mark, naive.mark) << "seed " << seed << " packet " << i;
    }
}

void random_sets(Family family, std::uint32_t first, unsigned sets, unsigned rules, unsigned packets) {
    for (std::uint32_t seed = first; seed < first + sets; ++seed) {
        RandomRules random(family, seed);
        HookRig rig(family);
        const auto outcome = rig.restore(random.save_file(rules));
        ASSERT_EQ(outcome.status, 0) << outcome.errors;
        compare(rig, random, packets, seed);
        if (testing::Test::HasFatalFailure()) return;
    }
}

TEST(HookProperty, CompiledRulesAreTheRules) {
    random_sets(Family::ip, 1, 60, 30, 60);
    random_sets(Family::ip6, 1, 60, 30, 60);
}

TEST(HookProperty, ManyCompiledRulesAreTheRules) {
    random_sets(Family::ip, 1001, 4, 1500, 150);
    random_sets(Family::ip6, 1001, 4, 1500, 150);
}

TEST(HookProperty, ChangedChainsAreAsIfCompiledAnew) {
    for (std::uint32_t seed = 1; seed <= 12; ++seed) {
        RandomRules random(Family::ip, seed);
        std::mt19937 dice(seed);
        HookRig rig;
        ASSERT_EQ(rig.restore(random.save_file(40)).status, 0);
        for (unsigned change = 0; change < 40; ++change) {
            auto& rules = rig.rules.table(TableId::filter).find("FORWARD")->rules;
            const auto at = rules.empty() ? 1 : 1 + dice() % rules.size();
            switch (dice() % 4) {
                case 0:
                    rig.rule("-A FORWARD" + random.rule());
                    break;
                case 1:
                    rig.rule("-I FORWARD " + std::to_string(at) + random.rule() + " -j ACCEPT");
                    break;
                case 2:
                    if (!rules.empty()) rig.rule("-D FORWARD " + std::to_string(at));
                    break;
                default:
                    if (!rules.empty()) rig.rule("-R FORWARD " + std::to_string(at) + random.rule());
            }
            rig.compiler.recycle_ids();
            compare(rig, random, 10, seed);
            if (testing::Test::HasFatalFailure()) return;
        }
    }
}

TEST(HookProperty, RulesThatStayKeepTheirIds) {
    HookRig rig;
    rig.rule_set({"-A FORWARD -s 10.0.0.1", "-A FORWARD -s 10.0.0.2", "-A FORWARD -s 10.0.0.3"});
    rig.program = rig.compiler.compile(rig.rules, rig.names, rig.find_set);
    const auto before = rig.compiler.ids(TableId::filter, "FORWARD");
    rig.rule_set({"-D FORWARD 2", "-I FORWARD -s 10.0.0.4"});
    rig.program = rig.compiler.compile(rig.rules, rig.names, rig.find_set);
    const auto after = rig.compiler.ids(TableId::filter, "FORWARD");
    ASSERT_EQ(after.size(), 3U);
    EXPECT_EQ(after[1], before[0]);
    EXPECT_EQ(after[2], before[2]);
    EXPECT_NE(after[0], before[1]) << "until recycled, an id is nobody else's";
}

TEST(HookProperty, AppendingOneByOneCompilesFewRulesAnew) {
    HookRig rig;
    for (unsigned i = 0; i < 3000; ++i)
        rig.rule("-A FORWARD -s 10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) +
                 " -j DROP");
    auto whole = rig.rules;
    auto& to = rig.rules.table(TableId::filter).find("FORWARD")->rules;
    const auto& from = whole.table(TableId::filter).find("FORWARD")->rules;
    to.clear();
    const auto start = std::chrono::steady_clock::now();
    std::size_t most = 0;
    for (const auto& entry : from) {
        to.push_back(entry);
        rig.program = rig.compiler.compile(rig.rules, rig.names, rig.find_set);
        std::size_t blocks = 0;
        for (const auto& chain : rig.program->chains)
            blocks = std::max(blocks, chain->blocks.size());
        most = std::max(most, blocks);
    }
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
    std::printf("3000 compilations of a chain that grows: %.0f ms, at most %zu blocks\n", took.count(), most);
    EXPECT_LE(most, 12U);
}

}  // namespace
}  // namespace weft::test
