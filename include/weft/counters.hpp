// Per-worker counters: written by their worker alone with plain relaxed stores, summed by control.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "weft/drop.hpp"
#include "weft/packet.hpp"

namespace weft {

/// A 64-bit counter with one writer. Readers see some recent value, never a torn one.
class Counter {
  public:
    void add(std::uint64_t n) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

/// Packets and bytes (frame bytes without FCS, as Linux counts).
struct PacketCounter {
    Counter packets;
    Counter bytes;
    void add(std::uint64_t n, std::uint64_t b) noexcept {
        packets.add(n);
        bytes.add(b);
    }
};

/// Counters of one interface as one worker sees it. Control subtracts a baseline when an index is reused.
struct alignas(64) InterfaceCounters {
    PacketCounter received;
    PacketCounter sent;
    Counter multicast;   ///< received group frames
    Counter own_source;  ///< received frames whose source is one of our own MACs: forwarded, not learned
    // frames forwarded without learning their source
    Counter move_held;      ///< the MAC moved too often
    Counter learn_limited;  ///< fdb_max_learned of port or bridge
    Counter fdb_full;       ///< no slot
    PacketCounter dropped[drop_reason_count];
};

/// max_interfaces rows in an anonymous mapping touched lazily. One per worker, and one for each control
/// thread that can drop packets.
class CounterTable {
  public:
    CounterTable() noexcept
        : rows_(static_cast<InterfaceCounters*>(mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
        if (rows_ == MAP_FAILED) std::abort();
    }
    ~CounterTable() { munmap(rows_, bytes); }
    CounterTable(const CounterTable&) = delete;
    CounterTable& operator=(const CounterTable&) = delete;
    [[nodiscard]] InterfaceCounters& operator[](IfIndex i) noexcept { return rows_[i]; }
    [[nodiscard]] const InterfaceCounters& operator[](IfIndex i) const noexcept { return rows_[i]; }

  private:
    static constexpr std::size_t bytes = sizeof(InterfaceCounters) * max_interfaces;
    InterfaceCounters* rows_;
};

}  // namespace weft
