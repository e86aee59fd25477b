// weft's own `show`, whose JSON other programs read (the contract's field names), and `ethtool`.
#include <gtest/gtest.h>

#include <algorithm>

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

// RFC 7422 section 3: who had an outside address and port follows from the rules alone.
TEST_F(ShowCommand, NatBlocks) {
    EXPECT_EQ(shell("show nat blocks"), "no rule gives blocks of ports\n");
    for (const char* protocol : {"tcp", "udp"})
        ASSERT_EQ(shell(std::string("iptables -t nat -A POSTROUTING -s 100.64.0.0/29 -p ") + protocol +
                        " -j SNAT --to-source 192.0.2.1-192.0.2.3:10000-19999 --port-block 3000"),
                  "");
    EXPECT_EQ(shell("show nat blocks"),
              "100.64.0.0-100.64.0.7 to 192.0.2.1-192.0.2.3, ports 10000-19999, 3000 each, 3 subscribers an "
              "address\n");
    EXPECT_EQ(shell("show nat blocks outside 192.0.2.2 port 15999"),
              "inside      outside    ports\n100.64.0.4  192.0.2.2  13000-15999\n");
    EXPECT_EQ(shell("show nat blocks inside 100.64.0.7"),
              "inside      outside    ports\n100.64.0.7  192.0.2.3  13000-15999\n");
    EXPECT_EQ(shell("show nat blocks outside 192.0.2.3"),
              "inside      outside    ports\n100.64.0.6  192.0.2.3  10000-12999\n"
              "100.64.0.7  192.0.2.3  13000-15999\n");
    for (const char* nobodys : {"outside 192.0.2.2 port 19000", "outside 192.0.2.2 port 80",
                                "outside 192.0.2.4", "outside 192.0.2.3 port 16000", "inside 100.64.0.8"})
        EXPECT_EQ(shell(std::string("show nat blocks ") + nobodys), "nobody has such a port\n") << nobodys;
    EXPECT_EQ(shell("-j show nat blocks inside 100.64.0.1"), "");
    EXPECT_EQ(shell.data.dump(), R"([{"inside":"100.64.0.1","outside":"192.0.2.1","ports":[13000,15999]}])");
    EXPECT_EQ(shell("-j show nat blocks"), "");
    EXPECT_EQ(shell.data.dump(),
              R"([{"inside":["100.64.0.0","100.64.0.7"],"outside":["192.0.2.1","192.0.2.3"],)"
              R"("ports":[10000,19999],"size":3000,"per_address":3}])");
    EXPECT_EQ(shell("show nat blocks inside fd00::1"),
              "[1] \"fd00::1\" is wrong: expected an address of IPv4");
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

struct ShowFlows : ShowCommand {
    static conntrack::Entry entry(const char* source, const char* destination, std::uint8_t protocol) {
        conntrack::Entry entry;
        entry.protocol = protocol;
        entry.timeout = 29;
        const auto from = command::parse_address(source), to = command::parse_address(destination);
        entry.v6 = from->v6;
        entry.original = {
            .source{from->bytes}, .destination{to->bytes}, .source_port = 1000, .destination_port = 53};
        entry.reply = {
            .source{to->bytes}, .destination{from->bytes}, .source_port = 53, .destination_port = 1000};
        return entry;
    }
    void SetUp() override {
        ShowCommand::SetUp();
        conntrack::Flow flow{.entry = entry("10.0.1.2", "10.0.2.2", 17), .worker = 1, .known = true};
        flow.original = {
            .kept = true,
            .hindrance = "the connection has been answered since",
            .in = "a",
            .out = "b",
            .gateway = "10.0.2.2",
            .gateway_mac = parse_mac("02:00:00:00:00:0b"),
            .mark = 3,
            .rules = {{hook::TableId::mangle, "PREROUTING", 1}, {hook::TableId::filter, "FORWARD", 0}},
            .more_rules = 7,
            .source_mac = parse_mac("02:00:00:00:00:0a"),
            .connection_mark = 5,
            .tcp_mask = 0x28,
            .tcp_flags = 0x08,
            .routes = true};
        flow.reply.slow = "no packet of it has come yet";
        shell.live.outcomes.all = {flow,
                                   {.entry = entry("fd00::1", "fd00::2", 6), .worker = 0, .known = false}};
    }
};

TEST_F(ShowFlows, Lists) {
    EXPECT_EQ(
        shell("show flows"),
        "udp      17 29 src=10.0.1.2 dst=10.0.2.2 sport=1000 dport=53 [UNREPLIED] src=10.0.2.2 dst=10.0.1.2 "
        "sport=53 dport=1000 mark=0 use=1 worker=1\n"
        "    original  kept      out b via 10.0.2.2 (02:00:00:00:00:0b), mark 0x3\n"
        "              rests on  in a, not answered yet, from MAC 02:00:00:00:00:0a, connection mark 0x5, "
        "TCP "
        "flags PSH,!URG, these rules and routes\n"
        "              rules     mangle PREROUTING 1, filter FORWARD policy and 7 more\n"
        "              slow way  the connection has been answered since\n"
        "    reply     slow way  no packet of it has come yet\n"
        "tcp      6 29 NONE src=fd00::1 dst=fd00::2 sport=1000 dport=53 [UNREPLIED] src=fd00::2 dst=fd00::1 "
        "sport=53 dport=1000 mark=0 use=1 worker=0\n"
        "    original  unknown   its worker does not run, or it has just ended\n"
        "    reply     unknown   its worker does not run, or it has just ended\n");
}

TEST_F(ShowFlows, SelectsAsConntrackDoes) {
    const auto count = [&](const std::string& words) {
        const auto text = shell("show flows " + words);
        return text == "no connection is tracked\n" ? -1 : std::count(text.begin(), text.end(), '=') / 11;
    };
    EXPECT_EQ(count("proto udp"), 1);
    EXPECT_EQ(count("proto 6"), 1);
    EXPECT_EQ(count("proto icmp"), -1);
    EXPECT_EQ(count("src 10.0.1.0/24"), 1);
    EXPECT_EQ(count("dst 10.0.1.0/24"), -1) << "of the original direction";
    EXPECT_EQ(count("dst fd00::2 src fd00::/16"), 1);
    EXPECT_EQ(count("src 0.0.0.0/0"), 1) << "of its family";
    EXPECT_EQ(shell("show flows proto nothing"), "[1] \"nothing\" is wrong: expected a protocol");
    EXPECT_EQ(shell("show flows src 10.0.0.1 dst fd00::1"),
              "[1] \"fd00::1\" is wrong: expected an address of the other's family");
    EXPECT_TRUE(shell("show flows src nowhere").starts_with("[1] show flows: \"nowhere\" is not "));
}

TEST_F(ShowFlows, AsJson) {
    EXPECT_EQ(shell("-j show flows src 10.0.0.0/8"), "");
    ASSERT_EQ(shell.data.size(), 1u);
    EXPECT_EQ(shell.data[0]["original"]["layer4"]["dport"], 53);
    EXPECT_EQ(shell.data[0]["worker"], 1);
    EXPECT_EQ(
        shell.data[0]["outcomes"].dump(),
        R"({"original":{"kept":true,"hindrance":"the connection has been answered since","iif":"a","oif":"b",)"
        R"("gateway":"10.0.2.2","lladdr":"02:00:00:00:00:0b","mark":3,"rules":[{"table":"mangle","chain":"PREROUTING",)"
        R"("number":1},{"table":"filter","chain":"FORWARD","policy":true}],"more_rules":7,"rests_on":{"answered":false,)"
        R"("mac_source":"02:00:00:00:00:0a","connmark":5,"tcp_flags":"PSH,!URG","routes":true}},)"
        R"("reply":{"kept":false,"last_slow":"no packet of it has come yet"}})");
    EXPECT_EQ(shell("-j show flows"), "");
    EXPECT_EQ(shell.data.size(), 2u);
    EXPECT_FALSE(shell.data[1].contains("outcomes"));
    EXPECT_EQ(shell("-j show flows proto icmp"), "");
    EXPECT_EQ(shell.data.dump(), "[]");
}

// Neither the answer nor the daemon's time for it may grow with the table.
TEST_F(ShowFlows, ComesInPieces) {
    const auto one = shell.live.outcomes.all.front();
    shell.live.outcomes.all.assign(5000, one);
    const auto text = shell("show flows");
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 5000 * 6);
    EXPECT_EQ(shell("-j show flows"), "");
    EXPECT_EQ(shell.data.size(), 5000u);
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
