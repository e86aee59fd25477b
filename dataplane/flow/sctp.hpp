// SCTP as net/netfilter/nf_conntrack_proto_sctp.c of Linux 6.18 tracks it: states and verification tags.
#pragma once

#include "dataplane/flow/parse.hpp"
#include "dataplane/flow/protocol.hpp"

namespace weft {

namespace sctp_chunk {
inline constexpr std::uint8_t data = 0, init = 1, init_ack = 2, heartbeat = 4, heartbeat_ack = 5, abort = 6,
                              shutdown = 7, shutdown_ack = 8, error = 9, cookie_echo = 10, cookie_ack = 11,
                              shutdown_complete = 14;
}

/// The state after a chunk of this type from this side: also invalid.
[[nodiscard]] SctpState sctp_transition(unsigned direction, std::uint8_t chunk, SctpState) noexcept;

/// A packet of this connection (nf_conntrack_sctp_packet; the checksum is the caller's). An unconfirmed one
/// is begun by it. Chunks beyond the view's `head` are not seen. seen_reply is set by the caller afterwards.
/// Owner only.
[[nodiscard]] L4Verdict track_sctp(FlowState&, unsigned direction, const L4View&, const FlowConfig&,
                                   FlowTime now) noexcept;

/// May go before its time when the table is full, though assured (sctp_can_early_drop).
[[nodiscard]] constexpr bool sctp_is_closing(SctpState state) noexcept {
    return state == SctpState::shutdown_sent || state == SctpState::shutdown_recd ||
           state == SctpState::shutdown_ack_sent;
}

}  // namespace weft
