// What may come next on a line, with the names of the links that are there.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace weft::cli {

/// Names of the running switch's links; asked for only where a name may stand.
using LinkNames = std::function<std::vector<std::string>()>;

/// Completions of the last (possibly empty) word. Arguments that are no link's name have none.
[[nodiscard]] std::vector<std::string> candidates(const std::vector<std::string>& words,
                                                  const LinkNames& names);

}  // namespace weft::cli
