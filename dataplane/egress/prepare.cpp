#include "dataplane/egress/prepare.hpp"

#include <cstring>

#include "dataplane/egress/finish.hpp"
#include "dataplane/egress/tag.hpp"
#include "weft/net/ip.hpp"
#include "weft/port.hpp"

namespace weft::detail {

namespace {

constexpr std::uint8_t gso_offload(GsoType type) noexcept {
    constexpr std::uint8_t bits[] = {0, Offload::tcp4_gso, Offload::tcp6_gso, Offload::udp_gso};
    return bits[static_cast<unsigned>(type)];
}

// The bytes of a frame that fit one mbuf of the pool, behind the headroom.
std::uint32_t room_of(rte_mempool* pool) noexcept {
    const std::uint32_t room = rte_pktmbuf_data_room_size(pool);
    return room > RTE_PKTMBUF_HEADROOM ? room - RTE_PKTMBUF_HEADROOM : 0;
}

// True of a GSO frame that has the least headers of its kind: a tag that was taken off may have
// been what made it so.
bool holds_headers(const Packet& packet) noexcept {
    const std::uint32_t least = packet.meta.gso_type == GsoType::udp ? sizeof(UdpHeader) : sizeof(TcpHeader);
    const std::uint32_t start = packet.meta.checksum == ChecksumState::unfinished
                                    ? std::uint32_t{packet.meta.checksum_start}
                                    : ethernet_header_size;
    return packet.pkt_len >= start + least;
}

// True if the first n bytes may be written to, and a tag put before them if `tag`.
bool editable(const Packet& packet, std::uint32_t n, bool tag) noexcept {
    if (tag && !room_for_tags(packet, 1)) return false;
    for (const rte_mbuf* m = &packet; m && n; m = m->next) {
        if (m->data_len && !writable(*m)) return false;
        n -= n < m->data_len ? n : m->data_len;
    }
    return true;
}

void append(rte_mbuf* to, const rte_mbuf* from) noexcept {
    for (; from; from = from->next) {
        std::memcpy(rte_pktmbuf_mtod_offset(to, std::byte*, to->data_len),
                    rte_pktmbuf_mtod(from, const std::byte*), from->data_len);
        to->data_len = static_cast<std::uint16_t>(to->data_len + from->data_len);
    }
}

// The packet in one writable segment with headroom for a tag, consumed; nullptr with `why`, unchanged.
Packet* linearise(Packet* packet, rte_mempool* pool, DropReason& why) noexcept {
    const std::uint32_t length = packet->pkt_len;
    if (room_for_tags(*packet, 1) && length - packet->data_len <= rte_pktmbuf_tailroom(packet)) {
        rte_mbuf* rest = packet->next;
        append(packet, rest);
        packet->next = nullptr;
        packet->nb_segs = 1;
        rte_pktmbuf_free(rest);
        return packet;
    }
    if (length > room_of(pool)) {
        why = DropReason::egress_too_big;
        return nullptr;
    }
    rte_mbuf* copy = rte_pktmbuf_alloc(pool);
    if (!copy) {
        why = DropReason::egress_no_mbuf;
        return nullptr;
    }
    append(copy, packet);
    copy->pkt_len = length;
    Packet::from(copy)->meta = packet->meta;
    Packet::free(packet);
    return Packet::from(copy);
}

}  // namespace

unsigned prepare_packet(Packet* packet, std::uint8_t port_offloads, rte_mempool* pool, Packet* out[],
                        unsigned max, DropReason& why) noexcept {
    const Metadata& meta = packet->meta;
    const bool insert = meta.tag_place == TagPlace::stripped && !(port_offloads & Offload::vlan_insert);
    const bool join = packet->nb_segs > 1 && !(port_offloads & Offload::multi_segment);

    if (meta.gso_type != GsoType::none) {
        if (!holds_headers(*packet)) {
            why = DropReason::egress_bad_offload;
            return 0;
        }
        const std::uint8_t ecn = meta.gso_ecn ? Offload::tcp_ecn : std::uint8_t{0};
        const std::uint8_t needed = gso_offload(meta.gso_type) | ecn | Offload::checksum;
        const bool fits = !join || packet->pkt_len + (insert ? vlan_tag_size : 0u) <= room_of(pool);
        if ((port_offloads & needed) != needed || !fits) {
            const unsigned n = segment(*packet, port_offloads, pool, out, max, why);
            // Every segment has a first mbuf of its own with its headroom unused.
            for (unsigned i = 0; insert && i < n; ++i)
                (void)insert_stripped(*out[i]);
            return n;
        }
    }

    // All that can fail comes before the first change, so that a packet to be dropped is the caller's as it
    // was.
    const bool finish = meta.checksum == ChecksumState::unfinished && !(port_offloads & Offload::checksum);
    if ((finish && !checksum_fits(*packet)) || (insert && packet->pkt_len < ethernet_header_size)) {
        why = DropReason::egress_bad_offload;
        return 0;
    }
    const std::uint32_t edited =
        finish   ? meta.checksum_start + meta.checksum_offset + std::uint32_t{sizeof(be16)}
        : insert ? std::uint32_t{ethernet_header_size}
                 : 0u;
    const bool own = editable(*packet, edited, insert);
    if (join || (!own && !(port_offloads & Offload::multi_segment))) {
        packet = linearise(packet, pool, why);
        if (!packet) return 0;
    } else if (!own) {
        Packet* headed = make_writable_head(packet, pool, edited);
        if (!headed) {
            why = edited > room_of(pool) ? DropReason::egress_bad_offload : DropReason::egress_no_mbuf;
            return 0;
        }
        packet = headed;
    }
    if (insert) (void)insert_stripped(*packet);
    if (finish) (void)finish_checksum(*packet);
    out[0] = packet;
    return 1;
}

}  // namespace weft::detail
