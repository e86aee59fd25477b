// A worker's timer wheel: which of its entries to look at in which second.
//
// It only says when to look: a deadline that is put off writes nothing here, the look finds it and puts the
// entry further on. Slots are chunks of 14 indexes in a line, so that a look can start loading 14 entries at
// once; an entry knows its place, so that one that ends early leaves a hole, and a chunk of holes is given
// back. 4.6 bytes an entry.
//
// One worker's; not thread safe.
#pragma once

#include <algorithm>
#include <cstdint>

#include "dataplane/flow/memory.hpp"
#include "dataplane/flow/pool.hpp"
#include "dataplane/flow/protocol.hpp"

namespace weft {

class FlowWheel {
  public:
    /// An entry is looked at at the latest after so many seconds, whatever its deadline.
    static constexpr std::uint32_t longest = 300;

    FlowWheel(FlowPool& pool, std::uint32_t capacity)
        : pool_(pool),
          memory_((std::size_t{capacity} + 2 * slot_count) * sizeof(Chunk)),
          chunks_(memory_.as<Chunk>()) {}

    /// To be looked at at its deadline, or in the next second if that is past.
    void add(std::uint32_t index, FlowTime deadline, FlowTime now) noexcept;
    /// Does nothing if it is not in the wheel.
    void forget(std::uint32_t index) noexcept;

    /// Looks at entries that are due, at most `limit` rounded up to a chunk; returns how many it came to.
    /// visit(index) says if the entry stays; one that does not is the visitor's from then on. It ends no
    /// other.
    template <class Visit>
    unsigned advance(FlowTime now, unsigned limit, Visit&& visit) noexcept {
        follow(now);
        unsigned done = 0;
        while (done < limit && done_ != tick_) {
            Slot& slot = slots_[(done_ + 1) % slot_count];
            if (!slot.head) {
                ++done_;
                ++done;  // empty seconds after a long sleep are bounded too
                continue;
            }
            const Chunk chunk = chunks_[slot.head];
            for (const std::uint32_t index : chunk.index) {
                const FlowEntry& entry = pool_[index];
                __builtin_prefetch(&entry.state);
                __builtin_prefetch(&entry.direction[1]);
            }
            if (chunk.next) __builtin_prefetch(&chunks_[chunk.next]);
            take_head(slot);
            for (const std::uint32_t index : chunk.index) {
                if (!index) continue;
                place(index).store(0, std::memory_order_relaxed);
                if (visit(index))
                    add(index, pool_[index].state.deadline.load(std::memory_order_relaxed), now);
            }
            done += per_chunk;
        }
        return done;
    }
    /// Nothing is left to do in this second.
    [[nodiscard]] bool idle(FlowTime now) const noexcept { return done_ == tick_ && now - followed_ < 1000; }
    /// Chunks that were ever used.
    [[nodiscard]] std::size_t chunks_touched() const noexcept { return fresh_ - 1; }

  private:
    static constexpr unsigned slot_count = 512, per_chunk = 14;
    struct alignas(64) Chunk {
        std::uint32_t index[per_chunk];
        std::uint32_t next, before;
    };
    struct Slot {
        std::uint32_t head = 0;
        std::uint32_t used = 0;  ///< of the head chunk
    };

    [[nodiscard]] std::atomic<std::uint32_t>& place(std::uint32_t index) const noexcept {
        return pool_[index].direction[1].shared;
    }
    void follow(FlowTime now) noexcept;
    void take_head(Slot& slot) noexcept;
    [[nodiscard]] static bool is_empty(const Chunk&) noexcept;
    void free_chunk(std::uint32_t chunk) noexcept;

    FlowPool& pool_;
    FlowMemory memory_;
    Chunk* chunks_;
    Slot slots_[slot_count];
    std::uint32_t free_ = 0, fresh_ = 1;
    std::uint64_t tick_ = 0, done_ = 0;  ///< seconds: now, and the last that is finished
    FlowTime followed_ = 0;              ///< time of tick_
    bool begun_ = false;
};

}  // namespace weft
