// The handlers of `ip tuntap` and `tunctl`; table.cpp lists them.
#pragma once

#include "control/model/commands.hpp"

namespace weft {

Result<Reply> ip_tuntap_add(Session&, const command::Match&, const std::string&);
Result<Reply> ip_tuntap_del(Session&, const command::Match&, const std::string&);
Result<Reply> ip_tuntap_show(Session&, const command::Match&, const std::string&);
Result<Reply> tunctl_add(Session&, const command::Match&, const std::string&);
Result<Reply> tunctl_del(Session&, const command::Match&, const std::string&);

}  // namespace weft
