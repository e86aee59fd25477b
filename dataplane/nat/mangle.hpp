// Other words in a packet's payload, and numbers of TCP as they then are (__nf_nat_mangle_tcp_packet of
// net/netfilter/nf_nat_helper.c, net/netfilter/nf_conntrack_seqadj.c).
#pragma once

#include <string_view>

#include "dataplane/context.hpp"
#include "dataplane/flow/helper.hpp"
#include "dataplane/flow/parse.hpp"

namespace weft {

/// Replaces `length` bytes at `offset` of a TCP segment's payload; what follows moves. The IP header's length
/// and both checksums are right afterwards, one that was unfinished still is. False, and nothing changed, if
/// a segment is shared with another packet or there is no buffer. The packet is no datagram in pieces.
[[nodiscard]] bool replace_payload(Packet&, std::uint32_t offset, std::uint32_t length, std::string_view with,
                                   Context&) noexcept;

/// nf_ct_seq_adjust of a segment of this direction: its number, what it acknowledges, SACK blocks. The TCP
/// header with its options is writable. `ways`: of both directions.
void adjust_numbers(const L4View& tcp, unsigned direction, const SeqAdjust (&ways)[2],
                    ChecksumState) noexcept;

}  // namespace weft
