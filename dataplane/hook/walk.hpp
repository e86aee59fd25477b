// Walks a packet through the chains of one hook, as ipt_do_table and ip6t_do_table do
// (net/ipv4/netfilter/ip_tables.c, net/ipv6/netfilter/ip6_tables.c).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/hook/hook_program.hpp"

namespace weft::hook {

/// What a walk leaves behind, over several hooks of one packet if it is not cleared between. One for each
/// worker: it keeps its memory.
class Trail {
  public:
    /// A longer path is counted in pieces: chains that call each other twice make 2^n steps of n chains.
    static constexpr std::size_t most_rules = 1024;

    /// Rules and policies whose counters count the packet, in their order; those that are counted already are
    /// gone from it.
    std::vector<RuleId> path;
    Rests rests;
    bool peeks = false;  ///< Look::peeks
    bool cut = false;    ///< the path was too long: some of it is gone

    void clear() noexcept {
        path.clear();
        cut = false;
        rests = {};
    }

  private:
    template <bool watched>
    friend class Walk;
    /// Where the walk is in a chain.
    struct Place {
        const ChainCode* chain;
        ChainSlot slot;     ///< the chain's
        std::size_t block;  ///< the one in hand; chain->blocks.size(): none left
        std::size_t base;   ///< of its candidates, in candidates
        std::size_t next;   ///< candidate; for odd packets, position in the block
    };
    std::vector<Place> places;
    std::vector<std::uint32_t> candidates;
};

/// Does what targets ask besides marks, before the next rule looks at the packet; and, if it watches, is told
/// of all that the packet comes by, as ipt_do_table tells of a traced one (trace_packet).
class Actions {
  public:
    explicit Actions(bool watches = false) noexcept : watches_(watches) {}
    [[nodiscard]] bool watches() const noexcept { return watches_; }
    /// It matches a rule that has not acted yet, or gets a policy.
    virtual void met(RuleId) noexcept {}
    /// It has come to the end of a chain that is not built in.
    virtual void came_to_end(ChainSlot) noexcept {}
    /// Of a LOG, TRACE or TCPMSS, after `counted` rules of the trail's path, this one the last of them. May
    /// change the packet and its view. False: the packet is to be dropped.
    virtual bool perform(const RuleCode&, View&, std::size_t counted) noexcept = 0;
    /// The counters of the first rules of a path, which then begins anew.
    virtual void count(std::span<const RuleId>) noexcept = 0;

  protected:
    ~Actions() = default;

  private:
    bool watches_;
};

enum class Ending : std::uint8_t { accept, drop, reject };

struct WalkResult {
    Ending ending = Ending::accept;
    /// Whose doing it is, a rule's, or of a drop a policy's; no_rule: a match could not read its header.
    RuleId by = no_rule;
    const RejectTarget* reject = nullptr;
    const NatTarget* nat = nullptr;  ///< of walk_nat(): what the connection is to become
};

/// Bits are 1 << TableId.
using TableMask = std::uint8_t;
[[nodiscard]] constexpr TableMask bit(TableId table) noexcept {
    return static_cast<TableMask>(1U << static_cast<unsigned>(table));
}
inline constexpr TableMask before_conntrack = bit(TableId::raw);
inline constexpr TableMask mangling = bit(TableId::mangle);
inline constexpr TableMask filtering = bit(TableId::filter) | bit(TableId::security);
inline constexpr TableMask all_tables = 0xff;

/// Runs the hook's chains of those tables, in the order of their priorities, until one drops. Changes the
/// packet's marks and connection mark. now_us: monotonic. Without `actions` nothing else is done.
[[nodiscard]] WalkResult walk(const HookProgram&, Hook, TableMask, View&, Trail&, std::uint64_t now_us,
                              Actions* actions = nullptr);

/// Asks the hook's chain of the table nat; the program translates.
[[nodiscard]] WalkResult walk_nat(const HookProgram&, Hook, View&, Trail&, std::uint64_t now_us,
                                  Actions* actions = nullptr);

}  // namespace weft::hook
