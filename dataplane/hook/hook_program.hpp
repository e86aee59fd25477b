// All rules of a family as workers run them.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/hook/block.hpp"

namespace weft::hook {

/// The blocks of a chain, in its order.
struct ChainCode {
    std::vector<SharedBlock> blocks;
};

/// A built-in chain of one table at a hook.
struct BaseChain {
    TableId table;
    ChainSlot chain;
    RuleId policy;  ///< counts what comes to its end
    bool drops;     ///< the policy is DROP
};

/// Built by control, published as one pointer, immutable from then on but for what its checks count.
struct HookProgram {
    Family family = Family::ip;
    /// By hook, in the order of the tables' priorities (raw, mangle, filter, security); a table that never
    /// held anything is not there.
    std::array<std::vector<BaseChain>, hook_count> hooks;
    /// Of the table nat, which is asked once a connection; valid if it translates. It has none in FORWARD.
    std::array<BaseChain, hook_count> nat{};
    std::vector<std::shared_ptr<const ChainCode>> chains;  ///< by ChainSlot; null if unused
    RuleId ids = 1;                                        ///< all ids are below it
    bool tracks = false;                                   ///< some rule asks for connections
    bool endpoint_independent = false;                     ///< some rule of nat is
    bool translates = false;                               ///< the table nat was ever used, and it tracks
    bool traces = false;                                   ///< some rule has the target TRACE
    /// Where a rule or policy stands, and the end of a chain that is not built in, as trace_packet says it:
    /// "raw:PREROUTING:rule:1". By RuleId and by ChainSlot; empty unless it traces.
    std::vector<std::string> rule_words, end_words;

    [[nodiscard]] bool active(Hook hook) const noexcept {
        return !hooks[static_cast<std::size_t>(hook)].empty();
    }
};

}  // namespace weft::hook
