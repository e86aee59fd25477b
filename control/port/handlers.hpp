// The handlers of `port`, one file each; table.cpp lists them.
#pragma once

#include "control/model/commands.hpp"

namespace weft {

Result<Reply> port_add_devargs(Session&, const command::Match&, const std::string&);
Result<Reply> port_add_af_packet(Session&, const command::Match&, const std::string&);
Result<Reply> port_add_tap(Session&, const command::Match&, const std::string&);
Result<Reply> port_add_pcap(Session&, const command::Match&, const std::string&);
Result<Reply> port_add_null(Session&, const command::Match&, const std::string&);
Result<Reply> port_add_gen(Session&, const command::Match&, const std::string&);
Result<Reply> port_add_vhost(Session&, const command::Match&, const std::string&);
Result<Reply> port_add_memif(Session&, const command::Match&, const std::string&);
Result<Reply> port_add_af_xdp(Session&, const command::Match&, const std::string&);
Result<Reply> port_set(Session&, const command::Match&, const std::string&);
Result<Reply> port_del(Session&, const command::Match&, const std::string&);
Result<Reply> port_show(Session&, const command::Match&, const std::string&);

}  // namespace weft
