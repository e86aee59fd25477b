// Judges a model as a whole: what no single command can see.
#pragma once

#include "control/model/model.hpp"
#include "weft/result.hpp"

namespace weft {

/// Whether the model can be made true, as far as that does not depend on devices: names, references, MTUs,
/// loops, things used twice, table sizes. The first fault found, in one sentence. Pure.
[[nodiscard]] Result<> validate(const Model&);

}  // namespace weft
