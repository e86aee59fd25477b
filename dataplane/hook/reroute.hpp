// Packets of the host whose mark or destination rules have changed (ipt_mangle_out and ip6t_mangle_out,
// nf_nat_ipv4_local_fn and nf_nat_ipv6_local_fn, ip_route_me_harder).
#pragma once

#include "dataplane/context.hpp"

namespace weft {

/// Where a packet that passed OUTPUT goes: to egress by meta.oif, as the kernel behind us routed it, or with
/// a mark or another destination (`readdressed`) by the route that it then has, which sets meta.oif and
/// meta.hop.
[[nodiscard]] Verdict route_changed(Packet&, bool readdressed, Context&) noexcept;

}  // namespace weft
