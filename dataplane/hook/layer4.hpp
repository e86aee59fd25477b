// The transport header of a packet at a hook, and whether its checksum is right.
#pragma once

#include <optional>

#include "dataplane/flow/parse.hpp"
#include "dataplane/hook/hooks.hpp"

namespace weft {

/// Nothing of a later fragment, or if the header is not there. Lies in the packet's first segment; its length
/// is that of the whole datagram.
[[nodiscard]] std::optional<L4View> layer4_of(Packet&, const Context&) noexcept;

/// Of a packet or datagram whose headers lie in one piece (whole.hpp).
[[nodiscard]] std::optional<L4View> layer4_in(const FlowPacket&, bool v6) noexcept;

/// nf_ip_checksum and nf_ip6_checksum: true too if a port or the sender vouches for it, and of protocols
/// without a checksum that covers the pseudo-header. Of a fragment that was not gathered with its others it
/// is wrong.
[[nodiscard]] bool has_right_sum(Packet&, const L4View&, const Context&) noexcept;

/// SCTP's checksum anew, as after a port was translated; its header is writable. One that is unfinished stays
/// so.
void renew_crc(Packet&, const L4View&, const Context&) noexcept;
/// The same of an SCTP packet that lies in one piece, whose checksum is finished.
void renew_crc(const L4View& whole) noexcept;

/// Whether REJECT may tell somebody about the packet (nf_reject_verify_csum, then nf_ip_checksum): as
/// has_right_sum, but of a protocol whose checksum is not known the payload has to sum to nothing as well,
/// IPv6's with its pseudo-header.
[[nodiscard]] bool may_answer(Packet&, const L4View&, const Context&) noexcept;

}  // namespace weft
