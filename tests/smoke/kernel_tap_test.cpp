#include "control/kernel/tap.hpp"

#include <gtest/gtest.h>

#include <cstring>

#include "control/kernel/sysctl.hpp"
#include "tests/smoke/kernel_namespaces.hpp"

namespace weft::test {
namespace {

constexpr MacAddress tap_mac{{0x02, 0, 0, 0, 0x0a, 0x01}};

class KernelTapTest : public KernelTest {
  protected:
    Result<KernelTap> open(const std::string& name, const TapSettings& settings = {}) {
        return KernelTap::open(*netns_, *netlink_, name, socket_, settings);
    }
    std::string sysctl(const std::string& family, const std::string& name, const std::string& key) {
        auto value = read_sysctl(*netns_, "net/" + family + "/conf/" + name + "/" + key);
        return value ? *value : value.error().message;
    }
    std::optional<KernelAddress> address(int index, const std::string& text) {
        for (const auto& a : addresses(index))
            if (a.address == text) return a;
        return {};
    }
    static TapSettings running() {
        TapSettings settings;
        settings.mac = tap_mac;
        settings.carrier = settings.up = true;
        return settings;
    }
    /// What a weftd that was killed leaves: the TAP, up, with address and route.
    void leave(const std::string& name) {
        crash_after([&] {
            auto tap = open(name, running());
            return static_cast<bool>(tap);
        });
        must(host_->ip + "addr add 10.7.0.1/24 dev " + name);
        must(host_->ip + "route add 10.8.0.0/16 via 10.7.0.9 dev " + name);
    }
};

TEST_F(KernelTapTest, IsMadeAsTheContractSays) {
    TapSettings settings = running();
    settings.mtu = 9000;
    auto tap = open("br0.8", settings);
    ASSERT_TRUE(tap) << tap.error().message;
    EXPECT_FALSE(tap->adopted());
    const auto kernel = link("br0.8");
    EXPECT_EQ(kernel.index, tap->index());
    EXPECT_EQ(kernel.kind, "tun");
    EXPECT_EQ(kernel.alias, "weft:" + socket_);
    EXPECT_EQ(kernel.mtu, 9000u);
    EXPECT_EQ(kernel.mac, tap_mac);
    EXPECT_TRUE(kernel.up());
    EXPECT_TRUE(kernel.carrier);
    EXPECT_EQ(sysctl("ipv4", "br0.8", "rp_filter"), "0");
    EXPECT_EQ(sysctl("ipv6", "br0.8", "keep_addr_on_down"), "1");
    EXPECT_EQ(sysctl("ipv6", "br0.8", "forwarding"), "1");
    EXPECT_EQ(sysctl("ipv6", "br0.8", "addr_gen_mode"), "0");
    EXPECT_EQ(sysctl("ipv4", "all", "forwarding"), "0") << "the kernel's own forwarding is not touched";
    ASSERT_TRUE(tap->set_carrier(false));
    EXPECT_FALSE(link("br0.8").carrier);
    ASSERT_TRUE(tap->set_up(false));
    EXPECT_FALSE(link("br0.8").up());
    ASSERT_TRUE(tap->remove());
    EXPECT_FALSE(exists("br0.8"));
    EXPECT_TRUE(tap->remove()) << "a second time does nothing";
}

TEST_F(KernelTapTest, DefaultsAreDownAndWithoutCarrier) {
    auto tap = open("p0");
    ASSERT_TRUE(tap);
    EXPECT_FALSE(link("p0").up());
    EXPECT_FALSE(link("p0").carrier);
    EXPECT_EQ(link("p0").mtu, 1500u);
}

TEST_F(KernelTapTest, AForeignDeviceOfThatNameIsRefused) {
    must(host_->ip + "link add p0 type veth peer name q0");
    auto tap = open("p0");
    ASSERT_FALSE(tap);
    EXPECT_EQ(tap.error().message,
              "p0 exists in the kernel and is not weft's: delete or rename it there, or take another name");
    must(host_->ip + "link set p0 alias weft:/run/other.sock");
    tap = open("p0");
    ASSERT_FALSE(tap);
    EXPECT_EQ(tap.error().message,
              "p0 belongs to the weftd on /run/other.sock: take another name, or delete it there");
    must(host_->ip + "link set p0 alias weft:" + socket_);
    tap = open("p0");
    ASSERT_FALSE(tap);
    EXPECT_EQ(tap.error().message, "p0 carries weft's alias but is not a TAP: delete it");
    EXPECT_FALSE(open("a-name-too-long-"));
    EXPECT_FALSE(open(""));
}

TEST_F(KernelTapTest, WhatACrashLeftIsAdoptedWithAddressesAndRoutes) {
    leave("br0");
    const int index = link("br0").index;
    ASSERT_NE(index, 0);
    EXPECT_FALSE(link("br0").carrier);
    auto tap = open("br0", running());
    ASSERT_TRUE(tap) << tap.error().message;
    EXPECT_TRUE(tap->adopted());
    EXPECT_EQ(tap->index(), index);
    EXPECT_TRUE(link("br0").carrier);
    EXPECT_TRUE(address(index, "10.7.0.1/24"));
    EXPECT_NE(shell(host_->ip + "route show").find("10.8.0.0/16 via 10.7.0.9"), std::string::npos);
}

TEST_F(KernelTapTest, OneThatALiveProcessHoldsIsRefused) {
    auto tap = open("br0");
    ASSERT_TRUE(tap);
    auto second = open("br0");
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().message, "TAP br0: a running process holds it: end that first");
    EXPECT_FALSE(remove_leftover_taps(*netns_, *netlink_, socket_));
    EXPECT_TRUE(exists("br0"));
}

TEST_F(KernelTapTest, LeftoversGoButForThoseClaimed) {
    for (const auto* name : {"a0", "b0", "c0"})
        crash_after([&] { return static_cast<bool>(open(name)); });
    must(host_->ip + "tuntap add dev foreign mode tap");
    auto other = KernelTap::open(*netns_, *netlink_, "other0", socket_ + "x", {});
    ASSERT_TRUE(other);
    auto claimed = open("b0");
    ASSERT_TRUE(claimed);
    auto removed = remove_leftover_taps(*netns_, *netlink_, socket_, {"b0"});
    ASSERT_TRUE(removed) << removed.error().message;
    EXPECT_EQ(*removed, (std::set<std::string>{"a0", "c0"}));
    EXPECT_FALSE(exists("a0"));
    EXPECT_FALSE(exists("c0"));
    EXPECT_TRUE(exists("b0"));
    EXPECT_TRUE(exists("foreign"));
    EXPECT_TRUE(exists("other0"));
}

TEST_F(KernelTapTest, ADeletedOneIsASentence) {
    auto tap = open("br0");
    ASSERT_TRUE(tap);
    must(host_->ip + "link del br0");
    EXPECT_FALSE(*tap->state());
    auto mtu = tap->set_mtu(1400);
    ASSERT_FALSE(mtu);
    EXPECT_EQ(mtu.error().message, "TAP br0 was deleted in the kernel");
    EXPECT_TRUE(tap->remove());
}

TEST_F(KernelTapTest, Ipv6AddressesSurviveDown) {
    auto tap = open("br0", running());
    ASSERT_TRUE(tap);
    must(host_->ip + "addr add fd00::1/64 dev br0 nodad");
    ASSERT_TRUE(tap->set_up(false));
    ASSERT_TRUE(tap->set_up(true));
    EXPECT_TRUE(address(tap->index(), "fd00::1/64"));
}

TEST_F(KernelTapTest, ABridgeMemberHasNoLinkLocalAddress) {
    TapSettings settings = running();
    settings.bridge_member = true;
    auto member = open("p0", settings);
    ASSERT_TRUE(member);
    auto bridge = open("br0", running());
    ASSERT_TRUE(bridge);
    ASSERT_TRUE(eventually([&] { return address(bridge->index(), "fe80::ff:fe00:a01/64").has_value(); }));
    EXPECT_TRUE(addresses(member->index()).empty());
    EXPECT_EQ(sysctl("ipv6", "p0", "addr_gen_mode"), "1");
    ASSERT_TRUE(member->set_bridge_member(false));
    EXPECT_EQ(sysctl("ipv6", "p0", "addr_gen_mode"), "0");
}

TEST_F(KernelTapTest, SettingsComeBackAfterAnMtuTooSmallForIpv6) {
    auto tap = open("br0", running());
    ASSERT_TRUE(tap);
    ASSERT_TRUE(tap->set_mtu(600));
    EXPECT_EQ(link("br0").mtu, 600u);
    ASSERT_TRUE(tap->set_mtu(1500));
    EXPECT_EQ(sysctl("ipv6", "br0", "keep_addr_on_down"), "1");
    EXPECT_EQ(sysctl("ipv6", "br0", "forwarding"), "1");
}

TEST_F(KernelTapTest, DuplicateAddressDetectionEnds) {
    auto tap = open("br0", running());
    ASSERT_TRUE(tap);
    must(host_->ip + "addr add fd00::1/64 dev br0");
    EXPECT_TRUE(address(tap->index(), "fd00::1/64")->tentative());
    EXPECT_TRUE(eventually([&] { return !address(tap->index(), "fd00::1/64")->tentative(); }));
    EXPECT_FALSE(address(tap->index(), "fd00::1/64")->dad_failed());
}

/// Neighbour advertisement (RFC 4861 4.4) of fd00::1 by somebody else, with ten bytes of virtio header.
std::vector<std::uint8_t> advertisement() {
    std::vector<std::uint8_t> frame{0x33, 0x33, 0, 0, 0, 1, 2, 0, 0, 0, 0x0b, 1, 0x86, 0xdd};
    std::vector<std::uint8_t> ip{0x60, 0, 0, 0, 0, 24, 58, 255};
    std::vector<std::uint8_t> address{0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    std::vector<std::uint8_t> all_nodes{0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    std::vector<std::uint8_t> icmp{136, 0, 0, 0, 0x20, 0, 0, 0};
    icmp.insert(icmp.end(), address.begin(), address.end());
    std::uint32_t sum = 24 + 58;
    for (const auto* part : {&address, &all_nodes, &icmp})
        for (std::size_t i = 0; i < part->size(); i += 2)
            sum += static_cast<std::uint32_t>((*part)[i] << 8 | (*part)[i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    icmp[2] = static_cast<std::uint8_t>(~sum >> 8);
    icmp[3] = static_cast<std::uint8_t>(~sum);
    for (const auto* part : {&ip, &address, &all_nodes, &icmp})
        frame.insert(frame.end(), part->begin(), part->end());
    frame.insert(frame.begin(), 10, 0);
    return frame;
}

TEST_F(KernelTapTest, DuplicateAddressDetectionFindsADuplicate) {
    auto tap = open("br0", running());
    ASSERT_TRUE(tap);
    must(host_->ip + "addr add fd00::1/64 dev br0");
    const auto frame = advertisement();
    EXPECT_TRUE(eventually([&] {
        [[maybe_unused]] const auto n = write(tap->descriptor(), frame.data(), frame.size());
        const auto found = address(tap->index(), "fd00::1/64");
        return found && found->dad_failed();
    }));
}

}  // namespace
}  // namespace weft::test
