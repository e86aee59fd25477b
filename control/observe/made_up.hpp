// The frame of `explain`, from its words.
#pragma once

#include <cstddef>
#include <vector>

#include "control/command/grammar.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/result.hpp"

namespace weft {

/// The frame that the words of an `explain` line describe: checksums right, payload zeros. `to` is the
/// destination where `eth` is not given. Errors: usage, with the word's column.
[[nodiscard]] Result<std::vector<std::byte>> made_up_frame(const command::Match& match, const MacAddress& to);

}  // namespace weft
