// Packets on the heap, for tests without EAL: an mbuf with its private area, headroom and data room, no pool.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "weft/packet.hpp"

namespace weft::test {

struct FreeHeap {
    void operator()(Packet* p) const noexcept { std::free(p); }
};
using HeapPacket = std::unique_ptr<Packet, FreeHeap>;

/// A one-segment packet holding `frame`; metadata is filled with 0xa5 so that a stage that reads what nobody
/// wrote is noticed, except the offload state, which is what a port without offload leaves.
inline HeapPacket make_packet(std::span<const std::uint8_t> frame, std::uint16_t room = 2048) {
    const std::size_t buffer = RTE_PKTMBUF_HEADROOM + std::size_t{room};
    auto* p = static_cast<Packet*>(std::aligned_alloc(64, (sizeof(Packet) + buffer + 63) / 64 * 64));
    std::memset(static_cast<void*>(p), 0, sizeof(rte_mbuf));
    std::memset(static_cast<void*>(&p->meta), 0xa5, sizeof(Metadata));
    p->buf_addr = reinterpret_cast<std::byte*>(p) + sizeof(Packet);
    p->buf_len = static_cast<std::uint16_t>(buffer);
    p->data_off = RTE_PKTMBUF_HEADROOM;
    p->refcnt = 1;
    p->nb_segs = 1;
    p->priv_size = packet_private_size;
    p->data_len = static_cast<std::uint16_t>(frame.size());
    p->pkt_len = static_cast<std::uint32_t>(frame.size());
    if (!frame.empty()) std::memcpy(p->data(), frame.data(), frame.size());
    p->meta.tag_place = TagPlace::none;
    p->meta.checksum = ChecksumState::unknown;
    p->meta.gso_type = GsoType::none;
    return HeapPacket{p};
}

/// The bytes of all segments.
inline std::vector<std::uint8_t> bytes_of(const Packet& packet) {
    std::vector<std::uint8_t> all;
    for (const rte_mbuf* m = &packet; m; m = m->next) {
        const auto* start = rte_pktmbuf_mtod(m, const std::uint8_t*);
        all.insert(all.end(), start, start + m->data_len);
    }
    return all;
}

}  // namespace weft::test
