// IPv4 options (RFC 791 3.1, RFC 1812 4.2.2.1 and 5.2.4) and IPv6 hop-by-hop options (RFC 8200 4.2, 4.3) of
// packets in transit.
#pragma once

#include "dataplane/route/header.hpp"

namespace weft {

/// What is wrong with a header's options.
struct OptionFault {
    DropReason reason = DropReason::count;  ///< count: nothing
    std::uint8_t pointer =
        0;                  ///< of the byte, from the start of the header; of IPv6 for the parameter problem
    bool answered = false;  ///< a parameter problem is due
    [[nodiscard]] bool none() const noexcept { return reason == DropReason::count; }
};

/// Judges the options of an IPv4 header, as net/ipv4/ip_options.c, __ip_options_compile. Source routes are
/// refused unless `source_route`: such a packet is then treated as any other, its route is not followed.
[[nodiscard]] OptionFault check_options4(Packet& packet, bool source_route) noexcept;
/// Enters our address in the record-route and timestamp options of a packet that is forwarded
/// (ip_options.c, ip_forward_options) and mends the header checksum. `own`: of the interface it leaves by,
/// network order; `milliseconds`: since midnight UTC. The options have been judged.
void record_route(Packet& packet, be32 own, std::uint32_t milliseconds) noexcept;

/// Judges the hop-by-hop header, if there is one (net/ipv6/exthdrs.c, ip6_parse_tlv). `code` of the parameter
/// problem is 2.
[[nodiscard]] OptionFault check_hop_by_hop(Packet& packet) noexcept;

}  // namespace weft
