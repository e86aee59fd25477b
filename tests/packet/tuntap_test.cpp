// The kernel's side of a device whose far end is a program: the kernel's stack has had what is for the host.
#include <gtest/gtest.h>

#include "tests/packet/rig.hpp"

namespace weft::test {
namespace {

constexpr const char* program = "02:cc:00:00:00:01";

class TuntapTest : public testing::TestWithParam<RigOptions> {};
INSTANTIATE_TEST_SUITE_P(Workers, TuntapTest, every_rig, name_of);

const std::string member =
    "port add a up type null\nip tuntap add dev t mode tap\nip link set dev t up\nip link add br0 up type "
    "bridge\n"
    "ip link set a master br0\nip link set t master br0\n";

TEST_P(TuntapTest, IsABridgeMemberLikeAnother) {
    Rig rig(member, GetParam());
    const Bytes hello = Frame().from(program).to(all_hosts);
    rig.send("t", hello);
    EXPECT_EQ(rig.all_sent(), (Out{{"a", {hello}}}));
    EXPECT_EQ(rig.punted("br0"), std::vector<Bytes>{hello}) << "by the bridge's own TAP";
    const Bytes answer = Frame().to(program);
    rig.send("a", answer);
    EXPECT_EQ(rig.all_sent(), (Out{{"t", {answer}}}));
}

TEST_P(TuntapTest, LinkLocalFramesAreTheKernelsAlready) {
    Rig rig(member, GetParam());
    rig.send("t", Frame().from(program).to("01:80:c2:00:00:0e"));
    EXPECT_TRUE(rig.punted("t").empty());
    EXPECT_TRUE(rig.all_sent().empty());
    rig.send("t", Frame().from(program).to("01:80:c2:00:00:00"));
    EXPECT_EQ(rig.all_sent().size(), 1u) << "a BPDU floods while STP is off";
    EXPECT_TRUE(rig.punted("t").empty());
    EXPECT_EQ(rig.drops(DropReason::bridge_link_local), 0u);
}

TEST_P(TuntapTest, FramesForTheHostAreTheKernelsAlready) {
    Rig rig(
        "ip tuntap add dev t mode tap\nip link set dev t up\n"
        "ip link add link t name t.8 up type vlan id 8\n",
        GetParam());
    rig.send("t", Frame().from(program).to(rig.mac("t")));
    rig.send("t", Frame().from(program).to(all_hosts));
    EXPECT_TRUE(rig.punted("t").empty());
    EXPECT_EQ(rig.all_drops(), 0u);
    rig.send("t", Frame().from(program).to("02:00:00:00:00:99"));
    EXPECT_EQ(rig.drops(DropReason::host_not_for_us), 1u);
    // A sub-interface has a TAP of weft's.
    rig.send("t", Frame().from(program).to(all_hosts).tag(8));
    EXPECT_EQ(rig.punted("t.8"), std::vector<Bytes>{Frame().from(program).to(all_hosts)});
}

}  // namespace
}  // namespace weft::test
