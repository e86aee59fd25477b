// `brctl`, in bridge-utils' words.
#include <gtest/gtest.h>

#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

struct BrctlCommand : testing::Test {
    Shell shell;
    void SetUp() override {
        ASSERT_EQ(shell.type(R"(brctl addbr br0
            brctl addbr a
            port add va type null
            port add t0 type null
            port add vb type null
            brctl addif br0 va t0)"),
                  "");
        shell.live.add("br0", 2, "42:7a:f1:6b:79:cd");
        shell.live.add("a", 3, "00:00:00:00:00:00");
    }
};

TEST_F(BrctlCommand, MakesAndUnmakes) {
    EXPECT_EQ(shell.model.find("va")->member->bridge, "br0");
    EXPECT_EQ(shell.model.find("t0")->member->bridge, "br0");
    ASSERT_EQ(
        shell.type("brctl delif br0 va\nbrctl setageing br0 10\nbrctl stp br0 on\nbrctl hairpin br0 t0 on"),
        "");
    EXPECT_FALSE(shell.model.find("va")->member);
    EXPECT_EQ(std::get<BridgeSpec>(shell.model.find("br0")->kind).ageing_centiseconds, 1000U);
    EXPECT_TRUE(std::get<BridgeSpec>(shell.model.find("br0")->kind).stp);
    EXPECT_TRUE(shell.model.find("t0")->member->hairpin);
    ASSERT_EQ(shell.type("brctl setageing br0 0.5\nbrctl stp br0 off\nbrctl delbr br0"), "");
    EXPECT_FALSE(shell.model.find("br0"));
    EXPECT_FALSE(shell.model.find("t0")->member);
}

TEST_F(BrctlCommand, RefusesInBrctlsWords) {
    const std::pair<const char*, const char*> lines[] = {
        {"brctl addbr br0", "[1] device br0 already exists; can't create bridge with the same name"},
        {"brctl delbr brx", "[1] bridge brx doesn't exist; can't delete it"},
        {"brctl delbr va", "[1] can't delete bridge va: Operation not permitted"},
        {"brctl addif br0 va", "[1] device va is already a member of a bridge; can't add it to bridge br0."},
        {"brctl addif br0 vx", "[1] interface vx does not exist!"},
        {"brctl addif brx vb", "[1] bridge brx does not exist!"},
        {"brctl addif br0 a", "[1] device a is a bridge device itself; can't add a bridge to a bridge."},
        {"brctl delif br0 vb", "[1] device vb is not a port of br0"},
        {"brctl delif brx va", "[1] bridge brx does not exist!"},
        {"brctl delif br0 vx", "[1] interface vx does not exist!"},
        {"brctl setageing br0 foo", "[1] bad ageing time value"},
        {"brctl setageing brx 10", "[1] set ageing time failed: No such device"},
        {"brctl stp br0 foo", "[1] expect on/off for argument"},
        {"brctl stp brx on", "[1] set stp status failed: No such device"},
        {"brctl showmacs brx", "[1] read of forward table failed: No such device"},
        {"brctl show brx", "[1] bridge brx does not exist!"},
        {"brctl show va", "[1] device va is not a bridge!"},
        {"brctl foo", "[1] never heard of command [foo]"},
    };
    for (const auto& [line, said] : lines)
        EXPECT_EQ(shell(line), said) << line;
    ASSERT_EQ(shell("ip link set br0 up"), "");
    EXPECT_EQ(shell("brctl delbr br0"), "[1] bridge br0 is still up; can't delete it");
}

TEST_F(BrctlCommand, Shows) {
    EXPECT_EQ(shell("brctl show"),
              "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n"
              "a\t\t8000.000000000000\tno\t\t\n"
              "br0\t\t8000.427af16b79cd\tno\t\tt0\n"
              "\t\t\t\t\t\t\tva\n");
    EXPECT_EQ(shell("brctl show a"),
              "bridge name\tbridge id\t\tSTP enabled\tinterfaces\n"
              "a\t\t8000.000000000000\tno\t\t\n");
}

TEST_F(BrctlCommand, ShowsAddresses) {
    shell.live.entries = {
        {.device = "t0",
         .bridge = "br0",
         .mac = *parse_mac("5e:a5:14:00:5a:f2"),
         .local = true,
         .used_seconds = 9},
        {.device = "va", .bridge = "br0", .mac = *parse_mac("00:01:02:03:04:07"), .used_seconds = 2.7},
        {.device = "a", .bridge = "a", .mac = *parse_mac("00:01:02:03:04:08")}};
    EXPECT_EQ(shell("brctl showmacs br0"),
              "port no\tmac addr\t\tis local?\tageing timer\n"
              "  1\t00:01:02:03:04:07\tno\t\t   2.70\n"
              "  2\t5e:a5:14:00:5a:f2\tyes\t\t   0.00\n");
}

}  // namespace
}  // namespace weft
