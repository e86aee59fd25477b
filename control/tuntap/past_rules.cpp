#include "control/tuntap/past_rules.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weft {

namespace {

bool asks_about_host(const Model& model) {
    const auto asks = [](const hook::Table& table) {
        return std::any_of(table.chains.begin(), table.chains.end(), [](const hook::Chain& chain) {
            return (chain.hook == hook::Hook::input || chain.hook == hook::Hook::output) &&
                   (!chain.rules.empty() || chain.policy != hook::Verdict::accept);
        });
    };
    return std::any_of(hook::families.begin(), hook::families.end(), [&](hook::Family family) {
        const auto& tables = model.rules.of(family).tables;
        return std::any_of(tables.begin(), tables.end(), asks);
    });
}

bool is_past_rules(const Model& model, const std::string& name) {
    const LinkSpec* const link = model.find(name);
    const auto* const port = link ? std::get_if<PortSpec>(&link->kind) : nullptr;
    return port && std::holds_alternative<TuntapPort>(port->kind) && !link->member;
}

}  // namespace

std::vector<std::string> past_rules(const Model& before, const Model& now) {
    std::vector<std::string> lines;
    if (!asks_about_host(now)) return lines;
    const bool asked = asks_about_host(before);
    for (const auto& name : now.order)
        if (is_past_rules(now, name) && !(asked && is_past_rules(before, name)))
            lines.push_back(
                fmt::format("{}: what its program and the host send each other passes neither INPUT nor "
                            "OUTPUT: the kernel "
                            "takes it from the device itself",
                            name));
    return lines;
}

}  // namespace weft
