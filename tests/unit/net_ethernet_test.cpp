#include <gtest/gtest.h>

#include "dataplane/stage.hpp"
#include "weft/counters.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/net/ip.hpp"
#include "weft/packet.hpp"
#include "weft/port.hpp"
#include "weft/publish.hpp"
#include "weft/topology.hpp"

namespace weft {
namespace {

TEST(MacAddress, ParsesWhatItPrints) {
    const auto mac = parse_mac("02:AB:cd:00:0f:f0");
    ASSERT_TRUE(mac);
    EXPECT_EQ(to_string(*mac), "02:ab:cd:00:0f:f0");
    EXPECT_EQ(MacAddress::from_raw(mac->raw()), *mac);
}

TEST(MacAddress, RefusesWhatIsNotSixBytes) {
    for (const auto* text : {"", "02", "02:ab:cd:00:0f", "02:ab:cd:00:0f:f0:01", "02:ab:cd:00:0f:g0",
                             "02:ab:cd:00:0f:100", "02:ab:cd:00:0f:f0 ", ":ab:cd:00:0f:f0"})
        EXPECT_FALSE(parse_mac(text)) << text;
}

// IEEE 802.1Q table 8-1.
TEST(MacAddress, KnowsLinkLocalGroupAddresses) {
    EXPECT_TRUE(parse_mac("01:80:c2:00:00:00")->is_link_local());
    EXPECT_TRUE(parse_mac("01:80:c2:00:00:0f")->is_link_local());
    EXPECT_FALSE(parse_mac("01:80:c2:00:00:10")->is_link_local());
    EXPECT_FALSE(parse_mac("01:80:c2:00:01:00")->is_link_local());
    EXPECT_FALSE(parse_mac("00:80:c2:00:00:00")->is_link_local());
}

TEST(BigEndian, LiesInWireOrder) {
    const be16 value{0x1234};
    EXPECT_EQ(reinterpret_cast<const unsigned char*>(&value)[0], 0x12);
    EXPECT_EQ(value.host(), 0x1234);
    EXPECT_EQ(be32{0x01020304}.raw(), 0x04030201u);
}

}  // namespace
}  // namespace weft
