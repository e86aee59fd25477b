// IP headers of received packets: what makes one acceptable at all, before anybody asks where it goes.
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/egress/tag.hpp"
#include "weft/net/address.hpp"
#include "weft/net/ip.hpp"

namespace weft {

/// Bytes of a frame that the stages of IP want in the first segment: an IPv4 header with all its options.
inline constexpr std::uint32_t ip_head_bytes = ethernet_header_size + 60;

[[nodiscard]] inline Ipv4Header& ipv4(Packet& packet) noexcept {
    return *packet.header<Ipv4Header>(packet.meta.l3_offset);
}
[[nodiscard]] inline Ipv6Header& ipv6(Packet& packet) noexcept {
    return *packet.header<Ipv6Header>(packet.meta.l3_offset);
}
[[nodiscard]] inline bool is_ipv6(Packet& packet) noexcept {
    return packet.ethernet().type.host() == ether_type::ipv6;
}
[[nodiscard]] inline IpAddress destination_of(Packet& packet) noexcept {
    return is_ipv6(packet) ? IpAddress{ipv6(packet).destination} : to_address(ipv4(packet).destination);
}
/// Bytes from the IP header on.
[[nodiscard]] inline std::uint32_t l3_length(const Packet& packet) noexcept {
    return packet.length() - packet.meta.l3_offset;
}

/// Calls decide(Packet&) with the packet, or with one of the same bytes whose first segment is its own and
/// holds `bytes` of it (or all there are). Drops as route/no_mbuf, counted for meta.iif, if there is no
/// buffer.
template <class Decide>
Verdict with_own_head(Packet& packet, std::uint32_t bytes, Context& context, Decide&& decide) noexcept {
    Packet* own = make_writable_head(&packet, context.pool, bytes);
    if (!own) return Verdict::drop(DropReason::route_no_mbuf);
    if (own == &packet) return decide(packet);
    const IfIndex in = own->meta.iif;
    context.follow(*own, decide(*own), in);
    return Verdict::consumed();
}

/// RFC 1812 5.2.2 and net/ipv4/ip_input.c, ip_rcv_core: version, lengths, checksum. What stands after the
/// datagram's end (padding) is taken off. DropReason::count if it is a datagram. l3_offset is set; the first
/// ip_head_bytes lie in a first segment that is writable.
[[nodiscard]] DropReason check_ipv4(Packet& packet) noexcept;
/// RFC 8200 3 and net/ipv6/ip6_input.c, ip6_rcv_core; the same for the fixed header. A payload length of zero
/// before a hop-by-hop header (a jumbogram, RFC 2675) is refused.
[[nodiscard]] DropReason check_ipv6(Packet& packet) noexcept;

}  // namespace weft
