#include "control/hook/rulesets.hpp"

#include <algorithm>
#include <atomic>

namespace weft::hook {

namespace {

bool same_rule(const RuleEntry& a, const RuleEntry& b) {
    return a.rule == b.rule || *a.rule == *b.rule;
}

void keep_counters(Chain& next, const Chain& running) {
    next.counters = running.counters;
    auto& rules = next.rules;
    const auto& old = running.rules;
    const std::size_t most = std::min(rules.size(), old.size());
    std::size_t first = 0, last = 0;
    for (; first < most && same_rule(rules[first], old[first]); ++first)
        rules[first] = old[first];
    const auto from_end = [&](const auto& of) -> auto& {
        return of[of.size() - 1 - last];
    };
    for (; first + last < most && same_rule(from_end(rules), from_end(old)); ++last)
        rules[rules.size() - 1 - last] = from_end(old);
}

}  // namespace

Rulesets::Rulesets() {
    static const std::array<std::shared_ptr<Ruleset>, 2> without{std::make_shared<Ruleset>(Family::ip),
                                                                 std::make_shared<Ruleset>(Family::ip6)};
    families_ = without;
}

Ruleset& Rulesets::edit(Family family) {
    auto& rules = families_[index(family)];
    if (rules.use_count() != 1)
        rules = std::make_shared<Ruleset>(*rules);
    else
        std::atomic_thread_fence(std::memory_order_acquire);  // of who let go of it last
    return *rules;
}

bool same_rules(const Chain& a, const Chain& b) {
    return a.name == b.name && a.policy == b.policy &&
           std::equal(a.rules.begin(), a.rules.end(), b.rules.begin(), b.rules.end(), same_rule);
}

bool same_rules(const Table& a, const Table& b) {
    return std::equal(a.chains.begin(), a.chains.end(), b.chains.begin(), b.chains.end(),
                      [](const Chain& one, const Chain& other) { return same_rules(one, other); });
}

bool operator==(const Rulesets& a, const Rulesets& b) {
    return std::all_of(families.begin(), families.end(), [&](Family family) {
        return a.shares(b, family) ||
               std::equal(a.of(family).tables.begin(), a.of(family).tables.end(), b.of(family).tables.begin(),
                          [](const Table& one, const Table& other) { return same_rules(one, other); });
    });
}

void keep_counters(Rulesets& next, const Rulesets& running) {
    for (const auto family : families) {
        if (next.shares(running, family)) continue;
        auto& rules = next.edit(family);
        for (auto& table : rules.tables)
            for (auto& chain : table.chains)
                if (const auto* before = running.of(family).table(table.id).find(chain.name))
                    keep_counters(chain, *before);
    }
}

}  // namespace weft::hook
