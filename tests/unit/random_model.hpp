// Random valid models, for properties that every model has.
#pragma once

#include <random>

#include "control/model/model.hpp"

namespace weft {

/// A valid model with up to a dozen links. The same seed gives the same model.
[[nodiscard]] Model random_model(unsigned seed);

}  // namespace weft
