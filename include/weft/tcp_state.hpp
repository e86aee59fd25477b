// States of a tracked TCP connection.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft {

/// enum tcp_conntrack of include/uapi/linux/netfilter/nf_conntrack_tcp.h, with its values.
enum class TcpState : std::uint8_t {
    none,
    syn_sent,
    syn_recv,
    established,
    fin_wait,
    close_wait,
    last_ack,
    time_wait,
    close,
    syn_sent2,
    invalid,  ///< only in the table of transitions
    ignore
};
/// As `conntrack -L` prints them.
inline constexpr std::string_view tcp_state_names[] = {"NONE",     "SYN_SENT",   "SYN_RECV", "ESTABLISHED",
                                                       "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT",
                                                       "CLOSE",    "SYN_SENT2"};
inline constexpr unsigned tcp_state_count = 10;

}  // namespace weft
