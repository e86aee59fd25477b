#include "control/route/rules.hpp"

#include <linux/fib_rules.h>

#include <algorithm>
#include <map>

namespace weft {

namespace {

bool asks_always(const KernelRule& rule, std::uint32_t table) {
    return rule.action == FR_ACT_TO_TBL && rule.table == table && rule.unsupported.empty() && !rule.invert &&
           rule.from_length == 0 && rule.to_length == 0 && rule.tos == 0 && rule.mask == 0 &&
           rule.iif.empty();
}

/// Local, main and, for IPv4, default: what the kernel makes of itself.
bool usual(std::span<const KernelRule> rules) {
    if (rules.size() < 2 || rules.size() > 3) return false;
    return asks_always(rules[0], RT_TABLE_LOCAL) && asks_always(rules[1], RT_TABLE_MAIN) &&
           (rules.size() == 2 || asks_always(rules[2], RT_TABLE_DEFAULT));
}

RoutingRule::Action action_of(const KernelRule& rule) {
    switch (rule.action) {
        case FR_ACT_BLACKHOLE:
            return RoutingRule::Action::blackhole;
        case FR_ACT_UNREACHABLE:
            return RoutingRule::Action::unreachable;
        case FR_ACT_PROHIBIT:
            return RoutingRule::Action::prohibit;
        default:
            return RoutingRule::Action::table;
    }
}

}  // namespace

RulePlan usual_rules(bool v6) {
    RulePlan plan{.layers = {{RT_TABLE_LOCAL, RT_TABLE_MAIN}}, .rules = {}};
    if (!v6) plan.layers.front().push_back(RT_TABLE_DEFAULT);
    return plan;
}

RulePlan plan_rules(std::span<const KernelRule> rules,
                    const std::function<IfIndex(const std::string&)>& interface_of) {
    if (usual(rules)) return usual_rules(rules.size() == 2);
    RulePlan plan;
    // After a rule that always asks local, main's table may be the one that has local's routes, too.
    const bool local_first = !rules.empty() && asks_always(rules.front(), RT_TABLE_LOCAL);
    plan.layers.push_back(local_first ? std::vector<std::uint32_t>{RT_TABLE_LOCAL, RT_TABLE_MAIN}
                                      : std::vector<std::uint32_t>{});
    std::map<std::uint32_t, std::uint16_t> index;
    if (local_first) index[RT_TABLE_MAIN] = 0;
    for (const auto& rule : rules) {
        if (!rule.unsupported.empty() || rule.action == FR_ACT_NOP) continue;
        RoutingRule out{.from = rule.from,
                        .to = rule.to,
                        .from_length = rule.from_length,
                        .to_length = rule.to_length,
                        .tos = rule.tos,
                        .invert = rule.invert,
                        .mark = rule.mark & rule.mask,
                        .mask = rule.mask,
                        .action = action_of(rule)};
        if (rule.iif == "lo") {
            out.from_host = true;
        } else if (!rule.iif.empty()) {
            out.iif = interface_of(rule.iif);
            // No packet of weft's came by it (net/core/fib_rules.c, fib_rule_match): `not` of that is all.
            if (out.iif == no_interface && !rule.invert) continue;
            if (out.iif == no_interface) out = {.action = out.action};
        }
        if (out.action == RoutingRule::Action::table) {
            const auto [it, fresh] =
                index.try_emplace(rule.table, static_cast<std::uint16_t>(plan.layers.size()));
            if (fresh) plan.layers.push_back({rule.table});
            out.table = it->second;
        }
        out.priority = rule.priority;
        plan.rules.push_back(out);
    }
    // fib_rules_lookup: -ESRCH, which is ENETUNREACH to who asks. Without a rule layers[0] would decide.
    if (plan.rules.empty()) plan.rules.push_back({.action = RoutingRule::Action::unreachable});
    return plan;
}

}  // namespace weft
