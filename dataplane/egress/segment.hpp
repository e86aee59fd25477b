// Software segmentation of GSO frames: TCP over IPv4 and IPv6, and UDP datagrams (USO), through VLAN tags in
// the frame or in metadata. What Linux does in tcp_offload.c, tcpv6_offload.c and udp_offload.c.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "weft/drop.hpp"
#include "weft/packet.hpp"

namespace weft {

/// Room for the segments of one frame: 64 KB of payload in segments of 256 bytes. A frame of more is refused.
inline constexpr unsigned max_segments = 256;

/// Cuts `frame`, whose gso_type is not none, into out[0 .. returned): each a frame of its own with the
/// metadata of the input, gso_type none, at most gso_size bytes of payload, and headers made anew: IPv4
/// length, id (counted up) and checksum, IPv6 payload length, TCP sequence, FIN and PSH only on the last, CWR
/// only on the first, UDP length. For a port (`port_offloads`, Offload bits) with checksum the transport
/// checksums are left unfinished, otherwise they are finished; for one with multi_segment each segment is a
/// header chained to the input's payload, shared by indirect mbufs, otherwise one mbuf with a copy. The input
/// is only read, so it may be shared.
///
/// IPv6 hop-by-hop, routing and destination options are passed over. The headers may lie in several segments.
/// Where the input's checksum is not unfinished, those of the segments are computed from the pseudo-header.
///
/// On success `frame` is freed and the caller owns out[]. Returns 0 with `why` set, `frame` untouched and
/// still the caller's: egress_no_mbuf if the pool ran out; egress_too_big if a segment without multi_segment
/// exceeds the pool's data room; egress_bad_offload if GSO state and frame contradict each other (not that
/// protocol, a fragment, checksum_start elsewhere than the transport header, headers cut off or over 512
/// bytes, gso_size 0, a segment over 64 KB) or more than `max` segments are needed.
[[nodiscard]] unsigned segment(Packet& frame, std::uint8_t port_offloads, rte_mempool* pool, Packet* out[],
                               unsigned max, DropReason& why) noexcept;

}  // namespace weft
