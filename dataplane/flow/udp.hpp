// UDP and UDP-Lite as net/netfilter/nf_conntrack_proto_udp.c of Linux 6.1 tracks them.
#pragma once

#include "dataplane/flow/parse.hpp"
#include "dataplane/flow/protocol.hpp"

namespace weft {

/// The lengths in the header fit (udp_error, udplite_error; the checksum is the caller's).
[[nodiscard]] bool is_sound_udp(const L4View&) noexcept;
[[nodiscard]] bool is_sound_udplite(const L4View&) noexcept;

/// A flow with answers is a stream, assured and kept longer, when it is alive after two seconds. seen_reply
/// is set by the caller afterwards. Owner only.
void track_udp(FlowState&, const FlowConfig&, FlowTime now) noexcept;
/// The same without the two seconds.
void track_udplite(FlowState&, const FlowConfig&, FlowTime now) noexcept;

}  // namespace weft
