// Addresses that rules of nat take from interfaces: MASQUERADE's (net/netfilter/nf_nat_masquerade.c,
// inet_select_addr, ipv6_dev_get_saddr) and REDIRECT's (net/netfilter/nf_nat_redirect.c).
#pragma once

#include "dataplane/nat/bind.hpp"
#include "weft/net/address.hpp"

namespace weft {

/// Of IPv4 the outgoing interface's address on the network of the next hop, else its first one, of scope
/// global, else some other interface's; of IPv6 what choose_source6() says. Zero: there is none.
[[nodiscard]] IpAddress masquerade_address(Packet&, const NatPlace&, const Context&) noexcept;
/// The address of the interface that a packet came by, or loopback of what the host sends. Zero: none.
[[nodiscard]] IpAddress redirect_address(Packet&, const NatPlace&, const Context&) noexcept;
/// A packet of a connection that MASQUERADE gave this address may still leave here with it: the interface has
/// it, or it would be given to it again.
[[nodiscard]] bool may_keep(Packet&, const NatPlace&, const IpAddress&, const Context&) noexcept;

}  // namespace weft
