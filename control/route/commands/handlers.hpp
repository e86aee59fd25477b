// The handlers of `ip route|rule|neigh|nexthop`.
#pragma once

#include "control/model/commands.hpp"

namespace weft {

Result<Reply> ip_route_add(Session&, const command::Match&, const std::string&);
Result<Reply> ip_route_append(Session&, const command::Match&, const std::string&);
Result<Reply> ip_route_replace(Session&, const command::Match&, const std::string&);
Result<Reply> ip_route_change(Session&, const command::Match&, const std::string&);
Result<Reply> ip_route_del(Session&, const command::Match&, const std::string&);
Result<Reply> ip_route_flush(Session&, const command::Match&, const std::string&);
Result<Reply> ip_route_show(Session&, const command::Match&, const std::string&);
Result<Reply> ip_route_get(Session&, const command::Match&, const std::string&);

Result<Reply> ip_rule_add(Session&, const command::Match&, const std::string&);
Result<Reply> ip_rule_del(Session&, const command::Match&, const std::string&);
Result<Reply> ip_rule_flush(Session&, const command::Match&, const std::string&);
Result<Reply> ip_rule_show(Session&, const command::Match&, const std::string&);

Result<Reply> ip_neigh_add(Session&, const command::Match&, const std::string&);
Result<Reply> ip_neigh_change(Session&, const command::Match&, const std::string&);
Result<Reply> ip_neigh_replace(Session&, const command::Match&, const std::string&);
Result<Reply> ip_neigh_del(Session&, const command::Match&, const std::string&);
Result<Reply> ip_neigh_flush(Session&, const command::Match&, const std::string&);
Result<Reply> ip_neigh_show(Session&, const command::Match&, const std::string&);

Result<Reply> ip_nexthop_add(Session&, const command::Match&, const std::string&);
Result<Reply> ip_nexthop_replace(Session&, const command::Match&, const std::string&);
Result<Reply> ip_nexthop_del(Session&, const command::Match&, const std::string&);
Result<Reply> ip_nexthop_flush(Session&, const command::Match&, const std::string&);
Result<Reply> ip_nexthop_show(Session&, const command::Match&, const std::string&);

}  // namespace weft
