#include "control/publish/rule_book.hpp"

#include <fmt/format.h>

#include "control/hook/print.hpp"
#include "control/hook/trace_words.hpp"

namespace weft {

void RuleBook::put(std::vector<Entry>& to, std::size_t number, Entry entry) {
    if (number >= to.size()) to.resize(number + 1);
    to[number] = std::move(entry);
}

void RuleBook::add(const hook::Ruleset& rules, const hook::Compiler& compiler) {
    auto& family = families_[static_cast<std::size_t>(rules.family)];
    for (const auto& table : rules.tables)
        for (const auto& source : table.chains) {
            const auto slot = compiler.slot(table.id, source.name);
            if (!slot) continue;
            const auto chain = std::make_shared<const hook::Chain>(source);
            std::uint32_t index = 0;
            for (const auto id : compiler.ids(table.id, chain->name))
                put(family.rules, id, {table.id, index++, chain});
            put(family.ends, *slot, {table.id, index, chain});
            if (const auto policy = compiler.policy_id(table.id, chain->name); policy != hook::no_rule)
                put(family.rules, policy, {table.id, index, chain});
        }
}

std::optional<hook::RulePlace> RuleBook::place(hook::Family family, hook::RuleId id) const {
    const auto& rules = of(family).rules;
    if (id >= rules.size() || !rules[id].chain) return std::nullopt;
    const auto& [table, index, chain] = rules[id];
    return hook::RulePlace{table, chain->name, index < chain->rules.size() ? index + 1 : 0};
}

std::string RuleBook::told(hook::Family family, hook::RuleId id) const {
    const auto& rules = of(family).rules;
    if (id >= rules.size() || !rules[id].chain) return {};
    const auto& [table, index, chain] = rules[id];
    const auto words = hook::trace_words(table, *chain, index);
    if (index == chain->rules.size())
        return fmt::format("{} -P {} {}", words, chain->name, hook::to_string(chain->policy));
    std::string text = words + " ";
    hook::save_rule(text, family, chain->name, chain->rules[index], hook::CounterStyle::none);
    while (text.ends_with('\n'))
        text.pop_back();
    return text;
}

std::string RuleBook::told_end(hook::Family family, hook::ChainSlot slot) const {
    const auto& ends = of(family).ends;
    if (slot >= ends.size() || !ends[slot].chain) return {};
    return hook::trace_words(ends[slot].table, *ends[slot].chain, ends[slot].index);
}

}  // namespace weft
