// struct virtio_net_hdr, as a TAP with IFF_VNET_HDR and a packet socket with PACKET_VNET_HDR put it before a
// frame, to and from the offload state in Metadata (virtio 1.1 5.1.6; Linux include/linux/virtio_net.h).
//
// Offsets count from the first byte of the frame as it lies in memory, here as there. A tag that the device
// stripped is in neither; one that is still stripped when the frame is sent is counted by to_virtio, because
// the port writes it into the frame.
#pragma once

#include <rte_mbuf.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "weft/net/ethernet.hpp"
#include "weft/net/ip.hpp"
#include "weft/packet.hpp"

namespace weft {

/// The ten-byte form without num_buffers. Fields are in the machine's byte order, which is what TAPs and
/// packet sockets use unless told otherwise; virtio 1.x devices use little endian, which is the same here.
struct VirtioNetHeader {
    std::uint8_t flags;
    std::uint8_t gso_type;
    std::uint16_t hdr_len;  ///< bytes of all headers; a hint, not trusted
    std::uint16_t gso_size;
    std::uint16_t csum_start;
    std::uint16_t csum_offset;
};
static_assert(sizeof(VirtioNetHeader) == 10);
static_assert(std::endian::native == std::endian::little);

namespace virtio {
inline constexpr std::uint8_t needs_checksum = 1, data_valid = 2;  // flags
inline constexpr std::uint8_t gso_none = 0, gso_tcp4 = 1, gso_tcp6 = 4, gso_udp_l4 = 5,
                              gso_ecn = 0x80;  // gso_type
/// Metadata counts in 16 bits, and tags may still come before what is summed.
inline constexpr std::uint16_t most_checksum_start = 0xff00;
}  // namespace virtio

/// Writes checksum, checksum_start, checksum_offset, gso_type, gso_ecn and gso_size of `meta`, nothing else.
/// frame_length: bytes of the frame, without this header. False if the header contradicts itself or the frame
/// (offsets outside it or near 2^16, GSO without a size or of an unknown type, the deprecated UFO included);
/// `meta` is then not to be used. As in Linux a GSO frame that is no longer than one segment becomes an
/// ordinary one, and a GSO frame may come with a whole checksum.
[[nodiscard]] inline bool from_virtio(const VirtioNetHeader& header, std::uint32_t frame_length,
                                      Metadata& meta) noexcept {
    const bool unfinished = header.flags & virtio::needs_checksum;
    meta.checksum = unfinished                                 ? ChecksumState::unfinished
                    : (header.flags & virtio::data_valid) != 0 ? ChecksumState::good
                                                               : ChecksumState::unknown;
    meta.checksum_start = header.csum_start;
    meta.checksum_offset = header.csum_offset;
    meta.gso_type = GsoType::none;
    meta.gso_ecn = 0;
    meta.gso_size = 0;
    if (unfinished &&
        (header.csum_start < ethernet_header_size || header.csum_start > virtio::most_checksum_start ||
         std::uint32_t{header.csum_start} + header.csum_offset + 2 > frame_length))
        return false;
    if (header.gso_type == virtio::gso_none) return true;

    const bool ecn = header.gso_type & virtio::gso_ecn;
    GsoType type;
    std::uint16_t field = offsetof(TcpHeader, checksum);
    std::uint16_t smallest_header = sizeof(TcpHeader);
    switch (header.gso_type & ~virtio::gso_ecn) {
        case virtio::gso_tcp4:
            type = GsoType::tcp4;
            break;
        case virtio::gso_tcp6:
            type = GsoType::tcp6;
            break;
        case virtio::gso_udp_l4:
            if (ecn) return false;
            type = GsoType::udp;
            field = offsetof(UdpHeader, checksum);
            smallest_header = sizeof(UdpHeader);
            break;
        default:
            return false;
    }
    if (header.gso_size == 0) return false;
    const std::uint32_t headers =
        (unfinished ? std::uint32_t{header.csum_start} : ethernet_header_size) + smallest_header;
    if (headers > frame_length || (unfinished && header.csum_offset != field)) return false;
    if (frame_length - headers <= header.gso_size) return true;
    meta.gso_type = type;
    meta.gso_ecn = ecn;
    meta.gso_size = header.gso_size;
    return true;
}

/// The header to send before `packet`. Reads its offload state and, of a GSO frame, its TCP header length.
[[nodiscard]] inline VirtioNetHeader to_virtio(const Packet& packet) noexcept {
    const Metadata& meta = packet.meta;
    const bool unfinished = meta.checksum == ChecksumState::unfinished;
    const std::uint32_t tag = meta.tag_place == TagPlace::stripped ? vlan_tag_size : 0;
    VirtioNetHeader header{};
    if (unfinished) {
        header.flags = virtio::needs_checksum;
        header.csum_start = static_cast<std::uint16_t>(meta.checksum_start + tag);
        header.csum_offset = meta.checksum_offset;
    } else if (meta.checksum == ChecksumState::good) {
        header.flags = virtio::data_valid;
    }
    if (meta.gso_type == GsoType::none) return header;

    constexpr std::uint8_t types[] = {virtio::gso_none, virtio::gso_tcp4, virtio::gso_tcp6,
                                      virtio::gso_udp_l4};
    header.gso_type = static_cast<std::uint8_t>(types[static_cast<unsigned>(meta.gso_type)] |
                                                (meta.gso_ecn ? virtio::gso_ecn : 0));
    header.gso_size = meta.gso_size;
    std::uint32_t headers = packet.head_length();  // what Linux says if it does not know
    if (unfinished) {
        std::uint32_t l4 = sizeof(UdpHeader);
        if (meta.gso_type != GsoType::udp) {
            std::uint8_t room;
            const void* at = rte_pktmbuf_read(
                &packet, std::uint32_t{meta.checksum_start} + offsetof(TcpHeader, data_offset), 1, &room);
            l4 = at ? (*static_cast<const std::uint8_t*>(at) >> 4) * 4u : sizeof(TcpHeader);
        }
        headers = meta.checksum_start + l4;
    }
    header.hdr_len = static_cast<std::uint16_t>(std::min<std::uint32_t>(headers + tag, UINT16_MAX));
    return header;
}

}  // namespace weft
