#include "control/kernel/tap_frame.hpp"

#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "weft/net/virtio_net.hpp"

namespace weft {
namespace {

constexpr std::size_t addresses_size = 12;
constexpr std::size_t most_pieces = 1024;  // UIO_MAXIOV
/// GSO frames are at most 64 KiB with headers; a tag or two and one byte to notice more.
constexpr std::size_t bounce_size = 65536 + 64;

iovec piece(const void* start, std::size_t length) noexcept {
    return {const_cast<void*>(start), length};
}

}  // namespace

TapWrite write_to_tap(int descriptor, const Packet& packet) noexcept {
    std::array<iovec, most_pieces> pieces;
    if (packet.nb_segs + 4u > most_pieces) return TapWrite::refused;
    const VirtioNetHeader header = to_virtio(packet);
    const VlanTag tag{be16{packet.meta.vlan_tpid}, be16{packet.meta.vlan_tci}};
    std::size_t n = 0;
    pieces[n++] = piece(&header, sizeof header);
    const auto* start = packet.data();
    std::size_t length = packet.head_length();
    if (packet.meta.tag_place == TagPlace::stripped) {
        if (length < addresses_size) return TapWrite::refused;
        pieces[n++] = piece(start, addresses_size);
        pieces[n++] = piece(&tag, sizeof tag);
        start += addresses_size;
        length -= addresses_size;
    }
    pieces[n++] = piece(start, length);
    for (const rte_mbuf* m = packet.next; m; m = m->next)
        pieces[n++] = piece(rte_pktmbuf_mtod(m, const std::byte*), m->data_len);
    for (;;) {
        if (writev(descriptor, pieces.data(), static_cast<int>(n)) >= 0) return TapWrite::sent;
        switch (errno) {
            case EINTR:
                continue;
            case EIO:     // administratively down
            case EBADFD:  // deleted
                return TapWrite::down;
            default:
                return TapWrite::refused;
        }
    }
}

TapReader::TapReader(rte_mempool* pool) : pool_(pool), bounce_(bounce_size) {}
TapReader::~TapReader() {
    rte_pktmbuf_free(spare_);
}

TapReader::Answer TapReader::read(int descriptor) noexcept {
    if (!spare_) spare_ = rte_pktmbuf_alloc(pool_);
    VirtioNetHeader header;
    const std::size_t room = spare_ ? rte_pktmbuf_tailroom(spare_) : 0;
    const std::array<iovec, 3> pieces{piece(&header, sizeof header),
                                      piece(spare_ ? rte_pktmbuf_mtod(spare_, void*) : nullptr, room),
                                      piece(bounce_.data(), bounce_.size())};
    ssize_t n;
    do
        n = readv(descriptor, pieces.data(), pieces.size());
    while (n < 0 && errno == EINTR);
    if (n < 0) return {errno == EBADFD || errno == EFAULT ? Outcome::gone : Outcome::empty};
    if (static_cast<std::size_t>(n) < sizeof header) return {Outcome::bad_header};
    const auto length = static_cast<std::uint32_t>(static_cast<std::size_t>(n) - sizeof header);
    if (!spare_) return {Outcome::no_mbuf, nullptr, length};
    if (length >= room + bounce_.size()) return {Outcome::truncated, nullptr, length};

    auto* packet = Packet::from(spare_);
    if (!from_virtio(header, length, packet->meta)) return {Outcome::bad_header, nullptr, length};
    packet->meta.tag_place = TagPlace::none;
    spare_ = nullptr;
    packet->data_len = static_cast<std::uint16_t>(std::min<std::size_t>(length, room));
    packet->pkt_len = packet->data_len;
    if (length > room && !extend(*packet, length)) {
        Packet::free(packet);
        return {Outcome::no_mbuf, nullptr, length};
    }
    return {Outcome::frame, packet, length};
}

bool TapReader::extend(Packet& head, std::uint32_t length) noexcept {
    rte_mbuf* last = &head;
    const std::byte* from = bounce_.data();
    while (head.pkt_len < length) {
        rte_mbuf* next = rte_pktmbuf_alloc(pool_);
        if (!next) return false;
        const auto n = static_cast<std::uint16_t>(
            std::min<std::uint32_t>(length - head.pkt_len, rte_pktmbuf_tailroom(next)));
        std::memcpy(rte_pktmbuf_mtod(next, void*), from, n);
        next->data_len = n;
        last->next = next;
        last = next;
        from += n;
        head.pkt_len += n;
        ++head.nb_segs;
    }
    return true;
}

}  // namespace weft
