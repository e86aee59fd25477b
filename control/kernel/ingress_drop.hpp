// The nftables table that keeps a captured device's frames from the kernel's stack.
#pragma once

#include <string>

#include "control/kernel/netns.hpp"
#include "weft/result.hpp"

namespace weft {

/// Name of the `netdev` table of the daemon on this socket: "weft" and the socket's path, with characters
/// that nft does not take in a name replaced and a hash added then.
[[nodiscard]] std::string ingress_table(const std::string& socket);

/// Drops all that arrives on the device from now on. Packet sockets see it before.
Result<> add_ingress_drop(const Netns& netns, const std::string& socket, const std::string& device,
                          int index);

/// No such chain, or its device is gone: fine.
Result<> remove_ingress_drop(const Netns& netns, const std::string& socket, int index);

/// Removes the table with all its chains. No such table is fine.
Result<> remove_ingress_table(const Netns& netns, const std::string& socket);

}  // namespace weft
