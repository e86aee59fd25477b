// Tables for people: columns as wide as their widest cell.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace weft {

/// One row of cells a line; the first row is the head. Cells of columns from `right_from` on stand at the
/// right, but of the last column if `last_left`.
[[nodiscard]] std::string columns(const std::vector<std::vector<std::string>>& rows, std::size_t right_from,
                                  bool last_left = false);

}  // namespace weft
