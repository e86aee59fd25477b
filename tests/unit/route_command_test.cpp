// `ip route|rule|neigh|nexthop`: what the words make of the model, and how it is saved.
#include <gtest/gtest.h>
#include <linux/fib_rules.h>

#include <random>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

struct RouteCommand : testing::Test {
    Shell shell;
    void SetUp() override {
        ASSERT_EQ(shell.type("port add p0 up type null\nport add p1 up type null"), "");
        ASSERT_EQ(shell.type("ip addr add 10.0.1.1/24 dev p0\nip addr add 10.0.2.1/24 dev p1"), "");
    }
    /// What save says of routing.
    std::string saved() {
        std::string text = shell("save");
        return text.substr(text.find("dev p1\n") + 7);
    }
};

TEST_F(RouteCommand, IsSavedInTheOrderThatTheKernelTakes) {
    EXPECT_EQ(shell("ip nexthop add id 3 group 1/2,7"), "[2] Error: Invalid nexthop id.")
        << "of what is not there";
    ASSERT_EQ(shell.type(R"(ip route add default via 198.51.100.1 metric 5 mtu lock 1400 advmss 1300
        ip route add 198.51.100.1 dev p0
        ip r a 10.9/16 nexthop via 10.0.1.2 dev p0 weight 3 nexthop via 10.0.2.2 dev p1 onlink
        ip route add blackhole 10.7.0.0/16 table 100
        ip route add 10.8.0.0/16 via inet6 2001:db8::2 dev p0 src 10.0.1.1
        ip nexthop add id 1 via 10.0.1.9 dev p0 onlink
        ip nexthop add id 2 via 10.0.2.9 dev p1
        ip -6 nexthop add id 4 dev p1
        ip nexthop add id 3 group 1/2,7
        ip route add 10.6.0.0/16 nhid 3
        ip -6 route add default via fe80::1 dev p0
        ip route add 2001:db8:9::/48 nexthop via fe80::2 dev p0 nexthop via fe80::3 dev p1 weight 2
        ip route append 2001:db8:9::/48 via fe80::4 dev p0
        ip rule add from 10.0.0.0/8 to 10.9.9.9 iif p0 fwmark 0x10/0xff tos 0x10 lookup 100 pref 7
        ip -6 rule add not from 2001:db8::/32 prohibit pref 9
        ip neigh add 10.0.1.2 lladdr 2:0:0:0:0:1 dev p0
        ip neigh add fe80::1 lladdr 02:00:00:00:00:02 dev p0 router nud noarp
        ip neigh add 10.0.1.3 dev p0 managed
        ip neigh add 10.0.1.4 lladdr 02:00:00:00:00:04 dev p0 extern_learn
        ip route add 10.9/16 tos 10 via 10.0.1.2
        ip route add 10.9/16 tos AF11 via 10.0.1.2
        ip route add default dsfield 0x08 via 198.51.100.2
        ip -6 route add default from 2001:db8:a::1/48 via fe80::5 dev p0)"),
              "");
    EXPECT_EQ(saved(), R"(ip nexthop add id 1 via 10.0.1.9 dev p0 onlink
ip nexthop add id 2 via 10.0.2.9 dev p1
ip -6 nexthop add id 4 dev p1
ip nexthop add id 3 group 1/2,7
ip route add blackhole 10.7.0.0/16 table 100
ip route add 198.51.100.1 dev p0 scope link
ip route add default tos 0x08 via 198.51.100.2
ip route add default via 198.51.100.1 metric 5 mtu lock 1400 advmss 1300
ip route add 10.6.0.0/16 nhid 3
ip route add 10.8.0.0/16 via inet6 2001:db8::2 dev p0 src 10.0.1.1
ip route add 10.9.0.0/16 nexthop via 10.0.1.2 dev p0 weight 3 nexthop via 10.0.2.2 dev p1 weight 1 onlink
ip route add 10.9.0.0/16 tos 0x10 via 10.0.1.2
ip route add 10.9.0.0/16 tos AF11 via 10.0.1.2
ip -6 route add default via fe80::1 dev p0
ip -6 route add default from 2001:db8:a::/48 via fe80::5 dev p0
ip -6 route add 2001:db8:9::/48 nexthop via fe80::2 dev p0 weight 1 nexthop via fe80::3 dev p1 weight 2 nexthop via fe80::4 dev p0 weight 1
ip rule add pref 7 from 10.0.0.0/8 to 10.9.9.9 tos 0x10 fwmark 0x10/0xff iif p0 lookup 100
ip -6 rule add pref 9 not from 2001:db8::/32 prohibit
ip neigh add 10.0.1.2 lladdr 02:00:00:00:00:01 dev p0 nud permanent
ip neigh add 10.0.1.3 dev p0 managed
ip neigh add 10.0.1.4 lladdr 02:00:00:00:00:04 dev p0 nud permanent extern_learn
ip neigh add fe80::1 lladdr 02:00:00:00:00:02 dev p0 nud noarp router
)");
    const auto again = load(shell("save"), "saved");
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, shell.model);
}

TEST_F(RouteCommand, OfAnyWordsSavesWhatLoadsTheSame) {
    std::mt19937 random(7);
    const auto one_of = [&](std::initializer_list<const char*> words) {
        return std::string(words.begin()[random() % words.size()]);
    };
    unsigned taken = 0;
    for (int i = 0; i < 4000; ++i) {
        const auto verb = one_of({"add", "add", "append", "replace", "del", "change"});
        const auto to =
            one_of({"default", "10.1.0.0/16", "10.1.2.3", "2001:db8::/32", "2001:db8::1", "::/0"});
        const auto how =
            one_of({"via 10.0.1.2", "via 10.0.2.2 dev p1", "dev p0", "via fe80::1 dev p1", "nhid 1",
                    "via 2001:db8::7 onlink dev p0", "nexthop via 10.0.1.2 nexthop dev p1 weight 9",
                    "nexthop via fe80::1 dev p0 nexthop via fe80::2 dev p0", ""});
        const auto type = one_of({"", "", "", "blackhole ", "prohibit ", "throw ", "unreachable ", "local "});
        const auto more = one_of(
            {"", "", "metric 7 ", "table 9 ", "mtu 1400 ", "scope link ", "src 10.0.1.1 ", "pref low "});
        const auto line =
            one_of({"ip route ", "ip -4 route ", "ip -6 route "}) + verb + " " + type + to + " " + more + how;
        taken += shell(line).empty();
        const auto again = load(save(shell.model), "saved");
        ASSERT_TRUE(again) << line << "\n" << save(shell.model) << again.error().message;
        ASSERT_EQ(*again, shell.model) << line << "\n" << save(shell.model) << "\n" << save(*again);
    }
    EXPECT_GT(taken, 500u);
}

TEST_F(RouteCommand, TakesOneNextHopOutOfSeveralInIpv6) {
    ASSERT_EQ(shell.type(R"(ip route add 2001:db8::/32 nexthop via fe80::1 dev p0 nexthop via fe80::2 dev p1
        ip route del 2001:db8::/32 via fe80::1 dev p0)"),
              "");
    EXPECT_EQ(saved(), "ip -6 route add 2001:db8::/32 via fe80::2 dev p1\n");
    EXPECT_EQ(shell("ip route del 2001:db8::/32 via fe80::1 dev p0"),
              "[2] RTNETLINK answers: No such process");
    EXPECT_EQ(shell("ip route del 2001:db8::/32"), "");
    EXPECT_EQ(saved(), "");
}

// iproute2 6.1, lib/utils.c, get_prefix_1
TEST_F(RouteCommand, AllMeansEveryRouteAndDefaultOne) {
    const std::string two = "ip route add default via 10.0.1.2\nip route add 10.9.0.0/16 via 10.0.1.2";
    for (const auto* word : {"all", "any", "root any"}) {
        ASSERT_EQ(shell.type(two), "");
        EXPECT_EQ(shell("ip route flush default"), "");
        EXPECT_EQ(saved(), "ip route add 10.9.0.0/16 via 10.0.1.2\n");
        EXPECT_EQ(shell(std::string("ip route flush ") + word), "");
        EXPECT_EQ(saved(), "");
    }
}

TEST_F(RouteCommand, GoesWithItsInterfaceAsInTheKernel) {
    ASSERT_EQ(shell.type(R"(ip route add 10.9.0.0/16 nexthop via 10.0.1.2 dev p0 nexthop via 10.0.2.2 dev p1
        ip route add 2001:db8::/32 nexthop via fe80::1 dev p0 nexthop via fe80::2 dev p1
        ip nexthop add id 1 via 10.0.1.9 dev p0
        ip nexthop add id 2 via 10.0.2.9 dev p1
        ip nexthop add id 3 group 1/2
        ip nexthop add id 4 group 2
        ip route add 10.1.0.0/16 nhid 3
        ip route add 10.2.0.0/16 nhid 4
        ip neigh add 10.0.2.2 lladdr 02:00:00:00:00:01 dev p1
        ip rule add iif p1 prohibit pref 5
        port del p1)"),
              "");
    const auto text = shell("save");
    EXPECT_EQ(text.substr(text.find("ip nexthop")), R"(ip nexthop add id 1 via 10.0.1.9 dev p0
ip nexthop add id 3 group 1
ip route add 10.1.0.0/16 nhid 3
ip -6 route add 2001:db8::/32 via fe80::1 dev p0
ip rule add pref 5 from all iif p1 prohibit
)");
}

TEST_F(RouteCommand, RefusesWhatIsNotSupportedByName) {
    for (
        const auto& [line, said] : {
            std::pair{
                "ip route add 10.1.0.0/16 dev p0 proto static",
                "[2] protocol static: what weft writes to the kernel carries protocol 119, by which it knows "
                "its own: leave the word out"},
            {"ip route add nat 10.1.0.0/16 dev p0", "[2] routes of type nat are not supported"},
            {"ip neigh add 10.0.1.2 lladdr 02:00:00:00:00:01 dev p0 nud stale",
             "[2] nud stale is not supported: neighbours that age are the kernel's; take permanent or noarp"},
            {"ip neigh add 10.0.1.2 dev p0 managed nud permanent",
             "[2] Error: Invalid NTF_* flag for permanent entry."},
            {"ip route add 10.1.0.0/16 tos 100 via 10.0.1.2",
             "[255] Error: argument \"100\" is wrong: \"tos\" value is invalid\n"},
            {"ip route add 10.1.0.0/16 tos 0x11 via 10.0.1.2",
             "[2] Error: Invalid dsfield (tos): ECN bits must be 0."},
            {"ip -6 route add 2001:db8::/32 tos 0x10 dev p0",
             "[2] Error: Invalid dsfield (tos): option not available for IPv6."},
            {"ip route add 10.1.0.0/16 from 10.0.0.0/8 dev p0",
             "[2] from is not supported in IPv4, whose routes the kernel does not choose by it"},
            {"ip nexthop add dev p0", "[2] an id is needed: ip nexthop add id NUMBER …"},
        })
        EXPECT_EQ(shell(line), said) << line;
    for (const auto* line :
         {"ip route add 10.1.0.0/16 encap mpls 100 via 10.0.1.2", "ip neigh add 10.0.1.2 dev p0 use",
          "ip rule add oif p0 table 9", "ip rule add goto 7", "ip nexthop add id 5 group 1 type resilient"})
        EXPECT_TRUE(shell(line).starts_with("[")) << line;
}

TEST_F(RouteCommand, ChoosesThePriorityOfARuleAsTheKernelDoes) {
    shell.live.rules.resize(3);
    shell.live.rules[1].priority = 32766;
    shell.live.rules[2].priority = 32767;
    ASSERT_EQ(shell.type("ip rule add from 10.1.1.1 table 5\nip rule add from 10.1.1.2 table 5"), "");
    EXPECT_EQ(
        saved(),
        "ip rule add pref 32764 from 10.1.1.2 lookup 5\nip rule add pref 32765 from 10.1.1.1 lookup 5\n");
    EXPECT_EQ(shell("ip rule add from 10.1.1.1 table 5 pref 32765"), "[2] RTNETLINK answers: File exists");
    EXPECT_EQ(shell("ip rule del from 10.1.1.2"), "");
    EXPECT_EQ(shell("ip rule del from 10.1.1.2"), "[2] RTNETLINK answers: No such file or directory");
}

TEST_F(RouteCommand, ForgetsNeighboursThatWereLearned) {
    KernelNeighbour learned;
    learned.interface = 4;
    learned.address.bytes = {10, 0, 1, 77};
    learned.state = 2;
    shell.live.devices[4] = "p0";
    shell.live.known = {learned};
    EXPECT_EQ(shell("ip neigh add 10.0.1.77 lladdr 02:00:00:00:00:01 dev p0"),
              "[2] RTNETLINK answers: File exists");
    EXPECT_EQ(shell("ip neigh del 10.0.1.77 dev p0"), "");
    EXPECT_EQ(shell("ip neigh flush dev p0"), "");
    EXPECT_EQ(shell.live.done, (std::vector<std::string>{"forget 77", "forget 77"}));
    EXPECT_EQ(shell("ip neigh del 10.0.1.78 dev p0"), "[2] RTNETLINK answers: No such file or directory");
}

}  // namespace
}  // namespace weft
