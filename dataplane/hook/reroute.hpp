// Packets of the host whose mark rules have changed (ipt_mangle_out and ip6t_mangle_out, ip_route_me_harder).
#pragma once

#include "dataplane/context.hpp"

namespace weft {

/// Where a packet that passed OUTPUT goes: to egress by meta.oif, as the kernel behind us routed it, or with
/// a mark by the route that it then has, which sets meta.oif and meta.hop.
[[nodiscard]] Verdict route_marked(Packet&, Context&) noexcept;

}  // namespace weft
