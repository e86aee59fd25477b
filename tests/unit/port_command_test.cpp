// `port add|set|del|show`.
#include <gtest/gtest.h>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

const PortSpec& port(const Shell& shell, const std::string& name) {
    return std::get<PortSpec>(shell.model.find(name)->kind);
}

TEST(PortCommand, MakesEveryKind) {
    Shell shell;
    ASSERT_EQ(
        shell.type(R"(port add p0 up devargs 0000:3b:00.0 rxq 2 txq 3 desc 512 mtu 9000 mac 02:00:00:00:00:07
        port add p1 type af_packet dev eth1 up
        port add p2 type tap
        port add p3 type tap netns host1 dev eth0 mtu 1400
        port add p4 type pcap rx in.pcap tx out.pcap infinite
        port add p5 type null
        port add p6 type gen size 128 flows 1000 rate 5 count 6 src 02:00:00:00:00:01 dst ff:ff:ff:ff:ff:ff vlan 7
        port add p7 up type memif path /run/m.sock
        port add p8 type memif path @vpp role client id 4294967295 desc 512
        port add p9 type memif path /run/m.sock id 1 role server
        port add p10 type af_xdp dev eth2 up rxq 2
        port add p11 up type vhost-user path /run/vm0.sock
        port add p12 type vhost-user path /run/vm1.sock server queues 4 txq 2)"),
        "");
    EXPECT_EQ(std::get<DevargsPort>(port(shell, "p0").kind).devargs, "0000:3b:00.0");
    EXPECT_EQ(port(shell, "p0").rx_queues, 2);
    EXPECT_EQ(port(shell, "p0").tx_queues, 3);
    EXPECT_EQ(port(shell, "p0").descriptors, 512);
    EXPECT_EQ(shell.model.find("p0")->mtu, 9000);
    EXPECT_EQ(to_string(*shell.model.find("p0")->address), "02:00:00:00:00:07");
    EXPECT_TRUE(shell.model.find("p0")->up);
    EXPECT_EQ(std::get<AfPacketPort>(port(shell, "p1").kind).device, "eth1");
    EXPECT_TRUE(shell.model.find("p1")->up);
    EXPECT_EQ(std::get<TapPort>(port(shell, "p2").kind), TapPort{});
    EXPECT_EQ(std::get<TapPort>(port(shell, "p3").kind), (TapPort{"eth0", "host1"}));
    EXPECT_EQ(std::get<PcapPort>(port(shell, "p4").kind), (PcapPort{"in.pcap", "out.pcap", true}));
    EXPECT_TRUE(std::holds_alternative<NullPort>(port(shell, "p5").kind));
    const auto& gen = std::get<GenPort>(port(shell, "p6").kind);
    EXPECT_EQ(gen.size, 128);
    EXPECT_EQ(gen.flows, 1000U);
    EXPECT_EQ(gen.rate, 5U);
    EXPECT_EQ(gen.count, 6U);
    EXPECT_EQ(to_string(gen.destination), "ff:ff:ff:ff:ff:ff");
    EXPECT_EQ(gen.vid, 7);
    EXPECT_EQ(std::get<MemifPort>(port(shell, "p7").kind), (MemifPort{"/run/m.sock", true, 0}));
    EXPECT_EQ(std::get<MemifPort>(port(shell, "p8").kind), (MemifPort{"@vpp", false, 4294967295}));
    EXPECT_EQ(std::get<MemifPort>(port(shell, "p9").kind), (MemifPort{"/run/m.sock", true, 1}));
    EXPECT_EQ(std::get<AfXdpPort>(port(shell, "p10").kind).device, "eth2");
    const auto saved = save(shell.model);
    EXPECT_NE(saved.find("port add p7 up type memif path /run/m.sock\n"), std::string::npos) << saved;
    EXPECT_NE(saved.find("port add p8 type memif path @vpp role client id 4294967295 desc 512\n"),
              std::string::npos);
    EXPECT_NE(saved.find("port add p10 up type af_xdp dev eth2 rxq 2\n"), std::string::npos);
    EXPECT_EQ(std::get<VhostPort>(port(shell, "p11").kind), (VhostPort{"/run/vm0.sock", false}));
    EXPECT_EQ(port(shell, "p11").rx_queues, 1);
    EXPECT_EQ(std::get<VhostPort>(port(shell, "p12").kind), (VhostPort{"/run/vm1.sock", true}));
    EXPECT_EQ(port(shell, "p12").rx_queues, 4);
    EXPECT_EQ(port(shell, "p12").tx_queues, 2);
}

TEST(PortCommand, RefusesWhatIsWrong) {
    Shell shell;
    ASSERT_EQ(shell("port add p0 type null"), "");
    EXPECT_EQ(shell("port add p0 type null"),
              "[2] p0 exists already: choose another name, or remove p0 first");
    EXPECT_EQ(shell("port add p1 type pcap infinite tx f"),
              "[1] port add type pcap: infinite needs a file to receive from: rx FILE");
    EXPECT_TRUE(shell("port add p1 type null mac 01:00:00:00:00:00")
                    .starts_with("[1] \"01:00:00:00:00:00\" is wrong"));
    EXPECT_TRUE(shell("port add a-name-of-16-chr type null").starts_with("[1] "));
    EXPECT_TRUE(shell("port add p1 type null colour red").starts_with("[1] "));
    EXPECT_TRUE(shell("port add p1 type vhost-user").starts_with("[1] "));
    EXPECT_TRUE(shell("port add p1 type vhost-user path /s client server").starts_with("[1] "));
    EXPECT_TRUE(shell("port add p1 type vhost-user path /s queues 65").starts_with("[1] "));
    EXPECT_TRUE(shell("port add p1 type vhost-user path /s desc 512").starts_with("[1] "));
    EXPECT_EQ(shell("port add p1 type memif path m.sock"),
              "[2] m.sock is relative to a directory that weftd does not know: begin it with /");
    for (const char* type : {"vhost-user", "memif"})
        EXPECT_EQ(shell(std::string("port add p1 type ") + type + " path /etc/passwd"),
                  "[2] /etc/passwd is there and is no socket");
    EXPECT_EQ(shell.model.links.size(), 1U);
}

TEST(PortCommand, PlacesAQueue) {
    Shell shell;
    ASSERT_EQ(
        shell.type("port add p0 type null rxq 2\nport set p0 rxq 1 worker 2\nip link add br0 type bridge"),
        "");
    EXPECT_EQ(port(shell, "p0").placement, (std::map<std::uint16_t, unsigned>{{1, 2}}));
    EXPECT_EQ(shell("port set p0 rxq 2 worker 2"), "[2] port p0 has receive queues 0 to 1, not 2");
    EXPECT_EQ(shell("port set p0 rxq 0 worker 9"), "[2] no worker runs on CPU 9: workers run on 1, 2");
    EXPECT_EQ(shell("port set br0 rxq 0 worker 1"), "[2] br0 is not a port: ip link del br0 removes it");
    shell.running = false;
    EXPECT_EQ(shell("port set p0 rxq 0 worker 9"), "") << "a file may be for other CPUs";
}

TEST(PortCommand, GoesWithAllThatNamesIt) {
    Shell shell;
    ASSERT_EQ(shell.type(R"(port add p0 type null
        ip link add br0 type bridge
        ip link add link p0 name p0.8 type vlan id 8
        ip link set p0 master br0
        bridge fdb add 02:00:00:00:00:05 dev p0 master static
        ip addr add 10.0.0.1/24 dev p0.8
        ip link add br1 type bridge
        ip link set p0.8 master br1
        port del p0)"),
              "");
    EXPECT_EQ(save(shell.model), "ip link add br0 type bridge\nip link add br1 type bridge\n");
    EXPECT_EQ(shell("port del p0"), "[2] there is no port p0");
    EXPECT_EQ(shell("port del br0"), "[2] br0 is not a port: ip link del br0 removes it");
}

TEST(PortCommand, Shows) {
    Shell shell;
    ASSERT_EQ(shell.type("port add lan0 type null\nport add wan type null"), "");
    PortLive lan0;
    lan0.name = "lan0";
    lan0.type = "af_packet";
    lan0.driver = "af_packet";
    lan0.mac = *parse_mac("02:00:00:00:00:01");
    lan0.link = true;
    lan0.speed_mbps = 10000;
    shell.live.ports["lan0"] = lan0;
    shell.live.add("lan0", 3, "02:00:00:00:00:01");
    shell.live.links["lan0"].rx_packets = 7;
    auto wan = lan0;
    wan.name = "wan";
    wan.type = "null";
    wan.driver = "null";
    wan.link = false;
    wan.rx_queues = 2;
    shell.live.ports["wan"] = wan;
    EXPECT_EQ(shell("port show"),
              "port  type       driver     mtu   address            rxq  txq  link\n"
              "lan0  af_packet  af_packet  1500  02:00:00:00:00:01  1    1    up 10000Mb/s\n"
              "wan   null       null       1500  02:00:00:00:00:01  2    1    down\n");
    EXPECT_EQ(shell("port show wan"),
              "port  type  driver  mtu   address            rxq  txq  link\n"
              "wan   null  null    1500  02:00:00:00:00:01  2    1    down\n");
    EXPECT_EQ(shell("port show p9"), "[2] there is no port p9");
    EXPECT_EQ(shell("-j port show lan0"), "");
    EXPECT_EQ(
        shell.data.dump(),
        R"([{"ifname":"lan0","type":"af_packet","driver":"af_packet","mtu":1500,"address":"02:00:00:00:00:01",)"
        R"("link":"up","rxq":1,"txq":1,"stats64":{"rx_packets":7,"rx_bytes":0,"rx_errors":0,"rx_dropped":0,"rx_missed_errors":0,)"
        R"("tx_packets":0,"tx_bytes":0,"tx_errors":0,"tx_dropped":0}}])");
}

}  // namespace
}  // namespace weft
