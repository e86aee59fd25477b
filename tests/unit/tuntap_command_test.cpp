// `ip tuntap` in iproute2's words (ip/iptuntap.c 6.1) and `tunctl` in uml-utilities'.
#include <gtest/gtest.h>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

const TuntapPort& port_of(Shell& shell, const std::string& name) {
    return std::get<TuntapPort>(std::get<PortSpec>(shell.model.find(name)->kind).kind);
}

TEST(TuntapCommand, MakesAndUnmakes) {
    Shell shell;
    ASSERT_EQ(shell.type(R"(ip tuntap add dev tap0 mod tap
        ip tuntap add dev tun0 mod tun
        ip tuntap add name x mode tap user 1000 group 5 pi vnet_hdr multi_queue one_queue
        ip tap add mode tap
        ip tuntap add mode tun user root group root)"),
              "");
    EXPECT_EQ(port_of(shell, "tap0"), TuntapPort{});
    EXPECT_EQ(port_of(shell, "tun0"), (TuntapPort{.tun = true}));
    EXPECT_EQ(
        port_of(shell, "x"),
        (TuntapPort{
            .pi = true, .one_queue = true, .vnet_hdr = true, .multi_queue = true, .user = 1000, .group = 5}));
    EXPECT_TRUE(shell.model.find("tap1")) << "the kernel's choice of a name";
    EXPECT_EQ(port_of(shell, "tun1"), (TuntapPort{.tun = true, .user = 0, .group = 0}));
    EXPECT_FALSE(shell.model.find("tap0")->up);
    ASSERT_EQ(shell.type("ip tuntap del dev tap0 mod tap\nip tuntap del tun0 mode tun\nip link delete tap1"),
              "");
    EXPECT_FALSE(shell.model.find("tap0"));
    EXPECT_FALSE(shell.model.find("tun0"));
    EXPECT_FALSE(shell.model.find("tap1"));
    EXPECT_EQ(shell("ip tuntap del dev nobody mode tap"), "") << "as iproute2, which makes and drops one";
}

TEST(TuntapCommand, RefusesInIproutesWords) {
    Shell shell;
    ASSERT_EQ(shell.type("ip tuntap add dev tap0 mode tap\nip tuntap add dev tun0 mode tun\n"
                         "ip link add br0 type bridge"),
              "");
    const std::pair<const char*, const char*> lines[] = {
        {"ip tuntap add dev x", "[1] You failed to specify a tunnel mode"},
        {"ip tuntap add dev tap0 mode tap", "[1] ioctl(TUNSETIFF): Device or resource busy"},
        {"ip tuntap add dev br0 mode tap", "[1] ioctl(TUNSETIFF): Device or resource busy"},
        {"ip tuntap del dev tap0 mode tun", "[1] ioctl(TUNSETIFF): Invalid argument"},
        {"ip tuntap del dev tap0 mode tap multi_queue", "[1] ioctl(TUNSETIFF): Invalid argument"},
        {"ip tuntap del dev br0 mode tap", "[1] ioctl(TUNSETIFF): Invalid argument"},
        {"ip tuntap add dev x mode tap user nobody-of-that-name", "[1] invalid user \"nobody-of-that-name\""},
        {"ip tuntap add dev x mode tap foo",
         "[255] Error: either \"name\" is duplicate, or \"foo\" is a garbage."},
        {"ip link set tun0 master br0", "[2] RTNETLINK answers: Invalid argument"},
        {"ip link set tun0 address 02:00:00:00:00:01", "[2] RTNETLINK answers: Operation not supported"},
        {"brctl addif br0 tun0", "[1] can't add tun0 to bridge br0: Invalid argument"},
        {"ip link add link tun0 name tun0.5 type vlan id 5",
         "[2] Error: 8021q: VLANs not supported on device."},
    };
    for (const auto& [line, said] : lines)
        EXPECT_EQ(shell(line), said) << line;
}

// printed by iproute2 6.1 on Linux 6.18
TEST(TuntapCommand, ShowsAsIproute2) {
    Shell shell;
    ASSERT_EQ(shell.type("ip tuntap add dev tap0 mode tap\nip tuntap add dev tun0 mode tun\n"
                         "ip tuntap add dev tm mode tap multi_queue vnet_hdr pi user 1000 group 0\n"
                         "ip link add br0 type bridge"),
              "");
    shell.live.add("tap0", 9, "e6:eb:23:e4:f1:65");
    shell.live.add("tun0", 10, "00:00:00:00:00:00");
    shell.live.add("tm", 11, "7a:69:3d:86:09:b5");
    shell.live.add("br0", 12, "7a:69:3d:86:09:b6");
    const std::string all =
        "tap0: tap persist\ntun0: tun persist\n"
        "tm: tap pi multi_queue vnet_hdr persist filter user 1000 group 0\n";
    EXPECT_EQ(shell("ip tuntap show"), all);
    EXPECT_EQ(shell("ip tuntap list"), all);
    EXPECT_EQ(shell("ip tuntap"), all);
    EXPECT_EQ(shell("ip tuntap show dev tun0"), "tun0: tun persist\n");
    EXPECT_EQ(shell("ip tuntap show mode tun"), "tun0: tun persist\n");
    EXPECT_EQ(shell("ip -j tuntap"), "");
    EXPECT_EQ(
        shell.data.dump(),
        R"([{"ifname":"tap0","flags":["tap","persist"]},{"ifname":"tun0","flags":["tun","persist"]},)"
        R"({"ifname":"tm","flags":["tap","pi","multi_queue","vnet_hdr","persist","filter"],"user":1000,"group":0}])");
    EXPECT_EQ(shell("ip link show tun0"),
              "10: tun0: <POINTOPOINT,MULTICAST,NOARP> mtu 1500 qdisc noop state DOWN mode DEFAULT group "
              "default qlen 500\n    link/none \n");
    EXPECT_EQ(
        shell("ip addr show type tun"),
        "9: tap0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default qlen 1000\n"
        "    link/ether e6:eb:23:e4:f1:65 brd ff:ff:ff:ff:ff:ff\n"
        "10: tun0: <POINTOPOINT,MULTICAST,NOARP> mtu 1500 qdisc noop state DOWN group default qlen 500\n"
        "    link/none \n"
        "11: tm: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default qlen 1000\n"
        "    link/ether 7a:69:3d:86:09:b5 brd ff:ff:ff:ff:ff:ff\n");
    EXPECT_EQ(
        shell("ip -d link show tap0"),
        "9: tap0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN mode DEFAULT group default qlen 1000\n"
        "    link/ether e6:eb:23:e4:f1:65 brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 68 maxmtu "
        "65521 \n    tun type tap pi off vnet_hdr off persist on \n");
}

TEST(TuntapCommand, SavesCanonically) {
    Shell shell;
    ASSERT_EQ(shell.type("ip tuntap add tap0 mod tap user 1000 vnet_hdr\nip tuntap add dev tun0 mod tun\n"
                         "ip link set tap0 mtu 1400 up address 02:00:00:00:00:01"),
              "");
    EXPECT_EQ(save(shell.model),
              "ip tuntap add dev tap0 mode tap vnet_hdr user 1000\n"
              "ip link set dev tap0 mtu 1400 address 02:00:00:00:00:01 up\n"
              "ip tuntap add dev tun0 mode tun\n");
}

TEST(TuntapCommand, Tunctl) {
    Shell shell;
    EXPECT_EQ(shell("tunctl -t tap1"), "Set 'tap1' persistent and owned by uid 0\n");
    EXPECT_EQ(port_of(shell, "tap1"), (TuntapPort{.user = 0}));
    EXPECT_EQ(shell("tunctl -u 1000 -t x -b"), "x\n");
    EXPECT_EQ(port_of(shell, "x").user, 1000U);
    EXPECT_EQ(shell("tunctl -u 0 -t x"), "Set 'x' persistent and owned by uid 0\n") << "a new owner";
    EXPECT_EQ(shell("tunctl -g 7 -t y"), "Set 'y' persistent and owned by gid 7\n");
    EXPECT_EQ(shell("tunctl"), "Set 'tap0' persistent and owned by uid 0\n");
    EXPECT_EQ(shell("tunctl -n"), "Set 'tun0' persistent and owned by uid 0\n");
    EXPECT_TRUE(port_of(shell, "tun0").tun);
    EXPECT_EQ(shell("tunctl -d tap1"), "Set 'tap1' nonpersistent\n");
    EXPECT_FALSE(shell.model.find("tap1"));
    EXPECT_EQ(shell("tunctl -d tun0"), "[1] TUNSETIFF: Invalid argument");
    EXPECT_EQ(shell("tunctl -u nobody-of-that-name"),
              "[1] 'nobody-of-that-name' is not a valid username or uid.");
}

}  // namespace
}  // namespace weft
