// The TAP thread: carries frames between the workers' rings and the kernel's TAPs.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "control/kernel/hold.hpp"
#include "weft/counters.hpp"
#include "weft/packet.hpp"
#include "weft/ring.hpp"

struct rte_mempool;

namespace weft {

/// Frames out of the kernel: read in bounded batches from each TAP, given to the worker `interface % workers`
/// (always the same, so order holds) with meta.iif 0, meta.oif the TAP's interface, flags from_kernel,
/// checksum and GSO state of the virtio header. Ring full: dropped as tap/queue_full; no mbuf: tap/no_mbuf;
/// more than a read can hold: ingress/truncated; contradictory virtio header: egress/bad_offload.
///
/// Frames to the kernel: taken from the punt queues in turn, each class in each round with its own bound, so
/// that a flood into one delays the others by one round at most; checksum and GSO state leave as virtio
/// header, a stripped tag goes back into the frame. No TAP, or it is down: punt/tap_down; other refusals:
/// punt/tap_refused.
///
/// Packets of class unresolved are not the kernel's: they go to `hold`.
///
/// One thread of its own; idle it sleeps in epoll_wait. add_tap, remove_tap and drain may be called by any
/// thread but that one. Counters: written by this thread alone.
class TapIo {
  public:
    /// What a worker is reached by.
    struct Intake {
        PacketRing* ring;  ///< packets from the kernel, taken by the worker
        Waker* waker;      ///< woken after they were put there
    };
    /// Everything pointed to outlives the TapIo.
    struct Wiring {
        std::vector<PuntQueues*> punted;  ///< one per worker
        std::vector<Intake> workers;      ///< one per worker, at least one
        rte_mempool* pool = nullptr;      ///< mbufs with packet_private_size, at least 256 bytes of data room
        CounterTable* counters = nullptr;  ///< of this thread
        Hold* hold = nullptr;              ///< null: nothing is held, route/neighbour_unknown
        std::vector<unsigned> cpus;        ///< the thread may run on; empty: where its maker may
        bool register_with_eal = true;     ///< rte_thread_register, for the pool's cache
    };
    explicit TapIo(Wiring wiring);
    /// Ends the thread, closes the TAPs' descriptors, frees what still waits in the punt queues.
    ~TapIo();
    TapIo(const TapIo&) = delete;
    TapIo& operator=(const TapIo&) = delete;

    /// To be woken by a worker after it put packets into its PuntQueues.
    [[nodiscard]] Waker& waker() noexcept;
    /// Takes over the descriptor (non-blocking, virtio_net_hdr of 10 bytes); replaces an older one.
    void add_tap(IfIndex interface, int descriptor);
    /// Returns when the thread no longer uses the descriptor, which is then closed.
    void remove_tap(IfIndex interface);
    /// Returns when every packet that was in the punt queues at the call is written or dropped.
    void drain();

  private:
    class Loop;
    std::unique_ptr<Loop> loop_;
};

}  // namespace weft
