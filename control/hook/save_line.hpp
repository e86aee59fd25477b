// A line of a save file in words (libxt's xtables_rule parser: add_param_to_argv, tokenize_rule_counters).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weft/hook/types.hpp"

namespace weft::hook {

/// A line in words, with the column of each: quotes and backslashes within them are taken off.
struct Split {
    std::vector<std::string> words;
    std::vector<int> columns;
};

/// Throws Refusal if a word is too long or there are too many. `first_column`: of the line's first character.
[[nodiscard]] Split split_line(std::string_view line, int first_column);

/// "[PACKETS:BYTES]"; nothing if it is not that.
[[nodiscard]] std::optional<Counters> read_bracketed(std::string_view text);

/// The next word of a line of blanks and words, taken off it.
[[nodiscard]] std::string_view take_word(std::string_view& rest);

}  // namespace weft::hook
