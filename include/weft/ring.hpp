// Bounded rings of packets between threads, and how a sleeping thread is woken.
#pragma once

#include <rte_pause.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

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
///
/// Built as rte_ring: a giver reserves places by moving reserved_, fills them, waits for the givers before it
/// and moves given_. There the wait acquires what those wrote, for the taker sees the last giver's store
/// only; rte_ring of 22.11 waits relaxed, which by the language's memory model orders nothing (x86 does, TSan
/// and ARM do not).
class PacketRing {
  public:
    /// size: a power of two; size - 1 packets fit.
    explicit PacketRing(unsigned size, bool single_giver = false) noexcept
        : mask_(size - 1), single_giver_(single_giver), places_(new (std::nothrow) Packet*[size]) {
        if (!places_ || (size & mask_) != 0) std::abort();
    }
    /// Takes the first k of n packets and returns k.
    unsigned enqueue(Packet* const packets[], unsigned n) noexcept {
        const unsigned first = reserve(n);
        if (n == 0) return 0;
        const unsigned at = first & mask_, to_end = std::min(n, mask_ + 1 - at);
        std::copy_n(packets, to_end, &places_[at]);
        std::copy_n(packets + to_end, n - to_end, &places_[0]);
        while (!single_giver_ && given_.load(std::memory_order_acquire) != first)
            rte_pause();
        given_.store(first + n, std::memory_order_release);
        return n;
    }
    /// Hands out at most n packets.
    unsigned dequeue(Packet* packets[], unsigned n) noexcept {
        const unsigned first = taken_.load(std::memory_order_relaxed);
        n = std::min(n, given_.load(std::memory_order_acquire) - first);
        if (n == 0) return 0;
        const unsigned at = first & mask_, to_end = std::min(n, mask_ + 1 - at);
        std::copy_n(&places_[at], to_end, packets);
        std::copy_n(&places_[0], n - to_end, packets + to_end);
        taken_.store(first + n, std::memory_order_release);
        return n;
    }
    /// By any thread; may be outdated when it returns.
    [[nodiscard]] unsigned count() const noexcept {
        const unsigned taken = taken_.load(std::memory_order_acquire);
        return given_.load(std::memory_order_acquire) - taken;
    }
    [[nodiscard]] bool empty() const noexcept { return count() == 0; }
    /// A place in the sequence of all that was ever put here: after what is in the ring now.
    [[nodiscard]] unsigned end() const noexcept { return given_.load(std::memory_order_acquire); }
    /// Whether all that stands before a place was taken. By any thread.
    [[nodiscard]] bool passed(unsigned place) const noexcept {
        return static_cast<int>(taken_.load(std::memory_order_acquire) - place) >= 0;
    }

  private:
    /// Makes n what there is room for; returns the first place. reserved_ is acquired, so that the taken_
    /// read after it is at least as new as the one by which the giver before found room.
    unsigned reserve(unsigned& n) noexcept {
        const unsigned wanted = n;
        for (unsigned first = reserved_.load(std::memory_order_acquire);;) {
            n = std::min(wanted, mask_ - (first - taken_.load(std::memory_order_acquire)));
            if (single_giver_) reserved_.store(first + n, std::memory_order_relaxed);
            if (single_giver_ || n == 0 ||
                reserved_.compare_exchange_weak(first, first + n, std::memory_order_acq_rel,
                                                std::memory_order_acquire))
                return first;
        }
    }

    const unsigned mask_;
    const bool single_giver_;
    const std::unique_ptr<Packet*[]> places_;
    alignas(64) std::atomic<unsigned> reserved_{0};  ///< the givers' line
    std::atomic<unsigned> given_{0};
    alignas(64) std::atomic<unsigned> taken_{0};  ///< the taker's line
};

/// From one worker to the kernel: a bounded queue per class. The worker gives, the TAP thread takes.
/// meta.iif of a packet names the interface whose TAP gets it; its tag is in the frame or stripped as meta
/// says.
struct PuntQueues {
    static constexpr unsigned size = 512;
    struct Ring : PacketRing {
        Ring() noexcept : PacketRing(size, true) {}
    };
    std::array<Ring, punt_class_count> by_class;
};

}  // namespace weft
