// Configuration texts: the lines of a file, carried out on a model.
#pragma once

#include <string>
#include <string_view>

#include "control/model/commands.hpp"
#include "control/model/model.hpp"
#include "weft/result.hpp"

namespace weft {

/// Carries the lines out in their order, as one transaction (`weft -f FILE`): on an error the model is to be
/// thrown away. Only commands that configure. Errors are ready to print: "file:line:column: …", the line, a
/// caret; their code is refused (usage where the text itself cannot be read).
Result<> run_lines(Session&, std::string_view text, const std::string& file);

/// The model that the text makes of an empty one, validated.
[[nodiscard]] Result<Model> load(std::string_view text, const std::string& file);

/// `weft -c FILE`: whether load() would take it.
[[nodiscard]] Result<> check_offline(std::string_view text, const std::string& file);

}  // namespace weft
