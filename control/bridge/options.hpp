// Options of a bridge and of a member, common to `ip link add|set`, `bridge link set` and `brctl`.
#pragma once

#include "control/command/grammar.hpp"
#include "control/model/commands.hpp"
#include "control/model/model.hpp"
#include "weft/result.hpp"

namespace weft {

/// Applies the typed options of `type bridge` to bridge `name`. Refused in iproute2's words.
Result<> set_bridge_options(Model&, const std::string& name, const command::Match&);

/// Applies the typed flags of `type bridge_slave` or `bridge link set`; state is not among them.
void set_member_flags(MemberSpec&, const command::Match&);

/// A port state by number or name ("forwarding"), in any case.
[[nodiscard]] std::optional<PortState> parse_port_state(std::string_view);
[[nodiscard]] std::string_view to_string(PortState) noexcept;

}  // namespace weft
