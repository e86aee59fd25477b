// The manual pages, made of the grammar.
#pragma once

#include <string>
#include <string_view>

namespace weft::cli {

/// The page "weft" (section 8) or "weft.conf" (section 5) in man(7)'s language; empty for any other name.
[[nodiscard]] std::string manual(std::string_view page);

}  // namespace weft::cli
