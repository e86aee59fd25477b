// The tables of one family: chains, rules, counters. A value: what changes it works on a copy and replaces
// it, so a refused change leaves it as it was. Rules are shared between copies, which costs a pointer a rule.
//
// Not thread safe; a copy may be read by another thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/hook/rule.hpp"

namespace weft::hook {

struct RuleEntry {
    std::shared_ptr<const Rule> rule;
    Counters counters;
    /// What the rule was before the chain that it jumps to was renamed: it goes on counting as that. Null: it
    /// is as it was made.
    std::shared_ptr<const Rule> origin = nullptr;

    /// By which a rule is known as long as it is there.
    [[nodiscard]] const std::shared_ptr<const Rule>& identity() const noexcept {
        return origin ? origin : rule;
    }
};

struct Chain {
    std::string name;
    std::optional<Hook> hook;  ///< of a built-in chain; user chains have none
    Verdict policy = Verdict::accept;
    Counters counters;  ///< of the policy
    std::vector<RuleEntry> rules;
};

/// Built-in chains in the order of their hooks, then user chains by name.
struct Table {
    TableId id = TableId::filter;
    std::vector<Chain> chains;
    bool used = false;  ///< something was ever set; a save leaves out tables that were never used

    [[nodiscard]] Chain* find(std::string_view name) noexcept;
    [[nodiscard]] const Chain* find(std::string_view name) const noexcept;
    /// How many rules jump or go to it.
    [[nodiscard]] std::size_t references(std::string_view chain) const noexcept;
    /// Keeps the order.
    void add_chain(std::string name);
};

struct Ruleset {
    explicit Ruleset(Family);
    Family family;
    std::array<Table, table_count> tables;

    [[nodiscard]] Table& table(TableId id) noexcept { return tables[static_cast<std::size_t>(id)]; }
    [[nodiscard]] const Table& table(TableId id) const noexcept {
        return tables[static_cast<std::size_t>(id)];
    }
};

[[nodiscard]] std::string_view to_string(TableId) noexcept;
[[nodiscard]] std::optional<TableId> table_by_name(std::string_view) noexcept;
[[nodiscard]] std::string_view to_string(Verdict) noexcept;
/// Of the built-in chains there.
[[nodiscard]] std::string_view to_string(Hook) noexcept;

/// A table without rules.
[[nodiscard]] Table empty_table(TableId);

/// Why the kernel would refuse a table, and the rule that is at fault.
struct TableFault {
    int error = 0;       ///< errno
    std::string reason;  ///< one sentence, without a full stop
    const Chain* chain = nullptr;
    std::size_t rule = 0;    ///< of the chain, from 0
    bool of_target = false;  ///< what the rule does is at fault, not what it asks
};

/// The reason, and which rule it is, for who does not see its line.
[[nodiscard]] std::string worded(const TableFault&);

/// What the kernel does when a table is replaced (x_tables.c): walks from the hooks, refuses loops, asks each
/// match and target whether it may stand where it stands.
[[nodiscard]] std::optional<TableFault> check_table(Family, const Table&);

/// Whether check_table() surely takes what it took before and these rules behind it, the chain's from `first`
/// on. It looks at no other rule, so it is sure of none that jumps.
[[nodiscard]] bool check_appended(Family, const Table&, const Chain&, std::size_t first);

}  // namespace weft::hook
