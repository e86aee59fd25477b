// The AF_XDP sockets that net_af_xdp forgets: its 22.11 counts the users of a queue's memory one too low when
// it closes (eth_dev_close), so that neither the socket nor its rings go, and the queue stays bound (EBUSY).
// Control thread only.
#pragma once

#include <sys/types.h>

#include <set>

namespace weft::ports {

/// Inodes of the AF_XDP sockets this process has.
std::set<ino_t> xdp_sockets();
/// Unmaps their rings and closes them, so far as they are still there.
void close_xdp_sockets(const std::set<ino_t>& sockets);

}  // namespace weft::ports
