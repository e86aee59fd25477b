// rte_vhost: a socket's front ends become calls of its port.
#pragma once

#include <cstdint>
#include <string>

#include "dataplane/port/vhost.hpp"
#include "weft/result.hpp"

namespace weft::ports {

/// Has the library listen at, or connect to, `path` for the port, at once and again whenever the connection
/// ended. The sentence of an error begins after "port NAME: ".
Result<> enlist_vhost(Vhost& port, const std::string& path, bool server);
/// Ends the guest's connection. Nothing calls the port any more when this returns; a server's file is gone.
void dismiss_vhost(const std::string& path);

}  // namespace weft::ports
