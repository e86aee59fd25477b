// Plain packets: those for which nothing has to be asked but where they go. Tests of a few instructions; what
// fails one is not wrong, only for the stages to judge.
#pragma once

#include <rte_mbuf.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "dataplane/egress/prepare.hpp"
#include "dataplane/egress/tag.hpp"
#include "weft/net/ip.hpp"
#include "weft/packet.hpp"

namespace weft::plain {

namespace detail {
template <class T>
[[nodiscard]] inline T load(const void* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
static_assert(std::endian::native == std::endian::little);
/// By the first byte, 1: not of 0/8, 127/8, 224/3 (RFC 1122 3.2.1.3; RFC 1112; 240/4 RFC 1812 4.2.2.11).
inline constexpr auto is_unicast4 = [] {
    std::array<std::uint8_t, 256> table{};
    for (unsigned first = 1; first < 224; ++first)
        table[first] = first != 127;
    return table;
}();
/// Not of 0::/64 (unspecified, loopback, mapped), nor from fe80:: up (link-local, site-local, multicast).
[[nodiscard]] inline bool is_unicast6(const std::array<std::uint8_t, 16>& address) noexcept {
    return __builtin_bswap64(load<std::uint64_t>(address.data())) - 1 < 0xfe80'0000'0000'0000 - 1;
}
}  // namespace detail

/// Any port could send it as it is, and it may be written to.
[[nodiscard]] inline bool is_own(const Packet& packet) noexcept {
    static_assert(offsetof(rte_mbuf, nb_segs) == offsetof(rte_mbuf, refcnt) + 2);
    constexpr std::uint32_t one_segment_one_owner = 0x0001'0001;
    const auto* const mbuf = reinterpret_cast<const std::byte*>(static_cast<const rte_mbuf*>(&packet));
    const auto* const meta = reinterpret_cast<const std::byte*>(&packet.meta);
    const auto state = detail::load<std::uint32_t>(meta + offsetof(Metadata, tag_place));
    return detail::load<std::uint32_t>(mbuf + offsetof(rte_mbuf, refcnt)) == one_segment_one_owner &&
           (state & weft::detail::wanting) == 0 && RTE_MBUF_DIRECT(&packet);
}

/// The same of a frame to `own` (MacAddress::raw()) whose bytes behind the Ethernet header, `above` the least
/// that an IP packet has, are at most `spread`. A runt's length wraps.
[[nodiscard]] inline bool is_received(const Packet& packet, std::uint64_t own, std::uint32_t spread,
                                      std::uint32_t& above) noexcept {
    above = packet.length() - (ethernet_header_size + std::uint32_t{sizeof(Ipv4Header)});
    return reinterpret_cast<const EthernetHeader*>(packet.data())->destination_raw() == own &&
           above <= spread && is_own(packet);
}

/// Of what host has let in, by whatever interface: no rule has seen it, headers lie in the first segment and
/// may be written to. `above`: as above.
[[nodiscard]] inline bool is_entered(const Packet& packet, std::uint32_t& above) noexcept {
    constexpr std::uint32_t least = ethernet_header_size + std::uint32_t{sizeof(Ipv4Header)},
                            most_headers = ethernet_header_size + std::uint32_t{sizeof(Ipv6Header)} + 60,
                            longest = 0xffff;  // what a size of 16 bits tells; guests' frames may be longer
    above = packet.length() - least;
    return above <= longest - sizeof(Ipv4Header) &&
           packet.head_length() >= (packet.nb_segs == 1 ? least : most_headers) && writable(packet) &&
           !reinterpret_cast<const EthernetHeader*>(packet.data())->destination.is_group() &&
           packet.meta.connection_state == 0 && packet.meta.mark == 0;
}
/// Of such a packet of `size` bytes: it has no padding that cutting off would take more than a length.
[[nodiscard]] inline bool is_trimmed(const Packet& packet, std::uint32_t size) noexcept {
    return packet.nb_segs == 1 || packet.length() == ethernet_header_size + size;
}

/// To a DHCP client, which may have no address yet (RFC 2131 4.1). Of a header without options.
[[nodiscard]] inline bool is_for_dhcp_client(const Ipv4Header& ip) noexcept {
    constexpr std::uint16_t client = 68;
    return ip.protocol == ip_protocol::udp &&
           reinterpret_cast<const UdpHeader*>(&ip + 1)->destination_port.raw() == be16{client}.raw();
}

/// Bytes of an IPv4 packet in transit (RFC 1812 5.2.2, 5.3.1): no options, lengths and checksum right, hops
/// left; 0 of others. Of its addresses are_unicast() tells. `present`: bytes from the header on, at least 20.
[[nodiscard]] inline std::uint32_t transit_size(const Ipv4Header& ip, std::uint32_t present) noexcept {
    const auto* const at = reinterpret_cast<const std::byte*>(&ip);
    const auto a = detail::load<std::uint64_t>(at);
    const auto b = detail::load<std::uint64_t>(at + 8);
    const auto c = detail::load<std::uint32_t>(at + 16);
    // 2^16 is 1 modulo 65535, and so is 2^64, so that the sum of any larger words is the one's complement sum
    // of the 16-bit ones (RFC 1071 2 (C)); it is all ones where the checksum is right.
    std::uint64_t sum;
    const bool carry = __builtin_add_overflow(a, b, &sum);
    sum += __builtin_add_overflow(sum, c + std::uint64_t{carry}, &sum);
    const std::uint32_t total = ip.total_length.host();
    constexpr std::uint32_t least = sizeof ip;
    const bool right = static_cast<std::uint8_t>(a) == 0x45 && total - least <= present - least &&
                       static_cast<std::uint8_t>(b) > 1 && sum % 0xffff == 0;
    return right ? total : 0;
}
/// The same of IPv6 (RFC 8200 3): nothing that each router has to look at.
[[nodiscard]] inline std::uint32_t transit_size(const Ipv6Header& ip, std::uint32_t present) noexcept {
    const std::uint32_t total = std::uint32_t{sizeof ip} + ip.payload_length.host();
    const bool right = reinterpret_cast<const std::uint8_t*>(&ip)[0] >> 4 == 6 && total <= present &&
                       ip.hop_limit > 1 && ip.next_header != ip_protocol::hop_by_hop;
    return right ? total : 0;
}

/// RFC 1812 5.3.7, RFC 4291 2.5. Packets of a connection need not be asked: its first one was.
[[nodiscard]] inline bool are_unicast(const Ipv4Header& ip) noexcept {
    return detail::is_unicast4[static_cast<std::uint8_t>(ip.source.raw())] &
           detail::is_unicast4[static_cast<std::uint8_t>(ip.destination.raw())];
}
[[nodiscard]] inline bool are_unicast(const Ipv6Header& ip) noexcept {
    return detail::is_unicast6(ip.source) && detail::is_unicast6(ip.destination);
}

}  // namespace weft::plain
