// weft's own `show`, whose JSON other programs read (the contract's field names), and `ethtool`.
#include <gtest/gtest.h>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

struct ShowCommand : testing::Test {
    Shell shell;
    void SetUp() override {
        ASSERT_EQ(shell.type("port add lan0 type null\nip link add br0 type bridge"), "");
    }
};

TEST_F(ShowCommand, Drops) {
    EXPECT_EQ(shell("show drops"), "no packet was dropped\n");
    EXPECT_EQ(shell("-j show drops"), "");
    EXPECT_EQ(shell.data.dump(), "[]");
    shell.live.dropped = {{"lan0", "ingress/runt", "shorter than an Ethernet header", 3, 30},
                          {"br0", "bridge/no_port", "no other port takes the flooded frame", 12345, 1234500},
                          {"br0", "bridge/isolated", "both ports are isolated", 0, 0}};
    EXPECT_EQ(shell("show drops"),
              "interface  reason          packets    bytes  meaning\n"
              "lan0       ingress/runt          3       30  shorter than an Ethernet header\n"
              "br0        bridge/no_port    12345  1234500  no other port takes the flooded frame\n");
    EXPECT_EQ(shell("-j show drops lan0"), "");
    EXPECT_EQ(shell.data.dump(), R"([{"ifname":"lan0","reason":"ingress/runt","packets":3,"bytes":30}])");
    EXPECT_EQ(shell("show drops eth9"), "[2] there is no interface eth9");
}

TEST_F(ShowCommand, Workers) {
    shell.live.working = {{.worker = 0,
                           .cpu = 2,
                           .busy = 0.125,
                           .packets = 77,
                           .handed_over = 5,
                           .queues = {{"lan0", 0}, {"wan", 1}}}};
    EXPECT_EQ(shell("show workers"),
              "worker  cpu   busy  packets  handed over  queues\n"
              "     0    2  12.5%       77            5  lan0:0 wan:1\n");
    EXPECT_EQ(shell("-j show workers"), "");
    EXPECT_EQ(
        shell.data.dump(),
        R"([{"worker":0,"cpu":2,"busy":0.125,"packets":77,"handed_over":5,"queues":["lan0:0","wan:1"]}])");
}

TEST_F(ShowCommand, Runtime) {
    shell.live.staged = {
        {.worker = 1, .stage = "bridge", .packets = 640, .clocks_per_packet = 17.5, .packets_per_batch = 64}};
    EXPECT_EQ(shell("show runtime"),
              "worker  stage   packets  clocks/packet  packets/batch\n"
              "1       bridge      640           17.5           64.0\n");
    EXPECT_EQ(shell("-j show runtime"), "");
    EXPECT_EQ(
        shell.data.dump(),
        R"([{"worker":1,"stage":"bridge","packets":640,"clocks_per_packet":17.5,"packets_per_batch":64.0}])");
}

TEST_F(ShowCommand, MemoryAndVersion) {
    shell.live.tables = {{"fdb", 16777216, 10, 1048576}, {"heap", 4096}};
    EXPECT_EQ(shell("show memory"),
              "what     bytes  used  capacity\n"
              "fdb   16777216    10   1048576\n"
              "heap      4096     -         -\n");
    EXPECT_EQ(shell("-j show version"), "");
    EXPECT_TRUE(shell.data.is_object());
    EXPECT_FALSE(shell.data["version"].get<std::string>().empty());
    EXPECT_TRUE(shell.data["dpdk"].get<std::string>().starts_with("DPDK "));
    const auto both =
        "weft " + shell.data["version"].get<std::string>() + ", " + shell.data["dpdk"].get<std::string>();
    EXPECT_EQ(shell("show version"), both + "\n");
}

struct EthtoolCommand : ShowCommand {
    void SetUp() override {
        ShowCommand::SetUp();
        PortLive port;
        port.name = "lan0";
        port.driver = "af_packet";
        port.offloads = {"checksum", "tcp4_gso", "multi_segment"};
        port.statistics = {{"rx_packets", 5}, {"rx_kernel_drops", 2}};
        shell.live.ports["lan0"] = port;
    }
};

TEST_F(EthtoolCommand, StatisticsAndDriver) {
    EXPECT_EQ(shell("ethtool -S lan0"), "NIC statistics:\n     rx_packets: 5\n     rx_kernel_drops: 2\n");
    EXPECT_TRUE(shell("ethtool -i lan0").starts_with("driver: af_packet\nversion: \nfirmware-version: \n"));
    EXPECT_NE(shell("ethtool -i lan0").find("supports-statistics: yes\n"), std::string::npos);
}

TEST_F(EthtoolCommand, Features) {
    EXPECT_EQ(shell("ethtool -k lan0"),
              "Features for lan0:\n"
              "tx-checksumming: on [fixed]\n"
              "\ttx-checksum-ip-generic: on [fixed]\n"
              "scatter-gather: on [fixed]\n"
              "\ttx-scatter-gather: on [fixed]\n"
              "tcp-segmentation-offload: on [fixed]\n"
              "\ttx-tcp-segmentation: on [fixed]\n"
              "\ttx-tcp-ecn-segmentation: off [fixed]\n"
              "\ttx-tcp6-segmentation: off [fixed]\n"
              "tx-vlan-offload: off [fixed]\n"
              "tx-udp-segmentation: off [fixed]\n");
    EXPECT_EQ(shell("ethtool --json -k lan0"), "");
    EXPECT_EQ(shell.data[0]["ifname"], "lan0");
    EXPECT_EQ(shell.data[0]["tx-checksumming"].dump(), R"({"active":true,"fixed":null,"requested":null})");
    EXPECT_EQ(shell.data[0]["tx-checksum-ip-generic"].dump(),
              R"({"active":true,"fixed":true,"requested":true})");
    EXPECT_EQ(shell.data[0]["tx-vlan-offload"].dump(), R"({"active":false,"fixed":true,"requested":false})");
}

TEST_F(EthtoolCommand, RefusesInEthtoolsWords) {
    EXPECT_EQ(shell("ethtool -S vx"), "[96] Cannot get stats strings information: No such device");
    EXPECT_EQ(shell("ethtool -i vx"), "[71] Cannot get driver information: No such device");
    EXPECT_EQ(shell("ethtool -k vx"), "[1] netlink error: No such device");
    EXPECT_EQ(shell("ethtool -S br0"), "[94] no stats available");
    EXPECT_TRUE(shell("ethtool -i br0").starts_with("driver: bridge\n"));
}

}  // namespace
}  // namespace weft
