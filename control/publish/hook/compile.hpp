// Rules as an administrator gave them, made into what workers run. A chain is compiled in blocks: a change
// makes those blocks anew that it touches, and as each block is more than twice its neighbour towards the
// change, appending n rules one by one costs n log n.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/hook/ruleset.hpp"
#include "control/publish/hook/compile_rule.hpp"
#include "dataplane/hook/hook_program.hpp"

namespace weft::hook {

/// Compiles the rulesets of one family, one after the other. Not thread safe.
class Compiler {
  public:
    /// The secret keys the hashes of what outsiders can fill.
    Compiler(Family, std::uint64_t secret);

    /// What workers are to run from now on. The rules must have passed check_table; rules of which
    /// RuleEntry::identity() is the same object as last time keep their ids, and limit and recent what they
    /// remember. Named sets must be found.
    [[nodiscard]] std::shared_ptr<const HookProgram> compile(const Ruleset&, const InterfaceNames&,
                                                             const FindSet&);

    /// Of the rules compiled last, in their order; empty if there is no such chain.
    [[nodiscard]] std::vector<RuleId> ids(TableId, std::string_view chain) const;
    /// Of a built-in chain's policy.
    [[nodiscard]] RuleId policy_id(TableId, std::string_view chain) const;
    /// The chain's place in HookProgram::chains; nothing if there is no such chain.
    [[nodiscard]] std::optional<ChainSlot> slot(TableId, std::string_view chain) const;

    /// Rules and policies that were compiled last, and those that are gone since recycle_ids().
    [[nodiscard]] std::size_t ids_in_use() const noexcept { return ids_ - 1 - free_ids_.size(); }
    /// Ids of rules that were not compiled last may be given out again, and are returned: no worker runs an
    /// older program, and their counts have been taken.
    std::vector<RuleId> recycle_ids();

  private:
    /// A rule, and by what it is known.
    struct Source {
        std::shared_ptr<const Rule> rule, identity;
    };
    struct Known {
        Source source;
        SharedRule code;
    };
    using KnownRules = std::unordered_map<const Rule*, Known>;  ///< by identity
    struct Compiled {
        ChainSlot slot = 0;
        RuleId policy = no_rule;
        bool seen = false, tracks = false, endpoint_independent = false, traces = false;
        std::vector<Source> sources;
        std::vector<SharedRule> codes;
        std::shared_ptr<const ChainCode> code = std::make_shared<const ChainCode>();
    };
    using Name = std::pair<TableId, std::string>;

    void place_chains(const Ruleset&);
    void renew_interfaces(Compiled&);
    void compile_chain(Compiled&, const Table&, const Chain&);
    [[nodiscard]] std::vector<SharedBlock> blocks_of(const Compiled& old,
                                                     const std::vector<SharedRule>& codes, std::size_t prefix,
                                                     std::size_t suffix) const;
    [[nodiscard]] SharedRule compile_rule(const RuleEntry&, KnownRules& moved, const FindChain&);
    [[nodiscard]] RuleId new_id();
    void abandon(Compiled&);
    [[nodiscard]] std::shared_ptr<const HookProgram> assemble(const Ruleset&) const;
    void word_traces(const Ruleset&, HookProgram&) const;

    Family family_;
    RuleCompiler rules_;
    std::map<Name, Compiled, std::less<>> chains_;
    std::vector<ChainSlot> free_slots_;
    ChainSlot slots_ = 0;
    std::vector<RuleId> free_ids_, retired_ids_;
    /// Of chains that are gone: a rule that another chain has now (-E) keeps its id and what it remembers.
    KnownRules abandoned_;
    RuleId ids_ = 1;
    /// The table nat was used by some ruleset: as in Linux its hooks stay (nf_nat_register_fn), for
    /// connections that are translated stay so, and what begins is kept apart from them.
    bool translates_ = false;
};

}  // namespace weft::hook
