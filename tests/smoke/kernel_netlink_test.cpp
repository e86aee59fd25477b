#include "control/kernel/netlink.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>

#include "control/kernel/sysctl.hpp"
#include "tests/smoke/kernel_namespaces.hpp"

namespace weft::test {
namespace {

class NetnsTest : public KernelTest {};
class NetlinkTest : public KernelTest {};

TEST(SysctlPath, AcceptsOnlyWordsBelowNet) {
    EXPECT_TRUE(is_sysctl_path("net/ipv4/conf/br0.8/rp_filter"));
    EXPECT_TRUE(is_sysctl_path("net/core/somaxconn"));
    for (const auto* bad : {"", "net", "net/", "kernel/panic", "net/../kernel/panic", "net/ipv4/..", "net//x",
                            "net/./x", "/net/x", "net/x/"})
        EXPECT_FALSE(is_sysctl_path(bad)) << bad;
}

TEST_F(NetnsTest, IsFoundByNameAndByPath) {
    auto by_path = Netns::open("/run/netns/" + host_->name);
    ASSERT_TRUE(by_path);
    EXPECT_EQ(by_path->inode(), netns_->inode());
    auto here = Netns::open("");
    ASSERT_TRUE(here);
    EXPECT_NE(here->inode(), netns_->inode());
}

TEST_F(NetnsTest, WhatIsNoneIsRefused) {
    auto missing = Netns::open("wk-none");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message, "network namespace wk-none does not exist: make it by `ip netns add`");
    auto file = Netns::open("/proc/self/ns/mnt");
    ASSERT_FALSE(file);
    EXPECT_EQ(file.error().message, "/proc/self/ns/mnt is not a network namespace");
    EXPECT_FALSE(Netns::open(".."));
}

TEST_F(NetnsTest, ScopesNestAndComeBack) {
    const auto here = Netns::current()->inode();
    auto inside = run_in(*netns_, [&]() -> Result<ino_t> {
        auto again = run_in(*netns_, [] { return Netns::current(); });
        EXPECT_EQ(again->inode(), netns_->inode());
        return Netns::current()->inode();
    });
    EXPECT_EQ(*inside, netns_->inode());
    EXPECT_EQ(Netns::current()->inode(), here);
}

TEST_F(NetnsTest, SysctlsAreThoseOfTheNamespace) {
    ASSERT_TRUE(write_sysctl(*netns_, "net/ipv4/ip_default_ttl", "77"));
    EXPECT_EQ(*read_sysctl(*netns_, "net/ipv4/ip_default_ttl"), "77");
    EXPECT_NE(*read_sysctl(*Netns::current(), "net/ipv4/ip_default_ttl"), "77");
    auto missing = read_sysctl(*netns_, "net/ipv4/no_such");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().message, "sysctl net/ipv4/no_such: No such file or directory");
    EXPECT_FALSE(write_sysctl(*netns_, "net/ipv4/ip_default_ttl", "many"));
}

TEST_F(NetlinkTest, LinksAreReadAndChanged) {
    must(host_->ip + "link add name a type veth peer name b");
    auto a = link("a");
    ASSERT_NE(a.index, 0);
    EXPECT_EQ(a.kind, "veth");
    EXPECT_FALSE(a.up());
    const MacAddress mac{{0x02, 0, 0, 0, 0, 0x77}};
    ASSERT_TRUE(netlink_->set_mtu(a.index, 1400));
    ASSERT_TRUE(netlink_->set_mac(a.index, mac));
    ASSERT_TRUE(netlink_->set_up(a.index, true));
    ASSERT_TRUE(netlink_->set_alias(a.index, "weft:/x"));
    ASSERT_TRUE(netlink_->set_flags(a.index, IFF_NOARP, IFF_NOARP));
    a = link("a");
    EXPECT_EQ(a.mtu, 1400u);
    EXPECT_EQ(a.mac, mac);
    EXPECT_TRUE(a.up());
    EXPECT_FALSE(a.carrier) << "the peer is down";
    EXPECT_TRUE(a.flags & IFF_NOARP);
    auto marked = netlink_->links("weft:");
    ASSERT_TRUE(marked);
    ASSERT_EQ(marked->size(), 1u);
    EXPECT_EQ(marked->front().name, "a");
    EXPECT_EQ(netlink_->links()->size(), 3u) << "lo, a, b";
    must(host_->ip + "link add lan type bridge");
    must(host_->ip + "link set dev b master lan");
    EXPECT_EQ(link("b").master, link("lan").index);
    ASSERT_TRUE(netlink_->delete_link(a.index));
    EXPECT_FALSE(exists("a"));
    EXPECT_FALSE(*netlink_->link(a.index));
}

TEST_F(NetlinkTest, ErrorsHaveTheKernelsWords) {
    auto mtu = netlink_->set_mtu(link("lo").index, 1U << 31);
    ASSERT_FALSE(mtu);
    EXPECT_NE(mtu.error().message.find("Invalid argument: mtu"), std::string::npos) << mtu.error().message;
    auto none = netlink_->set_up(4711, true);
    ASSERT_FALSE(none);
    EXPECT_EQ(none.error().message, "link 4711 up: No such device");
}

TEST_F(NetlinkTest, AddressesCarryProtocol119) {
    const int lo = link("lo").index;
    AddressRequest request;
    request.index = lo;
    request.address = "10.1.2.3/24";
    request.broadcast = "10.1.2.255";
    request.label = "lo:weft";
    ASSERT_TRUE(netlink_->add_address(request));
    AddressRequest six;
    six.index = lo;
    six.address = "fd00::5/64";
    six.nodad = true;
    ASSERT_TRUE(netlink_->add_address(six));
    AddressRequest peer;
    peer.index = lo;
    peer.address = "10.5.0.1";
    peer.peer = "10.5.0.2/30";
    peer.scope = "link";
    ASSERT_TRUE(netlink_->add_address(peer));
    must(host_->ip + "addr add 10.9.9.9/32 dev lo");

    std::map<std::string, KernelAddress> by_text;
    for (const auto& address : addresses(lo))
        by_text[address.address] = address;
    EXPECT_TRUE(by_text["10.1.2.3/24"].ours());
    EXPECT_EQ(by_text["10.1.2.3/24"].broadcast, "10.1.2.255");
    EXPECT_EQ(by_text["10.1.2.3/24"].label, "lo:weft");
    EXPECT_EQ(by_text["10.1.2.3/24"].scope, "global");
    EXPECT_TRUE(by_text["fd00::5/64"].ours());
    EXPECT_TRUE(by_text["fd00::5/64"].flags & IFA_F_NODAD);
    EXPECT_EQ(by_text["10.5.0.1"].peer, "10.5.0.2/30");
    EXPECT_EQ(by_text["10.5.0.1"].scope, "link");
    EXPECT_TRUE(by_text.contains("10.9.9.9/32"));
    EXPECT_FALSE(by_text["10.9.9.9/32"].ours());
    EXPECT_EQ(by_text["127.0.0.1/8"].scope, "host");

    auto twice = netlink_->add_address(request);
    ASSERT_FALSE(twice);
    EXPECT_NE(twice.error().message.find("address 10.1.2.3/24: File exists"), std::string::npos)
        << twice.error().message;
    for (const auto& r : {request, six, peer})
        EXPECT_TRUE(netlink_->delete_address(r)) << r.address;
    EXPECT_TRUE(netlink_->delete_address(request)) << "gone already";
    for (const auto& address : addresses())
        EXPECT_FALSE(address.ours());
}

TEST_F(NetlinkTest, ManyLinksAreDeletedAtOnceAndNoOther) {
    must("for n in $(seq 40); do " + host_->ip + "tuntap add dev t$n mode tap; done");
    must(host_->ip + "link set t40 group 7");
    std::vector<int> indexes;
    for (int n = 1; n < 40; ++n)
        indexes.push_back((*netlink_->link("t" + std::to_string(n)))->index);
    must(host_->ip + "link del t3");
    const auto begin = std::chrono::steady_clock::now();
    ASSERT_TRUE(netlink_->delete_links(indexes)) << "one that is gone is no error";
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
    for (int n = 1; n < 40; ++n)
        EXPECT_FALSE(*netlink_->link("t" + std::to_string(n))) << n;
    EXPECT_TRUE(*netlink_->link("t40"));
    EXPECT_TRUE(netlink_->delete_links({}));
}

TEST_F(NetlinkTest, MalformedAddressesAreRefused) {
    for (const auto* bad : {"", "10.0.0", "10.0.0.1/33", "10.0.0.1/", "fd00::/129", "x/24", "10.0.0.1/-1"}) {
        AddressRequest request;
        request.index = 1;
        request.address = bad;
        EXPECT_FALSE(netlink_->add_address(request)) << bad;
    }
}

}  // namespace
}  // namespace weft::test
