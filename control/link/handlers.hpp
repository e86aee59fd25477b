// The handlers of `ip link`, one file each; table.cpp lists them.
#pragma once

#include "control/model/commands.hpp"

namespace weft {

Result<Reply> ip_link_add_bridge(Session&, const command::Match&, const std::string&);
Result<Reply> ip_link_add_vlan(Session&, const command::Match&, const std::string&);
Result<Reply> ip_link_add_veth(Session&, const command::Match&, const std::string&);
Result<Reply> ip_link_add_dummy(Session&, const command::Match&, const std::string&);
Result<Reply> ip_link_set(Session&, const command::Match&, const std::string&);
Result<Reply> ip_link_del(Session&, const command::Match&, const std::string&);
Result<Reply> ip_link_show(Session&, const command::Match&, const std::string&);

}  // namespace weft
