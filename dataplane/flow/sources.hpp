// Connections by the source of their original direction, so that a source keeps what translation made of it
// (the nf_nat_bysource hash of net/netfilter/nf_nat_core.c).
//
// Chains through two words an entry, newest first, each under the lock of its bucket: an entry that is seen
// under it is not freed meanwhile. Reached only when connections begin and end while there are rules of NAT.
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
    void prefetch(std::uint64_t hash) const noexcept { __builtin_prefetch(&at(hash), 1); }
    /// `hash`: of the source, the same for add() and remove() of an entry.
    void add(std::uint32_t index, std::uint64_t hash) noexcept;
    void remove(std::uint32_t index, std::uint64_t hash) noexcept;

    enum class Claim : std::uint8_t { unrelated, allowed, refused };
    /// add() unless judge(index) -> Claim refuses; the newest entry that is not unrelated decides. All under
    /// one lock: of two threads that claim the same, the second sees the first's. False if it is refused.
    template <class Judge>
    [[nodiscard]] bool claim(std::uint32_t index, std::uint64_t hash, Judge&& judge) noexcept {
        Head& head = at(hash);
        const std::uint32_t first = lock(head);
        Claim verdict = Claim::unrelated;
        unsigned n = 0;
        for (std::uint32_t other = first; other && verdict == Claim::unrelated; other = links_[other].next)
            verdict = ++n > most_judged ? Claim::refused : judge(other);
        const bool mine = verdict != Claim::refused;
        if (mine) link(index, first);
        unlock(head, mine ? index : first);
        return mine;
    }

    /// Calls visit(index) for entries of this hash and others, newest first, until it says false, and for
    /// `most_visited` of them at most: those count, too, whose time is over, until their owners free them.
    template <class Visit>
    void visit(std::uint64_t hash, Visit&& visit) noexcept {
        Head& head = at(hash);
        std::uint32_t index = lock(head);
        const std::uint32_t first = index;
        for (unsigned n = 0; index && n < most_visited && visit(index); ++n)
            index = links_[index].next;
        unlock(head, first);
    }

  private:
    using Head = std::atomic<std::uint32_t>;  ///< first entry; the highest bit is the lock
    struct Link {
        std::uint32_t next, previous;  ///< 0: none
    };
    static constexpr std::uint32_t locked = 1u << 31;
    static constexpr unsigned most_visited = 512, most_judged = 1024;

    [[nodiscard]] Head& at(std::uint64_t hash) const noexcept { return heads_[hash >> 32 & mask_]; }
    [[nodiscard]] static std::uint32_t lock(Head& head) noexcept;
    void link(std::uint32_t index, std::uint32_t first) noexcept {
        links_[index] = {first, 0};
        if (first) links_[first].previous = index;
    }
    static void unlock(Head& head, std::uint32_t first) noexcept {
        head.store(first, std::memory_order_release);
    }

    std::uint32_t mask_;
    FlowMemory head_memory_, link_memory_;
    Head* heads_;
    Link* links_;
};

}  // namespace weft
