#include "control/hook/ruleset.hpp"

#include <algorithm>
#include <utility>

namespace weft::hook {

namespace {

constexpr std::array<std::string_view, table_count> table_names{"raw", "mangle", "nat", "filter", "security"};
constexpr std::array<std::string_view, hook_count> hook_names{"PREROUTING", "INPUT", "FORWARD", "OUTPUT",
                                                              "POSTROUTING"};

/// Hooks at which a table is registered (iptable_*.c).
HookMask hooks_of(TableId id) {
    switch (id) {
        case TableId::raw:
            return bit(Hook::prerouting) | bit(Hook::output);
        case TableId::mangle:
            return 0x1f;
        case TableId::nat:
            return bit(Hook::prerouting) | bit(Hook::input) | bit(Hook::output) | bit(Hook::postrouting);
        default:
            return bit(Hook::input) | bit(Hook::forward) | bit(Hook::output);
    }
}

}  // namespace

std::string_view to_string(TableId id) noexcept {
    return table_names[static_cast<std::size_t>(id)];
}

std::string_view to_string(Verdict verdict) noexcept {
    constexpr std::array<std::string_view, 3> names{"ACCEPT", "DROP", "RETURN"};
    return names[static_cast<std::size_t>(verdict)];
}

std::string_view to_string(Hook hook) noexcept {
    return hook_names[static_cast<std::size_t>(hook)];
}

std::optional<TableId> table_by_name(std::string_view name) noexcept {
    const auto found = std::find(table_names.begin(), table_names.end(), name);
    if (found == table_names.end()) return std::nullopt;
    return static_cast<TableId>(found - table_names.begin());
}

Table empty_table(TableId id) {
    Table table;
    table.id = id;
    for (std::size_t i = 0; i < hook_count; ++i)
        if (hooks_of(id) & (1U << i))
            table.chains.push_back(
                {std::string(hook_names[i]), static_cast<Hook>(i), Verdict::accept, {}, {}});
    return table;
}

Ruleset::Ruleset(Family of) : family(of) {
    for (std::size_t i = 0; i < table_count; ++i)
        tables[i] = empty_table(static_cast<TableId>(i));
}

Chain* Table::find(std::string_view name) noexcept {
    return const_cast<Chain*>(std::as_const(*this).find(name));
}

const Chain* Table::find(std::string_view name) const noexcept {
    const auto users =
        std::find_if(chains.begin(), chains.end(), [](const Chain& chain) { return !chain.hook; });
    for (auto chain = chains.begin(); chain != users; ++chain)
        if (chain->name == name) return &*chain;
    const auto found =
        std::lower_bound(users, chains.end(), name,
                         [](const Chain& chain, std::string_view wanted) { return chain.name < wanted; });
    return found != chains.end() && found->name == name ? &*found : nullptr;
}

std::size_t Table::references(std::string_view name) const noexcept {
    std::size_t count = 0;
    for (const auto& chain : chains)
        for (const auto& entry : chain.rules)
            if (const auto* jump = std::get_if<Jump>(&entry.rule->target); jump && jump->chain == name)
                ++count;
    return count;
}

void Table::add_chain(std::string name) {
    const auto users =
        std::find_if(chains.begin(), chains.end(), [](const Chain& chain) { return !chain.hook; });
    const auto place =
        std::upper_bound(users, chains.end(), name,
                         [](const std::string& wanted, const Chain& chain) { return wanted < chain.name; });
    chains.insert(place, Chain{std::move(name), {}, Verdict::accept, {}, {}});
}

bool unconditional(const Rule& rule) noexcept {
    const Prefix any;
    return rule.matches.empty() && rule.source == any && rule.destination == any && rule.in.any() &&
           rule.out.any() && rule.protocol == 0 && !rule.fragment && !rule.source_inverted &&
           !rule.destination_inverted && !rule.in_inverted && !rule.out_inverted && !rule.protocol_inverted;
}

}  // namespace weft::hook
