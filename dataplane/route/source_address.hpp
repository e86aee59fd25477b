// Which address packets come from whose sender has not said so.
//   Linux   ipv6_dev_get_saddr (net/ipv6/addrconf.c) with the default table of labels (addrlabel.c);
//           RFC 6724 section 5, rules 1 to 3 and 5 to 8
#pragma once

#include "weft/routing.hpp"

namespace weft {

/// The IPv6 address for packets to `to` that leave by `oif`: one of the interface's own, of another if that
/// fits better. Zero: there is none.
[[nodiscard]] IpAddress choose_source6(const IpAddress& to, IfIndex oif, const Routing&) noexcept;

}  // namespace weft
