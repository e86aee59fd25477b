// Bounded rings of packets between threads, and how a sleeping thread is woken.
#pragma once

#include <rte_ring.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "weft/packet.hpp"

namespace weft {

/// A thread that sleeps in poll(2) on descriptor() and may be woken by those who gave it work.
///   sleeper: about_to_sleep(); look at the rings once more; poll; awake().
///   giver:   enqueue; wake(). Costs one atomic exchange a burst when the sleeper runs.
/// Both sides exchange the flag: whoever comes second sees what the first did before, so no wake-up is lost.
class Waker {
  public:
    Waker() noexcept : descriptor_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
    ~Waker() { close(descriptor_); }
    Waker(const Waker&) = delete;
    Waker& operator=(const Waker&) = delete;

    [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
    void about_to_sleep() noexcept { asleep_.exchange(true, std::memory_order_acq_rel); }
    void awake() noexcept {
        asleep_.store(false, std::memory_order_relaxed);
        std::uint64_t count;
        [[maybe_unused]] const auto n = read(descriptor_, &count, sizeof count);
    }
    void wake() noexcept {
        if (!asleep_.exchange(false, std::memory_order_acq_rel)) return;
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto n = write(descriptor_, &one, sizeof one);
    }

  private:
    int descriptor_;
    std::atomic<bool> asleep_{false};
};

/// A bounded FIFO of packets on own memory (no EAL needed). Any number of givers, one taker.
/// The ring does not own what is in it: drain it before destruction.
class PacketRing {
  public:
    /// size: a power of two; size - 1 packets fit.
    explicit PacketRing(unsigned size, bool single_giver = false) noexcept
        : ring_(static_cast<rte_ring*>(
              std::aligned_alloc(64, static_cast<std::size_t>(rte_ring_get_memsize(size))))) {
        if (!ring_ || rte_ring_init(ring_.get(), "weft", size,
                                    (single_giver ? RING_F_SP_ENQ : 0u) | RING_F_SC_DEQ) != 0)
            std::abort();
    }
    /// Takes the first k of n packets and returns k.
    unsigned enqueue(Packet* const packets[], unsigned n) noexcept {
        return rte_ring_enqueue_burst(ring_.get(), reinterpret_cast<void* const*>(packets), n, nullptr);
    }
    /// Hands out at most n packets.
    unsigned dequeue(Packet* packets[], unsigned n) noexcept {
        return rte_ring_dequeue_burst(ring_.get(), reinterpret_cast<void**>(packets), n, nullptr);
    }
    /// By any thread; may be outdated when it returns. (rte_ring_count reads without atomics.)
    [[nodiscard]] unsigned count() const noexcept {
        const auto tail = __atomic_load_n(&ring_->prod.tail, __ATOMIC_ACQUIRE);
        return (tail - __atomic_load_n(&ring_->cons.tail, __ATOMIC_ACQUIRE)) & ring_->mask;
    }
    [[nodiscard]] bool empty() const noexcept { return count() == 0; }

  private:
    struct Free {
        void operator()(rte_ring* r) const noexcept { std::free(r); }
    };
    std::unique_ptr<rte_ring, Free> ring_;
};

/// From one worker to the kernel: a bounded queue per class. The worker gives, the TAP thread takes.
/// meta.iif of a packet names the interface whose TAP gets it; its tag is in the frame or stripped as meta
/// says.
struct PuntQueues {
    static constexpr unsigned size = 512;
    std::array<PacketRing, punt_class_count> by_class{PacketRing{size, true}, PacketRing{size, true},
                                                      PacketRing{size, true}, PacketRing{size, true},
                                                      PacketRing{size, true}};
};

}  // namespace weft
