// What -d adds to an interface: the fields of iproute2 that weft has, in its order and by its names.
#pragma once

#include <string>
#include <string_view>

#include "control/link/view.hpp"

namespace weft {

/// Text behind the address: " promiscuity 0 …", then the lines of kind and membership led by `line_end`.
[[nodiscard]] std::string link_details(Session&, const LinkView&, std::string_view line_end);
/// The members "promiscuity" … "linkinfo".
[[nodiscard]] Json link_details_json(Session&, const LinkView&);

/// "8000.02:00:00:00:00:01" of a bridge.
[[nodiscard]] std::string bridge_id(Session&, const std::string& bridge);
/// Number of a member in its bridge, from 1, in the order in which the links were made; 0 if it is none.
[[nodiscard]] unsigned port_number(const Model&, const std::string& name);

}  // namespace weft
