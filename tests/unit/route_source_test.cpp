// RFC 6724 section 5, and that it is the kernel's own choice: net/ipv6/addrconf.c, ipv6_dev_get_saddr.
#include <arpa/inet.h>
#include <gtest/gtest.h>

#include "dataplane/route/source_address.hpp"

namespace weft::test {
namespace {

IpAddress address(const std::string& text) {
    IpAddress a;
    EXPECT_EQ(inet_pton(AF_INET6, text.c_str(), a.bytes.data()), 1) << text;
    return a;
}

/// Interfaces 1, by which packets leave, and 2, and a device that is no interface.
class SourceTest : public testing::Test {
  protected:
    void own(const std::string& text, IfIndex interface = 1, bool avoided = false, bool temporary = false,
             std::uint8_t length = 64) {
        routing_.sources6.push_back({address(text), interface, length, avoided, temporary});
        if (interface == no_interface) return;
        if (routing_.interfaces.size() <= interface) routing_.interfaces.resize(interface + 1u);
        routing_.interfaces[interface].sources6.push_back(routing_.sources6.back());
    }
    void expect(const std::string& to, const std::string& source) {
        EXPECT_EQ(choose_source6(address(to), 1, routing_), address(source)) << to;
    }

    Routing routing_;
};

TEST_F(SourceTest, NothingWithoutAddresses) {
    expect("2001:db8::1", "::");
    own("2001:db8:9::1", 2);
    expect("fe80::1", "::");
    expect("ff02::1", "::");
}

TEST_F(SourceTest, Rule1SameAddress) {
    own("2001:db8:1::1");
    own("2001:db8:1::2");
    expect("2001:db8:1::2", "2001:db8:1::2");
}

TEST_F(SourceTest, Rule2Scope) {
    own("fe80::1");
    own("2001:db8:2::1", 2);
    expect("2001:db8:3::1", "2001:db8:2::1");  // of another interface
    expect("fe80::9", "fe80::1");
    expect("ff02::9", "fe80::1");
    expect("ff0e::9", "fe80::1");  // multicast: of this link alone
    own("2001:db8:1::1");
    expect("2001:db8:3::1", "2001:db8:1::1");
    expect("fe80::9", "fe80::1");
    expect("ff0e::9", "2001:db8:1::1");
    own("fec0::1", 2);
    expect("fec0::9", "fec0::1");
}

TEST_F(SourceTest, Rule2ADeviceThatIsNoInterface) {
    own("fe80::1");
    own("2001:db8:7::1", no_interface);
    expect("2001:db8:3::1", "2001:db8:7::1");
}

TEST_F(SourceTest, Rule3Deprecated) {
    own("2001:db8:1::1", 1, true);
    expect("2001:db8:1::9", "2001:db8:1::1");
    own("2001:db8:2::1", 2);
    expect("2001:db8:1::9", "2001:db8:2::1");  // before rule 5
    own("fd00::1");
    expect("2001:db8:1::9", "fd00::1");  // rule 5 before rule 6
    own("2001:db8:3::1");
    expect("2001:db8:1::9", "2001:db8:3::1");
}

TEST_F(SourceTest, Rule5OutgoingInterface) {
    own("2001:db8:1::1", 2);
    own("2001:db8:ffff::1");
    expect("2001:db8:1::9", "2001:db8:ffff::1");
}

TEST_F(SourceTest, Rule6Label) {
    own("2001:db8:1::1");
    own("fd00::1");
    own("2002:c000:201::1");
    own("2001:0:1::1");
    expect("fd77::1", "fd00::1");
    expect("2002:c633::1", "2002:c000:201::1");
    expect("2001:0:ffff::1", "2001:0:1::1");
    expect("2a00::1", "2001:db8:1::1");
}

TEST_F(SourceTest, Rule7Temporary) {
    own("2001:db8:1::aaaa", 1, false, true);
    own("2001:db8:1::1");
    expect("2001:db8:1::aaab", "2001:db8:1::1");
}

TEST_F(SourceTest, Rule8LongestPrefixButNoLongerThanTheNetworks) {
    own("2001:db8:1::1");
    own("2001:db8:2::1");
    own("2001:db8:2::8");
    expect("2001:db8:2::9", "2001:db8:2::1");  // the kernel's first
    expect("2001:db8:3::9", "2001:db8:2::1");
    expect("2001:db8:1:1::9", "2001:db8:1::1");
}

}  // namespace
}  // namespace weft::test
