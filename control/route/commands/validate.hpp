// What a model may say of routing.
#pragma once

#include "control/model/model.hpp"

namespace weft {

/// Interfaces exist, and no route stands twice in a row.
[[nodiscard]] Result<> validate_routing(const Model& model);

}  // namespace weft
