// Frames in a guest's buffers: behind virtio_net_hdr, with num_buffers where the guest knows it (virtio 1.1
// 5.1.6).
#pragma once

#include <cstdint>

#include "dataplane/port/kernel_frame.hpp"
#include "dataplane/port/vhost_ring.hpp"
#include "weft/packet.hpp"
#include "weft/port.hpp"

namespace weft::ports {

/// What a guest negotiated, as far as frames depend on it. Bits are those of virtio 1.1 5.1.3 and 6.
struct GuestFeatures {
    std::uint64_t bits = 0;

    static constexpr unsigned guest_csum = 1, guest_tso4 = 7, guest_tso6 = 8, guest_ecn = 9, mrg_rxbuf = 15,
                              event_idx = 29, version_1 = 32, ring_packed = 34;
    [[nodiscard]] constexpr bool has(unsigned bit) const noexcept { return bits >> bit & 1; }
    /// Bytes before a frame.
    [[nodiscard]] constexpr std::uint32_t header_bytes() const noexcept {
        return has(mrg_rxbuf) || has(version_1) || has(ring_packed) ? 12 : 10;
    }
    /// Offload bits: what the guest takes unfinished.
    [[nodiscard]] constexpr std::uint8_t offloads() const noexcept {
        std::uint8_t all = Offload::vlan_insert | Offload::multi_segment;
        if (!has(guest_csum)) return all;
        all |= Offload::checksum;
        if (has(guest_tso4)) all |= Offload::tcp4_gso;
        if (has(guest_tso6)) all |= Offload::tcp6_gso;
        if (has(guest_ecn)) all |= Offload::tcp_ecn;  // virtio 1.1 5.1.6.4
        return all;
    }
};

/// The longest frame that is taken in: 64 KiB of IP behind an Ethernet header with two tags.
inline constexpr std::uint64_t longest_guest_frame = 65535 + 14 + 8;

/// Fills `first`, an mbuf as allocated, from a guest's buffer, with further mbufs of its pool where it is too
/// small, and the receive fields of its metadata. Unless `whole`, `first` is as it was.
Taken take_guest_frame(const iovec* pieces, std::uint64_t bytes, const GuestFeatures& guest,
                       rte_mbuf* first) noexcept;

/// Whether the guest may be given the packet as it is.
[[nodiscard]] inline bool guest_takes(const GuestFeatures& guest, const Packet& packet) noexcept {
    const Metadata& meta = packet.meta;
    if (meta.checksum != ChecksumState::unfinished && meta.gso_type == GsoType::none) [[likely]]
        return true;
    if (!guest.has(GuestFeatures::guest_csum)) return false;
    switch (meta.gso_type) {
        case GsoType::none:
            return true;
        case GsoType::tcp4:
            return guest.has(GuestFeatures::guest_tso4);
        case GsoType::tcp6:
            return guest.has(GuestFeatures::guest_tso6);
        case GsoType::udp:
            break;
    }
    return false;
}

/// Writes header and packet into buffers of the guest, which have room for them; written[i] becomes the bytes
/// in buffer i.
void give_guest_frame(const Packet& packet, const GuestFeatures& guest, const Window& window, unsigned first,
                      unsigned buffers, std::uint32_t* written) noexcept;

/// Bytes that the packet takes in a guest's buffers.
[[nodiscard]] inline std::uint32_t bytes_for_guest(const Packet& packet,
                                                   const GuestFeatures& guest) noexcept {
    return guest.header_bytes() + packet.length() +
           (packet.meta.tag_place == TagPlace::stripped ? vlan_tag_size : 0u);
}

}  // namespace weft::ports
