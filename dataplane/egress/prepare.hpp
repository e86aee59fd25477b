// The last step before a port: what the frame still needs and the port cannot do is done here, never earlier.
//
//   tag stripped        and no Offload::vlan_insert      the tag is written into the frame
//   checksum unfinished and no Offload::checksum         it is finished
//   GSO                 and no *_gso or no checksum      the frame is segmented (segment.hpp)
//   GSO with CWR        and no Offload::tcp_ecn          likewise
//   chained             and no Offload::multi_segment    it is copied into one mbuf; a GSO frame that does
//   not fit
//                                                        one mbuf of the pool is segmented instead, any other
//                                                        that does not fit is dropped (egress/too_big)
// Shared bytes are never edited: a packet that is a clone, or has clones, gets a first segment of its own.
#pragma once

#include <rte_mbuf.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/egress/segment.hpp"
#include "weft/drop.hpp"
#include "weft/packet.hpp"

namespace weft {

namespace detail {

static_assert(offsetof(Metadata, checksum) == offsetof(Metadata, tag_place) + 1 &&
              offsetof(Metadata, gso_type) == offsetof(Metadata, tag_place) + 2);
static_assert(static_cast<unsigned>(TagPlace::stripped) == 2 &&
              static_cast<unsigned>(ChecksumState::unfinished) == 2 &&
              std::endian::native == std::endian::little);

// Bits of the four bytes from tag_place on: stripped, unfinished, any GSO.
inline constexpr std::uint32_t wanting = 0x00ff0202u;

// Zero if any port can send the packet as it is: no tag stripped, no checksum unfinished, no GSO, one
// segment.
[[nodiscard]] inline std::uint32_t wants_of(const Packet& packet) noexcept {
    std::uint32_t state;
    std::memcpy(&state, reinterpret_cast<const std::byte*>(&packet.meta) + offsetof(Metadata, tag_place), 4);
    return (state & wanting) | (packet.nb_segs - 1u);
}

[[nodiscard]] unsigned prepare_packet(Packet* packet, std::uint8_t port_offloads, rte_mempool* pool,
                                      Packet* out[], unsigned max, DropReason& why) noexcept;

}  // namespace detail

/// Makes `packet` fit for a port that takes over `port_offloads`, and returns how many packets it has become:
/// out[0 .. returned), owned by the caller instead of `packet`. Nearly always out[0] is `packet` as it was,
/// at the price of one comparison. `max` is the room in out[]: at least 1, max_segments where GSO frames come
/// by.
///
/// Returns 0 if the packet has to be dropped; then it is unchanged and still the caller's, and `why` is
/// egress_bad_offload, egress_no_mbuf or egress_too_big. new mbufs come from `pool`, made by
/// rte_pktmbuf_pool_create with packet_private_size. `why` is undefined otherwise.
[[nodiscard]] inline unsigned prepare_for_port(Packet* packet, std::uint8_t port_offloads, rte_mempool* pool,
                                               Packet* out[], unsigned max, DropReason& why) noexcept {
    if (detail::wants_of(*packet) == 0) [[likely]] {
        out[0] = packet;
        return 1;
    }
    return detail::prepare_packet(packet, port_offloads, pool, out, max, why);
}

}  // namespace weft
