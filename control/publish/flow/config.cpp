#include "control/publish/flow/config.hpp"

#include "control/sysctl/own.hpp"

namespace weft {

namespace {

std::int64_t value(const std::map<std::string, std::string>& sysctls, const char* name) {
    return own_value(sysctls, std::string("net.netfilter.nf_conntrack_") + name);
}

}  // namespace

FlowConfig flow_config(const std::map<std::string, std::string>& sysctls) {
    const auto flag = [&](const char* name) { return value(sysctls, name) != 0; };
    const auto number = [&](const char* name) { return static_cast<std::uint32_t>(value(sysctls, name)); };
    FlowConfig config;
    config.tcp_timeout.syn_sent = number("tcp_timeout_syn_sent");
    config.tcp_timeout.syn_recv = number("tcp_timeout_syn_recv");
    config.tcp_timeout.established = number("tcp_timeout_established");
    config.tcp_timeout.fin_wait = number("tcp_timeout_fin_wait");
    config.tcp_timeout.close_wait = number("tcp_timeout_close_wait");
    config.tcp_timeout.last_ack = number("tcp_timeout_last_ack");
    config.tcp_timeout.time_wait = number("tcp_timeout_time_wait");
    config.tcp_timeout.close = number("tcp_timeout_close");
    config.tcp_timeout.max_retrans = number("tcp_timeout_max_retrans");
    config.tcp_timeout.unacknowledged = number("tcp_timeout_unacknowledged");
    config.tcp_loose = flag("tcp_loose");
    config.tcp_be_liberal = flag("tcp_be_liberal");
    config.tcp_ignore_invalid_rst = flag("tcp_ignore_invalid_rst");
    config.tcp_max_retrans = static_cast<std::uint8_t>(number("tcp_max_retrans"));
    config.udp_timeout = number("udp_timeout");
    config.udp_timeout_stream = number("udp_timeout_stream");
    config.icmp_timeout = number("icmp_timeout");
    config.icmpv6_timeout = number("icmpv6_timeout");
    config.generic_timeout = number("generic_timeout");
    config.gre_timeout = number("gre_timeout");
    config.gre_timeout_stream = number("gre_timeout_stream");
    const auto sctp = [&](SctpState state, const char* name) {
        config.sctp_timeout[static_cast<std::size_t>(state)] = number(name);
    };
    sctp(SctpState::closed, "sctp_timeout_closed");
    sctp(SctpState::cookie_wait, "sctp_timeout_cookie_wait");
    sctp(SctpState::cookie_echoed, "sctp_timeout_cookie_echoed");
    sctp(SctpState::established, "sctp_timeout_established");
    sctp(SctpState::shutdown_sent, "sctp_timeout_shutdown_sent");
    sctp(SctpState::shutdown_recd, "sctp_timeout_shutdown_recd");
    sctp(SctpState::shutdown_ack_sent, "sctp_timeout_shutdown_ack_sent");
    sctp(SctpState::heartbeat_sent, "sctp_timeout_heartbeat_sent");
    config.max = number("max");
    config.expect_max = number("expect_max");
    config.acct = flag("acct");
    config.timestamp = flag("timestamp");
    return config;
}

bool checks_sums(const std::map<std::string, std::string>& sysctls) {
    return value(sysctls, "checksum") != 0;
}

}  // namespace weft
