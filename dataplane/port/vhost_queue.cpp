#include "dataplane/port/vhost_queue.hpp"

#include <algorithm>

#include "dataplane/port/free_burst.hpp"

namespace weft::ports {

std::uint16_t VhostQueue::receive(const GuestFeatures& guest, rte_mempool* pool, Packet* out[],
                                  std::uint16_t n, ReceiveLoss& loss) noexcept {
    window.clear();
    if (!ring.take(window, n)) {
        ++loss.bad_descriptor;
        broken.add(1);
        counters.errors.add(1);
    }
    std::uint16_t count = 0;
    std::uint64_t bytes = 0;
    rte_mbuf* buffers[batch_size];
    // Without buffers the frames stay where they are: the guest's ring is the queue.
    while (window.count > 0 && rte_pktmbuf_alloc_bulk(pool, buffers, window.count) != 0)
        ring.untake(window, window.count / 2u);
    for (std::uint16_t i = 0; i < window.count; ++i) {
        const Chain& chain = window.chains[i];
        rte_mbuf* m = buffers[i];
        switch (take_guest_frame(&window.pieces[chain.first], chain.bytes, guest, m)) {
            case Taken::whole:
                bytes += m->pkt_len;
                out[count++] = Packet::from(m);
                m = nullptr;
                break;
            case Taken::truncated:
                ++loss.truncated;
                counters.truncated.add(1);
                break;
            case Taken::no_mbuf:
                ++loss.no_mbuf;
                counters.no_mbuf.add(1);
                break;
            case Taken::contradictory:
                ++loss.bad_offload;
                counters.errors.add(1);
                break;
        }
        rte_pktmbuf_free(m);
        ring.use(chain, 0);
    }
    ring.publish();
    if (count > 0) counters.good.add(count, bytes);
    return count;
}

std::uint16_t VhostQueue::transmit(const GuestFeatures& guest, Packet* in[], std::uint16_t n,
                                   TransmitLoss& loss) noexcept {
    window.clear();
    const bool mergeable = guest.has(GuestFeatures::mrg_rxbuf);
    std::uint32_t written[batch_size];
    std::uint16_t taken = 0, lost = 0;
    std::uint64_t lost_bytes = 0;
    std::uint16_t next = 0;  // buffer of the window
    const auto lose = [&](const Packet& packet) {
        ++lost;
        ++taken;
        lost_bytes += packet.length();
    };
    while (taken < n) {
        const Packet& packet = *in[taken];
        if (!guest_takes(guest, packet)) {
            lose(packet);
            continue;
        }
        const std::uint32_t wanted = bytes_for_guest(packet, guest);
        std::uint64_t room = 0;
        std::uint16_t buffers = 0;
        while (next + buffers < window.count && room < wanted && (buffers == 0 || mergeable))
            room += window.chains[next + buffers++].bytes;
        if (room >= wanted) {
            give_guest_frame(packet, guest, window, next, buffers, written);
            for (std::uint16_t i = 0; i < buffers; ++i)
                ring.use(window.chains[next + i], written[i]);
            next = static_cast<std::uint16_t>(next + buffers);
            ++taken;
            continue;
        }
        if (buffers > 0 && (!mergeable || (next == 0 && window.full()))) {
            lose(packet);  // longer than what the guest provides for one
            continue;
        }
        // The window's rest is not enough: look for more, but not for many that are left over, since each is
        // a line or two from another CPU's cache.
        ring.untake(window, next);
        window.clear();
        next = 0;
        if (!ring.take(window, std::max<unsigned>(n - taken, 2u * buffers + 1))) {
            broken.add(1);
            break;
        }
        if (window.count <= buffers) break;  // nor has the ring more
    }
    ring.untake(window, next);
    ring.publish();
    if (taken == 0) return 0;
    const std::uint64_t bytes = free_burst(in, taken);
    loss.packets += lost;
    loss.bytes += lost_bytes;
    counters.good.add(taken - lost, bytes - lost_bytes);
    if (lost > 0) counters.errors.add(lost);
    return taken;
}

}  // namespace weft::ports
