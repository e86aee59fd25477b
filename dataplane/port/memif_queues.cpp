#include "dataplane/port/memif_queues.hpp"

#include <rte_memcpy.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "dataplane/port/free_burst.hpp"

namespace weft::ports {

namespace {

/// Empty rounds before the peer is asked for interrupts; a worker sleeps after more (worker.cpp).
constexpr unsigned rounds_before_interrupts = 64;
/// What no port takes anyway (max_port_mtu) is not gathered.
constexpr std::uint32_t longest_frame = 16384;

/// The 32 bytes of an mbuf from data_off on that a receive sets; what a pool guarantees is not written again.
struct ReceiveFields {
    std::uint16_t data_off = RTE_PKTMBUF_HEADROOM, refcnt = 1, nb_segs = 1, port = RTE_MBUF_PORT_INVALID;
    std::uint64_t ol_flags = 0;
    std::uint32_t packet_type = 0, pkt_len = 0;
    std::uint16_t data_len = 0, vlan_tci = 0;
    std::uint32_t hash = 0;
};
static_assert(sizeof(ReceiveFields) == 32 && offsetof(rte_mbuf, data_len) - offsetof(rte_mbuf, data_off) ==
                                                 offsetof(ReceiveFields, data_len));

}  // namespace

/// A descriptor that was checked.
struct MemifQueues::Slot {
    const std::byte* bytes;
    std::uint32_t length;
    bool goes_on;
};

std::uint16_t MemifQueues::receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                                   ReceiveLoss& loss) noexcept {
    Receiver& r = receivers_[queue];
    if (!r.gate.enter()) return 0;
    const std::uint16_t count = r.usable ? take(r, out, n, loss) : std::uint16_t{0};
    r.gate.leave();
    return count;
}

/// Checks up to n slots, asking for their bytes; returns how many are good.
std::uint16_t MemifQueues::look(const Receiver& r, Slot slots[], std::uint16_t n, bool& lie) const noexcept {
    for (std::uint16_t i = 0; i < n; ++i) {
        const auto at = static_cast<std::uint16_t>(r.ring.next + i);
        const auto d = r.ring.descriptor(at);
        slots[i] = {r.ring.bytes(at, d), d.length, (d.flags & memif::descriptor_goes_on) != 0};
        if (!slots[i].bytes) {
            lie = true;
            return i;
        }
        rte_prefetch0(slots[i].bytes);
    }
    return n;
}

/// Copies the slots into the packet and what mbufs it needs. False if none was free.
bool MemifQueues::gather(Packet& packet, const Slot* first, const Slot* last) const noexcept {
    rte_mbuf* tail = &packet;
    for (const Slot* slot = first; slot != last; ++slot) {
        for (std::uint32_t at = 0; at < slot->length;) {
            if (tail->data_len == room_) {
                rte_mbuf* more = rte_pktmbuf_alloc(pool_);
                if (!more) return false;
                tail->next = more;
                tail = more;
                ++packet.nb_segs;
            }
            const auto part = static_cast<std::uint16_t>(
                std::min<std::uint32_t>(slot->length - at, room_ - tail->data_len));
            rte_memcpy(rte_pktmbuf_mtod_offset(tail, std::byte*, tail->data_len), slot->bytes + at, part);
            tail->data_len = static_cast<std::uint16_t>(tail->data_len + part);
            packet.pkt_len += part;
            at += part;
        }
    }
    return true;
}

std::uint16_t MemifQueues::take(Receiver& r, Packet* out[], std::uint16_t n, ReceiveLoss& loss) noexcept {
    std::uint16_t waiting = r.ring.waiting();
    if (waiting == 0) {
        if (r.interrupts || ++r.empty < rounds_before_interrupts) return 0;
        ask_for_interrupts(r, true);
        waiting = r.ring.waiting();
        if (waiting == 0) return 0;
    }
    if (r.interrupts) ask_for_interrupts(r, false);
    r.empty = 0;

    Slot slots[batch_size];
    bool lie = waiting > r.ring.size;
    const std::uint16_t good = lie ? std::uint16_t{0} : look(r, slots, std::min(waiting, batch_size), lie);
    n = std::min(n, good);
    if (n > 0 && rte_mempool_get_bulk(pool_, reinterpret_cast<void**>(out), n) != 0) {
        r.counters.no_mbuf.add(1);  // a call that took nothing: the frames wait
        return 0;
    }
    std::uint16_t count = 0, at = 0;
    std::uint64_t bytes = 0;
    while (count < n && at < good) {
        std::uint16_t last = at;
        std::uint64_t length = slots[at].length;
        while (slots[last].goes_on && last + 1 < good)
            length += slots[++last].length;
        if (slots[last].goes_on) {  // the rest is not there yet, or there is no end to it
            lie |= good == batch_size && at == 0;
            break;
        }
        const auto end = static_cast<std::uint16_t>(last + 1);
        if (length > longest_frame) [[unlikely]] {
            ++loss.truncated;
            r.counters.truncated.add(1);
            at = end;
            continue;
        }
        Packet* packet = out[count];
        ReceiveFields fields;
        const bool whole = last == at && length <= room_;
        if (whole) [[likely]] {
            fields.pkt_len = static_cast<std::uint32_t>(length);
            fields.data_len = static_cast<std::uint16_t>(length);
        }
        std::memcpy(static_cast<void*>(&packet->data_off), &fields, sizeof fields);
        packet->meta.tag_place = TagPlace::none;
        packet->meta.checksum = ChecksumState::unknown;
        packet->meta.gso_type = GsoType::none;
        packet->meta.gso_ecn = 0;
        packet->meta.gso_size = 0;
        if (whole) [[likely]] {
            rte_memcpy(packet->data(), slots[at].bytes, length);
        } else if (!gather(*packet, slots + at, slots + end)) {
            r.counters.no_mbuf.add(1);  // it waits
            rte_pktmbuf_free(packet->next);
            packet->next = nullptr;
            packet->nb_segs = 1;
            break;
        }
        bytes += length;
        ++count;
        at = end;
    }
    if (count < n) rte_mempool_put_bulk(pool_, reinterpret_cast<void* const*>(out + count), n - count);
    r.ring.next = static_cast<std::uint16_t>(r.ring.next + at);
    if (r.ring.client())
        for (std::uint16_t i = 0; i < at; ++i)
            r.ring.describe_buffer(static_cast<std::uint16_t>(r.ring.next - 1 - i));
    r.ring.publish_taken();
    r.counters.good.add(count, bytes);
    if (lie) [[unlikely]] {
        r.usable = false;
        ++loss.bad_descriptor;
        r.counters.errors.add(1);
        broke();
    }
    return count;
}

void MemifQueues::ask_for_interrupts(Receiver& r, bool ask) noexcept {
    std::atomic_ref{r.ring.shared->flags}.store(ask ? 0 : memif::ring_masks_interrupts,
                                                std::memory_order_relaxed);
    r.interrupts = ask;
    if (ask) {
        // The peer looks at the flag after it published: one of the two sees the other.
        std::atomic_thread_fence(std::memory_order_seq_cst);
    } else {
        epoll_event event;
        epoll_wait(r.events.get(), &event, 1, 0);  // forgets the edge, without a read that could block
    }
}

std::uint16_t MemifQueues::transmit(std::uint16_t queue, Packet* in[], std::uint16_t n) noexcept {
    Sender& s = senders_[queue];
    if (!s.gate.enter()) return 0;
    const std::uint16_t sent = s.usable ? give(s, in, n) : std::uint16_t{0};
    s.gate.leave();
    if (sent) s.counters.good.add(sent, free_burst(in, sent));
    return sent;
}

/// How many of `room` slots the frame takes; 0 if it takes more.
std::uint16_t MemifQueues::slots_for(const Sender& s, const Packet& packet, std::uint16_t room,
                                     bool& lie) const noexcept {
    std::uint32_t held = 0;
    for (std::uint16_t i = 0; i < room; ++i) {
        if (s.ring.client()) {
            held += memif::buffer_size;
        } else {
            const auto at = static_cast<std::uint16_t>(s.ring.next + i);
            const auto d = s.ring.descriptor(at);
            if (d.length == 0 || !s.ring.bytes(at, d)) {
                lie = true;
                return 0;
            }
            held += std::min<std::uint32_t>(d.length, longest_frame);
        }
        if (held >= packet.length()) return static_cast<std::uint16_t>(i + 1);
    }
    return 0;
}

/// Copies a frame that does not fit one slot, or is in segments, into as many slots as slots_for() found. The
/// peer may have changed its descriptors meanwhile: then the frame is cut, and lies within the peer's memory.
void MemifQueues::scatter(Sender& s, const Packet& packet) noexcept {
    const rte_mbuf* segment = &packet;
    std::uint32_t done_of_segment = 0, left = packet.length();
    while (left > 0) {
        auto d =
            s.ring.client() ? memif::Descriptor{0, 0, memif::buffer_size, 0} : s.ring.descriptor(s.ring.next);
        std::byte* to = s.ring.bytes(s.ring.next, d);
        if (!to) return;
        std::uint32_t filled = 0;
        while (filled < d.length && left > 0) {
            if (done_of_segment == segment->data_len) {
                segment = segment->next;
                done_of_segment = 0;
                continue;
            }
            const auto part = std::min<std::uint32_t>(d.length - filled, segment->data_len - done_of_segment);
            rte_memcpy(to + filled, rte_pktmbuf_mtod_offset(segment, const std::byte*, done_of_segment),
                       part);
            filled += part;
            done_of_segment += part;
            left -= part;
        }
        s.ring.describe(s.ring.next++, d, filled, left > 0);
    }
}

std::uint16_t MemifQueues::give(Sender& s, Packet* in[], std::uint16_t n) noexcept {
    std::uint16_t room = s.ring.room();
    bool lie = room > s.ring.size;
    if (lie) room = 0;
    std::uint16_t sent = 0;
    for (; sent < n && room > 0; ++sent) {
        Packet& packet = *in[sent];
        const auto at = s.ring.next;
        const auto d =
            s.ring.client() ? memif::Descriptor{0, 0, memif::buffer_size, 0} : s.ring.descriptor(at);
        std::byte* to = s.ring.bytes(at, d);
        if (!to) {
            lie = true;
            break;
        }
        if (packet.nb_segs == 1 && packet.data_len <= d.length) [[likely]] {
            rte_memcpy(to, packet.data(), packet.data_len);
            s.ring.describe(at, d, packet.data_len, false);
            ++s.ring.next;
            --room;
            continue;
        }
        const auto slots = slots_for(s, packet, room, lie);
        if (slots == 0) break;
        const auto before = s.ring.next;
        scatter(s, packet);
        const auto used = static_cast<std::uint16_t>(s.ring.next - before);
        room = used < room ? static_cast<std::uint16_t>(room - used) : std::uint16_t{0};
    }
    if (sent) {
        s.ring.publish_filled();
        std::atomic_thread_fence(std::memory_order_seq_cst);
        const auto flags = std::atomic_ref{s.ring.shared->flags}.load(std::memory_order_relaxed);
        if (!(flags & memif::ring_masks_interrupts) && !s.interrupt.exchange(true)) tell_control();
    }
    if (lie) [[unlikely]] {
        s.usable = false;
        s.counters.errors.add(1);
        broke();
    }
    return sent;
}

void MemifQueues::broke() noexcept {
    if (!broken_.exchange(true, std::memory_order_acq_rel)) tell_control();
}

void MemifQueues::tell_control() noexcept {
    const std::uint64_t one = 1;
    if (write(wake_, &one, sizeof one) < 0) return;  // full: it is awake anyway
}

}  // namespace weft::ports
