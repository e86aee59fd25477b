// The words that name an address in `ip address add|del …`, taken apart and checked.
#pragma once

#include <optional>
#include <string>

#include "control/command/types.hpp"
#include "control/model/commands.hpp"

namespace weft {

/// Reads local, peer, broadcast, scope, label and device. Refused in iproute2's words.
[[nodiscard]] Result<AddressSpec> read_address(const Model&, const command::Match&);

/// Whether the kernel takes them for the same address of a device: IPv4 the same local address and network,
/// IPv6 the same local address.
[[nodiscard]] bool same_address(const AddressSpec&, const AddressSpec&);

/// The canonical scope ("link") of a name or number; empty if it is none.
[[nodiscard]] std::string canonical_scope(std::string_view);

/// The scope in force: as set, else the one that goes with the address.
[[nodiscard]] std::string scope_of(const AddressSpec&);

/// Whether the address lies in the network.
[[nodiscard]] bool covers(const command::IpPrefix& network, const command::IpPrefix& address);

/// The local address and, behind the slash, the length.
[[nodiscard]] command::IpPrefix parsed(const AddressSpec&);

}  // namespace weft
