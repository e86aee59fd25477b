// Words of Linux programs, and of weft, that a later version will have: refused by name.
#pragma once

#include "control/command/grammar.hpp"
#include "weft/result.hpp"

namespace weft {

/// The commands whose Spec's name begins with "unsupported".
[[nodiscard]] bool is_unsupported(const command::Spec&) noexcept;

/// Names what was typed.
[[nodiscard]] Error unsupported(const command::Match&);

}  // namespace weft
