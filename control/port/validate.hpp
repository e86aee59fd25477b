// The ports' part of validate(): no device, far end or file stands behind two ports.
#pragma once

#include "control/model/model.hpp"
#include "weft/result.hpp"

namespace weft {

[[nodiscard]] Result<> validate_ports(const Model&);

/// The name of the far end of a tap port.
[[nodiscard]] std::string far_end(const std::string& port, const TapPort&);

}  // namespace weft
