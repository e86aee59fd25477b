// The workers' side of a memif: queues on rings that come and go with the peer.
//
// A worker that finds a lie in a ring touches it no more and asks the control side to close. Interrupts are
// asked of the peer only when a queue has been empty for a while, so that one that is busy costs the peer no
// system call; a worker makes none on a descriptor of the peer's but a poll.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "dataplane/port/gate.hpp"
#include "dataplane/port/memif_ring.hpp"
#include "dataplane/port/memif_session.hpp"
#include "dataplane/port/netns.hpp"
#include "dataplane/port/queue_counters.hpp"
#include "weft/port.hpp"

namespace weft::ports {

class MemifQueues {
  public:
    /// wake: an eventfd that is written when a queue wants the control side.
    MemifQueues(std::uint16_t rx, std::uint16_t tx, rte_mempool* pool, int wake);

    // --- worker side, as Port ---
    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n, ReceiveLoss& loss) noexcept;
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n) noexcept;
    /// Readable when a peer that was asked for interrupts sent one.
    [[nodiscard]] int wait_descriptor(std::uint16_t queue) const noexcept {
        return receivers_[queue].events.get();
    }

    // --- control side, one thread at a time ---

    /// Checks what the peer said of its rings and puts the queues on them. Errors say what is wrong.
    Result<> attach(MemifSession session, bool server);
    /// When it returns no worker touches the session, which is gone.
    void detach();
    /// A worker found a lie.
    [[nodiscard]] bool broken() const noexcept { return broken_.load(std::memory_order_acquire); }
    /// Interrupts the peers that ask for it.
    void interrupt();
    [[nodiscard]] Statistics statistics() const;
    [[nodiscard]] std::uint16_t rx() const noexcept { return rx_; }
    [[nodiscard]] std::uint16_t tx() const noexcept { return tx_; }

  private:
    struct alignas(64) Receiver {
        Gate gate;
        MemifRing ring;
        unsigned empty = 0;       ///< rounds in a row
        bool interrupts = false;  ///< asked of the peer
        bool usable = false;
        Fd events;  ///< an epoll set that holds the peer's eventfd
        int in_set = -1;
        QueueCounters counters;
    };
    struct alignas(64) Sender {
        Gate gate;
        MemifRing ring;
        bool usable = false;
        int event = -1;  ///< of the session
        std::atomic<bool> interrupt{false};
        QueueCounters counters;
    };
    struct Slot;

    std::uint16_t take(Receiver& r, Packet* out[], std::uint16_t n, ReceiveLoss& loss) noexcept;
    std::uint16_t look(const Receiver& r, Slot slots[], std::uint16_t n, bool& lie) const noexcept;
    bool gather(Packet& packet, const Slot* first, const Slot* last) const noexcept;
    std::uint16_t give(Sender& s, Packet* in[], std::uint16_t n) noexcept;
    std::uint16_t slots_for(const Sender& s, const Packet& packet, std::uint16_t room,
                            bool& lie) const noexcept;
    void scatter(Sender& s, const Packet& packet) noexcept;
    void ask_for_interrupts(Receiver& r, bool ask) noexcept;
    void tell_control() noexcept;
    void broke() noexcept;
    Result<MemifRing> place(const MemifRingPlace& where, bool server) const;

    std::uint16_t rx_, tx_;
    rte_mempool* pool_;
    int wake_;
    std::uint16_t room_;  ///< of a frame, in one mbuf
    std::atomic<bool> broken_{false};
    std::unique_ptr<Receiver[]> receivers_;
    std::unique_ptr<Sender[]> senders_;
    MemifSession session_;
    std::vector<MemifArea> areas_;
};

}  // namespace weft::ports
