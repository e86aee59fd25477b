// Entries by index, and who may take which: every worker has free ones of its own, a shared depot evens them
// out in chains of 256.
//
// Thread safety: each worker's functions are called by that worker alone; bury() by any thread. An entry that
// is in nobody's table is freed by its owner, so that the owner may use what it looked up until it calls
// release() or reap() itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/flow/entry.hpp"
#include "dataplane/flow/memory.hpp"

namespace weft {

class FlowPool {
  public:
    /// Room for `capacity` connections, and for what workers hoard.
    FlowPool(std::uint32_t capacity, unsigned workers);

    [[nodiscard]] FlowEntry& operator[](std::uint32_t index) const noexcept { return entries_[index]; }
    [[nodiscard]] FlowAccount& account(std::uint32_t index) const noexcept { return accounts_[index]; }
    [[nodiscard]] std::uint32_t size() const noexcept { return end_; }
    /// Indexes are below it; those that were never used too.
    [[nodiscard]] std::uint32_t end() const noexcept {
        const auto fresh = fresh_.load(std::memory_order_acquire);
        return fresh < end_ ? fresh : end_;
    }

    /// A new incarnation that this worker owns, its status 0; 0 if there is none.
    [[nodiscard]] std::uint32_t allocate(unsigned worker) noexcept;
    /// Gives back what allocate() gave and no table has any more.
    void release(unsigned worker, std::uint32_t index) noexcept;

    /// Leaves an entry that no table has any more to its owner.
    void bury(std::uint32_t index) noexcept;
    /// Calls forget(index) for at most `limit` buried entries of this worker and releases them; returns how
    /// many.
    template <class Forget>
    unsigned reap(unsigned worker, unsigned limit, Forget&& forget) noexcept {
        Worker& own = workers_[worker];
        unsigned done = 0;
        while (done < limit) {
            if (!own.taken) own.taken = own.dead.exchange(0, std::memory_order_acquire);
            const std::uint32_t index = own.taken;
            if (!index) break;
            own.taken = entries_[index].state.link.load(std::memory_order_relaxed);
            forget(index);
            release(worker, index);
            ++done;
        }
        return done;
    }

    /// Memory of `used` entries.
    [[nodiscard]] static constexpr std::size_t bytes(std::size_t used, bool accounting) noexcept {
        return used * (sizeof(FlowEntry) + (accounting ? sizeof(FlowAccount) : 0));
    }

  private:
    static constexpr std::uint32_t chain_length = 256;
    struct alignas(64) Worker {
        std::uint32_t free = 0, count = 0;  ///< first of the free ones, linked; never more than a chain
        std::uint32_t full = 0;             ///< a whole chain
        std::uint32_t fresh = 0, fresh_end = 0;
        std::uint32_t taken = 0;  ///< buried ones that reap() has not come to
        std::atomic<std::uint32_t> dead{0};
    };
    [[nodiscard]] std::uint32_t take_chain() noexcept;
    void give_chain(std::uint32_t head) noexcept;

    std::uint32_t end_;
    FlowMemory entry_memory_, account_memory_;
    FlowEntry* entries_;
    FlowAccount* accounts_;
    std::unique_ptr<Worker[]> workers_;
    alignas(64) std::atomic<std::uint32_t> fresh_{1};
    std::atomic_flag depot_lock_ = ATOMIC_FLAG_INIT;
    std::uint32_t depot_ = 0;  ///< first entry of the first chain; the next chain in its deadline
};

}  // namespace weft
