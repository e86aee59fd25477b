// Queues come onto rings and leave them. Control side.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "dataplane/port/memif_queues.hpp"

namespace weft::ports {

MemifQueues::MemifQueues(std::uint16_t rx, std::uint16_t tx, rte_mempool* pool, int wake)
    : rx_(rx),
      tx_(tx),
      pool_(pool),
      wake_(wake),
      room_(static_cast<std::uint16_t>(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM)),
      receivers_(new Receiver[rx]),
      senders_(new Sender[tx]) {
    for (std::uint16_t q = 0; q < rx; ++q)
        receivers_[q].events = Fd{epoll_create1(EPOLL_CLOEXEC)};
}

/// The ring, if it and (in our own client's memory) its buffers lie where the session says.
Result<MemifRing> MemifQueues::place(const MemifRingPlace& where, bool server) const {
    if (where.region >= areas_.size()) return refuse("a ring lies in a region that was not added");
    if (where.log2 < 1 || where.log2 > memif::max_log2_ring_size)
        return refuse(fmt::format("a ring of 2^{} slots is not possible", unsigned{where.log2}));
    const MemifArea& area = areas_[where.region];
    const auto bytes = memif::ring_bytes(where.log2);
    if (where.offset % sizeof(std::uint64_t) || bytes > area.size || where.offset > area.size - bytes)
        return refuse("a ring does not lie within its region");
    MemifRing ring;
    ring.shared = reinterpret_cast<memif::RingHead*>(area.base + where.offset);
    if (ring.shared->cookie != memif::cookie) return refuse("a ring does not begin with the cookie");
    ring.descriptors = reinterpret_cast<std::uint64_t*>(area.base + where.offset + sizeof(memif::RingHead));
    ring.areas = areas_.data();
    ring.area_count = static_cast<std::uint16_t>(areas_.size());
    ring.size = static_cast<std::uint16_t>(1u << where.log2);
    ring.mask = static_cast<std::uint16_t>(ring.size - 1);
    ring.c2s = where.c2s;
    if (!server) {
        const auto number = where.index + (where.c2s ? 0u : tx_);
        ring.first_offset = static_cast<std::uint32_t>(
            (rx_ + std::uint64_t{tx_}) * bytes + std::uint64_t{number} * ring.size * memif::buffer_size);
        ring.buffers = area.base + ring.first_offset;
    }
    return ring;
}

Result<> MemifQueues::attach(MemifSession session, bool server) {
    session_ = std::move(session);
    areas_.clear();
    for (const auto& region : session_.regions)
        areas_.push_back({region.base(), region.size()});
    std::vector<bool> received(rx_), sent(tx_);
    for (const auto& where : session_.rings) {
        const bool receives = where.c2s == server;
        auto& taken = receives ? received : sent;
        if (where.index >= taken.size() || taken[where.index])
            return refuse(fmt::format("ring {} is one too many, or twice there", where.index));
        taken[where.index] = true;
        auto ring = place(where, server);
        if (!ring) return std::move(ring).error();
        if (receives) {
            Receiver& r = receivers_[where.index];
            r.ring = *ring;
            epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
            if (epoll_ctl(r.events.get(), EPOLL_CTL_ADD, where.event.get(), &event) != 0)
                return refuse("a ring's interrupt cannot be waited for");
            r.in_set = where.event.get();
            r.interrupts = false;
            r.empty = 0;
        } else {
            senders_[where.index].ring = *ring;
            senders_[where.index].event = where.event.get();
        }
    }
    if (std::find(received.begin(), received.end(), true) == received.end())
        return refuse("there is no ring to receive from");
    if (std::find(sent.begin(), sent.end(), false) != sent.end())
        return refuse(fmt::format("there are fewer rings than our {} transmit queues", tx_));

    broken_ = false;
    for (std::uint16_t q = 0; q < rx_; ++q) {
        if (!received[q]) continue;
        Receiver& r = receivers_[q];
        r.ring.shared->flags = memif::ring_masks_interrupts;
        if (!server)
            for (std::uint16_t slot = 0; slot < r.ring.size; ++slot)
                r.ring.describe_buffer(slot);
        r.ring.publish_taken();
        r.usable = true;
        r.gate.open();
    }
    for (std::uint16_t q = 0; q < tx_; ++q) {
        Sender& s = senders_[q];
        if (!server)
            for (std::uint16_t slot = 0; slot < s.ring.size; ++slot)
                s.ring.describe_buffer(slot);
        s.ring.publish_filled();
        s.usable = true;
        s.gate.open();
    }
    return {};
}

void MemifQueues::detach() {
    for (std::uint16_t q = 0; q < rx_; ++q) {
        Receiver& r = receivers_[q];
        r.gate.close();
        // The peer holds the eventfd too, so that closing ours would leave it in the set.
        if (r.in_set >= 0) epoll_ctl(r.events.get(), EPOLL_CTL_DEL, r.in_set, nullptr);
        r.in_set = -1;
        r.usable = false;
        r.ring = {};
    }
    for (std::uint16_t q = 0; q < tx_; ++q) {
        Sender& s = senders_[q];
        s.gate.close();
        s.event = -1;
        s.interrupt = false;
        s.usable = false;
        s.ring = {};
    }
    areas_.clear();
    session_ = {};
}

void MemifQueues::interrupt() {
    for (std::uint16_t q = 0; q < tx_; ++q) {
        Sender& s = senders_[q];
        if (s.event < 0 || !s.interrupt.exchange(false)) continue;
        // The peer may have made it blocking, or full; neither may hold us.
        const int flags = fcntl(s.event, F_GETFL);
        if (!(flags & O_NONBLOCK)) fcntl(s.event, F_SETFL, flags | O_NONBLOCK);
        const std::uint64_t one = 1;
        if (write(s.event, &one, sizeof one) < 0) continue;
    }
}

Statistics MemifQueues::statistics() const {
    Statistics all;
    std::vector<const QueueCounters*> queues;
    for (std::uint16_t q = 0; q < rx_; ++q)
        queues.push_back(&receivers_[q].counters);
    append_receive(all, queues);
    queues.clear();
    for (std::uint16_t q = 0; q < tx_; ++q)
        queues.push_back(&senders_[q].counters);
    append_transmit(all, queues);
    return all;
}

}  // namespace weft::ports
