// The answers of REJECT (net/ipv4/netfilter/nf_reject_ipv4.c, net/ipv6/netfilter/nf_reject_ipv6.c).
#pragma once

#include "dataplane/context.hpp"
#include "weft/hook/target.hpp"

namespace weft {

/// Sends the answer to the packet's source, if it gets one. The packet stays the caller's, as it is.
void reject(Packet&, const hook::RejectTarget&, Context&) noexcept;

}  // namespace weft
