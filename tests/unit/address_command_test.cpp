// `ip address`.
#include <gtest/gtest.h>
#include <linux/if_addr.h>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

struct AddressCommand : testing::Test {
    Shell shell;
    void SetUp() override {
        ASSERT_EQ(shell.type("ip link add br0 up type bridge\nport add p0 type null"), "");
        shell.live.add("br0", 2, "42:7a:f1:6b:79:cd");
        shell.live.add("p0", 3, "5e:a5:14:00:5a:f2");
    }
    std::vector<std::string> addresses() {
        std::vector<std::string> all;
        for (const auto& address : shell.model.addresses)
            all.push_back(address.device + " " + address.address);
        return all;
    }
    using Addresses = std::vector<std::string>;
};

TEST_F(AddressCommand, Adds) {
    ASSERT_EQ(shell.type(R"(ip addr add 10.1.0.1/24 brd + dev br0
        ip a a 10.1.0.2/255.255.255.0 dev br0
        ip addr add fd00:0::1/64 dev br0 nodad
        ip addr add 10.7.0.9 dev br0
        ip addr add 10.8.0.9 peer 10.8.0.10/24 dev br0
        ip addr add dev br0 local 10.8.1.9/24 broadcast 10.8.1.77 label br0:foo scope link
        ip addr add 10.8.2.9/31 brd + dev p0 scope global label p0)"),
              "");
    EXPECT_EQ(addresses(),
              (Addresses{"br0 10.1.0.1/24", "br0 10.1.0.2/24", "br0 fd00::1/64", "br0 10.7.0.9/32",
                         "br0 10.8.0.9/24", "br0 10.8.1.9/24", "p0 10.8.2.9/31"}));
    const auto& all = shell.model.addresses;
    EXPECT_EQ(all[0].broadcast, "10.1.0.255");
    EXPECT_TRUE(all[2].nodad);
    EXPECT_EQ(all[4].peer, "10.8.0.10/24");
    EXPECT_EQ(all[5].broadcast, "10.8.1.77");
    EXPECT_EQ(all[5].label, "br0:foo");
    EXPECT_EQ(all[5].scope, "link");
    EXPECT_FALSE(all[6].broadcast) << "a net of two has none";
    EXPECT_FALSE(all[6].scope) << "global is what it has anyway";
    EXPECT_FALSE(all[6].label);
}

TEST_F(AddressCommand, RefusesInIproutesWords) {
    ASSERT_EQ(shell("ip addr add 10.1.0.1/24 dev br0"), "");
    EXPECT_EQ(shell("ip addr add 10.1.0.1/24 dev br0"), "[2] Error: ipv4: Address already assigned.");
    EXPECT_EQ(shell("ip addr add 10.1.0.1/25 dev br0"), "") << "another network";
    EXPECT_EQ(shell("ip addr add 10.1.0.1/24 dev brx"), "[1] Cannot find device \"brx\"");
    EXPECT_EQ(shell("ip addr add 10.1.0.9/24"), "[1] Not enough information: \"dev\" argument is required.");
    EXPECT_EQ(shell("ip -4 addr add fd00::9/64 dev br0"),
              "[1] Error: inet prefix is expected rather than \"fd00::9/64\".");
    EXPECT_EQ(shell("ip -6 addr add 10.8.9.9/24 dev br0"),
              "[1] Error: inet6 prefix is expected rather than \"10.8.9.9/24\".");
    EXPECT_EQ(shell("ip addr add fd00::9/64 brd + dev br0"),
              "[1] Broadcast can be set only for IPv4 addresses");
    EXPECT_EQ(shell("ip addr add 10.8.9.9/24 brd foo dev br0"),
              "[1] Error: inet address is expected rather than \"foo\".");
    EXPECT_EQ(shell("ip addr add 10.8.9.9/24 scope foo dev br0"),
              "[255] Error: argument \"foo\" is wrong: invalid scope value.");
    EXPECT_EQ(shell("ip addr del 10.9.0.9/24 dev br0"), "[2] Error: ipv4: Address not found.");
    EXPECT_EQ(shell("ip addr del fd00::9/64 dev br0"), "[2] Error: ipv6: address not found.");
    EXPECT_EQ(shell("ip addr add"), "[1] Not enough information: \"dev\" argument is required.");
    EXPECT_EQ(shell("ip addr del"), "[1] Not enough information: \"dev\" argument is required.");
    EXPECT_EQ(shell("ip addr flush"), "[1] Flush requires arguments.");
    EXPECT_EQ(shell("ip addr show scope foo"), "[255] Error: argument \"foo\" is wrong: invalid \"scope\"\n");
    EXPECT_EQ(shell("ip addr flush dev brx"), "[1] Device \"brx\" does not exist.");
    EXPECT_EQ(shell("ip addr show dev brx"), "[1] Device \"brx\" does not exist.");
    EXPECT_EQ(shell("ip addr foo"), "[255] Command \"foo\" is unknown, try \"ip address help\".");
    EXPECT_TRUE(shell("ip addr add 10.1.0.1/33 dev br0").starts_with("["))
        << shell("ip addr add 10.1.0.1/33 dev br0");
    EXPECT_EQ(addresses(), (Addresses{"br0 10.1.0.1/24", "br0 10.1.0.1/25"}));
}

TEST_F(AddressCommand, PutsBackWhatSomebodyDeletedInTheKernel) {
    ASSERT_EQ(shell.type("ip addr add 10.1.0.1/24 dev br0"), "");
    EXPECT_NE(shell.type("ip addr add 10.1.0.1/24 dev br0"), "");
    EXPECT_TRUE(shell.live.done.empty());
    shell.live.loses_addresses = true;
    EXPECT_EQ(shell.type("ip addr add 10.1.0.1/24 dev br0"), "");
    EXPECT_EQ(shell.live.done, std::vector<std::string>{"put back 10.1.0.1/24"});
    EXPECT_EQ(addresses(), (Addresses{"br0 10.1.0.1/24"}));
}

TEST_F(AddressCommand, ReplacesAndDeletes) {
    ASSERT_EQ(shell.type(R"(ip addr add 10.1.0.1/24 dev br0
        ip addr replace 10.1.0.1/24 brd + dev br0
        ip addr change 10.1.0.2/24 dev br0
        ip addr add fd00::1/64 dev br0)"),
              "");
    EXPECT_EQ(shell.model.addresses[0].broadcast, "10.1.0.255");
    EXPECT_EQ(addresses(), (Addresses{"br0 10.1.0.1/24", "br0 10.1.0.2/24", "br0 fd00::1/64"}));
    EXPECT_EQ(shell("ip addr del 10.1.0.2/25 dev br0"), "[2] Error: ipv4: Address not found.");
    ASSERT_EQ(shell("ip addr del 10.1.0.2 dev br0"), "") << "old scripts leave the length out";
    ASSERT_EQ(shell("ip addr del fd00::1/64 dev br0"), "");
    EXPECT_EQ(addresses(), (Addresses{"br0 10.1.0.1/24"}));
}

// net/ipv4/devinet.c, __inet_del_ifa
TEST_F(AddressCommand, OthersOfANetworkGoWithItsPrimary) {
    const std::string two = "ip addr add 192.0.2.1/24 dev br0\nip addr add 192.0.2.9/24 dev br0\n";
    ASSERT_EQ(shell.type(two + "ip addr add 192.0.2.17/25 dev br0\nip addr add 192.0.2.18/24 dev p0"), "");
    EXPECT_EQ(shell("ip addr del 192.0.2.9/24 dev br0"), "");
    EXPECT_EQ(shell("ip addr add 192.0.2.9/24 dev br0"), "");
    EXPECT_EQ(shell("ip addr del 192.0.2.1/24 dev br0"), "");
    EXPECT_EQ(addresses(), (Addresses{"br0 192.0.2.17/25", "p0 192.0.2.18/24"}));
    ASSERT_EQ(shell.type(two), "");
    EXPECT_EQ(shell("ip addr flush dev br0 to 192.0.2.1/32"), "");
    EXPECT_EQ(addresses(), (Addresses{"br0 192.0.2.17/25", "p0 192.0.2.18/24"}));
    ASSERT_EQ(shell.type(two), "");
    shell.live.promotes = true;
    EXPECT_EQ(shell("ip addr del 192.0.2.1/24 dev br0"), "");
    EXPECT_EQ(addresses(), (Addresses{"br0 192.0.2.17/25", "p0 192.0.2.18/24", "br0 192.0.2.9/24"}));
}

TEST_F(AddressCommand, Flushes) {
    const std::string make = R"(ip addr replace 10.1.0.1/24 dev br0
        ip addr replace 10.2.0.1/24 dev br0 scope link
        ip addr replace fd00::1/64 dev br0
        ip addr replace 10.3.0.1/24 dev p0
        )";
    ASSERT_EQ(shell.type(make + "ip addr flush dev br0"), "");
    EXPECT_EQ(addresses(), (Addresses{"p0 10.3.0.1/24"}));
    ASSERT_EQ(shell.type(make + "ip -4 addr flush dev br0 scope global"), "");
    EXPECT_EQ(addresses(), (Addresses{"p0 10.3.0.1/24", "br0 10.2.0.1/24", "br0 fd00::1/64"}));
    ASSERT_EQ(shell.type("ip addr flush to 10.0.0.0/8"), "");
    EXPECT_EQ(addresses(), (Addresses{"br0 fd00::1/64"}));
}

struct ShownAddresses : AddressCommand {
    void SetUp() override {
        AddressCommand::SetUp();
        const auto add = [&](const char* address, const char* scope, const char* broadcast = "") {
            shell.live.assigned.push_back({.device = "br0",
                                           .address = address,
                                           .peer = {},
                                           .scope = scope,
                                           .label = "br0",
                                           .broadcast = broadcast});
        };
        add("fd00::1/64", "global");
        add("10.1.0.1/24", "global", "10.1.0.255");
        add("10.1.0.2/24", "global");
        add("fe80::407a:f1ff:fe6b:79cd/64", "link");
        shell.live.assigned[0].label.clear();
        shell.live.assigned[3].label.clear();
        shell.live.assigned[3].flags |= IFA_F_TENTATIVE;
    }
};

TEST_F(ShownAddresses, AsIproute2ShowsThem) {
    EXPECT_EQ(
        shell("ip addr"),
        "2: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n"
        "    link/ether 42:7a:f1:6b:79:cd brd ff:ff:ff:ff:ff:ff\n"
        "    inet 10.1.0.1/24 brd 10.1.0.255 scope global br0\n"
        "       valid_lft forever preferred_lft forever\n"
        "    inet 10.1.0.2/24 scope global secondary br0\n"
        "       valid_lft forever preferred_lft forever\n"
        "    inet6 fd00::1/64 scope global \n"
        "       valid_lft forever preferred_lft forever\n"
        "    inet6 fe80::407a:f1ff:fe6b:79cd/64 scope link tentative \n"
        "       valid_lft forever preferred_lft forever\n"
        "3: p0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default qlen 1000\n"
        "    link/ether 5e:a5:14:00:5a:f2 brd ff:ff:ff:ff:ff:ff\n");
    EXPECT_EQ(
        shell("ip -4 addr show br0"),
        "2: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n"
        "    inet 10.1.0.1/24 brd 10.1.0.255 scope global br0\n"
        "       valid_lft forever preferred_lft forever\n"
        "    inet 10.1.0.2/24 scope global secondary br0\n"
        "       valid_lft forever preferred_lft forever\n");
    EXPECT_EQ(
        shell("ip -6 addr show br0 scope link"),
        "2: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000\n"
        "    inet6 fe80::407a:f1ff:fe6b:79cd/64 scope link tentative \n"
        "       valid_lft forever preferred_lft forever\n");
}

// printed by iproute2 6.1 on Linux 6.18
TEST_F(ShownAddresses, FlagsInIproute2sOrderAndTheTimeThatIsLeft) {
    shell.live.assigned[0].flags = IFA_F_NODAD | IFA_F_DEPRECATED;
    shell.live.assigned[0].valid = 2997;
    shell.live.assigned[0].preferred = 0;
    shell.live.assigned[1].flags = IFA_F_NOPREFIXROUTE;
    shell.live.assigned[1].valid = 2997;
    shell.live.assigned[1].preferred = 197;
    shell.live.assigned[3].flags = IFA_F_DADFAILED | IFA_F_TENTATIVE | IFA_F_PERMANENT;
    EXPECT_EQ(
        shell("ip -o addr show br0"),
        "2: br0    inet 10.1.0.1/24 brd 10.1.0.255 scope global dynamic noprefixroute br0\\       valid_lft "
        "2997sec preferred_lft 197sec\n"
        "2: br0    inet 10.1.0.2/24 scope global secondary br0\\       valid_lft forever preferred_lft "
        "forever\n"
        "2: br0    inet6 fd00::1/64 scope global nodad deprecated dynamic \\       valid_lft 2997sec "
        "preferred_lft 0sec\n"
        "2: br0    inet6 fe80::407a:f1ff:fe6b:79cd/64 scope link dadfailed tentative \\       valid_lft "
        "forever preferred_lft forever\n");
    EXPECT_EQ(shell("ip -j -6 addr show br0"), "");
    const auto& shown = shell.data[0]["addr_info"];
    EXPECT_EQ(shown[0].dump(),
              R"({"family":"inet6","local":"fd00::1","prefixlen":64,"scope":"global","nodad":true,)"
              R"("deprecated":true,"dynamic":true,"valid_life_time":2997,"preferred_life_time":0})");
    EXPECT_EQ(shell.data[0]["qdisc"], "noqueue") << "of one interface the whole head";
    EXPECT_EQ(shell("ip -6 addr").substr(0, 71),
              "2: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP qlen 1000\n ");
}

TEST_F(ShownAddresses, WithTheOtherEnd) {
    shell.live.assigned.resize(1);
    auto& address = shell.live.assigned.front();
    address.address = "10.0.1.84";
    address.peer = "10.0.1.85/31";
    EXPECT_EQ(shell("ip -o addr show br0"),
              "2: br0    inet 10.0.1.84 peer 10.0.1.85/31 scope global br0\\       valid_lft forever "
              "preferred_lft forever\n");
    EXPECT_EQ(shell("ip -br addr show br0"),
              "br0              UP             10.0.1.84 peer 10.0.1.85/31 \n");
    EXPECT_EQ(shell("ip -j -br addr show br0"), "");
    EXPECT_EQ(shell.data.dump(), R"([{"ifname":"br0","operstate":"UP","addr_info":[{"local":"10.0.1.84",)"
                                 R"("address":"10.0.1.85","prefixlen":31}]}])");
}

TEST_F(ShownAddresses, BriefOneLineAndJson) {
    EXPECT_EQ(
        shell("ip -br addr"),
        "br0              UP             10.1.0.1/24 10.1.0.2/24 fd00::1/64 fe80::407a:f1ff:fe6b:79cd/64 \n"
        "p0               DOWN           \n");
    EXPECT_EQ(shell("ip -o -4 addr"),
              "2: br0    inet 10.1.0.1/24 brd 10.1.0.255 scope global br0\\       valid_lft forever "
              "preferred_lft forever\n"
              "2: br0    inet 10.1.0.2/24 scope global secondary br0\\       valid_lft forever preferred_lft "
              "forever\n");
    EXPECT_EQ(shell("ip -j addr show br0 to 10.1.0.1"), "");
    EXPECT_EQ(
        shell.data.dump(),
        R"([{"ifindex":2,"ifname":"br0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"qdisc":"noqueue",)"
        R"("operstate":"UP","group":"default","txqlen":1000,"addr_info":[{"family":"inet","local":"10.1.0.1","prefixlen":24,)"
        R"("broadcast":"10.1.0.255","scope":"global","label":"br0","valid_life_time":4294967295,"preferred_life_time":4294967295}]}])");
    EXPECT_EQ(shell("ip -j -br -6 addr"), "");
    EXPECT_EQ(
        shell.data.dump(),
        R"([{"ifname":"br0","operstate":"UP","addr_info":[{"local":"fd00::1","prefixlen":64},{"local":"fe80::407a:f1ff:fe6b:79cd","prefixlen":64}]}])");
}

}  // namespace
}  // namespace weft
