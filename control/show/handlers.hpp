// The handlers of `show`, one file a subject.
#pragma once

#include "control/model/commands.hpp"

namespace weft {

Result<Reply> show_drops(Session&, const command::Match&, const std::string&);
Result<Reply> show_runtime(Session&, const command::Match&, const std::string&);
Result<Reply> show_workers(Session&, const command::Match&, const std::string&);
Result<Reply> show_memory(Session&, const command::Match&, const std::string&);
Result<Reply> show_adjacency(Session&, const command::Match&, const std::string&);
Result<Reply> show_flows(Session&, const command::Match&, const std::string&);
Result<Reply> show_nat_blocks(Session&, const command::Match&, const std::string&);
Result<Reply> show_graph(Session&, const command::Match&, const std::string&);
Result<Reply> show_version(Session&, const command::Match&, const std::string&);

}  // namespace weft
