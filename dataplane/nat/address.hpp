// Addresses that rules of nat take from interfaces: MASQUERADE's (net/netfilter/nf_nat_masquerade.c,
// inet_select_addr, ipv6_dev_get_saddr) and REDIRECT's (net/netfilter/nf_nat_redirect.c).
#pragma once

#include "dataplane/nat/bind.hpp"
#include "weft/net/address.hpp"

namespace weft {

/// The outgoing interface's address on the network of the next hop, else its first one, else some other
/// interface's; for what stays on the link an IPv6 interface's link-local one. Zero: there is none.
[[nodiscard]] IpAddress masquerade_address(Packet&, const NatPlace&, const Context&) noexcept;
/// The address of the interface that a packet came by, or loopback of what the host sends. Zero: none.
[[nodiscard]] IpAddress redirect_address(Packet&, const NatPlace&, const Context&) noexcept;
/// The interface has it.
[[nodiscard]] bool has_address(IfIndex, const IpAddress&, bool v6, const Context&) noexcept;

}  // namespace weft
