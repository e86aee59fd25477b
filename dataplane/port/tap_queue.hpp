// What a TAP's queue keeps from one burst to the next.
#pragma once

#include "dataplane/port/tap.hpp"

namespace weft::ports {

struct Tap::Receiver {
    explicit Receiver(rte_mempool* mbufs) noexcept : pool(mbufs) { slot.bounce = map_bounce(1); }
    ~Receiver() {
        rte_pktmbuf_free(slot.mbuf);
        unmap_bounce(slot.bounce, 1);
    }
    Receiver(const Receiver&) = delete;
    Receiver& operator=(const Receiver&) = delete;

    rte_mempool* pool;
    ReceiveSlot slot;
    QueueCounters counters;
};

struct Tap::Sender {
    static constexpr unsigned vector_count = 1024;  ///< the kernel's limit (UIO_MAXIOV)
    SendHead head{};
    iovec vectors[vector_count];
    QueueCounters counters;
};

}  // namespace weft::ports
