// iptables, ip6tables, their -save and -restore, on the model.
#pragma once

#include "control/model/commands.hpp"

namespace weft {

Result<Reply> list_hook_rules(Session&, const command::Match&, const std::string&);
Result<Reply> change_hook_rules(Session&, const command::Match&, const std::string&);
Result<Reply> save_hook_tables(Session&, const command::Match&, const std::string&);
/// `input` is the file; all of its tables come, or none.
Result<Reply> restore_hook_rules(Session&, const command::Match&, const std::string& input);

}  // namespace weft
