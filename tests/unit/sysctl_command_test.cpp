// `sysctl`: what is weft's own, what is the kernel's, and what is neither.
#include <gtest/gtest.h>

#include "control/sysctl/names.hpp"
#include "control/sysctl/own.hpp"
#include "tests/unit/command_shell.hpp"

namespace weft {
namespace {

struct SysctlCommand : testing::Test {
    Shell shell;
    void SetUp() override {
        ASSERT_EQ(shell.type("port add lan0 type null\nip link add link lan0 name lan0.8 type vlan id 8"),
                  "");
    }
};

TEST_F(SysctlCommand, ForwardingIsWeftsOwnAndOne) {
    EXPECT_EQ(shell("sysctl net.ipv4.ip_forward"), "net.ipv4.ip_forward = 1\n");
    EXPECT_EQ(shell("sysctl -n net.ipv6.conf.all.forwarding"), "1\n");
    EXPECT_EQ(shell("sysctl net/ipv4/ip_forward"), "net.ipv4.ip_forward = 1\n");
    EXPECT_EQ(shell("sysctl -w net.ipv4.ip_forward=1"), "net.ipv4.ip_forward = 1\n");
    EXPECT_EQ(shell("sysctl 'net.ipv4.ip_forward = 1'"), "net.ipv4.ip_forward = 1\n");
    EXPECT_EQ(shell("sysctl -q -w net.ipv4.ip_forward=1"), "");
    EXPECT_EQ(shell("sysctl -w net.ipv4.ip_forward=0"),
              "[1] sysctl: net.ipv4.ip_forward is weft's own and always 1: it cannot be set to 0");
    EXPECT_TRUE(shell.model.sysctls.empty());
}

TEST_F(SysctlCommand, NeighbourAndArpSettingsOfALinkAreKept) {
    EXPECT_EQ(shell("sysctl -n -w net.ipv4.neigh.lan0.gc_stale_time=30 net.ipv4.conf.lan0.arp_ignore=1"),
              "30\n1\n");
    EXPECT_EQ(shell("sysctl -w net/ipv6/neigh/lan0.8/retrans_time_ms=500"),
              "net.ipv6.neigh.lan0/8.retrans_time_ms = 500\n");
    EXPECT_EQ(shell.model.sysctls,
              (std::map<std::string, std::string>{{"net.ipv4.conf.lan0.arp_ignore", "1"},
                                                  {"net.ipv4.neigh.lan0.gc_stale_time", "30"},
                                                  {"net.ipv6.neigh.lan0/8.retrans_time_ms", "500"}}));
    EXPECT_EQ(shell("sysctl net.ipv4.neigh.lan0.gc_stale_time"), "net.ipv4.neigh.lan0.gc_stale_time = 30\n");
    EXPECT_EQ(shell("sysctl net.ipv4.neigh.lan0.locktime"), "net.ipv4.neigh.lan0.locktime = 100\n")
        << "the kernel's";
    const std::string all = shell("sysctl -a");
    for (const char* line : {"net.ipv4.conf.all.rp_filter = 0\n", "net.ipv4.conf.lan0.arp_ignore = 1\n",
                             "net.ipv4.conf.lan0/8.send_redirects = 1\n", "net.ipv4.icmp_ratelimit = 1000\n",
                             "net.ipv4.ip_forward = 1\n", "net.ipv4.neigh.lan0.gc_stale_time = 30\n",
                             "net.ipv4.neigh.lan0/8.locktime = 100\n", "net.weft.punt.ssh = 50000\n",
                             "net.ipv6.neigh.lan0/8.retrans_time_ms = 500\n"})
        EXPECT_NE(all.find(line), std::string::npos) << line;
    EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 71) << "the kernel has but locktime here";
    EXPECT_EQ(shell("sysctl -b net.ipv4.neigh.lan0.locktime"), "100");
    EXPECT_EQ(shell("sysctl -N -w net.ipv4.conf.lan0.arp_ignore=1"), "1\n") << "as procps-ng";
    ASSERT_EQ(shell("ip link del lan0.8"), "");
    EXPECT_EQ(shell.model.sysctls.size(), 2U);
}

TEST_F(SysctlCommand, WhatWeftImplementsIsItsOwn) {
    EXPECT_EQ(
        shell("sysctl net.ipv4.icmp_ratelimit net.ipv4.icmp_ratemask net.ipv6.icmp.ratelimit"),
        "net.ipv4.icmp_ratelimit = 1000\nnet.ipv4.icmp_ratemask = 6168\nnet.ipv6.icmp.ratelimit = 1000\n");
    EXPECT_EQ(
        shell("sysctl -n net.ipv4.conf.lan0/8.rp_filter net.ipv4.conf.all.send_redirects net.weft.punt.arp"),
        "0\n1\n5000\n");
    EXPECT_EQ(shell("sysctl -w net.ipv4.conf.lan0/8.rp_filter=2 net.weft.punt.routing=0"),
              "net.ipv4.conf.lan0/8.rp_filter = 2\nnet.weft.punt.routing = 0\n");
    EXPECT_EQ(shell("sysctl -w net.ipv4.conf.lan0.rp_filter=3"),
              "[1] sysctl: setting key \"net.ipv4.conf.lan0.rp_filter\": Invalid argument");
    EXPECT_EQ(shell("sysctl -w net.ipv4.icmp_ratelimit=-1"),
              "[1] sysctl: setting key \"net.ipv4.icmp_ratelimit\": Invalid argument");
    EXPECT_EQ(shell("sysctl -w net.ipv4.conf.eth9.rp_filter=1"),
              "[1] sysctl: cannot stat /proc/sys/net/ipv4/conf/eth9/rp_filter: No such file or directory");
    ASSERT_EQ(shell("sysctl -q -w net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.lan0.send_redirects=0"), "");
    EXPECT_EQ(own_value_of(shell.model.sysctls, "lan0.8", "rp_filter"), 2);
    EXPECT_EQ(own_value_of(shell.model.sysctls, "lan0", "rp_filter"), 1) << "the greater";
    EXPECT_EQ(own_value_of(shell.model.sysctls, "lan0", "send_redirects"), 1) << "either";
    ASSERT_EQ(shell("ip link del lan0.8"), "");
    EXPECT_FALSE(shell.model.sysctls.contains("net.ipv4.conf.lan0/8.rp_filter"));
}

/// Names, values and refusals as procps 4.0.2 has them of Linux 6.1's nf_conntrack, in weft's own.
TEST_F(SysctlCommand, ConntracksAreWeftsOwn) {
    const std::string group = "net.netfilter.nf_conntrack_";
    EXPECT_EQ(shell("sysctl -n " + group + "acct " + group + "checksum " + group +
                    "tcp_timeout_established " + group + "udp_timeout_stream"),
              "0\n1\n432000\n120\n");
    EXPECT_EQ(shell("sysctl net.nf_conntrack_max " + group + "max"),
              "net.nf_conntrack_max = 262144\nnet.netfilter.nf_conntrack_max = 262144\n");
    EXPECT_EQ(shell("sysctl -w net.nf_conntrack_max=1000"), "net.nf_conntrack_max = 1000\n");
    EXPECT_EQ(shell.model.sysctls, (std::map<std::string, std::string>{{group + "max", "1000"}}))
        << "two names, one variable";
    EXPECT_EQ(shell("sysctl -n " + group + "max"), "1000\n");
    EXPECT_EQ(shell("sysctl -w " + group + "acct=2"),
              "[1] sysctl: setting key \"" + group + "acct\": Invalid argument");
    EXPECT_EQ(shell("sysctl -w " + group + "tcp_max_retrans=256"),
              "[1] sysctl: setting key \"" + group + "tcp_max_retrans\": Invalid argument");
    EXPECT_EQ(shell("sysctl -w " + group + "udp_timeout=2147483"), group + "udp_timeout = 2147483\n");
    EXPECT_EQ(shell("sysctl -w " + group + "udp_timeout=2147484"),
              "[1] sysctl: setting key \"" + group + "udp_timeout\": Invalid argument");
    EXPECT_EQ(shell("sysctl " + group + "helper"),
              "[1] sysctl: " + group + "helper is not supported in this version");
}

TEST_F(SysctlCommand, ConntracksCountAndBucketsAreRead) {
    shell.live.tracked.entries.resize(3);
    EXPECT_EQ(shell("sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_buckets"),
              "net.netfilter.nf_conntrack_count = 3\nnet.netfilter.nf_conntrack_buckets = 1024\n");
    EXPECT_EQ(shell("sysctl -w net.netfilter.nf_conntrack_count=5 net.netfilter.nf_conntrack_acct=1"),
              "net.netfilter.nf_conntrack_acct = 1\n")
        << "procps tells of the first and ends with 0";
    EXPECT_EQ(shell.warnings,
              std::vector<std::string>{
                  "sysctl: setting key \"net.netfilter.nf_conntrack_count\": Invalid argument"});
    EXPECT_EQ(shell.model.sysctls.size(), 1U);
}

TEST_F(SysctlCommand, RefusesTheRestByName) {
    EXPECT_EQ(shell("sysctl net.ipv4.tcp_syncookies"),
              "[1] sysctl: net.ipv4.tcp_syncookies is not supported in this version");
    EXPECT_EQ(shell("sysctl -w kernel.hostname=x"),
              "[1] sysctl: kernel.hostname is not supported in this version");
    EXPECT_EQ(shell("sysctl -w net.ipv4.conf.default.rp_filter=0"),
              "[1] sysctl: net.ipv4.conf.default.rp_filter is not supported in this version");
    EXPECT_EQ(shell("sysctl -w net.ipv4.neigh.default.locktime=1"),
              "[1] sysctl: net.ipv4.neigh.default.locktime is not supported in this version");
    EXPECT_EQ(shell("sysctl kernel.hostname net.ipv4.ip_forward"), "net.ipv4.ip_forward = 1\n")
        << "with a warning and status 1";
    EXPECT_EQ(shell("sysctl -e -w kernel.hostname=x"), "");
    EXPECT_EQ(shell("sysctl -w net.ipv4.neigh.eth9.locktime=1"),
              "[1] sysctl: cannot stat /proc/sys/net/ipv4/neigh/eth9/locktime: No such file or directory");
    EXPECT_EQ(shell("sysctl -w net.ipv4.neigh.lan0.locktime=soon"),
              "[1] sysctl: setting key \"net.ipv4.neigh.lan0.locktime\": Invalid argument");
}

TEST_F(SysctlCommand, LoadsAFile) {
    shell.input =
        "# forwarding\nnet.ipv4.ip_forward = 1\n\n; and\nnet.ipv4.neigh.lan0.locktime=5\n-kernel.hostname = "
        "x\n";
    EXPECT_EQ(shell("sysctl -p a.conf"), "net.ipv4.ip_forward = 1\nnet.ipv4.neigh.lan0.locktime = 5\n");
    EXPECT_EQ(shell.model.sysctls.at("net.ipv4.neigh.lan0.locktime"), "5");
    shell.input = "net.ipv4.ip_forward\n";
    EXPECT_EQ(shell("sysctl -p a.conf"), "[1] sysctl: a.conf(1): invalid syntax");
}

TEST(SysctlNames, TheFirstSeparatorDecides) {
    EXPECT_EQ(canonical_sysctl("net/ipv4/neigh/lan0.8/locktime"), "net.ipv4.neigh.lan0/8.locktime");
    EXPECT_EQ(canonical_sysctl("net.ipv4.neigh.lan0/8.locktime"), "net.ipv4.neigh.lan0/8.locktime");
    EXPECT_EQ(sysctl_device("net.ipv4.neigh.lan0/8.locktime"), "lan0.8");
    EXPECT_EQ(sysctl_device("net.ipv4.ip_forward"), "");
}

}  // namespace
}  // namespace weft
