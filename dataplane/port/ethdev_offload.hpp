// Between an mbuf's offload flags, as ethdev drivers read and write them, and weft's metadata.
#pragma once

#include <rte_mbuf.h>

#include <cstdint>

#include "weft/packet.hpp"

namespace weft::ports {

/// What tags and checksums rarely are; out of the way of what they mostly are.
void take_double_tag(Packet& packet) noexcept;
void find_unfinished(Packet& packet) noexcept;
/// The same of a frame whose state the driver lost: its field holds the bare sum of the pseudo-header. A
/// finished field does so once in 65536, and finishing that one again writes the same value.
void find_left_unfinished(Packet& packet) noexcept;

/// Fills the receive fields of the metadata from ol_flags and vlan_tci. A driver's stripped tag is 802.1Q
/// unless it stripped two. "Checksum not in the packet but the data is good" (RTE_MBUF_F_RX_L4_CKSUM_NONE, as
/// virtio says of a guest's frame) is unfinished.
inline void take_offloads(Packet& packet) noexcept {
    Metadata& meta = packet.meta;
    const std::uint64_t flags = packet.ol_flags;
    meta.gso_type = GsoType::none;
    meta.gso_ecn = 0;
    meta.gso_size = 0;
    meta.tag_place = TagPlace::none;
    if (flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
        meta.tag_place = TagPlace::stripped;
        meta.vlan_tci = packet.vlan_tci;
        meta.vlan_tpid = ether_type::vlan;
        if (flags & RTE_MBUF_F_RX_QINQ_STRIPPED) [[unlikely]]
            take_double_tag(packet);
    }
    const auto checksum = flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
    meta.checksum = checksum == RTE_MBUF_F_RX_L4_CKSUM_GOOD ? ChecksumState::good : ChecksumState::unknown;
    if (checksum == RTE_MBUF_F_RX_L4_CKSUM_NONE) [[unlikely]]
        find_unfinished(packet);
}

/// What a packet asks of the driver.
enum class Order : std::uint8_t {
    plain,    ///< nothing, or a tag
    prepare,  ///< checksum or segmentation: rte_eth_tx_prepare must see it
    refused,  ///< contradicts itself, or no buffer was free for a header of its own
};

/// Sets up checksum, segmentation and tags that the driver does not insert. May replace the packet by one
/// whose first segment is its own, since drivers write into headers. `pool` is where that comes from.
Order order_slowly(Packet*& packet, rte_mempool* pool) noexcept;

/// Sets ol_flags and the transmit fields of the mbuf from the metadata.
inline Order order(Packet*& packet, rte_mempool* pool) noexcept {
    const Metadata& meta = packet->meta;
    packet->ol_flags &= RTE_MBUF_F_EXTERNAL | RTE_MBUF_F_INDIRECT;
    if (meta.checksum == ChecksumState::unfinished || meta.gso_type != GsoType::none) [[unlikely]]
        return order_slowly(packet, pool);
    if (meta.tag_place == TagPlace::stripped) {
        if (meta.vlan_tpid != ether_type::vlan) [[unlikely]]
            return order_slowly(packet, pool);
        packet->ol_flags |= RTE_MBUF_F_TX_VLAN;
        packet->vlan_tci = meta.vlan_tci;
    }
    return Order::plain;
}

}  // namespace weft::ports
