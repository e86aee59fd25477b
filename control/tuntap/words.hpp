// The words that describe a TUN or TAP device (ip/iptuntap.c of iproute2 6.1), taken apart and checked.
#pragma once

#include <optional>
#include <string>

#include "control/model/commands.hpp"

namespace weft {

/// The name typed, or null. Refused if it was typed twice.
[[nodiscard]] Result<const command::Item*> tuntap_name(const command::Match&);

/// Mode, flags, user and group. Without `mode` nothing is said of it: mode_given() tells.
[[nodiscard]] Result<TuntapPort> tuntap_words(const command::Match&);
[[nodiscard]] bool mode_given(const command::Match&);

/// The number of a user or group, named or numbered, of the machine weftd runs on.
[[nodiscard]] std::optional<std::uint32_t> user_number(const std::string&);
[[nodiscard]] std::optional<std::uint32_t> group_number(const std::string&);

/// A link of that kind, down.
[[nodiscard]] LinkSpec tuntap_link(const TuntapPort&);

/// The kernel's choice for a device without a name: the first free tunN or tapN.
[[nodiscard]] std::string free_tuntap_name(const Model&, bool tun);

/// "tap pi vnet_hdr": the mode and what was asked for, in iproute2's order.
[[nodiscard]] std::vector<std::string> tuntap_flags(const TuntapPort&);

}  // namespace weft
