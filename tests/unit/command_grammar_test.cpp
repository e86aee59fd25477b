// The grammar engine on a table of its own: matching, abbreviation, errors with their columns, completion,
// help.
#include <gtest/gtest.h>

#include <sstream>

#include "control/command/grammar.hpp"
#include "control/command/program.hpp"

namespace weft::command {
namespace {

constexpr Spec table[] = {
    {"ip address add", "ip address add <ADDRESS:prefix> { dev <DEV:ifname> | label <LABEL:name> }+", "",
     Effect::configure},
    {"ip address show", "ip address [ show|list|lst [ [ dev! ] <DEV:ifname> ] ]", "shows addresses"},
    {"ip link add vlan",
     "ip link add { link <PARENT:ifname> | [ name ] <NAME:ifname> | up! | mtu <MTU:uint:68..65535> }+ type "
     "vlan "
     "{ protocol|proto <TPID:vlanproto> | id <VID:uint:0..4094> }+",
     "makes a sub-interface", Effect::configure},
    {"ip link add bridge",
     "ip link add { [ name ] <NAME:ifname> | up! | mtu <MTU:uint:68..65535> }+ type bridge "
     "{ vlan_filtering <F:bool01> | ageing_time <A:uint> | group_fwd_mask <M:mask> }*",
     "makes a bridge", Effect::configure},
    {"unsupported ip link add", "ip link add <A:text> type! { veth! | dummy! } [ <REST:text> ... ]", ""},
    {"ip link set",
     "ip link set|change [ dev! ] <NAME:ifname> { up! | down! | mtu! <MTU:uint:68..65535> | master! "
     "<BR:ifname> | "
     "nomaster! | address <MAC:mac> }+",
     "changes an interface", Effect::configure},
    {"ip link delete", "ip link delete [ dev! ] <NAME:ifname>", "", Effect::configure},
    {"ip link show", "ip link [ show|list|lst [ [ dev! ] <NAME:ifname> ] ]", "shows interfaces"},
    {"unsupported ip", "ip { l2tp | tunnel } [ <REST:text> ... ]", ""},
    {"brctl addif", "brctl addif <BR:ifname> <IF:ifname> ...", "", Effect::configure},
    {"brctl show", "brctl show [ <BR:ifname> ]", ""},
    {"sysctl get", "sysctl [ -n ] <NAME:text> ...", ""},
    {"sysctl all", "sysctl -a", ""},
    {"unsupported tc", "tc [ <REST:text> ... ]", ""},
    {"unsupported show graph", "show graph <LEVEL:uint>", ""},
    {"show drops", "show drops [ <NAME:ifname> ]", ""},
    {"show workers", "show workers", "", Effect::show},
};

const Grammar& test_grammar() {
    static const Grammar grammar = [] {
        auto built = Grammar::build(table);
        EXPECT_TRUE(built) << built.error().message;
        return std::move(*built);
    }();
    return grammar;
}

std::vector<std::string> split(const std::string& line) {
    std::istringstream in(line);
    return {std::istream_iterator<std::string>(in), {}};
}

/// "name KEYWORD NAME=value ...", options before; or "column: message".
std::string outcome(const std::string& line) {
    const auto match = test_grammar().parse(split(line));
    if (!match) return std::to_string(match.error().column) + ": " + match.error().message;
    std::string text(match->spec->name);
    if (match->json) text += " json";
    for (const auto& option : match->options)
        text += " " + option;
    text += ":";
    for (const auto& item : match->items)
        text += " " + (item.argument ? std::string(item.name) + "=" + item.value : std::string(item.name));
    return text;
}

struct Case {
    const char* line;
    const char* expected;
};

class Lines : public testing::TestWithParam<Case> {};

TEST_P(Lines, HaveThisOutcome) {
    EXPECT_EQ(outcome(GetParam().line), GetParam().expected) << GetParam().line;
}

INSTANTIATE_TEST_SUITE_P(
    Accepted, Lines,
    testing::Values(
        Case{"ip a", "ip address show: ip address"}, Case{"ip addr", "ip address show: ip address"},
        Case{"ip l", "ip link show: ip link"}, Case{"ip l l", "ip link show: ip link show"},
        Case{"ip link lst", "ip link show: ip link show"},
        Case{"ip -br -d -o link", "ip link show -br -d -o: ip link"},
        Case{"ip -s -s link show eth0", "ip link show -s -s: ip link show NAME=eth0"},
        Case{"ip --stats -j -pretty l", "ip link show json -s -p: ip link"},
        Case{"-j ip link", "ip link show json: ip link"},
        Case{"-j show drops", "show drops json: show drops"},
        Case{"show -j drops", "show drops json: show drops"},
        Case{"ip -family inet6 a", "ip address show -6: ip address"},
        Case{"ip -f inet a", "ip address show -4: ip address"},
        Case{"ip -6 a", "ip address show -6: ip address"},
        Case{"ip -color=auto a", "ip address show: ip address"},
        Case{"ip -- a", "ip address show: ip address"},
        Case{"ip l s X up", "ip link set: ip link set NAME=X up"},
        Case{"ip link set dev up up", "ip link set: ip link set dev NAME=up up"},
        Case{"ip link set d up", "ip link set: ip link set NAME=d up"},
        Case{"ip link change X down mtu 1400", "ip link set: ip link set NAME=X down mtu MTU=1400"},
        Case{"ip l s X addr 2:0:0:0:0:1 nomaster",
             "ip link set: ip link set NAME=X address MAC=2:0:0:0:0:1 nomaster"},
        Case{"ip link d X", "ip link delete: ip link delete NAME=X"},
        Case{"ip link add link eth0 name eth0.8 type vlan id 8",
             "ip link add vlan: ip link add link PARENT=eth0 name NAME=eth0.8 type vlan id VID=8"},
        Case{
            "ip link add name eth0.8 link eth0 mtu 1400 type vlan proto 802.1ad id 8",
            "ip link add vlan: ip link add name NAME=eth0.8 link PARENT=eth0 mtu MTU=1400 type vlan protocol "
            "TPID=802.1ad id VID=8"},
        Case{"ip link add br0 up type bridge vlan_filtering 1",
             "ip link add bridge: ip link add NAME=br0 up type bridge vlan_filtering F=1"},
        Case{"ip l a br0 t bridge", "ip link add bridge: ip link add NAME=br0 type bridge"},
        Case{"ip addr add 10.0.0.1/24 dev br0",
             "ip address add: ip address add ADDRESS=10.0.0.1/24 dev DEV=br0"},
        Case{"brctl addif br0 a b c", "brctl addif: brctl addif BR=br0 IF=a IF=b IF=c"},
        Case{"brctl show", "brctl show: brctl show"},
        Case{"sysctl -n net.ipv4.ip_forward x=1", "sysctl get: sysctl -n NAME=net.ipv4.ip_forward NAME=x=1"},
        Case{"sysctl net.ipv4.ip_forward", "sysctl get: sysctl NAME=net.ipv4.ip_forward"},
        Case{"ip l2 add", "unsupported ip: ip l2tp REST=add"},
        Case{"tc -s qdisc", "unsupported tc: tc REST=-s REST=qdisc"},
        Case{"ip link add x type veth peer", "unsupported ip link add: ip link add A=x type veth REST=peer"},
        Case{"sysctl -a", "sysctl all: sysctl -a"}));

INSTANTIATE_TEST_SUITE_P(
    Refused, Lines,
    testing::Values(
        Case{"", "1: no command given"}, Case{"-j", "4: no command given"},
        Case{"ip l s X mtu x", "14: Error: argument \"x\" is wrong: \"mtu\" takes a number from 68 to 65535"},
        Case{"tcpdump -i x", "1: \"tcpdump\" is not a command of weft; try \"weft help\""},
        Case{"show graph x", "12: show graph: \"x\" is not a number from 0 to 4294967295"},
        Case{"i link", "1: \"i\" is not a command of weft; try \"weft help\""},
        Case{"ip", "4: Command line is not complete. Try option \"help\"; expected address, link"},
        Case{"ip foo", "4: Object \"foo\" is unknown, try \"ip help\"."},
        Case{"ip -s foo", "7: Object \"foo\" is unknown, try \"ip help\"."},
        Case{"ip link foo", "9: Command \"foo\" is unknown, try \"ip link help\"."},
        Case{"ip -foo link", "4: Option \"-foo\" is unknown, try \"ip help\"."},
        Case{"ip -d -t link", "7: ip: option \"-t\" is not supported"},
        Case{
            "ip -n x link",
            "4: ip: option \"-n\" is not supported; the socket chooses the network namespace: weft -n NETNS"},
        Case{"ip -color link", "4: ip: option \"-color\" is not supported"},
        Case{"ip -f ipx link", "7: Error: argument \"ipx\" is wrong: invalid protocol family"},
        Case{"ip -f", "7: Command line is not complete. Try option \"help\"; expected a family"},
        Case{"ip link set X foo",
             "15: ip link set: \"foo\" is not known here; expected up, down, mtu, master, nomaster, address"},
        Case{"ip link set X mtu x",
             "19: Error: argument \"x\" is wrong: \"mtu\" takes a number from 68 to 65535"},
        Case{"ip link set X mtu 67",
             "19: Error: argument \"67\" is wrong: \"mtu\" takes a number from 68 to 65535"},
        Case{"ip link set X mtu",
             "19: Command line is not complete. Try option \"help\"; expected MTU (a number from 68 to "
             "65535)"},
        Case{"ip link set X u",
             "15: ip link set: \"u\" is not known here; expected up, down, mtu, master, nomaster, address"},
        Case{"ip link set X mtu 1500 mtu 1400", "24: Error: duplicate \"mtu\""},
        Case{"ip link set X",
             "15: Command line is not complete. Try option \"help\"; expected up, down, mtu, master, "
             "nomaster, address"},
        Case{"ip link set averyverylongname up",
             "13: ip link set: \"averyverylongname\" is not known here; expected dev, NAME (an interface "
             "name (1 "
             "to 15 characters, no '/', ':', '%' or blank))"},
        Case{"ip link add br0 type foo", "22: Error: Unknown device type."},
        Case{"ip link add br0 type bridge foo 1",
             "29: ip link add: \"foo\" is not known here; expected vlan_filtering, ageing_time, "
             "group_fwd_mask"},
        Case{"brctl foo", "7: never heard of command [foo]"},
        Case{"brctl addif br0",
             "17: brctl addif: a word is missing; expected IF (an interface name (1 to 15 characters, no "
             "'/', ':', '%' or blank))"},
        Case{"brctl addif br0 a b/c",
             "19: brctl addif: \"b/c\" is not an interface name (1 to 15 characters, no '/', ':', '%' or "
             "blank)"},
        Case{"brctl sho", "7: never heard of command [sho]"},
        Case{"show foo", "6: show: \"foo\" is not known here; expected drops, workers"},
        Case{"show workers x", "14: show workers: \"x\" is one word too many"}));

TEST(Grammar, CountsColumnsWithOptionsAndBlanks) {
    const std::vector<std::string> words{"-j", "ip", "-s", "link", "set", "a b", "up"};
    const auto match = test_grammar().parse(words);
    ASSERT_FALSE(match);
    EXPECT_EQ(match.error().column, 19);

    const auto good = test_grammar().parse(split("-j ip -s link set a up"));
    ASSERT_TRUE(good);
    EXPECT_EQ(good->items.back().column, 21);
    EXPECT_EQ(good->argument("NAME")->column, 19);
    EXPECT_EQ(good->argument("MTU"), nullptr);
    EXPECT_TRUE(good->has("up"));
    EXPECT_FALSE(good->has("a"));
    EXPECT_TRUE(good->option("-s"));
    EXPECT_FALSE(good->option("-d"));
}

TEST(Grammar, OfTwoArgumentsOfOneNameTheLastCounts) {
    const auto match = test_grammar().parse(split("brctl addif br0 a b"));
    ASSERT_TRUE(match);
    EXPECT_EQ(match->argument("IF")->value, "b");
}

TEST(Grammar, SaysWhatMayComeNext) {
    const auto next = [](const std::string& line) {
        std::string text;
        for (const auto& [word, meaning] : test_grammar().next(split(line)))
            text += (text.empty() ? "" : ", ") + word + (meaning.empty() ? "" : " (" + meaning + ")");
        return text;
    };
    EXPECT_EQ(next("ip link set eth0 mtu"), "<MTU:uint:68..65535> (a number from 68 to 65535)");
    EXPECT_EQ(next("ip link set eth0 up"), "down, mtu, master, nomaster, address");
    EXPECT_EQ(next("ip link add x type"), "vlan, bridge");
    EXPECT_EQ(next("ip -s link add x type bridge"), "vlan_filtering, ageing_time, group_fwd_mask");
    EXPECT_EQ(next("ip link add x"), "link, up, mtu, type");  // NAME is given
    EXPECT_EQ(next("show workers"), "");
    EXPECT_EQ(next("show nothing"), "");
}

// A word that is a keyword where it stands is not also an argument's value.
TEST(Grammar, AKeywordIsNoValueToCompletion) {
    using Words = std::vector<std::string>;
    EXPECT_EQ(test_grammar().complete(Words{"ip", "link", "set", "eth0", "master", ""}),
              Words{"<BR:ifname>"});
    EXPECT_EQ(test_grammar().complete(Words{"ip", "link", "show", "dev", ""}), Words{"<NAME:ifname>"});
}

TEST(Grammar, HelpsWithTheCommandsThatTheWordsFit) {
    EXPECT_EQ(test_grammar().help(split("ip link set eth0 mtu")),
              "ip link set|change [ dev ] NAME { up | down | mtu MTU | master BR | nomaster | address MAC }+"
              "  - changes an interface\n");
    EXPECT_EQ(test_grammar().help(split("ip link set eth0 nonsense")), "");
}

TEST(Grammar, CompletesTheLastWord) {
    using Words = std::vector<std::string>;
    const auto complete = [](const Words& words) { return test_grammar().complete(words); };
    EXPECT_EQ(complete({}), (Words{"ip", "brctl", "sysctl", "show"}));
    EXPECT_EQ(complete({"s"}), (Words{"sysctl", "show"}));
    EXPECT_EQ(complete({"show", ""}), (Words{"drops", "workers"}));
    EXPECT_EQ(complete({"tc", ""}), Words{});
    EXPECT_EQ(complete({"ip", ""}), (Words{"address", "link"}));
    EXPECT_EQ(complete({"ip", "-st"}), (Words{"-stats", "-statistics"}));
    EXPECT_EQ(complete({"ip", "link", "s"}), (Words{"set", "show"}));
    EXPECT_EQ(complete({"ip", "-s", "l", "set", "X", "m"}), (Words{"mtu", "master"}));
    EXPECT_EQ(complete({"ip", "l", "set", ""}), (Words{"dev", "<NAME:ifname>"}));
    EXPECT_EQ(complete({"ip", "l", "set", "X", "mtu", ""}), (Words{"<MTU:uint:68..65535>"}));
    EXPECT_EQ(complete({"ip", "l", "set", "X", "mtu", "1500", "m"}), (Words{"master"}));
    EXPECT_EQ(complete({"ip", "link", "add", "X", "type", ""}), (Words{"vlan", "bridge"}));
    EXPECT_EQ(complete({"brctl", "addif", "br0", "a", ""}), (Words{"<IF:ifname>"}));
    EXPECT_EQ(complete({"foo", ""}), Words{});
    EXPECT_EQ(complete({"show", "workers", ""}), Words{});
}

TEST(Grammar, HelpsByPrefix) {
    const auto all = test_grammar().help({});
    EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), static_cast<long>(std::size(table)) - 4);
    EXPECT_EQ(test_grammar().help(split("ip link delete")), "ip link delete [ dev ] NAME  - \n");
    EXPECT_EQ(test_grammar().help(split("ip l l")),
              "ip link [ show|list|lst [ [ dev ] NAME ] ]  - shows interfaces\n");
    EXPECT_EQ(test_grammar().help(split("show workers")), "show workers  - \n");
    EXPECT_NE(test_grammar().help(split("ip l")).find("makes a bridge"), std::string::npos);
}

TEST(Grammar, BoundsAmbiguousLines) {
    // Each word may be an alternative's argument or the next one's: a search without a bound takes years.
    std::string syntax = "x {";
    for (int i = 0; i < 40; ++i)
        syntax += std::string(i ? " |" : "") + " <A" + std::to_string(i) + ":name>";
    syntax += " }+ end";
    const Spec spec{"x", syntax, "", Effect::show};
    const auto grammar = Grammar::build({&spec, 1});
    ASSERT_TRUE(grammar) << grammar.error().message;
    std::vector<std::string> words(40, "a");
    words[0] = "x";
    const auto match = grammar->parse(words);
    ASSERT_FALSE(match);
    EXPECT_EQ(match.error().code, ErrorCode::usage);
    EXPECT_TRUE(grammar->complete(words).size() < 100);
}

// iproute2 6.1, typed beside it
TEST(Grammar, WrongValuesInIproutesWords) {
    const auto said = [](const std::string& line) {
        const auto match = grammar().parse(split(line));
        return match ? "taken"
                     : fmt::format("[{}] {}", exit_status(split(line), match.error()), match.error().message);
    };
    EXPECT_EQ(said("ip link set va address zz"), "[1] \"zz\" is invalid lladdr.");
    EXPECT_EQ(said("ip link add x address zz type bridge"), "[1] \"zz\" is invalid lladdr.");
    EXPECT_EQ(said("ip addr add 10.0.0.1/33 dev va"),
              "[1] Error: any valid prefix is expected rather than \"10.0.0.1/33\".");
    EXPECT_EQ(said("ip addr flush dev va to zz"),
              "[1] Error: any valid prefix is expected rather than \"zz\".");
    for (const std::string words : {"add foo via 10.0.0.1", "del foo", "get foo", "show foo"})
        EXPECT_EQ(said("ip route " + words), "[1] Error: any valid prefix is expected rather than \"foo\".");
    EXPECT_EQ(said("ip neigh show to foo"), "[1] Error: any valid prefix is expected rather than \"foo\".");
    EXPECT_EQ(said("ip neigh add foo lladdr 02:00:00:00:00:01 dev va"),
              "[1] Error: any valid address is expected rather than \"foo\".");
    EXPECT_EQ(said("ip link add foo type nosuch"), "[2] Error: Unknown device type.");
    EXPECT_EQ(said("bridge link set dev va learning maybe"),
              "[234] Error: argument of \"learning\" must be one of \"off\", \"on\", not \"maybe\"");
    EXPECT_EQ(said("ip link set va type bridge_slave learning maybe"),
              "[1] Error: argument of \"learning\" must be one of \"off\", \"on\", not \"maybe\"");
    EXPECT_EQ(said("ip link add name thisnameistoolong type bridge").substr(0, 5), "[255]");
    EXPECT_EQ(said("ip link add thisnameistoolong type bridge"),
              "[2] Error: Attribute failed policy validation.");
}

// A word that is not known, behind a name, is the garbage, though it could be a second name.
TEST(Grammar, NamesTheWordThatIsWrong) {
    const auto twice = grammar().parse(split("ip link set dev va noise on"));
    ASSERT_FALSE(twice);
    EXPECT_EQ(twice.error().message, "Error: either \"dev\" is duplicate, or \"noise\" is a garbage.");
    for (const auto* line : {"ip link set dev va noise on", "ip link set va noise on"}) {
        const auto match = grammar().parse(split(line));
        ASSERT_FALSE(match);
        EXPECT_NE(match.error().message.find("\"noise\""), std::string::npos) << match.error().message;
        EXPECT_EQ(match.error().column, std::string_view(line).find("noise") + 1);
        EXPECT_EQ(exit_status(split(line), match.error()), 255);
    }
    const auto mtu = grammar().parse(split("ip link set dev va mtu x"));
    ASSERT_FALSE(mtu);
    EXPECT_NE(mtu.error().message.find("\"x\""), std::string::npos) << mtu.error().message;
}

TEST(Grammar, ExitStatusIsTheProgramsOwn) {
    const auto status = [](const std::string& line, ErrorCode code = ErrorCode::usage) {
        auto error = test_grammar().parse(split(line));
        auto plain = error ? Error{} : error.error();
        plain.code = code;
        return exit_status(split(line), plain);
    };
    EXPECT_EQ(status("ip foo"), 1);
    EXPECT_EQ(status("-j ip -s foo"), 1);
    EXPECT_EQ(status("ip link foo"), 255);
    EXPECT_EQ(status("ip -foo"), 255);
    EXPECT_EQ(status("bridge foo"), 255);
    EXPECT_EQ(status("brctl foo"), 1);
    EXPECT_EQ(status("iptables -Z9"), 2);
    EXPECT_EQ(status("ethtool"), 1);
    EXPECT_EQ(status("sysctl"), 1);
    EXPECT_EQ(status("show foo"), 1);
    for (const auto* line : {"ip link", "bridge fdb", "tc qdisc", "brctl show", "sysctl -a", "ethtool -i x"})
        EXPECT_EQ(status(line, ErrorCode::unreachable), 1) << line;
    EXPECT_EQ(status("ip6tables-save", ErrorCode::unreachable), 4);
    EXPECT_EQ(status("show drops", ErrorCode::unreachable), 3);
}

struct BadSyntax {
    const char* syntax;
    int column;
};

class WrongTables : public testing::TestWithParam<BadSyntax> {};

TEST_P(WrongTables, AreRefusedWithThePlace) {
    const Spec spec{"x", GetParam().syntax, "", Effect::show};
    const auto grammar = Grammar::build({&spec, 1});
    ASSERT_FALSE(grammar) << GetParam().syntax;
    EXPECT_EQ(grammar.error().column, GetParam().column) << grammar.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Syntax, WrongTables,
    testing::Values(BadSyntax{"x [ a", 6}, BadSyntax{"x a ]", 5}, BadSyntax{"x { a | }", 9},
                    BadSyntax{"x { a", 6}, BadSyntax{"x { a }?", 7}, BadSyntax{"x <A:none>", 3},
                    BadSyntax{"x <A>", 3}, BadSyntax{"x <A:uint:9..1>", 3}, BadSyntax{"x <A:vid:3>", 3},
                    BadSyntax{"x a ...", 5}, BadSyntax{"x <A:name> ... b", 16}, BadSyntax{"<A:name>", 1},
                    BadSyntax{"", 1}, BadSyntax{"x [a]", 3}, BadSyntax{"x a|", 3}, BadSyntax{"x [ ]", 5}));

}  // namespace
}  // namespace weft::command
