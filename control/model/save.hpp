// A model as the commands that make it.
#pragma once

#include <string>

#include "control/model/model.hpp"

namespace weft {

/// Canonical text, one command a line, each ended by a newline. Equal models give equal text; loading it
/// (load.hpp) gives an equal model. The model must be valid.
[[nodiscard]] std::string save(const Model&);

/// What to change in the text of `from` to have that of `to`: lines led by '-' and '+', in the order of the
/// text. Empty exactly if the models are equal.
[[nodiscard]] std::string diff(const Model& from, const Model& to);

}  // namespace weft
