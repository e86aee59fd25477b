// Chains: order, references, loops, and that a refused command changes nothing.
#include <gtest/gtest.h>

#include "tests/unit/hook_shell.hpp"

namespace weft::test {
namespace {

using namespace hook;

void expect_all_good(HookShell& shell, const std::vector<std::string>& lines) {
    for (const auto& line : lines)
        EXPECT_EQ(shell.run(line).errors, "") << line;
}

TEST(HookRuleset, UserChainsStandByName) {
    HookShell shell;
    expect_all_good(shell, {"-N b", "-N a", "-A INPUT -j b", "-A a -j b", "-E b z"});
    EXPECT_EQ(shell.run("-S").output,
              "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-N a\n-N z\n-A INPUT -j z\n-A a -j z\n");
    EXPECT_EQ(shell.rules.table(TableId::filter).references("z"), 2U);
}

TEST(HookRuleset, ChainsThatMustNotGo) {
    HookShell shell;
    expect_all_good(shell, {"-N used", "-N full", "-A INPUT -j used", "-A full -j ACCEPT"});
    EXPECT_EQ(shell.run("-X used").errors, "iptables: Too many links.\n");
    EXPECT_EQ(shell.run("-X full").errors, "iptables: Directory not empty.\n");
    EXPECT_EQ(shell.run("-X INPUT").errors,
              "iptables: Invalid argument. Run `dmesg' for more information.\n");
    EXPECT_EQ(shell.run("-X none").errors, "iptables: No chain/target/match by that name.\n");
    EXPECT_EQ(shell.run("-N used").errors, "iptables: Chain already exists.\n");
    EXPECT_EQ(shell.run("-N LOG").errors.substr(0, 73),
              "iptables v1.8.9 (legacy): chain name may not clash with target name\nTry `");
}

TEST(HookRuleset, LoopsAreRefusedWhereTheyAreReached) {
    HookShell shell;
    expect_all_good(shell, {"-N a", "-N b", "-A a -p tcp -j b", "-A b -p tcp -g a"});
    const auto before = shell.save();
    EXPECT_EQ(shell.run("-A INPUT -j a").errors, "iptables: Too many levels of symbolic links.\n");
    EXPECT_EQ(shell.save(), before);
    expect_all_good(shell,
                    {"-I a -j ACCEPT", "-A INPUT -j a"});  // what is behind it is not reached: ip_tables.c
    EXPECT_EQ(shell.run("-D a 1").status, 1);
}

TEST(HookRuleset, PlacesAreThoseFromWhichAChainIsReached) {
    HookShell shell;
    expect_all_good(shell,
                    {"-t nat -N mine", "-t nat -A mine -j MASQUERADE", "-t nat -A POSTROUTING -j mine"});
    EXPECT_EQ(shell.run("-t nat -A OUTPUT -j mine").status, 1);
    EXPECT_EQ(shell.run("-t nat -S OUTPUT").output, "-P OUTPUT ACCEPT\n");
}

TEST(HookRuleset, DeepChainsNeedNoStack) {
    HookShell shell;
    std::string file = "*filter\n";
    constexpr int depth = 5'000;
    for (int i = 0; i <= depth; ++i)
        file += fmt::format(":c{} - [0:0]\n", i);
    file += "-A INPUT -j c0\n";
    for (int i = 0; i < depth; ++i)
        file += fmt::format("-A c{} -j c{}\n", i, i + 1);
    EXPECT_EQ(shell.restore(file + "COMMIT\n").errors, "");
    EXPECT_EQ(shell.run(fmt::format("-A c{} -j c0", depth)).status, 1);
}

TEST(HookRuleset, JumpsGoToChainsOfTheTable) {
    HookShell shell;
    expect_all_good(shell, {"-N mine"});
    EXPECT_EQ(shell.run("-t mangle -A INPUT -j mine").status, 2);
    EXPECT_NE(shell.run("-A INPUT -g ACCEPT").errors.find("goto 'ACCEPT' is not a chain"), std::string::npos);
    EXPECT_EQ(shell.run("-A INPUT -j OUTPUT").errors,
              "iptables: Invalid argument. Run `dmesg' for more information.\n");
    EXPECT_EQ(shell.printed("-g mine"), "-g mine");
}

TEST(HookRuleset, RulesByNumberAndByThemselves) {
    HookShell shell;
    expect_all_good(shell, {"-A INPUT -s 10.0.0.1", "-A INPUT -s 10.0.0.2", "-I INPUT 2 -s 10.0.0.3",
                            "-R INPUT 1 -s 10.0.0.4", "-D INPUT -s 10.0.0.2", "-C INPUT -s 10.0.0.3"});
    EXPECT_EQ(shell.run("-S INPUT").output,
              "-P INPUT ACCEPT\n-A INPUT -s 10.0.0.4/32\n-A INPUT -s 10.0.0.3/32\n");
    EXPECT_EQ(shell.run("-I INPUT 4 -j DROP").errors, "iptables: Index of insertion too big.\n");
    EXPECT_EQ(shell.run("-R INPUT 3 -j DROP").errors, "iptables: Index of replacement too big.\n");
    EXPECT_EQ(shell.run("-D INPUT 3").errors, "iptables: Index of deletion too big.\n");
    EXPECT_EQ(shell.run("-Z INPUT 3").errors, "iptables: Index of counter too big.\n");
    EXPECT_EQ(shell.run("-D INPUT -s 10.0.0.2").errors,
              "iptables: Bad rule (does a matching rule exist in that chain?).\n");
    EXPECT_EQ(shell.run("-A NONE -j DROP").errors, "iptables: No chain/target/match by that name.\n");
}

TEST(HookRuleset, SeveralRulesAreDeletedOrNone) {
    HookShell shell;
    expect_all_good(shell, {"-A INPUT -s 10.0.0.1 -j DROP"});
    EXPECT_EQ(shell.run("-D INPUT -s 10.0.0.1,10.0.0.2 -j DROP").status, 1);
    EXPECT_EQ(shell.run("-C INPUT -s 10.0.0.1 -j DROP").status, 0);
}

TEST(HookRuleset, PoliciesAndZero) {
    HookShell shell;
    expect_all_good(shell, {"-N mine", "-P INPUT DROP -c 5 6", "-A INPUT -c 7 8"});
    EXPECT_EQ(shell.run("-S INPUT -v").output, "-P INPUT DROP -c 5 6\n-A INPUT -c 7 8\n")
        << "policy counters stay";
    EXPECT_EQ(shell.run("-P INPUT RETURN").errors,
              "iptables: Bad policy name. Run `dmesg' for more information.\n");
    EXPECT_EQ(shell.run("-P mine DROP").errors, "iptables: Bad built-in chain name.\n");
    EXPECT_NE(shell.run("-L INPUT -v -n -Z").output.find("DROP 5 packets, 6 bytes"), std::string::npos);
    EXPECT_EQ(shell.run("-S INPUT -v").output, "-P INPUT DROP -c 0 0\n-A INPUT -c 0 0\n");
}

TEST(HookRuleset, ACopyShares) {
    HookShell shell;
    expect_all_good(shell, {"-A INPUT -j ACCEPT"});
    const auto copy = shell.rules;
    expect_all_good(shell, {"-F"});
    EXPECT_EQ(copy.table(TableId::filter).find("INPUT")->rules.size(), 1U);
    EXPECT_TRUE(shell.rules.table(TableId::filter).find("INPUT")->rules.empty());
}

}  // namespace
}  // namespace weft::test
