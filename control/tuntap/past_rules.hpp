// Devices of programs whose packets for the host no rule sees.
#pragma once

#include <string>
#include <vector>

#include "control/model/model.hpp"

namespace weft {

/// A sentence for each device of `ip tuntap` outside a bridge whose program speaks to the host past the rules
/// of INPUT and OUTPUT in `now`, and did not in `before`: the kernel takes such packets from the device
/// itself.
[[nodiscard]] std::vector<std::string> past_rules(const Model& before, const Model& now);

}  // namespace weft
