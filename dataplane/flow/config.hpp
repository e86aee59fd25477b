// What `sysctl net.netfilter.nf_conntrack_*` sets. Names and defaults are the kernel's (6.1).
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/flow/sctp_track.hpp"
#include "dataplane/flow/tcp_track.hpp"

namespace weft {

/// Of net.netfilter.nf_conntrack_tcp_timeout_*, in seconds.
struct TcpTimeouts {
    std::uint32_t syn_sent = 120, syn_recv = 60, established = 432'000, fin_wait = 120, close_wait = 60,
                  last_ack = 30, time_wait = 120, close = 10;
    std::uint32_t syn_sent2 = 120;  ///< has no sysctl
    std::uint32_t max_retrans = 300, unacknowledged = 300;
    friend bool operator==(const TcpTimeouts&, const TcpTimeouts&) = default;

    [[nodiscard]] constexpr std::uint32_t of(TcpState state) const noexcept {
        switch (state) {
            case TcpState::syn_recv:
                return syn_recv;
            case TcpState::established:
                return established;
            case TcpState::fin_wait:
                return fin_wait;
            case TcpState::close_wait:
                return close_wait;
            case TcpState::last_ack:
                return last_ack;
            case TcpState::time_wait:
                return time_wait;
            case TcpState::close:
                return close;
            case TcpState::syn_sent2:
                return syn_sent2;
            default:
                return syn_sent;
        }
    }
};

/// Of net.netfilter.nf_conntrack_sctp_timeout_*, in seconds, by SctpState; the first one has no sysctl.
using SctpTimeouts = std::array<std::uint32_t, sctp_state_count>;

/// Each member is net.netfilter.nf_conntrack_ and its name; times in seconds.
struct FlowConfig {
    TcpTimeouts tcp_timeout;
    bool tcp_loose = true;
    bool tcp_be_liberal = false;
    bool tcp_ignore_invalid_rst = false;
    std::uint8_t tcp_max_retrans = 3;
    std::uint32_t udp_timeout = 30, udp_timeout_stream = 120;
    std::uint32_t icmp_timeout = 30, icmpv6_timeout = 30, generic_timeout = 600;
    std::uint32_t gre_timeout = 30, gre_timeout_stream = 180;
    SctpTimeouts sctp_timeout{10, 10, 3, 3, 210, 3, 3, 3, 30};
    std::uint32_t max = 262'144;
    std::uint32_t expect_max = 4096;
    bool acct = false, timestamp = false;
    friend bool operator==(const FlowConfig&, const FlowConfig&) = default;
};

}  // namespace weft
