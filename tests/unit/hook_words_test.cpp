// iptables and its like as commands of weft: what reads and what changes, the model, files, save and diff.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <sstream>

#include "control/hook/program.hpp"
#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

std::string spec_of(const std::string& line) {
    const auto match = command::grammar().parse(config::read(line, "")->front().words);
    return match ? std::string(match->spec->name) : match.error().message;
}

TEST(HookWords, ALineReadsOnlyIfNoOptionOfItChanges) {
    for (const auto* line :
         {"iptables -L", "iptables -nvL INPUT --line-numbers", "iptables -t mangle -S",
          "iptables -S FORWARD 3", "iptables --list-rules", "iptables -C INPUT -j ACCEPT", "iptables -h",
          "iptables -V", "iptables", "iptables --check INPUT -p tcp --dport 22 -j ACCEPT",
          "iptables -tmangle -L", "iptables -xL INPUT", "iptables -LZ"})
        EXPECT_EQ(spec_of(line), "iptables list") << line;
    for (const auto* line :
         {"iptables -A INPUT -j ACCEPT", "iptables -t raw -A PREROUTING", "iptables -L -Z", "iptables -nvZL",
          "iptables --append INPUT", "iptables --app INPUT", "iptables -F", "iptables --flush",
          "iptables -PINPUT DROP", "iptables --policy INPUT DROP", "iptables -N x", "iptables -X",
          "iptables -w -A INPUT", "iptables -vw5 -D INPUT 1", "iptables -E a b",
          "iptables -j ACCEPT -I INPUT", "iptables --zero"})
        EXPECT_EQ(spec_of(line), "iptables") << line;
    EXPECT_EQ(spec_of("ip6tables -S"), "ip6tables list");
    EXPECT_EQ(spec_of("ip6tables -F"), "ip6tables");
}

TEST(HookWords, GivesTheProgramsTextAndStatus) {
    Shell shell;
    EXPECT_EQ(shell.type("iptables -A INPUT -p tcp --dport 22 -m comment --comment 'a b' -j ACCEPT\n"
                         "ip6tables -P FORWARD DROP\n"),
              "");
    EXPECT_EQ(shell("iptables -S INPUT"),
              "-P INPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 22 -m comment --comment \"a b\" -j ACCEPT\n");
    EXPECT_EQ(shell("ip6tables -S"), "-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n");
    EXPECT_EQ(shell("iptables -C INPUT -j DROP"),
              "[1] iptables: Bad rule (does a matching rule exist in that chain?).");
    EXPECT_EQ(shell("iptables -A INPUT --dport 22"),
              "[2] iptables v1.8.9 (legacy): unknown option \"--dport\"\n"
              "Try `iptables -h' or 'iptables --help' for more information.");
    EXPECT_EQ(
        shell("iptables -t nope -L"),
        "[3] iptables v1.8.9 (legacy): can't initialize iptables table `nope': Table does not exist (do "
        "you need to insmod?)\nPerhaps iptables or your kernel needs to be upgraded.");
}

TEST(HookWords, NatIsATableLikeOthers) {
    Shell shell;
    EXPECT_EQ(
        shell("iptables -t nat -A POSTROUTING -p udp -j MASQUERADE --to-ports 1-2 --endpoint-independent"),
        "");
    EXPECT_EQ(shell("iptables -t nat -A POSTROUTING -j SNAT --to-source 192.0.2.1-192.0.2.4 --persistent "
                    "--endpoint-independent"),
              "");
    EXPECT_EQ(
        shell("iptables -t nat -A POSTROUTING -j MASQUERADE --random --endpoint-independent").substr(0, 4),
        "[2] ");
    EXPECT_EQ(shell("iptables -t nat -A PREROUTING -j DNAT --to-destination 10.0.0.1 --endpoint-independent")
                  .substr(0, 4),
              "[2] ");
    EXPECT_EQ(shell("iptables -t nat -P OUTPUT DROP").substr(0, 4), "[2] ");  // as iptables says itself
    EXPECT_EQ(shell("iptables -t nat -P OUTPUT ACCEPT"), "");
    EXPECT_EQ(shell("iptables -t nat -N later"), "");
    EXPECT_EQ(shell("iptables -t nat -S"),
              "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n-N later\n"
              "-A POSTROUTING -p udp -j MASQUERADE --to-ports 1-2 --endpoint-independent\n"
              "-A POSTROUTING -j SNAT --to-source 192.0.2.1-192.0.2.4 --persistent --endpoint-independent\n");
    shell.input = "*nat\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n";
    EXPECT_EQ(shell("iptables-restore"), "");
    shell.input = "*filter\nCOMMIT\n*nat\n-A OUTPUT -j RETURN\nCOMMIT\n";
    EXPECT_EQ(shell("iptables-restore"), "");
    EXPECT_EQ(shell("iptables -t nat -S OUTPUT"), "-P OUTPUT ACCEPT\n-A OUTPUT -j RETURN\n");
}

// RFC 7422, RFC 6888 REQ-14: weft's own option, which must say what is wrong with its figures.
TEST(HookWords, PortBlocksAreJudgedWithTheirSubscribers) {
    Shell shell;
    const std::string begin = "iptables -t nat -A POSTROUTING ";
    const auto refused = [&](const std::string& rule) {
        std::string text = shell(begin + rule);
        EXPECT_EQ(text.substr(0, 4), "[2] ") << rule;
        text.erase(std::min(text.size(), text.find('\n')));
        return text.substr(std::min(text.size(), text.find("): ") + 3));
    };
    EXPECT_EQ(
        refused("-s 100.64.0.0/16 -j SNAT --to-source 198.51.100.1-198.51.100.16 --port-block 512"),
        "--port-block 512: 65536 subscribers of 100.64.0.0-100.64.255.255 need 521 outside addresses of "
        "126 blocks each, --to-source has 16");
    EXPECT_EQ(refused("-s 10.0.0.1 -p tcp -j SNAT --to-source 192.0.2.1:2000-2099 --port-block 101"),
              "--port-block 101: ports 2000-2099 are only 100");
    const std::string no_network = "--port-block needs its subscribers by -s ADDRESS/LENGTH";
    for (const auto& [source, said] :
         {std::pair{"", no_network},
          {"-s 0.0.0.0/0 ", no_network},
          {"! -s 10.0.0.0/24 ", "--port-block takes -s ADDRESS/LENGTH without !"},
          {"-s 10.0.0.0/24,10.1.0.0/24 ", "--port-block takes one -s ADDRESS/LENGTH a rule, not 2"},
          {"-s 10.0.0.0/255.0.255.0 ", "--port-block takes no mask with holes in -s"}})
        EXPECT_EQ(refused(std::string(source) + "-j SNAT --to-source 192.0.2.1 --port-block 100"), said);
    EXPECT_EQ(refused("-s 10.0.0.0/24 -p tcp -j SNAT --to-source 192.0.2.1:0-1023 --port-block 64"),
              "--port-block: port 0 of --to-source can be nobody's");
    EXPECT_EQ(refused("-s 10.0.0.0/24 -p tcp -j SNAT --to-source :5000-5999 --port-block 100"),
              "--port-block needs outside addresses in --to-source");
    EXPECT_EQ(refused("-s 10.0.0.0/30 -j SNAT --to-source 192.0.2.9-192.0.2.1 --port-block 100"),
              "--port-block: the addresses 192.0.2.9-192.0.2.1 are in the wrong order");
    EXPECT_EQ(refused("-s 10.0.0.0/30 -j SNAT --to-source 192.0.2.1 --port-block 0"),
              "--port-block: `0' is no number of ports from 1 to 65535");
    EXPECT_EQ(refused("-s 10.0.0.0/30 -j MASQUERADE --port-block 100"), "unknown option \"--port-block\"");
    EXPECT_NE(
        shell("ip6tables -t nat -A POSTROUTING -s fd00::/64 -j SNAT --to-source 2001:db8::1 --port-block 9")
            .find("--port-block is of IPv4 alone (RFC 7422)"),
        std::string::npos);
    const std::string rules =
        "-A POSTROUTING -s 100.64.0.0/16 -p tcp -j SNAT --to-source 198.51.100.0-198.51.103.255:2048-65535 "
        "--endpoint-independent --port-block 512\n"
        "-A POSTROUTING -s 100.65.0.0/22 -o wan -j SNAT --to-source 198.51.104.1-198.51.104.16 --port-block "
        "1000\n";
    const std::string all =
        "-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n" + rules;
    shell.input = "*nat\n" + rules + "COMMIT\n";
    EXPECT_EQ(shell("iptables-restore"), "");
    EXPECT_EQ(shell("iptables -t nat -S"), all);
    EXPECT_EQ(shell("iptables -t nat -C POSTROUTING -s 100.65.0.0/22 -o wan -j SNAT --to-source "
                    "198.51.104.1-198.51.104.16 --port-block 1000"),
              "");
    EXPECT_EQ(shell("iptables -t nat -D POSTROUTING -s 100.65.0.0/22 -o wan -j SNAT --to-source "
                    "198.51.104.1-198.51.104.16 --port-block 1000"),
              "");
}

TEST(HookWords, ARefusedFileChangesNothing) {
    Shell shell;
    ASSERT_EQ(shell.type("iptables -A INPUT -j DROP"), "");
    shell.input = "*mangle\n-A INPUT -j ACCEPT\nCOMMIT\n*filter\n-A INPUT -j NOPE\nCOMMIT\n";
    EXPECT_EQ(shell("iptables-restore").substr(0, 4), "[2] ");
    EXPECT_EQ(shell("iptables -S INPUT"), "-P INPUT ACCEPT\n-A INPUT -j DROP\n");
    EXPECT_EQ(shell("iptables -t mangle -S INPUT"), "-P INPUT ACCEPT\n");
}

TEST(HookWords, ManyRulesAreCopiedAsTwoPointers) {
    Shell shell;
    shell.input = "*filter\n";
    for (int i = 0; i < 10000; ++i)
        shell.input +=
            "-A FORWARD -s 10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + " -j DROP\n";
    shell.input += "COMMIT\n";
    ASSERT_EQ(shell("iptables-restore"), "");
    Model copy = shell.model;
    EXPECT_TRUE(copy.rules.shares(shell.model.rules, hook::Family::ip));
    static_cast<void>(copy.rules.edit(hook::Family::ip));
    EXPECT_FALSE(copy.rules.shares(shell.model.rules, hook::Family::ip));
    const auto& one = copy.rules.of(hook::Family::ip).table(hook::TableId::filter).find("FORWARD")->rules;
    const auto& other =
        shell.model.rules.of(hook::Family::ip).table(hook::TableId::filter).find("FORWARD")->rules;
    EXPECT_EQ(one.at(9999).rule, other.at(9999).rule);
}

std::string load_error(const std::string& text) {
    const auto loaded = load(text, "f");
    return loaded ? "" : loaded.error().message;
}

TEST(HookWords, RulesThatComeOneByOneAreJudgedAsAllAtOnce) {
    Shell shell;
    ASSERT_EQ(
        shell.type(
            "iptables -t mangle -N user\niptables -t mangle -A FORWARD -j user\n"
            "iptables -N user\niptables -N other\niptables -A user -j other\niptables -A INPUT -j user"),
        "");
    const std::string invalid = "[1] iptables: Invalid argument. Run `dmesg' for more information.";
    const std::string clamp = " -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu";
    EXPECT_EQ(shell("iptables -t mangle -A PREROUTING" + clamp), invalid);
    EXPECT_EQ(shell("iptables -t mangle -A user" + clamp), "") << "reached from FORWARD only";
    EXPECT_EQ(shell("iptables -A other -j user"), "[1] iptables: Too many levels of symbolic links.");
    EXPECT_EQ(shell("iptables -t mangle -S -v").find("PREROUTING -p"), std::string::npos)
        << "as it was before";
    ASSERT_EQ(shell("iptables -t mangle -A PREROUTING -j DROP"), "");
    EXPECT_EQ(shell("iptables -t mangle -A PREROUTING" + clamp), "") << "never reached";
}

TEST(HookWords, AFaultInAFileIsPointedAt) {
    EXPECT_EQ(load_error("port add p0 type null\niptables -A INPUT -p tcp --dprt 22\n"),
              "f:2:26: iptables v1.8.9 (legacy): unknown option \"--dprt\"\n"
              "iptables -A INPUT -p tcp --dprt 22\n                         ^\n");
    EXPECT_EQ(
        load_error("iptables-restore <<EOF\n*filter\n-A INPUT -j NOPE\nCOMMIT\nEOF\n"),
        "f:3:13: iptables-restore v1.8.9 (legacy): Couldn't load target `NOPE':No such file or directory\n"
        "-A INPUT -j NOPE\n            ^\n");
    EXPECT_EQ(load_error("\niptables-restore <<-EOF\n\t*filter\n\t\t-A NOPE -j DROP\r\n\tCOMMIT\n\tEOF\n"),
              "f:4:6: No chain/target/match by that name\n\t\t-A NOPE -j DROP?\n\t\t   ^\n");
    EXPECT_EQ(
        load_error("iptables-restore <<EOF\n*raw\n-A PREROUTING -p udp -j CT --helper irc\n-A OUTPUT -j "
                   "ACCEPT\nCOMMIT\nEOF\n"),
        "f:3:25: CT: there is no helper \"irc\" of udp\n-A PREROUTING -p udp -j CT --helper irc\n"
        "                        ^\n");
    EXPECT_EQ(load_error("iptables -t mangle -A INPUT -p tcp -j TCPMSS --set-mss 9\n").substr(0, 40),
              "f:1:39: TCPMSS: only of segments with SY");
    EXPECT_EQ(
        load_error("iptables -L\n"),
        "f:1:1: iptables list cannot stand in a file: only commands that configure can\niptables -L\n^\n");
    EXPECT_EQ(load_error("iptables -t nat -A OUTPUT -j RETURN\n"), "");
}

constexpr const char* filled =
    "iptables-restore <<EOF\n"
    "*mangle\n"
    ":PREROUTING ACCEPT [0:0]\n"
    ":INPUT ACCEPT [0:0]\n"
    ":FORWARD ACCEPT [0:0]\n"
    ":OUTPUT ACCEPT [0:0]\n"
    ":POSTROUTING ACCEPT [0:0]\n"
    "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu\n"
    "COMMIT\n"
    "*filter\n"
    ":INPUT ACCEPT [0:0]\n"
    ":FORWARD DROP [0:0]\n"
    ":OUTPUT ACCEPT [0:0]\n"
    ":user - [0:0]\n"
    "-A FORWARD -i lan0 -j user\n"
    "-A user -m comment --comment \"it\\'s \\\"quoted\\\"\" -j ACCEPT\n"
    "COMMIT\n"
    "EOF\n"
    "ip6tables-restore <<EOF\n"
    "*filter\n"
    ":INPUT DROP [0:0]\n"
    ":FORWARD ACCEPT [0:0]\n"
    ":OUTPUT ACCEPT [0:0]\n"
    "COMMIT\n"
    "EOF\n";

TEST(HookWords, SaveIsTheIdentityWithoutCounters) {
    const auto model = load(filled, "f");
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(save(*model), filled);
    Shell shell;
    shell.model = *model;
    ASSERT_EQ(
        shell.type("iptables -A INPUT -c 7 700 -j DROP\niptables -t raw -N gone\niptables -t raw -X gone"),
        "");
    const auto text = save(shell.model);
    EXPECT_EQ(text.find("700"), std::string::npos);
    EXPECT_EQ(text.find("*raw"), std::string::npos) << "a table like an untouched one";
    const auto again = load(text, "f");
    ASSERT_TRUE(again);
    EXPECT_TRUE(*again == shell.model);
    EXPECT_EQ(save(*again), text);
    EXPECT_EQ(diff(*again, shell.model), "");
}

TEST(HookWords, CountersStayWhereRulesStay) {
    Shell before, next;
    ASSERT_EQ(
        before.type(
            "iptables -A INPUT -c 1 10 -s 10.0.0.1 -j DROP\niptables -A INPUT -c 2 20 -s 10.0.0.2 -j DROP\n"
            "iptables -A INPUT -c 3 30 -s 10.0.0.3 -j DROP\niptables -P INPUT DROP -c 4 40"),
        "");
    ASSERT_EQ(next.type("iptables -P INPUT DROP\niptables -A INPUT -s 10.0.0.1 -j DROP\n"
                        "iptables -A INPUT -s 10.0.0.9 -j DROP\niptables -A INPUT -s 10.0.0.3 -j DROP"),
              "");
    hook::keep_counters(next.model.rules, before.model.rules);
    EXPECT_EQ(next("iptables -S INPUT -v"),
              "-P INPUT DROP -c 4 40\n-A INPUT -s 10.0.0.1/32 -c 1 10 -j DROP\n-A INPUT -s 10.0.0.9/32 -c 0 "
              "0 -j DROP\n"
              "-A INPUT -s 10.0.0.3/32 -c 3 30 -j DROP\n");
    EXPECT_EQ(next("iptables -Z INPUT"), "");
    EXPECT_EQ(next("iptables -S INPUT 1 -v"), "-A INPUT -s 10.0.0.1/32 -c 0 0 -j DROP\n");
    EXPECT_EQ(before("iptables -S INPUT 1 -v"), "-A INPUT -s 10.0.0.1/32 -c 1 10 -j DROP\n") << "a copy";
}

TEST(HookWords, DiffIsCommands) {
    const auto from = load(filled, "f");
    Shell shell;
    shell.model = *from;
    ASSERT_EQ(
        shell.type("iptables -D user 1\niptables -D FORWARD 1\niptables -X user\niptables -P INPUT DROP\n"
                   "iptables -N bc\niptables -A INPUT -i a\niptables -I INPUT -i b -j bc\n"
                   "iptables -t mangle -I FORWARD -m mark --mark 1"),
        "");
    EXPECT_EQ(diff(*from, shell.model),
              "+iptables -t mangle -I FORWARD 1 -m mark --mark 0x1\n"
              "-iptables -A FORWARD -i lan0 -j user\n"
              "-iptables -A user -m comment --comment 'it'\\''s \"quoted\"' -j ACCEPT\n"
              "-iptables -N user\n"
              "+iptables -N bc\n"
              "-iptables -P INPUT ACCEPT\n"
              "+iptables -P INPUT DROP\n"
              "+iptables -A INPUT -i b -j bc\n"
              "+iptables -A INPUT -i a\n");
}

/// What undoes a line of diff's, or the line that comes.
std::string applied(const std::string& line) {
    auto command = line.substr(1);
    if (line[0] == '+') return command;
    if (const auto at = command.find(" -A "); at != std::string::npos) return command.replace(at, 4, " -D ");
    if (const auto at = command.find(" -N "); at != std::string::npos) return command.replace(at, 4, " -X ");
    return "";  // a policy: the next line sets it
}

TEST(HookWords, DiffApplies) {
    for (unsigned seed = 0; seed < 50; ++seed) {
        std::mt19937 random(seed);
        Shell from, to;
        for (auto* shell : {&from, &to}) {
            ASSERT_EQ((*shell)("iptables -N " + std::string(random() % 2 ? "ONE" : "OTHER")), "");
            for (const auto* chain : {"INPUT", "FORWARD"}) {
                std::vector<unsigned> rules(10);
                std::iota(rules.begin(), rules.end(), 0);
                std::shuffle(rules.begin(), rules.end(), random);
                rules.resize(random() % 8);
                for (const auto rule : rules)
                    ASSERT_EQ((*shell)(fmt::format("iptables -A {} -s 10.0.0.{}", chain, rule)), "");
            }
        }
        std::istringstream lines(diff(from.model, to.model));
        for (std::string line; std::getline(lines, line);)
            if (const auto command = applied(line); !command.empty()) {
                ASSERT_EQ(from(command), "") << line;
            }
        EXPECT_EQ(save(from.model), save(to.model)) << seed;
    }
}

}  // namespace
}  // namespace weft
