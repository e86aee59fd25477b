// net.netfilter.nf_conntrack_* as workers take them.
#include "control/publish/flow/config.hpp"

#include <gtest/gtest.h>

#include "control/sysctl/own.hpp"

namespace weft {
namespace {

const std::string group = "net.netfilter.nf_conntrack_";

/// What both say of Linux 6.1 agrees.
TEST(FlowConfig, DefaultsAreThoseOfTheTracker) {
    const FlowConfig made = flow_config({}), plain;
    EXPECT_EQ(made.tcp_timeout.syn_sent, plain.tcp_timeout.syn_sent);
    EXPECT_EQ(made.tcp_timeout.syn_recv, plain.tcp_timeout.syn_recv);
    EXPECT_EQ(made.tcp_timeout.established, plain.tcp_timeout.established);
    EXPECT_EQ(made.tcp_timeout.fin_wait, plain.tcp_timeout.fin_wait);
    EXPECT_EQ(made.tcp_timeout.close_wait, plain.tcp_timeout.close_wait);
    EXPECT_EQ(made.tcp_timeout.last_ack, plain.tcp_timeout.last_ack);
    EXPECT_EQ(made.tcp_timeout.time_wait, plain.tcp_timeout.time_wait);
    EXPECT_EQ(made.tcp_timeout.close, plain.tcp_timeout.close);
    EXPECT_EQ(made.tcp_timeout.max_retrans, plain.tcp_timeout.max_retrans);
    EXPECT_EQ(made.tcp_timeout.unacknowledged, plain.tcp_timeout.unacknowledged);
    EXPECT_EQ(made.tcp_loose, plain.tcp_loose);
    EXPECT_EQ(made.tcp_be_liberal, plain.tcp_be_liberal);
    EXPECT_EQ(made.tcp_ignore_invalid_rst, plain.tcp_ignore_invalid_rst);
    EXPECT_EQ(made.tcp_max_retrans, plain.tcp_max_retrans);
    EXPECT_EQ(made.udp_timeout, plain.udp_timeout);
    EXPECT_EQ(made.udp_timeout_stream, plain.udp_timeout_stream);
    EXPECT_EQ(made.icmp_timeout, plain.icmp_timeout);
    EXPECT_EQ(made.icmpv6_timeout, plain.icmpv6_timeout);
    EXPECT_EQ(made.generic_timeout, plain.generic_timeout);
    EXPECT_EQ(made.gre_timeout, plain.gre_timeout);
    EXPECT_EQ(made.gre_timeout_stream, plain.gre_timeout_stream);
    EXPECT_EQ(made.sctp_timeout, plain.sctp_timeout);
    EXPECT_EQ(made.max, plain.max);
    EXPECT_EQ(made.expect_max, plain.expect_max);
    EXPECT_EQ(made.acct, plain.acct);
    EXPECT_EQ(made.timestamp, plain.timestamp);
    EXPECT_TRUE(checks_sums({}));
}

/// Each variable that may be written has a place of its own.
TEST(FlowConfig, EachVariableArrives) {
    std::map<std::string, std::string> set;
    std::int64_t next = 1;
    for (const auto& name : own_sysctls()) {
        if (!name.starts_with(group) || own_sysctl(name)->read_only) continue;
        const bool flag = own_sysctl(name)->most == 1;
        set[name] = std::to_string(flag ? 1 - own_sysctl(name)->usual : next++);
    }
    const FlowConfig made = flow_config(set);
    const auto is = [&](const char* name) { return std::stoul(set.at(group + name)); };
    EXPECT_EQ(made.tcp_timeout.syn_sent, is("tcp_timeout_syn_sent"));
    EXPECT_EQ(made.tcp_timeout.syn_recv, is("tcp_timeout_syn_recv"));
    EXPECT_EQ(made.tcp_timeout.established, is("tcp_timeout_established"));
    EXPECT_EQ(made.tcp_timeout.fin_wait, is("tcp_timeout_fin_wait"));
    EXPECT_EQ(made.tcp_timeout.close_wait, is("tcp_timeout_close_wait"));
    EXPECT_EQ(made.tcp_timeout.last_ack, is("tcp_timeout_last_ack"));
    EXPECT_EQ(made.tcp_timeout.time_wait, is("tcp_timeout_time_wait"));
    EXPECT_EQ(made.tcp_timeout.close, is("tcp_timeout_close"));
    EXPECT_EQ(made.tcp_timeout.max_retrans, is("tcp_timeout_max_retrans"));
    EXPECT_EQ(made.tcp_timeout.unacknowledged, is("tcp_timeout_unacknowledged"));
    EXPECT_EQ(made.udp_timeout, is("udp_timeout"));
    EXPECT_EQ(made.udp_timeout_stream, is("udp_timeout_stream"));
    EXPECT_EQ(made.icmp_timeout, is("icmp_timeout"));
    EXPECT_EQ(made.icmpv6_timeout, is("icmpv6_timeout"));
    EXPECT_EQ(made.generic_timeout, is("generic_timeout"));
    EXPECT_EQ(made.gre_timeout, is("gre_timeout"));
    EXPECT_EQ(made.gre_timeout_stream, is("gre_timeout_stream"));
    for (const auto state : {SctpState::closed, SctpState::cookie_wait, SctpState::cookie_echoed,
                             SctpState::established, SctpState::shutdown_sent, SctpState::shutdown_recd,
                             SctpState::shutdown_ack_sent, SctpState::heartbeat_sent}) {
        std::string name = "sctp_timeout_";
        for (const char letter : sctp_state_names[static_cast<std::size_t>(state)])
            name += static_cast<char>(std::tolower(letter));
        EXPECT_EQ(made.sctp_timeout[static_cast<std::size_t>(state)], is(name.c_str())) << name;
    }
    EXPECT_EQ(made.tcp_max_retrans, is("tcp_max_retrans"));
    EXPECT_EQ(made.max, is("max"));
    EXPECT_EQ(made.expect_max, is("expect_max"));
    EXPECT_FALSE(made.tcp_loose);
    EXPECT_TRUE(made.tcp_be_liberal);
    EXPECT_TRUE(made.tcp_ignore_invalid_rst);
    EXPECT_TRUE(made.acct);
    EXPECT_TRUE(made.timestamp);
    EXPECT_FALSE(checks_sums(set));
}

}  // namespace
}  // namespace weft
