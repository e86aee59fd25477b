#include "dataplane/port/kernel_frame.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace weft::ports {

std::byte* map_bounce(std::size_t n) noexcept {
    void* area = mmap(nullptr, n * bounce_bytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (area == MAP_FAILED) std::abort();
    return static_cast<std::byte*>(area);
}

void unmap_bounce(std::byte* area, std::size_t n) noexcept {
    munmap(area, n * bounce_bytes);
}

bool arm(ReceiveSlot& slot, rte_mempool* pool) noexcept {
    if (slot.mbuf) return true;
    slot.mbuf = rte_pktmbuf_alloc(pool);
    if (!slot.mbuf) return false;
    slot.iov[0] = {&slot.header, sizeof slot.header};
    slot.iov[1] = {rte_pktmbuf_mtod(slot.mbuf, void*), rte_pktmbuf_tailroom(slot.mbuf)};
    slot.iov[2] = {slot.bounce, bounce_bytes};
    return true;
}

namespace {

/// Copies n bytes into new segments after m. All or nothing.
bool append(rte_mbuf* m, const std::byte* from, std::size_t n) noexcept {
    rte_mbuf* last = m;
    std::uint16_t segments = 1;
    while (n > 0) {
        rte_mbuf* next = rte_pktmbuf_alloc(m->pool);
        if (!next) {
            rte_pktmbuf_free(m->next);
            m->next = nullptr;
            return false;
        }
        next->data_off = 0;
        next->data_len = static_cast<std::uint16_t>(std::min<std::size_t>(n, next->buf_len));
        std::memcpy(rte_pktmbuf_mtod(next, std::byte*), from, next->data_len);
        from += next->data_len;
        n -= next->data_len;
        last->next = next;
        last = next;
        ++segments;
    }
    m->nb_segs = segments;
    return true;
}

}  // namespace

Taken take(ReceiveSlot& slot, std::size_t length, Packet*& out) noexcept {
    rte_mbuf* m = slot.mbuf;
    if (length < sizeof(VirtioNetHeader)) return Taken::truncated;
    const std::size_t frame = length - sizeof(VirtioNetHeader);
    const std::size_t room = slot.iov[1].iov_len;
    if (frame > room + bounce_bytes) return Taken::truncated;
    Packet* packet = Packet::from(m);
    if (!from_virtio(slot.header, static_cast<std::uint32_t>(frame), packet->meta))
        return Taken::contradictory;
    if (frame > room && !append(m, slot.bounce, frame - room)) return Taken::no_mbuf;
    m->data_len = static_cast<std::uint16_t>(std::min(frame, room));
    m->pkt_len = static_cast<std::uint32_t>(frame);
    packet->meta.tag_place = TagPlace::none;
    slot.mbuf = nullptr;
    out = packet;
    return Taken::whole;
}

unsigned describe(const Packet& packet, SendHead& head, iovec* iov) noexcept {
    head.virtio = to_virtio(packet);
    const rte_mbuf* m = &packet;
    auto* data = rte_pktmbuf_mtod(m, std::byte*);
    std::uint16_t length = m->data_len;
    iov[0] = {&head, sizeof head.virtio};
    if (packet.meta.tag_place == TagPlace::stripped) {
        constexpr std::uint16_t addresses = 2 * sizeof(MacAddress);
        std::memcpy(static_cast<void*>(&head.destination), data, addresses);
        head.tag = {be16{packet.meta.vlan_tpid}, be16{packet.meta.vlan_tci}};
        iov[0].iov_len = sizeof head;
        data += addresses;
        length = static_cast<std::uint16_t>(length - addresses);
    }
    iov[1] = {data, length};
    unsigned n = 2;
    for (m = m->next; m; m = m->next)
        iov[n++] = {rte_pktmbuf_mtod(m, void*), m->data_len};
    return n;
}

}  // namespace weft::ports
