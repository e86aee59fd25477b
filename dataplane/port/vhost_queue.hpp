// One direction of a guest's queue: bursts between its ring and packets.
#pragma once

#include "dataplane/port/queue_counters.hpp"
#include "dataplane/port/vhost_frame.hpp"
#include "dataplane/port/vhost_ring.hpp"
#include "weft/port.hpp"

namespace weft::ports {

/// One user at a time.
struct VhostQueue {
    explicit VhostQueue(const GuestMemory& memory) noexcept : ring(memory) {}

    /// As Port::receive. Where the pool has no buffers for them, frames stay in the guest's ring.
    std::uint16_t receive(const GuestFeatures& guest, rte_mempool* pool, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept;
    /// As Port::transmit.
    std::uint16_t transmit(const GuestFeatures& guest, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept;

    VhostRing ring;
    Window window;
    QueueCounters counters;
    Counter broken;  ///< times the ring contradicted itself
};

}  // namespace weft::ports
