// What no single command can see.
#include "control/model/validate.hpp"

#include <gtest/gtest.h>

#include "control/bridge/edit.hpp"
#include "control/link/edit.hpp"

namespace weft {
namespace {

std::string fault(const Model& model) {
    const auto valid = validate(model);
    return valid ? "" : valid.error().message;
}

PortSpec null_port() {
    PortSpec port;
    port.kind = NullPort{};
    return port;
}

Model with_port_and_bridge() {
    Model model;
    add_link(model, "p0", {.kind = null_port()});
    add_link(model, "br0", {.kind = new_bridge()});
    return model;
}

TEST(Validate, TakesAnEmptyModelAndASimpleOne) {
    EXPECT_EQ(fault({}), "");
    auto model = with_port_and_bridge();
    join_bridge(model, "p0", "br0");
    EXPECT_EQ(fault(model), "");
}

TEST(Validate, Names) {
    Model model;
    add_link(model, "sixteen-letters-", {.kind = null_port()});
    EXPECT_EQ(fault(model),
              "\"sixteen-letters-\" is no interface name: 1 to 15 characters, no '/', ':', '%' or blank");
    Model all;
    add_link(all, "all", {.kind = null_port()});
    EXPECT_EQ(fault(all), "\"all\" stands for every interface in the kernel's settings: take another name");
    Model any;
    add_link(any, "any", {.kind = null_port()});
    EXPECT_EQ(fault(any), "\"any\" stands for every interface to tcpdump: take another name");
    Model twice = with_port_and_bridge();
    twice.order.push_back("p0");
    EXPECT_EQ(fault(twice), "the order of the links does not name each of them once");
}

TEST(Validate, VethPairsHaveTwoEnds) {
    Model model;
    add_link(model, "a", {.kind = VethSpec{"b"}});
    EXPECT_EQ(fault(model), "a: b is not the other end of its veth pair");
    add_link(model, "b", {.kind = VethSpec{"a"}});
    EXPECT_EQ(fault(model), "");
    model.links.at("b").kind = VethSpec{"b"};
    EXPECT_NE(fault(model), "");
    model.links.at("b").kind = new_bridge();
    EXPECT_EQ(fault(model), "a: b is not the other end of its veth pair");
}

TEST(Validate, ModeTunHasNoLinkLayer) {
    auto model = with_port_and_bridge();
    PortSpec tun;
    tun.kind = TuntapPort{.tun = true};
    add_link(model, "t", {.kind = tun});
    EXPECT_EQ(fault(model), "");
    auto member = model;
    join_bridge(member, "t", "br0");
    EXPECT_EQ(fault(member), "t: mode tun has no Ethernet header, so neither bridge nor address");
    auto addressed = model;
    addressed.links.at("t").address = MacAddress{{2, 0, 0, 0, 0, 1}};
    EXPECT_NE(fault(addressed), "");
    add_link(model, "t.8", {.kind = VlanSpec{.parent = "t", .vid = 8}});
    EXPECT_EQ(fault(model), "t.8: t has no Ethernet header for a tag");
}

TEST(Validate, SubInterfaces) {
    auto model = with_port_and_bridge();
    add_link(model, "p0.8", {.kind = VlanSpec{.parent = "p0", .vid = 8}});
    EXPECT_EQ(fault(model), "");
    add_link(model, "other", {.kind = VlanSpec{.parent = "p0", .tpid = ether_type::service_vlan, .vid = 8}});
    EXPECT_EQ(fault(model), "");
    add_link(model, "same", {.kind = VlanSpec{.parent = "p0", .vid = 8}});
    EXPECT_EQ(fault(model), "same: p0 has a sub-interface for VLAN 8 already");
    model.links.at("same").kind = VlanSpec{.parent = "p9", .vid = 8};
    EXPECT_EQ(fault(model), "same: the interface below it, p9, does not exist");
}

TEST(Validate, MtuOfASubInterfaceIsAtMostItsParents) {
    auto model = with_port_and_bridge();
    add_link(model, "p0.8", {.kind = VlanSpec{.parent = "p0", .vid = 8}});
    model.links.at("p0.8").mtu = 1600;
    EXPECT_EQ(fault(model), "") << "the device's own MTU is not known";
    model.links.at("p0").mtu = 1500;
    EXPECT_EQ(fault(model), "p0.8: MTU 1600 is more than the 1500 of p0 below it");
    model.links.at("p0.8").mtu = 67;
    EXPECT_EQ(fault(model), "p0.8: MTU 67 is below 68, which IP needs");
}

TEST(Validate, ABridgeCannotStandOnItself) {
    auto model = with_port_and_bridge();
    add_link(model, "br0.5", {.kind = VlanSpec{.parent = "br0", .vid = 5}});
    EXPECT_EQ(fault(model), "");
    join_bridge(model, "br0.5", "br0");
    EXPECT_NE(fault(model).find("would be a part of itself"), std::string::npos) << fault(model);
    add_link(model, "br1", {.kind = new_bridge()});
    join_bridge(model, "br0.5", "br1");
    EXPECT_EQ(fault(model), "");
    add_link(model, "br1.6", {.kind = VlanSpec{.parent = "br1", .vid = 6}});
    join_bridge(model, "br1.6", "br0");
    EXPECT_NE(fault(model).find("would be a part of itself"), std::string::npos) << fault(model);
}

TEST(Validate, NestingIsBounded) {
    auto model = with_port_and_bridge();
    std::string below = "p0";
    for (int i = 1; i <= 9; ++i) {
        EXPECT_EQ(fault(model), "") << i;
        const auto name = "v" + std::to_string(i);
        add_link(model, name, {.kind = VlanSpec{.parent = below, .vid = 1}});
        below = name;
    }
    EXPECT_EQ(fault(model), "v9 stands on more than 8 interfaces, one above the other");
}

TEST(Validate, Memberships) {
    auto model = with_port_and_bridge();
    model.links.at("p0").member.emplace().bridge = "br9";
    EXPECT_EQ(fault(model), "p0: the bridge br9 does not exist");
    model.links.at("p0").member->bridge = "p0";
    EXPECT_EQ(fault(model), "p0: p0 is not a bridge");
    model.links.at("p0").member.reset();
    model.links.at("br0").member.emplace().bridge = "br0";
    EXPECT_EQ(fault(model), "br0: a bridge cannot be a member of a bridge");
}

TEST(Validate, NothingStandsBehindTwoPorts) {
    Model model;
    PortSpec port;
    port.kind = DevargsPort{"0000:3b:00.0"};
    add_link(model, "p0", {.kind = port});
    port.kind = DevargsPort{"0000:3b:00.0,arg=1"};
    add_link(model, "p1", {.kind = port});
    EXPECT_EQ(fault(model), "port p1: the device 0000:3b:00.0,arg=1 belongs to port p0 already");
    std::get<PortSpec>(model.links.at("p0").kind).kind = TapPort{"far", ""};
    std::get<PortSpec>(model.links.at("p1").kind).kind = TapPort{"far", "host"};
    EXPECT_EQ(fault(model), "");
    std::get<PortSpec>(model.links.at("p1").kind).kind = TapPort{"far", ""};
    EXPECT_EQ(fault(model), "port p1: the far end far belongs to port p0 already");
    std::get<PortSpec>(model.links.at("p1").kind).kind = TapPort{"p0", ""};
    EXPECT_EQ(fault(model), "port p1: the far end p0 has the name of another interface of weft");
    std::get<PortSpec>(model.links.at("p0").kind).kind = VhostPort{"/run/vm0.sock", false};
    std::get<PortSpec>(model.links.at("p1").kind).kind = VhostPort{"/run/vm0.sock", true};
    EXPECT_EQ(fault(model), "port p1: the socket /run/vm0.sock belongs to port p0 already");
}

TEST(Validate, TheFarEndOfATapNeedsAName) {
    Model model;
    PortSpec port;
    port.kind = TapPort{};
    add_link(model, "fourteen-chars", {.kind = port});
    EXPECT_EQ(
        fault(model),
        "port fourteen-chars: \"fourteen-chars-k\" is too long for the far end's name: choose one with dev");
}

TEST(Validate, AGeneratorsFramesFitItsMtu) {
    Model model;
    PortSpec port;
    port.kind = GenPort{.size = 1600};
    add_link(model, "g", {.kind = port});
    EXPECT_EQ(fault(model), "port g: frames of 1600 bytes do not fit MTU 1500");
    model.links.at("g").mtu = 9000;
    EXPECT_EQ(fault(model), "");
}

TEST(Validate, AMemifsPathAndIdAreOnePorts) {
    Model model;
    PortSpec port;
    port.kind = MemifPort{"/run/m.sock", true, 1};
    add_link(model, "a", {.kind = port});
    port.kind = MemifPort{"/run/m.sock", true, 2};
    add_link(model, "b", {.kind = port});
    EXPECT_EQ(fault(model), "");
    port.kind = MemifPort{"/run/m.sock", false, 1};
    add_link(model, "c", {.kind = port});
    EXPECT_EQ(fault(model), "port c: /run/m.sock id 1 belongs to port a already");
}

TEST(Validate, ADeviceIsOnePortsOfEitherKind) {
    Model model;
    PortSpec port;
    port.kind = AfPacketPort{"eth1"};
    add_link(model, "a", {.kind = port});
    port.kind = AfXdpPort{"eth1"};
    add_link(model, "b", {.kind = port});
    EXPECT_EQ(fault(model), "port b: the device eth1 belongs to port a already");
}

TEST(Validate, VlansOfAllBridgesFitTheFdb) {
    Model model;
    for (int i = 0; i < 16; ++i) {
        auto bridge = new_bridge();
        bridge.vlan_filtering = true;
        add_vlans(bridge.vlans, {1, 4094}, {});
        add_link(model, "br" + std::to_string(i), {.kind = bridge});
    }
    EXPECT_EQ(fault(model), "") << "16 * 4095 = 65520";
    auto bridge = new_bridge();
    bridge.vlan_filtering = true;
    add_vlans(bridge.vlans, {1, 14}, {});
    add_link(model, "last", {.kind = bridge});
    EXPECT_EQ(fault(model), "65535 VLANs on all bridges together are too many: the FDB tells 65534 apart");
}

TEST(Validate, FdbEntriesStandAtOneInterface) {
    auto model = with_port_and_bridge();
    const MacAddress mac{{2, 0, 0, 0, 0, 9}};
    model.fdb[{"p0", mac, 0}] = {};
    EXPECT_EQ(fault(model), "FDB entry 02:00:00:00:00:09: p0 is no member of a bridge");
    join_bridge(model, "p0", "br0");
    EXPECT_EQ(fault(model), "");
    model.fdb[{"br0", mac, 0}] = {};
    EXPECT_EQ(fault(model), "FDB entry 02:00:00:00:00:09: br0 has it at two interfaces");
    model.fdb.erase({"br0", mac, 0});
    model.fdb[{"p0", mac, 7}] = {};
    EXPECT_EQ(fault(model), "FDB entry 02:00:00:00:00:09: p0 is no member of VLAN 7");
}

TEST(Validate, AddressesAndSysctlsBelongToInterfaces) {
    auto model = with_port_and_bridge();
    model.addresses.push_back({.device = "p9", .address = "10.0.0.1/24"});
    EXPECT_EQ(fault(model), "10.0.0.1/24: there is no interface p9");
    model.addresses[0].device = "p0";
    EXPECT_EQ(fault(model), "");
    model.addresses.push_back(model.addresses[0]);
    EXPECT_EQ(fault(model), "p0 has the address 10.0.0.1/24 twice");
    model.addresses.clear();
    model.sysctls["net.ipv4.neigh.p9.locktime"] = "1";
    EXPECT_EQ(fault(model), "net.ipv4.neigh.p9.locktime: there is no interface p9");
}

}  // namespace
}  // namespace weft
