// The features' command tables, one pure table each (tables/<feature>.cpp); tables.cpp puts them in one.
#pragma once

#include <span>

#include "control/command/grammar.hpp"

namespace weft::command {

[[nodiscard]] std::span<const Spec> port_commands();
[[nodiscard]] std::span<const Spec> route_commands();
[[nodiscard]] std::span<const Spec> rule_commands();
[[nodiscard]] std::span<const Spec> neighbour_commands();
[[nodiscard]] std::span<const Spec> nexthop_commands();
[[nodiscard]] std::span<const Spec> link_commands();
[[nodiscard]] std::span<const Spec> bridge_commands();
[[nodiscard]] std::span<const Spec> brctl_commands();
[[nodiscard]] std::span<const Spec> address_commands();
[[nodiscard]] std::span<const Spec> sysctl_commands();
[[nodiscard]] std::span<const Spec> ethtool_commands();
[[nodiscard]] std::span<const Spec> show_commands();
[[nodiscard]] std::span<const Spec> observe_commands();
[[nodiscard]] std::span<const Spec> hook_commands();
[[nodiscard]] std::span<const Spec> conntrack_commands();
[[nodiscard]] std::span<const Spec> set_commands();
[[nodiscard]] std::span<const Spec> tuntap_commands();
[[nodiscard]] std::span<const Spec> config_commands();

}  // namespace weft::command
