// The handlers of `bridge` and `brctl`, one file each; table.cpp lists them.
#pragma once

#include "control/model/commands.hpp"

namespace weft {

Result<Reply> bridge_link_set(Session&, const command::Match&, const std::string&);
Result<Reply> bridge_link_show(Session&, const command::Match&, const std::string&);
Result<Reply> bridge_fdb_add(Session&, const command::Match&, const std::string&);
Result<Reply> bridge_fdb_replace(Session&, const command::Match&, const std::string&);
Result<Reply> bridge_fdb_del(Session&, const command::Match&, const std::string&);
Result<Reply> bridge_fdb_get(Session&, const command::Match&, const std::string&);
Result<Reply> bridge_fdb_flush(Session&, const command::Match&, const std::string&);
Result<Reply> bridge_fdb_show(Session&, const command::Match&, const std::string&);
Result<Reply> bridge_vlan_add(Session&, const command::Match&, const std::string&);
Result<Reply> bridge_vlan_del(Session&, const command::Match&, const std::string&);
Result<Reply> bridge_vlan_show(Session&, const command::Match&, const std::string&);

Result<Reply> brctl_addbr(Session&, const command::Match&, const std::string&);
Result<Reply> brctl_delbr(Session&, const command::Match&, const std::string&);
Result<Reply> brctl_addif(Session&, const command::Match&, const std::string&);
Result<Reply> brctl_delif(Session&, const command::Match&, const std::string&);
Result<Reply> brctl_hairpin(Session&, const command::Match&, const std::string&);
Result<Reply> brctl_setageing(Session&, const command::Match&, const std::string&);
Result<Reply> brctl_stp(Session&, const command::Match&, const std::string&);
Result<Reply> brctl_show(Session&, const command::Match&, const std::string&);
Result<Reply> brctl_showmacs(Session&, const command::Match&, const std::string&);

}  // namespace weft
