#include "dataplane/hook/paths.hpp"

#include <algorithm>

namespace weft {

namespace {

std::uint64_t hash_of(std::span<const hook::RuleId> rules, std::uint64_t seed) noexcept {
    std::uint64_t hash = seed;
    for (const hook::RuleId id : rules)
        hash = (hash ^ id) * 0x9e37'79b9'7f4a'7c15, hash ^= hash >> 29;
    return hash;
}

}  // namespace

std::uint32_t FlowPaths::intern(std::span<const hook::RuleId> rules, bool v6, std::uint32_t mark,
                                bool rests_on_routes) {
    const std::uint64_t hash =
        hash_of(rules, std::uint64_t{mark} << 2 | std::uint64_t{v6} << 1 | std::uint64_t{rests_on_routes});
    auto& first = by_hash_.try_emplace(hash, none).first->second;
    for (std::uint32_t number = first; number != none; number = (*this)[number].next) {
        const FlowPath& known = (*this)[number];
        const auto of = this->rules(known);
        if (known.mark == mark && known.v6 == v6 && known.rests_on_routes == rests_on_routes &&
            std::equal(of.begin(), of.end(), rules.begin(), rules.end()))
            return number;
    }
    if (paths_.size() == most || rules_.size() + rules.size() > most_rules) {
        full_ = true;
        return none;
    }
    const auto number = base_ + count_++;
    paths_.push_back({.packets = 0,
                      .bytes = 0,
                      .first = static_cast<std::uint32_t>(rules_.size()),
                      .count = static_cast<std::uint32_t>(rules.size()),
                      .mark = mark,
                      .v6 = v6,
                      .rests_on_routes = rests_on_routes,
                      .next = first});
    rules_.insert(rules_.end(), rules.begin(), rules.end());
    return first = number;
}

std::uint16_t FlowPaths::intern(const FlowCondition& condition) {
    const auto known = by_condition_.find(condition);
    if (known != by_condition_.end()) return known->second;
    if (conditions_.size() == most_conditions) {
        full_ = true;
        return most_conditions;
    }
    const auto number = static_cast<std::uint16_t>(conditions_.size());
    conditions_.push_back(condition);
    by_condition_.emplace(condition, number);
    return number;
}

void FlowPaths::fold(std::array<RuleCounters, 2>& counters) noexcept {
    for (FlowPath& path : paths_) {
        if (path.packets == 0) continue;
        for (const hook::RuleId id : rules(path))
            counters[path.v6][id].add(path.packets, path.bytes);
        path.packets = path.bytes = 0;
    }
}

void FlowPaths::forget() noexcept {
    base_ += count_;
    count_ = 0;
    if (base_ > ~std::uint32_t{0} - most) base_ = 1;
    full_ = false;
    paths_.clear();
    rules_.clear();
    by_hash_.clear();
    conditions_.assign(1, {});
    by_condition_.clear();
    by_condition_.emplace(FlowCondition{}, std::uint16_t{0});
}

}  // namespace weft
