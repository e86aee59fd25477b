// The handlers of `trace` and `explain`.
#pragma once

#include "control/model/commands.hpp"

namespace weft {

Result<Reply> trace_add(Session&, const command::Match&, const std::string&);
Result<Reply> trace_show(Session&, const command::Match&, const std::string&);
Result<Reply> trace_clear(Session&, const command::Match&, const std::string&);
Result<Reply> explain(Session&, const command::Match&, const std::string&);

}  // namespace weft
