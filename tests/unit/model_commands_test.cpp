// Every command of the grammar has a meaning; what comes later is refused by name.
#include "control/model/commands.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

TEST(Commands, EachSpecHasOneHandler) {
    std::multiset<std::string_view> handled;
    for (const auto table : {port_handlers(), link_handlers(), bridge_handlers(), brctl_handlers(),
                             address_handlers(), route_handlers(), sysctl_handlers(), ethtool_handlers(),
                             show_handlers(), tuntap_handlers(), observe_handlers(), hook_handlers(),
                             conntrack_handlers(), set_handlers(), configuration_handlers()})
        for (const auto& handler : table)
            handled.insert(handler.name);
    const std::set<std::string_view> of_the_daemon{"apply",   "confirm", "rollback",        "tcpdump",
                                                   "monitor", "top",     "conntrack events"};
    const std::set<std::string_view> of_the_client{"explain pcap"};
    for (const auto& spec : command::grammar().specs()) {
        const bool elsewhere = of_the_daemon.contains(spec.name) || of_the_client.contains(spec.name) ||
                               spec.name.starts_with("unsupported");
        EXPECT_EQ(handled.count(spec.name), elsewhere ? 0U : 1U) << spec.name;
        handled.erase(spec.name);
    }
    EXPECT_TRUE(handled.empty()) << *handled.begin();
}

TEST(Commands, LaterWordsAreRefusedByName) {
    Shell shell;
    const std::pair<const char*, const char*> lines[] = {
        {"ebtables -P FORWARD DROP", "[2] ebtables is not supported in this version"},
        {"arptables-save", "[2] arptables-save is not supported in this version"},
        {"tc qdisc show", "[1] tc is not supported in this version"},
        {"ip route save", "[2] ip route save is not supported in this version"},
        {"ip rule restore", "[2] ip rule restore is not supported in this version"},
        {"ip neigh get 10.0.0.1 dev p0", "[2] ip neighbor get is not supported in this version"},
        {"ip nexthop bucket", "[2] ip nexthop bucket is not supported in this version"},
        {"ip tunnel add t0 mode gre", "[2] ip tunnel is not supported in this version"},
        {"ip tun add t0 mode gre", "[2] ip tunnel is not supported in this version"},
        {"ip link set p0 arp off", "[2] ip link set arp is not supported in this version"},
        {"ip link set a promisc on", "[2] ip link set promisc is not supported in this version"},
        {"ip link set dev p0 up mtu 1400 txqlen 9",
         "[2] ip link set txqlen is not supported in this version"},
        {"ip link set dev p0 group 5", "[2] ip link set group is not supported in this version"},
        {"ip link set group 5 down", "[2] ip link set group is not supported in this version"},
        {"ip link set group default up", "[2] ip link set group is not supported in this version"},
        {"ip link set down group 0", "[2] ip link set group is not supported in this version"},
        {"ip link show group default", "[2] ip link show group is not supported in this version"},
        {"ip link show up group 5", "[2] ip link show group is not supported in this version"},
        {"ip addr show group 5", "[2] ip address show group is not supported in this version"},
        {"ip addr show vrf red", "[2] ip address show vrf is not supported in this version"},
        {"ip link set p0 alias up", "[2] ip link set alias is not supported in this version"},
        {"ip link add b0 type bond", "[2] ip link add type bond is not supported in this version"},
        {"ip link add m0 link p0 type macvlan",
         "[2] ip link add type macvlan is not supported in this version"},
        {"tunctl -f /dev/net/tun", "[1] tunctl -f is not supported in this version"},
        {"bridge mdb show", "[255] bridge mdb is not supported in this version"},
        {"bridge vlan tunnelshow", "[255] bridge vlan tunnelshow is not supported in this version"},
        {"brctl setfd br0 4", "[1] brctl setfd is not supported in this version"},
    };
    for (const auto& [line, said] : lines)
        EXPECT_EQ(shell(line), said) << line;
}

TEST(Commands, WhatShowsNeedsADaemon) {
    Shell shell;
    shell.running = false;
    EXPECT_EQ(shell("show drops"), "[2] show drops needs a running weftd");
    EXPECT_EQ(shell("port add p0 type null"), "");
}

TEST(Commands, ConfigurationIsSavedComparedAndChecked) {
    Shell shell;
    ASSERT_EQ(shell("port add p0 type null"), "");
    EXPECT_EQ(shell("save"), "port add p0 type null\n");
    shell.input = "port add p0 up type null\n";
    EXPECT_EQ(shell("diff new.conf"), "-port add p0 type null\n+port add p0 up type null\n");
    EXPECT_EQ(shell("check new.conf"), "");
    shell.input = "port add p0 type zero\n";
    EXPECT_TRUE(shell("check new.conf").starts_with("[1] new.conf:1:18: ")) << shell("check new.conf");
}

TEST(Commands, StopSaysWhetherTheTapsStay) {
    Shell shell;
    shell("stop");
    shell("stop --keep");
    EXPECT_EQ(shell.live.done, (std::vector<std::string>{"stop", "stop keep"}));
}

}  // namespace
}  // namespace weft
