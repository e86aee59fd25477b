// What a model may say of routing.
#pragma once

#include "control/model/model.hpp"

namespace weft {

/// Interfaces exist, next hops of groups and routes as far as they are weft's, no route twice.
[[nodiscard]] Result<> validate_routing(const Model& model);

}  // namespace weft
