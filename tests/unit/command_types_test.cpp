// What each argument type takes, and the values that handlers read.
#include <gtest/gtest.h>

#include <string>

#include "control/command/types.hpp"

namespace weft::command {
namespace {

struct Case {
    const char* type;
    const char* word;
    bool accepted;
};

class Types : public testing::TestWithParam<Case> {};

TEST_P(Types, Accept) {
    const std::string_view text = GetParam().type;
    const auto colon = text.find(':');
    const auto* type = find_type(text.substr(0, colon));
    ASSERT_NE(type, nullptr) << text;
    const auto parameter = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    ASSERT_TRUE(type->parameter_valid(parameter));
    EXPECT_EQ(type->accepts(GetParam().word, parameter), GetParam().accepted)
        << text << " " << GetParam().word;
    EXPECT_FALSE(type->describe(parameter).empty());
}

INSTANTIATE_TEST_SUITE_P(
    Words, Types,
    testing::Values(
        Case{"ifname", "eth0.8", true}, Case{"ifname", "a", true}, Case{"ifname", "fifteen-chars-x", true},
        Case{"ifname", "sixteen-chars-xx", false}, Case{"ifname", "", false}, Case{"ifname", ".", false},
        Case{"ifname", "..", false}, Case{"ifname", "a/b", false}, Case{"ifname", "a:1", false},
        Case{"ifname", "a%d", false}, Case{"ifname", "a b", false}, Case{"ifname", "a\tb", false},
        Case{"ifname", "...", true}, Case{"name", "conntrack-1", true}, Case{"name", "", false},
        Case{"name", "a b", false}, Case{"mac", "02:00:00:00:00:01", true},
        Case{"mac", "02:00:00:00:00", false}, Case{"mac", "02:00:00:00:00:01:02", false},
        Case{"mac", "02:00:00:00:00:0g", false}, Case{"ip4", "10.0.0.1", true}, Case{"ip4", "10.1", true},
        Case{"ip4", "10.0.0.1.2", false}, Case{"ip4", "10.0.0.256", false}, Case{"ip4", "10.0.0.", false},
        Case{"ip4", "fd00::1", false}, Case{"ip6", "fd00::1", true}, Case{"ip6", "::", true},
        Case{"ip6", "::ffff:10.0.0.1", true}, Case{"ip6", "fd00:::1", false}, Case{"ip6", "10.0.0.1", false},
        Case{"ip", "10.0.0.1", true}, Case{"ip", "fd00::1", true}, Case{"ip", "10.0.0.1/24", false},
        Case{"prefix", "10.0.0.1/24", true}, Case{"prefix", "10.0.0.1", true},
        Case{"prefix", "10.0.0.1/33", false}, Case{"prefix", "10.0.0.1/255.255.255.0", true},
        Case{"prefix", "10.0.0.1/255.0.255.0", false}, Case{"prefix", "fd00::1/64", true},
        Case{"prefix", "fd00::1/129", false}, Case{"prefix", "fd00::1/", false},
        Case{"prefix", "x/24", false}, Case{"uint", "4294967295", true}, Case{"uint", "4294967296", false},
        Case{"uint", "-1", false}, Case{"uint", "+1", false}, Case{"uint", " 1", false},
        Case{"uint", "", false}, Case{"uint", "1x", false}, Case{"uint", "0x10", true},
        Case{"uint", "010", true}, Case{"uint", "08", false}, Case{"uint", "0x", false},
        Case{"uint", "99999999999999999999", false}, Case{"uint:68..65535", "68", true},
        Case{"uint:68..65535", "67", false}, Case{"uint:68..65535", "65536", false},
        Case{"uint:0..0xffffffffffffffff", "18446744073709551615", true}, Case{"int:-5..5", "-5", true},
        Case{"int:-5..5", "-6", false}, Case{"int", "-2147483648", true}, Case{"hex", "0xff", true},
        Case{"hex", "0xfg", false}, Case{"mask", "0x8", true}, Case{"mask", "65536", false},
        Case{"bool01", "0", true}, Case{"bool01", "1", true}, Case{"bool01", "on", false},
        Case{"onoff", "on", true}, Case{"onoff", "off", true}, Case{"onoff", "1", false},
        Case{"onoff01", "0", true}, Case{"onoff01", "yes", false}, Case{"vid", "1", true},
        Case{"vid", "4094", true}, Case{"vid", "0", false}, Case{"vid", "4095", false},
        Case{"vidrange", "10-20", true}, Case{"vidrange", "10", true}, Case{"vidrange", "20-10", false},
        Case{"vidrange", "10-", false}, Case{"vidrange", "1-4095", false}, Case{"vlanproto", "802.1Q", true},
        Case{"vlanproto", "802.1AD", true}, Case{"vlanproto", "0x88a8", true},
        Case{"vlanproto", "0x0800", false}, Case{"vlanproto", "802.1x", false}, Case{"path", "/a b", true},
        Case{"path", "", false}, Case{"text", "", true}, Case{"word", "-x", false}, Case{"word", "x", true},
        Case{"cpu", "1023", true}, Case{"cpu", "1024", false}, Case{"cpulist", "0,2-5,8-15:2", true},
        Case{"cpulist", "1,", false}, Case{"cpulist", "5-2", false}, Case{"cpulist", "1:0", false}));

TEST(TypeValues, ReadsPrefixesCanonically) {
    EXPECT_EQ(to_string(*parse_prefix("10.1/16")), "10.1.0.0/16");
    EXPECT_EQ(to_string(*parse_prefix("10.0.0.1/255.255.254.0")), "10.0.0.1/23");
    EXPECT_EQ(to_string(*parse_prefix("FD00:0:0::1/64")), "fd00::1/64");
    EXPECT_EQ(to_string(*parse_prefix("10.0.0.1")), "10.0.0.1/32");
    EXPECT_FALSE(parse_prefix("10.0.0.1")->length_given);
    EXPECT_TRUE(parse_prefix("10.0.0.1/32")->length_given);
    EXPECT_EQ(to_string(*parse_prefix("0.0.0.0/0.0.0.0")), "0.0.0.0/0");
    EXPECT_EQ(to_string(*parse_address("::1"), true), "::1");
}

TEST(TypeValues, ReadsNumbersAsStrtoulDoes) {
    EXPECT_EQ(parse_unsigned("010"), 8u);
    EXPECT_EQ(parse_unsigned("0x1F"), 31u);
    EXPECT_EQ(parse_unsigned("0"), 0u);
    EXPECT_EQ(parse_signed("-0x10"), -16);
    EXPECT_EQ(parse_signed("9223372036854775808"), std::nullopt);
    EXPECT_EQ(parse_vid_range("0x10-20")->first, 16);
    EXPECT_EQ(parse_vlan_protocol("802.1ad"), ether_type::service_vlan);
    EXPECT_EQ(parse_switch("on"), true);
}

TEST(TypeValues, UnknownTypeIsNull) {
    EXPECT_EQ(find_type("integer"), nullptr);
}

}  // namespace
}  // namespace weft::command
