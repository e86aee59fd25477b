// -L as iptables-legacy prints it, blanks and all.
#include <gtest/gtest.h>

#include "tests/unit/hook_shell.hpp"

namespace weft::test {
namespace {

using namespace hook;

HookShell filled() {
    HookShell shell;
    static_cast<void>(shell.restore(
        "*filter\n"
        ":INPUT DROP [123456:99999]\n"
        ":mine - [0:0]\n"
        "[100000:99999999999999] -A INPUT ! -s 10.0.0.0/8 -i eth+ -p tcp -m tcp --dport 22 -j mine\n"
        "-A INPUT -f -g mine\n"
        "COMMIT\n",
        "-c"));
    return shell;
}

TEST(HookList, Numeric) {
    auto shell = filled();
    EXPECT_EQ(shell.run("-L INPUT -n").output,
              "Chain INPUT (policy DROP)\n"
              "target     prot opt source               destination         \n"
              "mine       6    -- !10.0.0.0/8           0.0.0.0/0            tcp dpt:22\n"
              "mine       0    -f  0.0.0.0/0            0.0.0.0/0           [goto] \n");
}

TEST(HookList, NamesOfPortsAndAnywhere) {
    auto shell = filled();
    EXPECT_NE(shell.run("-L INPUT")
                  .output.find("mine       tcp  -- !10.0.0.0/8           anywhere             tcp dpt:ssh\n"),
              std::string::npos);
}

TEST(HookList, CountersAreRoundedUnlessExact) {
    auto shell = filled();
    EXPECT_EQ(shell.run("-L INPUT 1 -nv").output,
              " 100K  100T mine       6    --  eth+   *      !10.0.0.0/8           0.0.0.0/0            tcp "
              "dpt:22\n");
    EXPECT_EQ(shell.run("-L INPUT -nvx --line-numbers").output.substr(0, 156),
              "Chain INPUT (policy DROP 123456 packets, 99999 bytes)\n"
              "num      pkts      bytes target     prot opt in     out     source               destination  "
              "       \n");
    EXPECT_EQ(shell.run("-L INPUT -nv").output.substr(0, 53),
              "Chain INPUT (policy DROP 123K packets, 99999 bytes)\n ");
}

TEST(HookList, UserChainsHaveReferences) {
    auto shell = filled();
    EXPECT_EQ(shell.run("-L mine -n").output,
              "Chain mine (2 references)\ntarget     prot opt source               destination         \n");
}

TEST(HookList, Ipv6HasNoFragments) {
    HookShell shell(Family::ip6);
    EXPECT_EQ(shell.run("-A INPUT -s 2001:db8::/32 -p icmpv6 -j ACCEPT").status, 0);
    EXPECT_NE(shell.run("-L INPUT")
                  .output.find("ACCEPT     ipv6-icmp --  2001:db8::/32        anywhere            \n"),
              std::string::npos);
}

TEST(HookList, VerboseEchoesARule) {
    HookShell shell;
    EXPECT_EQ(shell.run("-v -A INPUT -p tcp --dport 80 -j ACCEPT").output,
              "ACCEPT  tcp opt -- in * out *  0.0.0.0/0  -> 0.0.0.0/0   tcp dpt:80\n");
    EXPECT_EQ(shell.run("-v -F INPUT").output, "Flushing chain `INPUT'\n");
}

}  // namespace
}  // namespace weft::test
