// IPv4 (RFC 791), IPv6 (RFC 8200), TCP (RFC 9293) and UDP (RFC 768) headers on the wire.
#pragma once

#include <array>
#include <cstdint>

#include "weft/net/byte_order.hpp"

namespace weft {

namespace ip_protocol {
inline constexpr std::uint8_t hop_by_hop = 0, icmp = 1, tcp = 6, udp = 17, dccp = 33, routing = 43,
                              fragment = 44, gre = 47, authentication = 51, icmpv6 = 58, no_next_header = 59,
                              destination_options = 60, sctp = 132, udplite = 136;

/// The header begins with the ports of source and destination.
[[nodiscard]] constexpr bool has_ports(std::uint8_t protocol) noexcept {
    return protocol == tcp || protocol == udp || protocol == dccp || protocol == sctp || protocol == udplite;
}
/// ICMP or ICMPv6.
[[nodiscard]] constexpr bool is_icmp(std::uint8_t protocol) noexcept {
    return protocol == icmp || protocol == icmpv6;
}
}  // namespace ip_protocol

struct Ipv4Header {
    std::uint8_t version_ihl;
    std::uint8_t tos;
    be16 total_length;
    be16 id;
    be16 fragment;  ///< flags (3 bits) and offset in 8-byte units (13 bits)
    std::uint8_t ttl;
    std::uint8_t protocol;
    be16 checksum;
    be32 source;
    be32 destination;

    [[nodiscard]] std::uint16_t header_size() const noexcept { return (version_ihl & 0x0f) * 4; }
};
static_assert(sizeof(Ipv4Header) == 20);

struct Ipv6Header {
    be32 version_class_flow;
    be16 payload_length;
    std::uint8_t next_header;
    std::uint8_t hop_limit;
    std::array<std::uint8_t, 16> source;
    std::array<std::uint8_t, 16> destination;
};
static_assert(sizeof(Ipv6Header) == 40);

struct TcpHeader {
    be16 source_port;
    be16 destination_port;
    be32 sequence;
    be32 acknowledgement;
    std::uint8_t data_offset;  ///< upper four bits: header size in 4-byte units
    std::uint8_t flags;
    be16 window;
    be16 checksum;
    be16 urgent;
};
static_assert(sizeof(TcpHeader) == 20);

struct UdpHeader {
    be16 source_port;
    be16 destination_port;
    be16 length;
    be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8);

}  // namespace weft
