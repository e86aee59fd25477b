// The handlers of `ip address`.
#pragma once

#include "control/model/commands.hpp"

namespace weft {

Result<Reply> ip_addr_add(Session&, const command::Match&, const std::string&);
Result<Reply> ip_addr_replace(Session&, const command::Match&, const std::string&);
Result<Reply> ip_addr_del(Session&, const command::Match&, const std::string&);
Result<Reply> ip_addr_flush(Session&, const command::Match&, const std::string&);
Result<Reply> ip_addr_show(Session&, const command::Match&, const std::string&);

}  // namespace weft
