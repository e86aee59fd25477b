// States of a tracked SCTP association.
#pragma once

#include <cstdint>
#include <string_view>

namespace weft {

/// enum sctp_conntrack of include/uapi/linux/netfilter/nf_conntrack_sctp.h, with its values.
enum class SctpState : std::uint8_t {
    none,
    closed,
    cookie_wait,
    cookie_echoed,
    established,
    shutdown_sent,
    shutdown_recd,
    shutdown_ack_sent,
    heartbeat_sent,
    invalid  ///< only in the table of transitions
};
/// As `conntrack -L` prints them.
inline constexpr std::string_view sctp_state_names[] = {
    "NONE",          "CLOSED",        "COOKIE_WAIT",       "COOKIE_ECHOED", "ESTABLISHED",
    "SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT"};
inline constexpr unsigned sctp_state_count = 9;

}  // namespace weft
