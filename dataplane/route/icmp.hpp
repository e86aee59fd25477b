// ICMP errors and redirects about packets in transit (RFC 792, RFC 1812 4.3, RFC 4443 2.4 and 3, RFC 4861 8;
// net/ipv4/icmp.c, __icmp_send, net/ipv6/icmp.c, icmp6_send).
#pragma once

#include "dataplane/context.hpp"
#include "weft/hop.hpp"

namespace weft {

/// By what happened; type and code are the family's.
enum class IcmpError : std::uint8_t {
    no_route,          ///< 3/0, 1/0
    host_unreachable,  ///< 3/1, 1/3 address unreachable
    prohibited,        ///< 3/13, 1/1
    beyond_scope,      ///< -, 1/2
    too_big,           ///< 3/4, 2/0; value: next-hop MTU
    ttl_exceeded,      ///< 11/0, 3/0
    bad_header,        ///< 12/0, 4/0; value: pointer
    unknown_option,    ///< -, 4/2; value: pointer
    never_whole,       ///< 11/1, 3/1: the rest of a datagram did not come in time
};

/// Makes an error about a packet, whose IP header was checked and which stays the caller's and as it is, and
/// sends it to the packet's source. Nothing is made about errors, fragments but the first, what came as a
/// broadcast or multicast or has a source that is no host, nor beyond the limits of net.ipv4.icmp_ratelimit,
/// icmp_ratemask, icmp_msgs_per_sec, net.ipv6.icmp.ratelimit: counted as icmp/rate_limited for meta.iif.
void send_icmp_error(Packet& about, IcmpError what, std::uint32_t value, Context& context) noexcept;

/// The same of destination unreachable (type 3, of IPv6 1) with this code, as a rule asks for it.
void send_unreachable(Packet& about, std::uint8_t code, Context& context) noexcept;

/// Tells the source of a packet that `gateway` on the same network is the better next hop for its
/// destination. About one a second and peer.
void send_redirect(Packet& about, const IpAddress& gateway, const Hop& hop, Context& context) noexcept;

}  // namespace weft
