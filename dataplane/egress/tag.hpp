// VLAN tags in and out of the frame, and first segments that may be written to.
//
// The invariant that all of these keep: tag_place, vlan_tci and vlan_tpid describe the outermost tag,
// wherever it is; the frame in memory holds it (in_frame) or not (stripped), and may hold inner tags in
// either case. checksum_start, l3_offset and l4_offset move with the bytes they point to (they are moved even
// where they are not valid: what is not valid stays so).
//
// In-place edits move the addresses by four bytes and touch the first segment only. They return false and
// change nothing if that segment is shared (writable()), too short, or without headroom for four bytes more;
// make_writable_head then gives one that is not.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>
#include <cstring>

#include "weft/net/ethernet.hpp"
#include "weft/packet.hpp"

namespace weft {

/// True if nobody else sees the bytes of this one segment: neither cloned, nor a clone, nor external memory.
[[nodiscard]] inline bool writable(const rte_mbuf& segment) noexcept {
    return RTE_MBUF_DIRECT(&segment) && rte_mbuf_refcnt_read(&segment) == 1;
}

/// Gives `packet` a first segment of its own: returns a packet with the same frame and metadata whose first
/// min(header_bytes, length) bytes lie in a first segment that is writable and has headroom for two tags.
/// Returns `packet` itself if it already is so. Otherwise the bytes are copied into a new first segment from
/// `pool`, which is chained to the rest of `packet` (shared as it was, not copied); segments that this leaves
/// empty are freed. `packet` is then part of the result and must not be used any more. nullptr if the pool is
/// empty or header_bytes exceed its data room: `packet` is unchanged. The caller owns what is returned. Other
/// clones are not affected.
[[nodiscard]] Packet* make_writable_head(Packet* packet, rte_mempool* pool,
                                         std::uint32_t header_bytes) noexcept;

namespace detail {

inline constexpr std::uint16_t addresses_size = 2 * sizeof(MacAddress);

inline void move_offsets(Metadata& meta, int by) noexcept {
    meta.checksum_start = static_cast<std::uint16_t>(meta.checksum_start + by);
    meta.l3_offset = static_cast<std::uint16_t>(meta.l3_offset + by);
    meta.l4_offset = static_cast<std::uint16_t>(meta.l4_offset + by);
}

inline bool room_for_tags(const Packet& p, unsigned tags) noexcept {
    return writable(p) && p.data_len >= ethernet_header_size && p.data_off >= tags * vlan_tag_size;
}

// Opens four bytes after the addresses and writes the tag there.
inline void open_tag(Packet& p, std::uint16_t tpid, std::uint16_t tci) noexcept {
    const std::byte* old = p.data();
    p.data_off = static_cast<std::uint16_t>(p.data_off - vlan_tag_size);
    p.data_len = static_cast<std::uint16_t>(p.data_len + vlan_tag_size);
    p.pkt_len += vlan_tag_size;
    std::memmove(p.data(), old, addresses_size);
    *p.header<VlanTag>(addresses_size) = VlanTag{be16{tpid}, be16{tci}};
    move_offsets(p.meta, vlan_tag_size);
}

// Takes the four bytes after the addresses out.
inline void close_tag(Packet& p) noexcept {
    std::memmove(p.data() + vlan_tag_size, p.data(), addresses_size);
    p.data_off = static_cast<std::uint16_t>(p.data_off + vlan_tag_size);
    p.data_len = static_cast<std::uint16_t>(p.data_len - vlan_tag_size);
    p.pkt_len -= vlan_tag_size;
    move_offsets(p.meta, -int{vlan_tag_size});
}

// Enters in the metadata what now stands after the addresses. A tag that the frame ends in is none.
inline void look_for_tag(Packet& p) noexcept {
    const std::uint16_t type =
        p.data_len >= ethernet_header_size ? p.ethernet().type.host() : std::uint16_t{0};
    if (is_vlan_tpid(type) && p.data_len >= ethernet_header_size + vlan_tag_size) {
        p.meta.tag_place = TagPlace::in_frame;
        p.meta.vlan_tpid = type;
        p.meta.vlan_tci = p.header<VlanTag>(addresses_size)->tci.host();
    } else {
        p.meta.tag_place = TagPlace::none;
    }
}

}  // namespace detail

/// Writes the stripped tag into the frame. Nothing to do, and true, if none is stripped.
[[nodiscard]] inline bool insert_stripped(Packet& p) noexcept {
    if (p.meta.tag_place != TagPlace::stripped) return true;
    if (!detail::room_for_tags(p, 1)) return false;
    detail::open_tag(p, p.meta.vlan_tpid, p.meta.vlan_tci);
    p.meta.tag_place = TagPlace::in_frame;
    return true;
}

/// Puts a new outermost tag into the frame. A tag that is stripped goes into the frame first, inside it.
[[nodiscard]] inline bool push_in_frame(Packet& p, std::uint16_t tpid, std::uint16_t tci) noexcept {
    if (!detail::room_for_tags(p, p.meta.tag_place == TagPlace::stripped ? 2 : 1)) return false;
    if (p.meta.tag_place == TagPlace::stripped) detail::open_tag(p, p.meta.vlan_tpid, p.meta.vlan_tci);
    detail::open_tag(p, tpid, tci);
    p.meta.tag_place = TagPlace::in_frame;
    p.meta.vlan_tpid = tpid;
    p.meta.vlan_tci = tci;
    return true;
}

/// Takes the outermost tag from the frame into the metadata. Nothing to do, and true, unless it is in the
/// frame.
[[nodiscard]] inline bool make_stripped(Packet& p) noexcept {
    if (p.meta.tag_place != TagPlace::in_frame) return true;
    if (!writable(p) || p.data_len < ethernet_header_size + vlan_tag_size) return false;
    detail::close_tag(p);
    p.meta.tag_place = TagPlace::stripped;
    return true;
}

/// Removes the outermost tag from the frame; an inner one becomes the outermost. False also if the outermost
/// tag is not in the frame.
[[nodiscard]] inline bool pop_from_frame(Packet& p) noexcept {
    if (p.meta.tag_place != TagPlace::in_frame || !writable(p) ||
        p.data_len < ethernet_header_size + vlan_tag_size)
        return false;
    detail::close_tag(p);
    detail::look_for_tag(p);
    return true;
}

/// Removes the outermost tag, wherever it is; an inner one becomes the outermost. False if there is none, or
/// if it is in a frame that cannot be edited. A stripped tag costs no edit, and shared packets may lose it.
[[nodiscard]] inline bool pop_tag(Packet& p) noexcept {
    if (p.meta.tag_place != TagPlace::stripped) return pop_from_frame(p);
    detail::look_for_tag(p);
    return true;
}

}  // namespace weft
