// Connections by the source of their original direction, so that a source keeps what translation made of it
// (the nf_nat_bysource hash of net/netfilter/nf_nat_core.c).
//
// Chains through two words an entry, newest first, each under the lock of its bucket: an entry that is seen
// under it is not freed meanwhile. A bucket knows by a bit of 32 which hashes its entries may have, so that
// who asks for another one, as most new sources do, need not look at entries that nobody has in a cache.
// Reached only when connections begin and end while there are rules of NAT.
#pragma once

#include <atomic>
#include <cstdint>

#include "dataplane/flow/memory.hpp"

namespace weft {

class FlowSources {
  public:
    /// For entries below `size`. 12 bytes an entry, touched when used.
    explicit FlowSources(std::uint32_t size) noexcept;

    /// Has the memory there that is touched in no order.
    void populate() const noexcept { head_memory_.populate(); }
    /// Starts loading what visit() and add() will touch.
    [[gnu::always_inline]] void prefetch(std::uint64_t hash) const noexcept {
        __builtin_prefetch(&at(hash), 1);
    }
    /// `hash`: of the source, the same for add() and remove() of an entry.
    void add(std::uint32_t index, std::uint64_t hash) noexcept;
    void remove(std::uint32_t index, std::uint64_t hash) noexcept;

    enum class Claim : std::uint8_t { unrelated, allowed, refused };
    /// add() unless judge(index) -> Claim refuses; the newest entry that is not unrelated decides. All under
    /// one lock: of two threads that claim the same, the second sees the first's. False if it is refused.
    template <class Judge>
    [[nodiscard]] bool claim(std::uint32_t index, std::uint64_t hash, Judge&& judge) noexcept {
        Head& head = at(hash);
        const Chain chain = lock(head);
        Claim verdict = Claim::unrelated;
        unsigned n = 0;
        for (std::uint32_t other = chain.may_have(hash) ? chain.first : 0;
             other && verdict == Claim::unrelated; other = links_[other].next)
            verdict = ++n > most_judged ? Claim::refused : judge(other);
        const bool mine = verdict != Claim::refused;
        unlock(head, mine ? link(index, hash, chain) : chain);
        return mine;
    }

    /// Calls visit(index) for entries of this hash and others, newest first, until it says false, and for
    /// `most_visited` of them at most: those count, too, whose time is over, until their owners free them.
    template <class Visit>
    void visit(std::uint64_t hash, Visit&& visit) noexcept {
        Head& head = at(hash);
        if (!Chain(head.load(std::memory_order_acquire)).may_have(hash)) return;
        const Chain chain = lock(head);
        std::uint32_t index = chain.first;
        for (unsigned n = 0; index && n < most_visited && visit(index); ++n)
            index = links_[index].next;
        unlock(head, chain);
    }

  private:
    using Head = std::atomic<std::uint64_t>;  ///< of a Chain; bit 31 is the lock
    struct Chain {
        std::uint32_t first;   ///< entry; 0: none
        std::uint32_t hashes;  ///< a bit for each that was added since there was none
        explicit Chain(std::uint64_t head) noexcept
            : first(static_cast<std::uint32_t>(head) & ~locked),
              hashes(static_cast<std::uint32_t>(head >> 32)) {}
        [[nodiscard]] bool may_have(std::uint64_t hash) const noexcept { return hashes >> (hash & 31) & 1; }
        [[nodiscard]] std::uint64_t word() const noexcept { return std::uint64_t{hashes} << 32 | first; }
    };
    struct Link {
        std::uint32_t next, previous;  ///< 0: none
    };
    static constexpr std::uint32_t locked = 1u << 31;
    static constexpr unsigned most_visited = 512, most_judged = 1024;

    [[nodiscard]] Head& at(std::uint64_t hash) const noexcept { return heads_[hash >> 32 & mask_]; }
    [[nodiscard]] static Chain lock(Head& head) noexcept;
    /// The chain as it is with the entry before it.
    [[nodiscard]] Chain link(std::uint32_t index, std::uint64_t hash, Chain chain) noexcept {
        links_[index] = {chain.first, 0};
        if (chain.first) links_[chain.first].previous = index;
        chain.first = index;
        chain.hashes |= std::uint32_t{1} << (hash & 31);
        return chain;
    }
    static void unlock(Head& head, const Chain& chain) noexcept {
        head.store(chain.word(), std::memory_order_release);
    }

    std::uint32_t mask_;
    FlowMemory head_memory_, link_memory_;
    Head* heads_;
    Link* links_;
};

}  // namespace weft
