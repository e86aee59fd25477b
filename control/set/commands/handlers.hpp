// ipset on the model.
#pragma once

#include "control/model/commands.hpp"

namespace weft {

Result<Reply> run_ipset(Session&, const command::Match&, const std::string& input);

}  // namespace weft
