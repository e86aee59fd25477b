// Save files: the identity, what is refused and where, and how long 10,000 rules take.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "tests/unit/hook_shell.hpp"

namespace weft::test {
namespace {

using namespace hook;

constexpr std::string_view router =
    "*mangle\n"
    ":PREROUTING ACCEPT [0:0]\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT "
    "[0:0]\n:POSTROUTING ACCEPT [0:0]\n"
    "[1:60] -A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\n"
    "COMMIT\n"
    "*nat\n"
    ":PREROUTING ACCEPT [5:300]\n:INPUT ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:POSTROUTING ACCEPT [0:0]\n"
    "[0:0] -A PREROUTING -i wan -p tcp -m tcp --dport 8080 -j DNAT --to-destination 192.168.1.2:80\n"
    "[7:420] -A POSTROUTING -o wan -j MASQUERADE\n"
    "COMMIT\n"
    "*filter\n"
    ":INPUT DROP [9:900]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n:ssh - [0:0]\n"
    "[3:180] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment \"it\\'s "
    "\\\"known\\\"\" -j ACCEPT\n"
    "[0:0] -A INPUT -p tcp -m tcp --dport 22 -g ssh\n"
    "[0:0] -A ssh -m limit --limit 5/min -j LOG --log-prefix \"ssh: \" --log-level 6\n"
    "COMMIT\n";

TEST(HookSave, RestoredIsSavedAlike) {
    HookShell shell;
    EXPECT_EQ(shell.restore(router, "-c").errors, "");
    EXPECT_EQ(shell.save("-c"), router);
    HookShell again;
    EXPECT_EQ(again.restore(shell.save("-c"), "--counters").status, 0);
    EXPECT_EQ(again.save("-c"), router);
    EXPECT_EQ(again.save("-t nat").find(":PREROUTING"), 5U);
}

TEST(HookSave, NamesWithBlanksAreQuotedAndNewlinesRefused) {
    HookShell shell;
    ASSERT_EQ(shell.run("-A INPUT -i \"a b\" -m recent --set --name \"x y\"").status, 0);
    const auto saved = shell.save();
    EXPECT_NE(saved.find("-A INPUT -i \"a b\" -m recent --set --name \"x y\" --mask"), std::string::npos);
    HookShell again;
    EXPECT_EQ(again.restore(saved).status, 0);
    EXPECT_EQ(again.save(), saved);
    EXPECT_EQ(shell.run("-A INPUT -m comment --comment a\n-A").status, 2);
    ASSERT_EQ(shell.run("-N mine").status, 0);
    EXPECT_EQ(shell.run("-E mine \"a b\"").status, 2);
}

TEST(HookSave, WithoutCountersTheyAreZero) {
    HookShell shell;
    EXPECT_EQ(shell.restore(router).status, 0);
    EXPECT_NE(shell.save().find(":INPUT DROP [0:0]"), std::string::npos);
    EXPECT_EQ(shell.save().find("[7:420]"), std::string::npos);
}

// as iptables-legacy-restore 1.8.9 on Linux 6.18
TEST(HookSave, EachSectionBeginsThePoliciesCountersAnew) {
    constexpr std::string_view twice =
        "*filter\n:INPUT ACCEPT [5:6]\n:FORWARD DROP [1:2]\n[7:8] -A INPUT -j ACCEPT\nCOMMIT\n"
        "*filter\n:INPUT DROP [9:9]\n[3:4] -A FORWARD -j ACCEPT\nCOMMIT\n";
    HookShell shell;
    ASSERT_EQ(shell.restore(twice, "-c").status, 0);
    EXPECT_EQ(shell.save("-c"),
              "*filter\n:INPUT DROP [9:9]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [0:0]\n"
              "[3:4] -A FORWARD -j ACCEPT\nCOMMIT\n");
    ASSERT_EQ(
        shell.restore("*filter\n:OUTPUT ACCEPT [2:2]\n[1:1] -A INPUT -j DROP\nCOMMIT\n", "-c -n").status, 0);
    EXPECT_EQ(shell.save("-c"),
              "*filter\n:INPUT DROP [0:0]\n:FORWARD DROP [0:0]\n:OUTPUT ACCEPT [2:2]\n"
              "[1:1] -A INPUT -j DROP\n[3:4] -A FORWARD -j ACCEPT\nCOMMIT\n")
        << "without flushing the rules' counters stay";
    EXPECT_EQ(shell.restore("*filter\n:INPUT - [4:4]\nCOMMIT\n*filter\nCOMMIT\n", "-c -n").status, 0);
    EXPECT_NE(shell.save("-c").find(":OUTPUT ACCEPT [2:2]"), std::string::npos)
        << "a section without a change";
    EXPECT_EQ(shell.restore("*filter\n:INPUT ACCEPT [4:4]\nCOMMIT\n", "-c -t").status, 0);
    EXPECT_NE(shell.save("-c").find(":OUTPUT ACCEPT [2:2]"), std::string::npos) << "--test changes nothing";
}

TEST(HookSave, NoflushAddsAndEmptiesNamedChains) {
    HookShell shell;
    ASSERT_EQ(shell.restore("*filter\n:mine - [0:0]\n-A INPUT -j mine\n-A mine -j ACCEPT\nCOMMIT\n").status,
              0);
    EXPECT_EQ(
        shell.restore("*filter\n:mine - [0:0]\n-A mine -j DROP\n-A FORWARD -j DROP\nCOMMIT\n", "-n").status,
        0);
    EXPECT_EQ(shell.run("-S").output,
              "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-N mine\n-A INPUT -j mine\n-A FORWARD "
              "-j DROP\n-A mine -j DROP\n");
}

TEST(HookSave, TestChangesNothingAndOneTableCanBeChosen) {
    HookShell shell;
    EXPECT_EQ(shell.restore(router, "--test").status, 0);
    EXPECT_EQ(shell.save(), "");
    EXPECT_EQ(shell.restore(router, "-T nat").status, 0);
    EXPECT_EQ(shell.save().find("*filter"), std::string::npos);
    EXPECT_NE(shell.save().find("MASQUERADE"), std::string::npos);
}

struct Misplaced {
    std::string_view text, reason;
    std::size_t line;
    int column;
};

// iptables names the line of COMMIT and no reason; who looks for it in 10,000 rules is told both.
TEST(HookSave, ARuleThatTheKernelRefusesIsNamedWithTheReason) {
    for (const auto& [text, reason, line, column] : std::vector<Misplaced>{
             {"*raw\n-A PREROUTING -p udp --dport 137 -j CT --helper netbios-ns\n-A PREROUTING -j ACCEPT\n",
              "CT: there is no helper \"netbios-ns\" of udp", 2, 37},
             {"*raw\n-A OUTPUT -j CT --helper ftp\n", "CT: --helper only beside -p", 2, 14},
             {"*filter\n-A INPUT -j CT --notrack\n", "CT: only in the table raw", 2, 13},
             {"*filter\n-A INPUT -m tcp --dport 5\n", "tcp: only beside -p tcp", 2, 4},
             {"*mangle\n-A FORWARD -j DROP\n-A INPUT -p tcp -j TCPMSS --set-mss 1400\n",
              "TCPMSS: only of segments with SYN, say by --tcp-flags SYN,RST SYN", 3, 20},
             {"*mangle\n[5:6] -A INPUT -p udp -j TCPMSS --set-mss 1400\n", "TCPMSS: only beside -p tcp", 2,
              26},
             {"*nat\n-A PREROUTING -j SNAT --to-source 1.2.3.4\n",
              "SNAT: it is not for packets from PREROUTING", 2, 18},
             {"*nat\n:own - [0:0]\n-A own -j MASQUERADE\n-A OUTPUT -j own\n",
              "MASQUERADE: it is not for packets from OUTPUT", 3, 11},
             {"*mangle\n-A INPUT -j REJECT\n", "REJECT: only in the table filter", 2, 13},
             {"*filter\n-A INPUT -p udp -j REJECT --reject-with tcp-reset\n",
              "REJECT: tcp-reset only beside -p tcp", 2, 20},
             {"*filter\n-A INPUT -m recent --rcheck --hitcount 256\n",
              "recent: --hitcount may be at most 255", 2, 4},
             {"*filter\n-A OUTPUT -m mac --mac-source 02:00:00:00:00:01\n",
              "mac: it is not for packets from OUTPUT", 2, 4},
             {"*filter\n:a - [0:0]\n:b - [0:0]\n-A a -j b\n-A b -p tcp\n-I b -g a\n-A INPUT -j a\n",
              "the chain a would be in itself", 6, 9},
         }) {
        HookShell shell;
        const auto outcome = shell.restore(std::string(text) + "COMMIT\n");
        EXPECT_EQ(outcome.status, 1) << text;
        EXPECT_EQ(outcome.errors, "iptables-restore: line " +
                                      std::to_string(std::count(text.begin(), text.end(), '\n') + 1) +
                                      " failed\n");
        EXPECT_EQ(outcome.reason, reason) << text;
        EXPECT_EQ(outcome.line, line) << text;
        EXPECT_EQ(outcome.column, column) << text;
    }
    HookShell shell;
    ASSERT_EQ(shell.restore("*nat\n:own - [0:0]\n-A own -p tcp\n-A own -j MASQUERADE\nCOMMIT\n").status, 0);
    EXPECT_EQ(shell.restore("*nat\n-A OUTPUT -j own\nCOMMIT\n", "-n").reason,
              "rule 2 of own: MASQUERADE: it is not for packets from OUTPUT");
    EXPECT_EQ(shell.run("-t nat -A OUTPUT -j own").reason,
              "rule 2 of own: MASQUERADE: it is not for packets from OUTPUT");
    const auto typed = shell.run("-t nat -A OUTPUT -j MASQUERADE");
    EXPECT_EQ(typed.errors, "iptables: Invalid argument. Run `dmesg' for more information.\n");
    EXPECT_EQ(typed.reason, "MASQUERADE: it is not for packets from OUTPUT");
    EXPECT_EQ(typed.column, 30);
}

struct BadFile {
    std::string_view text, errors;
    std::size_t line;
    int column, status;
};

// iptables.c, do_command4: restore names the table as -t does.
TEST(HookSave, DropIsRefusedInNatAsOnTheCommandLine) {
    for (const std::string line : {"-A POSTROUTING -j DROP", "-A mine -p tcp -j DROP", "-P OUTPUT DROP"})
        for (const char* options : {"", "--test", "--noflush"}) {
            HookShell shell;
            const auto outcome = shell.restore("*nat\n:mine - [0:0]\n" + line + "\nCOMMIT\n", options);
            EXPECT_EQ(outcome.status, 2) << line << options;
            EXPECT_EQ(
                outcome.errors,
                "iptables-restore v1.8.9 (legacy): \nThe \"nat\" table is not intended for filtering, the "
                "use of DROP is therefore inhibited.\n\n\nError occurred at line: 3\nTry "
                "`iptables-restore -h' or 'iptables-restore --help' for more information.\n")
                << line << options;
            EXPECT_EQ(shell.save(), "");
        }
    HookShell shell;
    EXPECT_EQ(shell.restore("*nat\n:PREROUTING DROP [0:0]\nCOMMIT\n").status, 0);
    EXPECT_EQ(shell.restore("*nat\nCOMMIT\n*filter\n-A INPUT -j DROP\nCOMMIT\n").status, 0);
    EXPECT_EQ(shell.restore("*nat\n-A POSTROUTING -j REJECT\nCOMMIT\n").errors,
              "iptables-restore: line 3 failed\n");
}

TEST(HookSave, ErrorsNameLineAndColumn) {
    for (const auto& [text, errors, line, column, status] : std::vector<BadFile>{
             {"*filter\n-A INPUT --foo\nCOMMIT\n",
              "iptables-restore v1.8.9 (legacy): unknown option \"--foo\"\nError occurred at line: 2\n"
              "Try `iptables-restore -h' or 'iptables-restore --help' for more information.\n",
              2, 10, 2},
             {"*filter\n[1:2] -A  INPUT  -p tcp --dport nope\nCOMMIT\n",
              "iptables-restore v1.8.9 (legacy): invalid port/service `nope' specified\nError occurred at "
              "line: 2\n"
              "Try `iptables-restore -h' or 'iptables-restore --help' for more information.\n",
              2, 33, 2},
             {"# c\n*filter\n-A NONE -j DROP\nCOMMIT\n", "iptables-restore: line 3 failed\n", 3, 4, 1},
             {"*filter\n-A INPUT -m tcp --dport 5\nCOMMIT\n", "iptables-restore: line 3 failed\n", 2, 4, 1},
             {"*filter\n-A INPUT\n", "iptables-restore: COMMIT expected at line 3\n", 3, 0, 1},
             {"nonsense\n", "iptables-restore: line 1 failed\n", 1, 1, 1},
             {"*filter\n:INPUT MAYBE [0:0]\n",
              "iptables-restore v1.8.9 (legacy): Can't set policy `MAYBE' on `INPUT' line 2: Bad policy "
              "name\n",
              2, 2, 1},
         }) {
        HookShell shell;
        const auto outcome = shell.restore(text);
        EXPECT_EQ(outcome.errors, errors) << text;
        EXPECT_EQ(outcome.line, line) << text;
        EXPECT_EQ(outcome.column, column) << text;
        EXPECT_EQ(outcome.status, status) << text;
        EXPECT_EQ(shell.save(), "");
    }
}

TEST(HookSave, ATableIsReplacedAsAWhole) {
    HookShell shell;
    ASSERT_EQ(shell.restore(router).status, 0);
    const auto filter = shell.save("-t filter");
    EXPECT_EQ(shell.restore("*nat\nCOMMIT\n*filter\n-A INPUT -j ACCEPT\n-A INPUT -j NONE\nCOMMIT\n").status,
              2);
    EXPECT_EQ(shell.save("-t filter"), filter);
    EXPECT_EQ(shell.save("-t nat").find("MASQUERADE"), std::string::npos)
        << "what was committed before stays, as in Linux";
}

TEST(HookSave, WhatGeneratorsWrite) {
    HookShell shell;
    EXPECT_EQ(
        shell
            .restore("*filter\n"
                     "--append INPUT --match state --state ESTABLISHED,RELATED --jump ACCEPT\n"
                     "--append INPUT --protocol tcp --dport http --jump ACCEPT\n"
                     "-A INPUT -p icmp --icmp-type destination-unreachable -j ACCEPT\n"
                     "-A INPUT -m comment --comment \"kubernetes: x\" -p tcp -j MARK --xor-mark 0x4000\n"
                     "-A INPUT -m mark ! --mark 0x4000/0x4000 -j RETURN\n"
                     "COMMIT\n")
            .errors,
        "");
    EXPECT_EQ(shell.run("-S INPUT").output,
              "-P INPUT ACCEPT\n"
              "-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT\n"
              "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n"
              "-A INPUT -p icmp -m icmp --icmp-type 3 -j ACCEPT\n"
              "-A INPUT -p tcp -m comment --comment \"kubernetes: x\" -j MARK --set-xmark 0x4000/0x0\n"
              "-A INPUT -m mark ! --mark 0x4000/0x4000 -j RETURN\n");
}

TEST(HookSave, TenThousandRulesTakeWellUnderASecond) {
    using Clock = std::chrono::steady_clock;
    constexpr int rules = 10'000;
    std::string file = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n";
    for (int i = 0; i < rules; ++i)
        file += fmt::format(
            "-A FORWARD -s 10.{}.{}.0/24 -i eth0 -p tcp -m tcp --dport {} -m conntrack --ctstate NEW -j "
            "ACCEPT\n",
            i / 256, i % 256, i + 1);
    file += "COMMIT\n";
    HookShell shell;
    const auto begin = Clock::now();
    ASSERT_EQ(shell.restore(file).errors, "");
    const auto restored = Clock::now();
    const auto saved = shell.save();
    const auto written = Clock::now();
    ASSERT_EQ(shell.run("-A FORWARD -j DROP").status, 0);
    const auto appended = Clock::now();
    const auto milliseconds = [](auto span) {
        return std::chrono::duration<double, std::milli>(span).count();
    };
    std::printf("%d rules: restore %.1f ms, save %.1f ms, one -A %.2f ms\n", rules,
                milliseconds(restored - begin), milliseconds(written - restored),
                milliseconds(appended - written));
    EXPECT_EQ(saved, file);
    EXPECT_LT(milliseconds(restored - begin), 20'000)
        << "under sanitizers and load; 1000 is the goal without";
}

}  // namespace
}  // namespace weft::test
