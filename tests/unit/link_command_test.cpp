// `ip link`: what Linux does with the same words, and iproute2's output byte for byte.
#include <gtest/gtest.h>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

TEST(LinkCommand, MakesBridges) {
    Shell shell;
    ASSERT_EQ(shell.type(R"(ip link add br0 type bridge
        ip link add name br1 up type bridge vlan_filtering 1 vlan_protocol 802.1ad vlan_default_pvid 5 ageing_time 0 fdb_max_learned 7 group_fwd_mask 0x8 stp_state 1
        ip l a dev0 address 02:00:00:00:00:09 mtu 1400 type bridge up)"),
              "");
    const auto& usual = std::get<BridgeSpec>(shell.model.find("br0")->kind);
    EXPECT_FALSE(usual.vlan_filtering);
    EXPECT_EQ(usual.vlans, (std::map<std::uint16_t, VlanMembership>{{1, {true, true}}}));
    const auto& set = std::get<BridgeSpec>(shell.model.find("br1")->kind);
    EXPECT_TRUE(set.vlan_filtering);
    EXPECT_EQ(set.vlan_protocol, ether_type::service_vlan);
    EXPECT_EQ(set.vlans, (std::map<std::uint16_t, VlanMembership>{{5, {true, true}}}));
    EXPECT_EQ(set.ageing_centiseconds, 0U);
    EXPECT_EQ(set.fdb_max_learned, 7U);
    EXPECT_EQ(set.group_fwd_mask, 8);
    EXPECT_TRUE(set.stp);
    EXPECT_TRUE(shell.model.find("br1")->up);
    EXPECT_FALSE(shell.model.find("br0")->up);
    EXPECT_TRUE(shell.model.find("dev0")->up);
    EXPECT_EQ(shell.model.find("dev0")->mtu, 1400);
}

// iplink_parse takes the name with `dev` before it as well.
TEST(LinkCommand, MakesLinksNamedByDev) {
    Shell shell;
    ASSERT_EQ(
        shell.type("ip link add dev br0 type bridge\nip link add dev d0 type dummy\n"
                   "ip link add dev a type veth peer dev b\nip link add link d0 dev d0.5 type vlan id 5"),
        "");
    EXPECT_EQ(save(shell.model),
              "ip link add br0 type bridge\nip link add d0 type dummy\nip link add a type veth peer name b\n"
              "ip link add link d0 name d0.5 type vlan id 5\n");
    EXPECT_EQ(shell("ip link add dev x y type bridge"),
              "[255] Error: either \"name\" is duplicate, or \"y\" is a garbage.");
}

TEST(LinkCommand, MakesSubInterfaces) {
    Shell shell;
    ASSERT_EQ(shell.type(R"(port add lan0 type null
        ip link add link lan0 name lan0.8 type vlan id 8
        ip link add link lan0 lan0.9 up type vlan proto 802.1ad id 9
        ip link add name q link lan0.9 type vlan protocol 802.1q id 10)"),
              "");
    EXPECT_EQ(std::get<VlanSpec>(shell.model.find("lan0.8")->kind), (VlanSpec{"lan0", ether_type::vlan, 8}));
    EXPECT_EQ(std::get<VlanSpec>(shell.model.find("lan0.9")->kind),
              (VlanSpec{"lan0", ether_type::service_vlan, 9}));
    EXPECT_EQ(std::get<VlanSpec>(shell.model.find("q")->kind), (VlanSpec{"lan0.9", ether_type::vlan, 10}));
    EXPECT_EQ(shell("ip link add link lan1 name x type vlan id 8"), "[1] Cannot find device \"lan1\"");
    EXPECT_EQ(shell("ip link add link lan0 name x type vlan id 8"),
              "[2] Error: 8021q: VLAN device already exists.");
    EXPECT_EQ(shell("ip link add link lan0 name x type vlan id 5000"), "[2] Error: 8021q: Invalid VLAN id.");
    EXPECT_EQ(shell("ip link add link lan0 name lan0.8 type vlan id 11"),
              "[2] RTNETLINK answers: File exists");
}

TEST(LinkCommand, RefusesInIproutesWords) {
    Shell shell;
    ASSERT_EQ(shell.type("ip link add br0 type bridge\nport add p0 type null"), "");
    EXPECT_EQ(shell("ip link add br0 type bridge"), "[2] RTNETLINK answers: File exists");
    EXPECT_EQ(shell("ip link set vx up"), "[1] Cannot find device \"vx\"");
    EXPECT_EQ(shell("ip link set dev vx up"), "[1] Cannot find device \"vx\"");
    EXPECT_EQ(shell("ip link set p0 master brx"),
              "[255] Error: argument \"brx\" is wrong: Device does not exist");
    EXPECT_EQ(shell("ip link set p0 master p0"), "[2] RTNETLINK answers: Operation not supported");
    EXPECT_EQ(shell("ip link set br0 master br0"), "[2] Error: Can not enslave a bridge to a bridge.");
    EXPECT_EQ(shell("ip link set p0 mtu 70000"), "[2] Error: mtu greater than device maximum.");
    EXPECT_EQ(shell("ip link set p0 mtu 67"), "[2] Error: mtu less than device minimum.");
    EXPECT_EQ(shell("ip link set p0 address 01:00:00:00:00:00"),
              "[2] RTNETLINK answers: Cannot assign requested address");
    EXPECT_EQ(shell("ip link set p0 type bridge ageing_time 100"),
              "[2] RTNETLINK answers: Operation not supported");
    EXPECT_EQ(shell("ip link set p0 type bridge_slave learning off"),
              "[2] RTNETLINK answers: Operation not supported");
    EXPECT_EQ(shell("ip link set br0 type bridge group_fwd_mask 7"),
              "[2] RTNETLINK answers: Invalid argument");
    EXPECT_EQ(shell("ip link set br0 type bridge nf_call_iptables 1"),
              "[2] nf_call_iptables 1 is not supported in this version");
    EXPECT_EQ(shell("ip link set br0 type bridge nf_call_iptables 0 mcast_snooping 0"), "");
    EXPECT_EQ(shell("ip link set dev p0 br0"),
              "[255] Error: either \"dev\" is duplicate, or \"br0\" is a garbage.");
    EXPECT_EQ(shell("ip link del vx"), "[1] Cannot find device \"vx\"");
    EXPECT_EQ(shell("ip link del p0"),
              "[2] RTNETLINK answers: Operation not supported (p0 is a port: port del p0)");
    EXPECT_EQ(shell("ip link show vx"), "[1] Device \"vx\" does not exist.");
    EXPECT_EQ(shell("ip link foo"), "[255] Command \"foo\" is unknown, try \"ip link help\".");
    EXPECT_EQ(shell("ip link set p0 promisc on"), "[2] ip link set promisc is not supported in this version");
    EXPECT_TRUE(shell("ip link add b type bridge forward_delay 0").starts_with("[255] "));
}

TEST(LinkCommand, SetsWhatIsNamedLikeAWordThatIsNotSupported) {
    Shell shell;
    ASSERT_EQ(shell.type("port add state type null\nport add b type null\nport add t type null"), "");
    EXPECT_EQ(
        shell.type("ip link set dev state up\nip link set b up\nip link set t up\nip link set state down"),
        "");
}

TEST(LinkCommand, SetsWhereTheNameStandsAnywhere) {
    Shell shell;
    ASSERT_EQ(shell.type("port add p0 type null\nip link set up dev p0\nip l s p0 mtu 1400"), "");
    EXPECT_TRUE(shell.model.find("p0")->up);
    EXPECT_EQ(shell.model.find("p0")->mtu, 1400);
    ASSERT_EQ(shell.type("ip link set down p0\nip link set p0 address 02:00:00:00:00:05 up"), "");
    EXPECT_TRUE(shell.model.find("p0")->up);
    EXPECT_EQ(to_string(*shell.model.find("p0")->address), "02:00:00:00:00:05");
}

TEST(LinkCommand, MtuOfASubInterfaceFollowsItsParents) {
    Shell shell;
    ASSERT_EQ(shell.type(R"(port add p0 type null mtu 9000
        ip link add link p0 name p0.8 mtu 8000 type vlan id 8
        ip link add link p0.8 name p0.8.9 mtu 7000 type vlan id 9)"),
              "");
    EXPECT_EQ(shell("ip link set p0.8 mtu 9001"), "[2] RTNETLINK answers: Numerical result out of range");
    EXPECT_EQ(shell("ip link set p0 mtu 7500"), "");
    EXPECT_EQ(shell.model.find("p0.8")->mtu, 7500);
    EXPECT_EQ(shell.model.find("p0.8.9")->mtu, 7000);
    EXPECT_EQ(shell("ip link set p0 mtu 1000"), "");
    EXPECT_EQ(shell.model.find("p0.8.9")->mtu, 1000);
}

// net/8021q/vlan_dev.c, vlan_dev_change_mtu
TEST(LinkCommand, MtuOfASubInterfaceIsAtMostThatOfTheDevice) {
    Shell shell;
    ASSERT_EQ(shell.type("port add p0 type null\nip link add link p0 name p0.8 type vlan id 8"), "");
    shell.live.add("p0", 4, "42:7a:f1:6b:79:cd");
    EXPECT_EQ(shell("ip link set p0.8 mtu 2000"), "[2] RTNETLINK answers: Numerical result out of range");
    EXPECT_EQ(shell("ip link add link p0 name p0.9 mtu 2000 type vlan id 9"),
              "[2] RTNETLINK answers: Numerical result out of range");
    EXPECT_EQ(shell("ip link set p0.8 mtu 1500"), "");
    shell.live.links["p0"].mtu = 9000;
    EXPECT_EQ(shell("ip link set p0.8 mtu 2000"), "");
}

TEST(LinkCommand, AMemberLosesItsFlagsWithItsBridge) {
    Shell shell;
    ASSERT_EQ(shell.type(R"(port add p0 type null
        ip link add br0 type bridge
        ip link add br1 type bridge vlan_default_pvid 7
        ip link set p0 master br0
        ip link set p0 type bridge_slave learning off state 4
        bridge fdb add 02:00:00:00:00:05 dev p0 master static
        ip link set p0 master br0)"),
              "");
    EXPECT_FALSE(shell.model.find("p0")->member->learning) << "the same bridge again changes nothing";
    EXPECT_EQ(shell.model.find("p0")->member->state, PortState::blocking);
    ASSERT_EQ(shell.type("ip link set p0 master br1"), "");
    EXPECT_TRUE(shell.model.find("p0")->member->learning);
    EXPECT_EQ(shell.model.find("p0")->member->vlans,
              (std::map<std::uint16_t, VlanMembership>{{7, {true, true}}}));
    EXPECT_TRUE(shell.model.fdb.empty());
    ASSERT_EQ(shell.type("ip link set p0 nomaster\nip link set p0 nomaster"), "");
    EXPECT_FALSE(shell.model.find("p0")->member);
}

TEST(LinkCommand, DeletingABridgeReleasesItsMembers) {
    Shell shell;
    ASSERT_EQ(shell.type(R"(port add p0 type null
        ip link add br0 up type bridge
        ip link set p0 master br0
        ip link add link br0 name br0.5 type vlan id 5
        ip addr add 10.0.0.1/24 dev br0
        ip link del br0)"),
              "");
    EXPECT_EQ(save(shell.model), "port add p0 type null\n");
}

TEST(LinkCommand, FlushesTheFdb) {
    Shell shell;
    ASSERT_EQ(shell.type(R"(port add p0 type null
        ip link add br0 type bridge
        ip link set p0 master br0
        ip link set br0 type bridge fdb_flush
        ip link set p0 type bridge_slave fdb_flush)"),
              "");
    EXPECT_EQ(shell.live.done, (std::vector<std::string>{"flush br0  all", "flush br0 p0 all"}));
}

TEST(LinkCommand, MakesVethPairs) {
    Shell shell;
    ASSERT_EQ(shell.type(R"(ip link add veth-a type veth peer name veth-b
        ip link add name c mtu 1400 up type veth peer d address 02:00:00:00:00:0d mtu 9000 up
        ip link add link-e type veth)"),
              "");
    EXPECT_EQ(std::get<VethSpec>(shell.model.find("veth-a")->kind).peer, "veth-b");
    EXPECT_EQ(std::get<VethSpec>(shell.model.find("veth-b")->kind).peer, "veth-a");
    EXPECT_FALSE(shell.model.find("veth-a")->up);
    EXPECT_EQ(shell.model.find("c")->mtu, 1400);
    EXPECT_EQ(shell.model.find("d")->mtu, 9000);
    EXPECT_EQ(to_string(*shell.model.find("d")->address), "02:00:00:00:00:0d");
    EXPECT_TRUE(shell.model.find("veth0")) << "the kernel names a peer without a name veth%d";
    EXPECT_EQ(save(shell.model),
              "ip link add veth-a type veth peer name veth-b\n"
              "ip link add c mtu 1400 up type veth peer name d mtu 9000 address 02:00:00:00:00:0d up\n"
              "ip link add link-e type veth peer name veth0\n");
    EXPECT_EQ(shell("ip link add x type veth peer name c"), "[2] RTNETLINK answers: File exists");
    EXPECT_EQ(shell("ip link add x type veth peer name x"), "[2] RTNETLINK answers: File exists");
    EXPECT_EQ(shell("ip link add c type veth peer name x"), "[2] RTNETLINK answers: File exists");
    EXPECT_EQ(shell("ip link add x type veth peer name y mtu 60"),
              "[2] Error: mtu less than device minimum.");
    EXPECT_TRUE(shell("ip link add x type veth peer name y netns z").starts_with("[255] "));
    EXPECT_FALSE(shell.model.find("x"));
}

// drivers/net/veth.c, veth_dellink
TEST(LinkCommand, DeletingOneEndOfAVethPairDeletesBoth) {
    Shell shell;
    ASSERT_EQ(shell.type(R"(ip link add br0 type bridge
        ip link add a type veth peer name b
        ip link set a master br0
        ip link add link b name b.5 type vlan id 5
        ip addr add 10.0.0.1/24 dev b
        ip link del a)"),
              "");
    EXPECT_EQ(save(shell.model), "ip link add br0 type bridge\n");
    ASSERT_EQ(shell.type("ip link add a type veth peer name b\nip link delete b type veth"), "");
    EXPECT_EQ(save(shell.model), "ip link add br0 type bridge\n");
}

TEST(LinkCommand, MakesDummies) {
    Shell shell;
    ASSERT_EQ(shell.type("ip link add d0 mtu 9000 up type dummy"), "");
    shell.live.add("d0", 3, "02:00:00:00:00:0d");
    shell.live.links["d0"].mtu = 9000;
    // as a kernel with the module shows it
    EXPECT_EQ(shell("ip -d link show type dummy"),
              "3: d0: <BROADCAST,NOARP,UP,LOWER_UP> mtu 9000 qdisc noqueue state UNKNOWN mode DEFAULT group "
              "default qlen 1000\n"
              "    link/ether 02:00:00:00:00:0d brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 0 "
              "maxmtu 0 \n"
              "    dummy \n");
    EXPECT_EQ(save(shell.model), "ip link add d0 mtu 9000 up type dummy\n");
    ASSERT_EQ(shell.type("ip link del d0 type dummy"), "");
}

// drivers/net/veth.c; printed by iproute2 6.1 on Linux 6.18
TEST(LinkCommand, ShowsVethPairs) {
    Shell shell;
    ASSERT_EQ(shell.type("ip link add A type veth peer name B"), "");
    shell.live.add("B", 2, "76:13:63:18:b7:f8");
    shell.live.add("A", 3, "ae:0d:86:52:93:63");
    EXPECT_EQ(shell("ip link show"),
              "2: B@A: <BROADCAST,MULTICAST,M-DOWN> mtu 1500 qdisc noop state DOWN mode DEFAULT group "
              "default qlen 1000\n"
              "    link/ether 76:13:63:18:b7:f8 brd ff:ff:ff:ff:ff:ff\n"
              "3: A@B: <BROADCAST,MULTICAST,M-DOWN> mtu 1500 qdisc noop state DOWN mode DEFAULT group "
              "default qlen 1000\n"
              "    link/ether ae:0d:86:52:93:63 brd ff:ff:ff:ff:ff:ff\n");
    ASSERT_EQ(shell("ip link set A up"), "");
    shell.live.links["A"].carrier = false;
    EXPECT_EQ(shell("ip -d link show A"),
              "3: A@B: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500 qdisc noqueue state "
              "LOWERLAYERDOWN mode DEFAULT group default qlen 1000\n"
              "    link/ether ae:0d:86:52:93:63 brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 68 "
              "maxmtu 65535 \n"
              "    veth \n");
    ASSERT_EQ(shell("ip link set B up"), "");
    shell.live.links["A"].carrier = shell.live.links["B"].carrier = true;
    EXPECT_EQ(shell("ip -br link show type veth"),
              "B@A              UP             76:13:63:18:b7:f8 <BROADCAST,MULTICAST,UP,LOWER_UP> \n"
              "A@B              UP             ae:0d:86:52:93:63 <BROADCAST,MULTICAST,UP,LOWER_UP> \n");
    EXPECT_EQ(shell("ip -d -j link show A"), "");
    EXPECT_EQ(shell.data[0]["link"], "B");
    EXPECT_EQ(shell.data[0]["linkinfo"]["info_kind"], "veth");
}

/// As a kernel showed it of a bridge with a port and a sub-interface.
struct ShownLinks : testing::Test {
    Shell shell;
    void SetUp() override {
        ASSERT_EQ(shell.type(R"(ip link add br0 up type bridge vlan_filtering 1
            port add va up type null
            port add t0 type null
            ip link add link va name va.8 up type vlan id 8
            ip link set va master br0
            ip link set t0 master br0)"),
                  "");
        shell.live.add("br0", 2, "42:7a:f1:6b:79:cd");
        shell.live.add("va", 4, "42:7a:f1:6b:79:cd");
        shell.live.add("t0", 5, "5e:a5:14:00:5a:f2");
        shell.live.add("va.8", 6, "42:7a:f1:6b:79:cd");
        auto& br0 = shell.live.links["br0"];
        br0.rx_bytes = 356;
        br0.rx_packets = br0.multicast = 5;
        br0.tx_bytes = 850;
        br0.tx_packets = 9;
    }
};

TEST_F(ShownLinks, AsIproute2ShowsThem) {
    EXPECT_EQ(shell("ip link"),
              "2: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group "
              "default qlen 1000\n"
              "    link/ether 42:7a:f1:6b:79:cd brd ff:ff:ff:ff:ff:ff\n"
              "4: va: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue master br0 state UP mode "
              "DEFAULT group default qlen 1000\n"
              "    link/ether 42:7a:f1:6b:79:cd brd ff:ff:ff:ff:ff:ff\n"
              "5: t0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop master br0 state DOWN mode DEFAULT group "
              "default qlen 1000\n"
              "    link/ether 5e:a5:14:00:5a:f2 brd ff:ff:ff:ff:ff:ff\n"
              "6: va.8@va: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT "
              "group default qlen 1000\n"
              "    link/ether 42:7a:f1:6b:79:cd brd ff:ff:ff:ff:ff:ff\n");
}

TEST_F(ShownLinks, Statistics) {
    EXPECT_EQ(shell("ip -s link show br0"),
              "2: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group "
              "default qlen 1000\n"
              "    link/ether 42:7a:f1:6b:79:cd brd ff:ff:ff:ff:ff:ff\n"
              "    RX:  bytes packets errors dropped  missed   mcast           \n"
              "           356       5      0       0       0       5 \n"
              "    TX:  bytes packets errors dropped carrier collsns           \n"
              "           850       9      0       0       0       0 \n");
    EXPECT_EQ(shell("ip -o -s link show br0"),
              "2: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group "
              "default qlen 1000\\"
              "    link/ether 42:7a:f1:6b:79:cd brd ff:ff:ff:ff:ff:ff\\"
              "    RX:  bytes packets errors dropped  missed   mcast           \\"
              "           356       5      0       0       0       5 \\"
              "    TX:  bytes packets errors dropped carrier collsns           \\"
              "           850       9      0       0       0       0 \n");
    EXPECT_EQ(shell("ip -j -s link show br0"), "");
    EXPECT_EQ(
        shell.data.dump(),
        R"([{"ifindex":2,"ifname":"br0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"qdisc":"noqueue",)"
        R"("operstate":"UP","linkmode":"DEFAULT","group":"default","txqlen":1000,"link_type":"ether","address":"42:7a:f1:6b:79:cd",)"
        R"("broadcast":"ff:ff:ff:ff:ff:ff","stats64":{"rx":{"bytes":356,"packets":5,"errors":0,"dropped":0,"over_errors":0,"multicast":5},)"
        R"("tx":{"bytes":850,"packets":9,"errors":0,"dropped":0,"carrier_errors":0,"collisions":0}}}])");
}

TEST_F(ShownLinks, BriefAndOneLine) {
    EXPECT_EQ(shell("ip -br link"),
              "br0              UP             42:7a:f1:6b:79:cd <BROADCAST,MULTICAST,UP,LOWER_UP> \n"
              "va               UP             42:7a:f1:6b:79:cd <BROADCAST,MULTICAST,UP,LOWER_UP> \n"
              "t0               DOWN           5e:a5:14:00:5a:f2 <BROADCAST,MULTICAST> \n"
              "va.8@va          UP             42:7a:f1:6b:79:cd <BROADCAST,MULTICAST,UP,LOWER_UP> \n");
    EXPECT_EQ(shell("ip -o link show t0"),
              "5: t0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop master br0 state DOWN mode DEFAULT group "
              "default qlen 1000\\"
              "    link/ether 5e:a5:14:00:5a:f2 brd ff:ff:ff:ff:ff:ff\n");
    EXPECT_EQ(shell("ip -j -br link show va.8"), "");
    EXPECT_EQ(
        shell.data.dump(),
        R"([{"link":"va","ifname":"va.8","operstate":"UP","address":"42:7a:f1:6b:79:cd","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"]}])");
}

TEST_F(ShownLinks, Filters) {
    const auto names = [&](const std::string& line) {
        EXPECT_EQ(shell("-j " + line), "") << line;
        std::string all;
        for (const auto& link : shell.data)
            all += link["ifname"].get<std::string>() + " ";
        return all;
    };
    EXPECT_EQ(names("ip link show"), "br0 va t0 va.8 ");
    EXPECT_EQ(names("ip link show up"), "br0 va va.8 ");
    EXPECT_EQ(names("ip link show master br0"), "va t0 ");
    EXPECT_EQ(names("ip link show type bridge"), "br0 ");
    EXPECT_EQ(names("ip link show type vlan"), "va.8 ");
    EXPECT_EQ(names("ip link show type bridge_slave"), "va t0 ");
    EXPECT_EQ(names("ip link show dev va"), "va ");
}

TEST_F(ShownLinks, CarrierIsFollowedUpwards) {
    shell.live.links["va"].carrier = false;
    shell.live.links["va.8"].carrier = false;
    EXPECT_EQ(shell("ip -br link show va"),
              "va               DOWN           42:7a:f1:6b:79:cd <NO-CARRIER,BROADCAST,MULTICAST,UP> \n");
    EXPECT_EQ(shell("ip -br link show va.8"),
              "va.8@va          LOWERLAYERDOWN 42:7a:f1:6b:79:cd <NO-CARRIER,BROADCAST,MULTICAST,UP> \n");
    ASSERT_EQ(shell("ip link set va down"), "");
    EXPECT_EQ(
        shell("ip -br link show va.8"),
        "va.8@va          LOWERLAYERDOWN 42:7a:f1:6b:79:cd <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> \n");
}

TEST_F(ShownLinks, Details) {
    EXPECT_EQ(shell("ip -d link show va.8"),
              "6: va.8@va: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT "
              "group default qlen 1000\n"
              "    link/ether 42:7a:f1:6b:79:cd brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 68 "
              "maxmtu 65535 \n"
              "    vlan protocol 802.1Q id 8 <REORDER_HDR> \n");
    EXPECT_NE(shell("ip -d link show br0").find(" group_fwd_mask 0 group_address"), std::string::npos);
    EXPECT_EQ(shell("ip -d -j link show br0"), "");
    EXPECT_EQ(shell.data[0]["linkinfo"]["info_data"]["group_fwd_mask"], "0") << "iproute2 6.1";
    EXPECT_EQ(shell("ip link set br0 type bridge group_fwd_mask 8"), "");
    EXPECT_NE(shell("ip -d link show br0").find(" group_fwd_mask 0x8 group_address"), std::string::npos);
    EXPECT_EQ(shell("ip -d -j link show va"), "");
    const auto& info = shell.data[0]["linkinfo"];
    EXPECT_EQ(info["info_slave_kind"], "bridge");
    EXPECT_EQ(info["info_slave_data"]["state"], "forwarding");
    EXPECT_EQ(info["info_slave_data"]["learning"], true);
    EXPECT_EQ(info["info_slave_data"]["no"], "0x1");
    EXPECT_EQ(shell("ip -d -j link show br0"), "");
    EXPECT_EQ(shell.data[0]["linkinfo"]["info_kind"], "bridge");
    EXPECT_EQ(shell.data[0]["linkinfo"]["info_data"]["vlan_filtering"], 1);
    EXPECT_EQ(shell.data[0]["linkinfo"]["info_data"]["bridge_id"], "8000.42:7a:f1:6b:79:cd");
}

}  // namespace
}  // namespace weft
