// The nftables table that keeps a captured device's frames from the kernel's stack.
#pragma once

#include <set>
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

/// The same for a TUN or TAP device whose far end is a program: a table for each, which lets through what is
/// for the host itself (its own addresses, broadcast and multicast, ARP), of a bridge member link-local
/// groups only, of those neither IP nor what has a tag, which would pass the rules of INPUT by. Replaces, in
/// one step, what is there.
Result<> set_host_ingress(const Netns& netns, const std::string& socket, const std::string& device, int index,
                          bool bridge_member);
/// No such table is fine.
Result<> remove_host_ingress(const Netns& netns, const std::string& socket, int index);
/// The indexes of the devices that have such a table of this socket, whether they are still there or not.
Result<std::set<int>> host_ingress_devices(const Netns& netns, const std::string& socket);

}  // namespace weft
