#include "dataplane/egress/tag.hpp"

#include <algorithm>

namespace weft {

namespace {

// Takes n bytes off the front of a chain, copying them to `to`, and returns what is left of it.
rte_mbuf* take_front(rte_mbuf* m, std::byte* to, std::uint32_t n) noexcept {
    while (n) {
        const auto piece = static_cast<std::uint16_t>(std::min<std::uint32_t>(n, m->data_len));
        std::memcpy(to, rte_pktmbuf_mtod(m, const std::byte*), piece);
        to += piece;
        n -= piece;
        m->data_off = static_cast<std::uint16_t>(m->data_off + piece);
        m->data_len = static_cast<std::uint16_t>(m->data_len - piece);
        if (m->data_len) break;
        rte_mbuf* next = m->next;
        rte_pktmbuf_free_seg(m);
        m = next;
    }
    return m;
}

}  // namespace

Packet* make_writable_head(Packet* packet, rte_mempool* pool, std::uint32_t header_bytes) noexcept {
    const std::uint32_t n = std::min(header_bytes, packet->pkt_len);
    if (writable(*packet) && packet->data_len >= n && packet->data_off >= 2 * vlan_tag_size) return packet;
    rte_mbuf* head = rte_pktmbuf_alloc(pool);
    if (!head) return nullptr;
    if (n > rte_pktmbuf_tailroom(head)) {
        rte_pktmbuf_free(head);
        return nullptr;
    }
    const std::uint32_t length = packet->pkt_len;
    Packet::from(head)->meta = packet->meta;
    rte_mbuf* rest = take_front(packet, rte_pktmbuf_mtod(head, std::byte*), n);
    head->data_len = static_cast<std::uint16_t>(n);
    head->pkt_len = length;
    head->next = rest;
    for (const rte_mbuf* m = rest; m; m = m->next)
        ++head->nb_segs;
    return Packet::from(head);
}

}  // namespace weft
