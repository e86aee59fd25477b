// A configuration text becomes a model, or an error that points into it.
#include <gtest/gtest.h>

#include "control/model/load.hpp"
#include "control/model/save.hpp"

namespace weft {
namespace {

constexpr const char* example = R"(port add lan0 up type af_packet dev veth-lan0
port add lan1 up type af_packet dev veth-lan1   # a comment
port add wan  up devargs net_null0,size=60 rxq 2 mtu 9000
ip link add br0 up type bridge vlan_filtering 1
ip link set lan0 master br0
ip link set lan1 master br0
bridge vlan add dev lan1 vid 8 pvid untagged
ip addr add 192.168.1.1/24 dev br0
ip link add link wan name wan.7 type vlan id 7
)";

TEST(ModelLoad, MakesTheExampleOfTheDesign) {
    const auto model = load(example, "example.conf");
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->order, (std::vector<std::string>{"lan0", "lan1", "wan", "br0", "wan.7"}));
    const auto& lan0 = *model->find("lan0");
    EXPECT_TRUE(lan0.up);
    EXPECT_EQ(std::get<AfPacketPort>(std::get<PortSpec>(lan0.kind).kind).device, "veth-lan0");
    ASSERT_TRUE(lan0.member);
    EXPECT_EQ(lan0.member->bridge, "br0");
    const VlanMembership access{true, true}, plain{false, true};
    EXPECT_EQ(lan0.member->vlans, (std::map<std::uint16_t, VlanMembership>{{1, access}}));
    EXPECT_EQ(model->find("lan1")->member->vlans,
              (std::map<std::uint16_t, VlanMembership>{{1, plain}, {8, access}}));
    EXPECT_TRUE(std::get<BridgeSpec>(model->find("br0")->kind).vlan_filtering);
    EXPECT_EQ(std::get<BridgeSpec>(model->find("br0")->kind).vlans,
              (std::map<std::uint16_t, VlanMembership>{{1, access}}));
    EXPECT_EQ(std::get<PortSpec>(model->find("wan")->kind).rx_queues, 2);
    EXPECT_EQ(model->find("wan")->mtu, 9000);
    EXPECT_FALSE(model->find("wan.7")->up);
    ASSERT_EQ(model->addresses.size(), 1U);
    EXPECT_EQ(model->addresses[0].address, "192.168.1.1/24");
}

TEST(ModelLoad, SavesCanonically) {
    const auto model = load(example, "example.conf");
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(save(*model), R"(port add lan0 up type af_packet dev veth-lan0
port add lan1 up type af_packet dev veth-lan1
port add wan up devargs net_null0,size=60 rxq 2 mtu 9000
ip link add br0 up type bridge vlan_filtering 1
ip link add link wan name wan.7 type vlan id 7
ip link set lan0 master br0
ip link set lan1 master br0
bridge vlan add dev lan1 vid 8 pvid untagged
ip addr add 192.168.1.1/24 dev br0
)");
}

TEST(ModelLoad, PointsAtTheWordThatIsWrong) {
    const auto model = load("port add p0 type null\n\n  ip link set p1 up\n", "a.conf");
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().message,
              "a.conf:3:15: Cannot find device \"p1\"\n"
              "  ip link set p1 up\n"
              "              ^\n");
    EXPECT_EQ(model.error().code, ErrorCode::refused);
}

TEST(ModelLoad, PointsAtTheWordThatTheGrammarRefuses) {
    const auto model = load("port add p0 type null colour red\n", "a.conf");
    ASSERT_FALSE(model);
    EXPECT_TRUE(model.error().message.starts_with("a.conf:1:23: ")) << model.error().message;
}

TEST(ModelLoad, TakesOnlyCommandsThatConfigure) {
    for (const char* line :
         {"show drops\n", "stop\n", "save\n", "ip link show\n", "apply other.conf\n", "confirm\n"}) {
        const auto model = load(line, "a.conf");
        ASSERT_FALSE(model) << line;
        EXPECT_NE(model.error().message.find("cannot stand in a file"), std::string::npos)
            << model.error().message;
    }
}

TEST(ModelLoad, NamesWhatComesLater) {
    const auto model = load("ebtables -P FORWARD DROP\n", "a.conf");
    ASSERT_FALSE(model);
    EXPECT_NE(model.error().message.find("ebtables is not supported in this version"), std::string::npos)
        << model.error().message;
}

TEST(ModelLoad, RefusesAHalfWrittenFile) {
    const auto model = load("port add p0 type pcap rx 'half", "a.conf");
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, ErrorCode::usage);
    EXPECT_TRUE(model.error().message.starts_with("a.conf:1:")) << model.error().message;
}

TEST(ModelLoad, RefusesWhatOnlyTheWholeShows) {
    const auto model =
        load("port add p0 type af_packet dev eth0\nport add p1 type af_packet dev eth0\n", "a.conf");
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().message, "a.conf: port p1: the device eth0 belongs to port p0 already\n");
}

TEST(ModelLoad, AnEmptyTextIsAnEmptyModel) {
    const auto model = load("# nothing\n\n", "a.conf");
    ASSERT_TRUE(model);
    EXPECT_EQ(*model, Model{});
    EXPECT_EQ(save(*model), "");
}

}  // namespace
}  // namespace weft
