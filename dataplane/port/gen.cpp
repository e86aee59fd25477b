#include "dataplane/port/gen.hpp"

#include <rte_cycles.h>

#include <algorithm>
#include <cstring>

#include "dataplane/port/free_burst.hpp"

namespace weft::ports {

namespace {

/// The 32 bytes of an mbuf from data_off on that a receive sets, in one store. What a pool guarantees of its
/// buffers (next null, one segment, one reference) is not written again.
struct ReceiveFields {
    std::uint16_t data_off = RTE_PKTMBUF_HEADROOM, refcnt = 1, nb_segs = 1, port = RTE_MBUF_PORT_INVALID;
    std::uint64_t ol_flags = 0;
    std::uint32_t packet_type = 0, pkt_len = 0;
    std::uint16_t data_len = 0, vlan_tci = 0;
    std::uint32_t hash = 0;
};
static_assert(sizeof(ReceiveFields) == 32);
static_assert(offsetof(rte_mbuf, data_off) % 16 == 0);
static_assert(offsetof(rte_mbuf, data_len) - offsetof(rte_mbuf, data_off) ==
              offsetof(ReceiveFields, data_len));

}  // namespace

std::uint16_t Gen::due(Source& source, std::uint16_t n) const noexcept {
    const auto epoch = epoch_.load(std::memory_order_acquire);
    if (!(epoch & 1)) return 0;
    if (epoch != source.epoch) [[unlikely]] {
        source.epoch = epoch;
        source.at = 0;
        source.left = source.count;
        source.start = rte_rdtsc();
        source.made_since = 0;
    }
    n = static_cast<std::uint16_t>(std::min<std::uint64_t>(n, source.left));
    if (source.per_tick > 0 && n > 0) {
        const auto now = rte_rdtsc();
        const auto target =
            static_cast<std::uint64_t>(static_cast<double>(now - source.start) * source.per_tick);
        // A debt of more than some bursts (nobody polled) is forgotten, not made up for by a flood.
        if (target > source.made_since + 16 * batch_size) source.made_since = target - batch_size;
        n = static_cast<std::uint16_t>(
            std::min<std::uint64_t>(n, target - std::min(target, source.made_since)));
    }
    return n;
}

inline void Gen::fill_head(Source& source, std::byte* to) const noexcept {
    if (prepared_) [[likely]] {
        const GenHead* const head = &prepared_[source.first + source.at];
        // Those of the next call: they come while this one's packets are on their way.
        __builtin_prefetch(head + batch_size);
        std::memcpy(to, head, sizeof(GenHead));
        if (++source.at == source.flows) source.at = 0;
        return;
    }
    GenHead head;
    frame_.head(source.first + source.at, head);
    std::memcpy(to, &head, sizeof head);
    const auto next = std::uint64_t{source.at} + source.step;
    source.at = static_cast<std::uint32_t>(next < source.flows ? next : next - source.flows);
}

/// Writes what follows the head, in further segments where one does not hold it.
bool Gen::append_tail(rte_mbuf* first) const noexcept {
    std::uint16_t in_first = head_room_;
    std::memcpy(rte_pktmbuf_mtod_offset(first, std::byte*, sizeof(GenHead)), frame_.tail(),
                in_first - sizeof(GenHead));
    for (std::uint32_t at = in_first; at < frame_.length();) {
        rte_mbuf* m = rte_pktmbuf_alloc(pool_);
        if (!m) return false;
        m->data_len = static_cast<std::uint16_t>(
            std::min<std::uint32_t>(frame_.length() - at, rte_pktmbuf_tailroom(m)));
        std::memcpy(rte_pktmbuf_mtod(m, std::byte*), frame_.tail() + at - sizeof(GenHead), m->data_len);
        at += m->data_len;
        rte_pktmbuf_lastseg(first)->next = m;
        ++first->nb_segs;
    }
    return true;
}

std::uint16_t Gen::receive(std::uint16_t queue, Packet* out[], std::uint16_t n, ReceiveLoss&) noexcept {
    Source& source = sources_[queue];
    n = due(source, n);
    if (n == 0) return 0;
    if (rte_mempool_get_bulk(pool_, reinterpret_cast<void**>(out), n) != 0) {
        received_[queue].no_mbuf.add(1);  // a call that made nothing: no frame was lost
        return 0;
    }
    ReceiveFields fields;
    fields.pkt_len = frame_.length();
    fields.data_len = std::min(frame_.length(), head_room_);
    const bool long_frame = frame_.length() > sizeof(GenHead);
    std::uint16_t whole = n;
    for (std::uint16_t i = 0; i < n; ++i) {
        Packet* packet = out[i];
        std::memcpy(static_cast<void*>(&packet->data_off), &fields, sizeof fields);
        packet->meta.tag_place = TagPlace::none;
        packet->meta.checksum = ChecksumState::good;
        packet->meta.gso_type = GsoType::none;
        packet->meta.gso_ecn = 0;
        packet->meta.gso_size = 0;
        fill_head(source, packet->data());
        if (long_frame && !append_tail(packet)) [[unlikely]] {
            for (std::uint16_t rest = i + 1; rest < n; ++rest)
                rte_mbuf_raw_free(out[rest]);
            rte_pktmbuf_free(packet);
            received_[queue].no_mbuf.add(1);
            whole = i;
            break;
        }
    }
    if (source.left != UINT64_MAX) source.left -= whole;
    source.made_since += whole;
    received_[queue].good.add(whole, std::uint64_t{whole} * frame_.length());
    return whole;
}

std::uint16_t Gen::transmit(std::uint16_t queue, Packet* in[], std::uint16_t n, TransmitLoss&) noexcept {
    sent_[queue].good.add(n, free_burst(in, n));
    return n;
}

}  // namespace weft::ports
