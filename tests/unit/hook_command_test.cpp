// Command lines as getopt_long and iptables 1.8.9 read them: abbreviations, negation, messages, columns,
// statuses.
#include <gtest/gtest.h>

#include "tests/unit/hook_shell.hpp"

namespace weft::test {
namespace {

using namespace hook;

constexpr std::string_view hint = "Try `iptables -h' or 'iptables --help' for more information.\n";

struct Refused {
    std::string_view line, message;
    int column;
};

TEST(HookCommand, RefusalsHaveIptablesWordingAndTheColumnOfTheWord) {
    HookShell shell;
    for (const auto& [line, message, column] : std::vector<Refused>{
             {"-A INPUT --foo", "unknown option \"--foo\"", 19},
             {"-A INPUT -p tcp --foo 5", "unknown option \"--foo\"", 26},
             {"-A INPUT -p", "option \"-p\" requires an argument", 19},
             {"-A INPUT -p tcp --dport", "option \"--dport\" requires an argument", 26},
             {"-A INPUT -p nope", "unknown protocol \"nope\" specified", 22},
             {"-A INPUT -p tcp --dport nope", "invalid port/service `nope' specified", 34},
             {"-A INPUT -s nope.example -j ACCEPT", "host/network `nope.example' not found", 22},
             {"-A INPUT -s 10.0.0.0/33", "invalid mask `33' specified", 22},
             {"-A INPUT -i abcdefghijklmnop",
              "interface name `abcdefghijklmnop' must be shorter than IFNAMSIZ (15)", 22},
             {"-A INPUT -m mark --mark x",
              "mark: bad integer value for option \"--mark\", or out of range.\n", 34},
             {"-A INPUT -m mark", "mark: option \"--mark\" must be specified\n", 22},
             {"-A INPUT -o eth0", "Can't use -o with INPUT\n", 22},
             {"-A INPUT -D INPUT", "Cannot use -D with -A", 22},
             {"-A INPUT -j ACCEPT -j DROP", "multiple -j flags not allowed", 32},
             {"-A INPUT ! -j ACCEPT", "cannot have ! before -j", 24},
             {"-A INPUT ! ! -p tcp", "multiple consecutive ! not allowed", 21},
             {"-D INPUT 0", "Invalid rule number `0'", 19},
             {"-S -n", "Illegal option `-n' with this command", 13},
             {"", "no command specified", 10},
         }) {
        const auto outcome = shell.run(line);
        EXPECT_EQ(outcome.status, 2) << line;
        EXPECT_EQ(outcome.errors,
                  "iptables v1.8.9 (legacy): " + std::string(message) + "\n" + std::string(hint))
            << line;
        EXPECT_EQ(outcome.column, column) << line;
    }
}

// 1.8.9 leaves the new name to libiptc (TC_RENAME_CHAIN): in this order
TEST(HookCommand, ANewNameIsRefusedByWhatThereIsThenByItsLength) {
    HookShell shell;
    ASSERT_EQ(shell.run("-N mine").status, 0);
    ASSERT_EQ(shell.run("-N other").status, 0);
    const std::string longest(28, 'a'), reserved(31, 'a'), beyond(32, 'a');
    for (const std::string line : {"-E mine other", "-E mine mine", "-E mine INPUT", "-E mine ACCEPT",
                                   "-E nobody DROP", "-E mine RETURN", "-E mine QUEUE"}) {
        const auto outcome = shell.run(line);
        EXPECT_EQ(outcome.status, 1) << line;
        EXPECT_EQ(outcome.errors, "iptables: File exists.\n") << line;
    }
    EXPECT_EQ(shell.run("-E nobody " + beyond).errors, "iptables: No chain/target/match by that name.\n");
    const auto refused = shell.run("-E mine " + beyond);
    EXPECT_EQ(refused.status, 1);
    EXPECT_EQ(refused.errors, "iptables: Invalid argument. Run `dmesg' for more information.\n");
    EXPECT_EQ(shell.run("-E mine " + reserved).status, 2)
        << "iptables makes it and then cannot name it again";
    EXPECT_EQ(shell.run("-E mine " + longest).status, 0);
    EXPECT_EQ(shell.run("-S").output,
              "-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-N " + longest + "\n-N other\n");
}

TEST(HookCommand, TargetsThatThereAreNotAreNamedNotTheirOptions) {
    HookShell shell;
    for (const std::string name : {"NFQUEUE --queue-num 1", "SET --add-set s4 src", "DSCP --set-dscp 1",
                                   "TTL --ttl-set 9", "TEE --gateway 10.0.0.1", "CLASSIFY --set-class 1:1"}) {
        const auto outcome = shell.run("-A INPUT -j " + name);
        EXPECT_EQ(outcome.errors, "iptables v1.8.9 (legacy): Couldn't load target `" +
                                      name.substr(0, name.find(' ')) + "':No such file or directory\n\n" +
                                      std::string(hint));
        EXPECT_EQ(outcome.column, 22);
    }
    EXPECT_EQ(shell.run("-A INPUT -j user --foo").errors.substr(26, 22), "unknown option \"--foo\"");
    ASSERT_EQ(shell.run("-N TEE").status, 0);
    EXPECT_EQ(shell.run("-A INPUT -j TEE -s 10.0.0.1").status, 0) << "a chain may have the name";
}

TEST(HookCommand, HelpNamesTheOptionsOfWhatStandsBeforeIt) {
    HookShell shell;
    const auto says = [&](HookShell& of, const std::string& line, const std::string& end) {
        const auto outcome = of.run(line);
        EXPECT_EQ(outcome.status, 0) << line;
        EXPECT_NE(outcome.output.find("tables v1.8.9 (legacy)\n\nUsage: "), std::string::npos) << line;
        EXPECT_TRUE(outcome.output.ends_with(end)) << line << '\n' << outcome.output;
    };
    const std::string udp =
                          "\nudp match options:\n[!] --source-port port[:port]\n[!] --sport port[:port]\n"
                          "[!] --destination-port port[:port]\n[!] --dport port[:port]\n",
                      netmap = "\nNETMAP target options:\n    --to address[/mask]\n",
                      mark = "\nmark match options:\n[!] --mark value[/mask]\n";
    says(shell, "-p udp -h", udp);
    says(shell, "-m mark --help", mark);
    says(shell, "-m mark -j NETMAP -h", netmap + mark);
    EXPECT_EQ(shell.run("-h").output.find("options:\n"), std::string::npos) << "of matches and targets";
    // firewalld reads which types there are from what follows this line.
    says(shell, "-p icmp --help",
         "\nicmp match options:\n[!] --icmp-type value\nValid ICMP Types:\nany\necho-reply (pong)\n"
         "destination-unreachable\n   network-unreachable\n   host-unreachable\n   protocol-unreachable\n"
         "   port-unreachable\n   fragmentation-needed\n   source-route-failed\n   network-unknown\n"
         "   host-unknown\n   network-prohibited\n   host-prohibited\n   TOS-network-unreachable\n"
         "   TOS-host-unreachable\n   communication-prohibited\n   host-precedence-violation\n"
         "   precedence-cutoff\nsource-quench\nredirect\n   network-redirect\n   host-redirect\n"
         "   TOS-network-redirect\n   TOS-host-redirect\necho-request (ping)\nrouter-advertisement\n"
         "router-solicitation\ntime-exceeded (ttl-exceeded)\n   ttl-zero-during-transit\n"
         "   ttl-zero-during-reassembly\nparameter-problem\n   ip-header-bad\n   required-option-missing\n"
         "timestamp-request\ntimestamp-reply\naddress-mask-request\naddress-mask-reply\n");
    HookShell six(Family::ip6);
    says(six, "-p ipv6-icmp --help",
         "echo-request (ping)\necho-reply (pong)\nrouter-solicitation\nrouter-advertisement\n"
         "neighbour-solicitation (neighbor-solicitation)\nneighbour-advertisement (neighbor-advertisement)\n"
         "redirect\n");
    EXPECT_NE(
        six.run("-p icmpv6 -h").output.find("\nValid ICMPv6 Types:\ndestination-unreachable\n   no-route\n"),
        std::string::npos);
}

TEST(HookCommand, WaitIntervalGoesWithWait) {
    HookShell shell;
    const std::string ignored = "Ignoring deprecated --wait-interval option.\n";
    EXPECT_EQ(shell.run("-w -W 1000 -S INPUT").errors, ignored);
    EXPECT_EQ(shell.run("-W 1000 -w 3 -S INPUT").status, 0);
    const auto alone = shell.run("-W 1000 -S INPUT");
    EXPECT_EQ(alone.status, 2);
    EXPECT_NE(alone.errors.find("--wait-interval only makes sense with --wait"), std::string::npos);
}

TEST(HookCommand, AddressesAsTheResolverReadsThem) {
    HookShell shell;
    EXPECT_EQ(shell.printed("-s 0x0a010203"), "-s 10.1.2.3/32");
    EXPECT_EQ(shell.printed("-s 10.66051"), "-s 10.1.2.3/32");
    EXPECT_EQ(shell.printed("-s 10.1.2"), "-s 10.1.2.0/32") << "as a network's it is read first";
    EXPECT_EQ(shell.printed("-m conntrack --ctorigsrc 1.2.3/24"), "-m conntrack --ctorigsrc 1.2.0.3/24");
    ASSERT_EQ(shell.run("-t nat -A PREROUTING -j NETMAP --to 1.2.3/24").status, 0);
    EXPECT_NE(shell.run("-t nat -S").output.find("--to 1.2.0.0/24\n"), std::string::npos);
}

TEST(HookCommand, NegationInsideIsNoLongerRead) {
    HookShell shell;
    EXPECT_EQ(shell.run("-A INPUT -s ! 10.0.0.1").errors, "Bad argument `10.0.0.1'\n" + std::string(hint));
    EXPECT_EQ(shell.run("-A INPUT -p ! tcp").errors.substr(0, 60),
              "iptables v1.8.9 (legacy): unknown protocol \"!\" specified\nTry");
}

TEST(HookCommand, UnknownTableIsAVersionProblem) {
    HookShell shell;
    const auto outcome = shell.run("-t broute -L");
    EXPECT_EQ(outcome.status, 3);
    EXPECT_EQ(outcome.errors,
              "iptables v1.8.9 (legacy): can't initialize iptables table `broute': Table does not exist (do "
              "you need to "
              "insmod?)\nPerhaps iptables or your kernel needs to be upgraded.\n");
}

TEST(HookCommand, LongOptionsAbbreviateAsFarAsOneIsMeant) {
    HookShell shell;
    EXPECT_EQ(shell.printed("--proto tcp --destination-p 80 --ju ACCEPT"),
              "-p tcp -m tcp --dport 80 -j ACCEPT");
    EXPECT_EQ(shell.printed("--protocol=tcp --dport=http --match state --state NEW --jump ACCEPT"),
              "-p tcp -m tcp --dport 80 -m state --state NEW -j ACCEPT");
    EXPECT_EQ(shell.run("-A INPUT --dest 10.0.0.1").status, 0);
    EXPECT_EQ(shell.run("-A INPUT --p tcp").status, 2) << "policy or protocol";
}

TEST(HookCommand, MatchesKeepTheirPlaceAndTheProtocolMayComeLater) {
    HookShell shell;
    EXPECT_EQ(shell.printed("-m state --state NEW -p tcp --dport 22 -j ACCEPT"),
              "-p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT");
    EXPECT_EQ(shell.printed("-m tcp --dport 1 -p 6"), "-p tcp -m tcp --dport 1");
    EXPECT_EQ(shell.printed("-m comment --comment a -m comment --comment b"),
              "-m comment --comment a -m comment --comment b");
}

TEST(HookCommand, ListsOfAddressesMakeRules) {
    HookShell shell;
    EXPECT_EQ(shell.run("-I FORWARD -s 10.0.0.1,10.0.0.2 -d 10.1.0.1,10.1.0.2 -j DROP").status, 0);
    EXPECT_EQ(
        shell.run("-S FORWARD").output,
        "-P FORWARD ACCEPT\n"
        "-A FORWARD -s 10.0.0.2/32 -d 10.1.0.2/32 -j DROP\n-A FORWARD -s 10.0.0.2/32 -d 10.1.0.1/32 -j DROP\n"
        "-A FORWARD -s 10.0.0.1/32 -d 10.1.0.2/32 -j DROP\n-A FORWARD -s 10.0.0.1/32 -d 10.1.0.1/32 -j "
        "DROP\n");
    EXPECT_EQ(shell.run("-A FORWARD ! -s 10.0.0.1,10.0.0.2").status, 2);
}

TEST(HookCommand, CountersOfARule) {
    HookShell shell;
    EXPECT_EQ(shell.run("-A INPUT -c 5 6 -j ACCEPT").status, 0);
    EXPECT_EQ(shell.run("-A INPUT -j DROP --set-counters 7,8").status, 0);
    EXPECT_EQ(shell.run("-S INPUT -v").output,
              "-P INPUT ACCEPT -c 0 0\n-A INPUT -c 5 6 -j ACCEPT\n-A INPUT -c 7 8 -j DROP\n");
}

TEST(HookCommand, VersionAndTheOtherFamily) {
    HookShell shell;
    EXPECT_EQ(shell.run("-V").output, "iptables v1.8.9 (legacy)\n");
    EXPECT_EQ(shell.run("-4 -S INPUT").status, 0);
    EXPECT_EQ(shell.run("-6 -S INPUT").errors, hint);
    EXPECT_EQ(shell.run("-w 5 -W 100 -S INPUT").status, 0);
}

}  // namespace
}  // namespace weft::test
