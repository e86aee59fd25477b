// Policy rules of the kernel as workers obey them, and which tables that asks for.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "control/kernel/route_message.hpp"
#include "weft/routing.hpp"

namespace weft {

struct RulePlan {
    /// For RouteTables::set_layers.
    std::vector<std::vector<std::uint32_t>> layers;
    std::vector<RoutingRule> rules;  ///< empty: layers[0] decides
    friend bool operator==(const RulePlan&, const RulePlan&) = default;
};

/// `rules` of one family in the kernel's order. Those whose selectors weft does not know are left out, as are
/// those of interfaces that it lacks; if none is left nothing is found. interface_of(name): weft's index, or
/// no_interface.
[[nodiscard]] RulePlan plan_rules(std::span<const KernelRule> rules,
                                  const std::function<IfIndex(const std::string&)>& interface_of);

/// What the kernel has of itself, and all it has without CONFIG_IP_MULTIPLE_TABLES: local, main and, where
/// `v6` is not set, default.
[[nodiscard]] RulePlan usual_rules(bool v6);

}  // namespace weft
