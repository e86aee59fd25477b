// What names one direction of a connection: addresses, and ports or what stands in for them
// (nf_conntrack_tuple). Values as they lie on the wire. The protocol and the zone go beside a tuple, not in
// it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#include "weft/net/byte_order.hpp"
#include "weft/net/ip.hpp"

namespace weft {

/// Conntrack zone; 0 is the one without a rule.
using FlowZone = std::uint16_t;

/// The zones in which the original and the reply direction of a packet's connection are looked for: a zone
/// that a rule gives to one direction leaves the other in zone 0 (nf_conntrack_zone::dir).
struct FlowZones {
    FlowZone original = 0, reply = 0;
    constexpr FlowZones(FlowZone both) noexcept : original(both), reply(both) {}
    constexpr FlowZones(FlowZone of_original, FlowZone of_reply) noexcept
        : original(of_original), reply(of_reply) {}
    [[nodiscard]] constexpr FlowZone of(unsigned direction) const noexcept {
        return direction ? reply : original;
    }
};

/// ICMP query: source_port is the identifier, destination_port type (first byte) and code. 0 and 0 for
/// protocols without ports.
struct Tuple4 {
    be32 source;
    be32 destination;
    be16 source_port;
    be16 destination_port;
    friend bool operator==(const Tuple4& a, const Tuple4& b) noexcept {
        return std::memcmp(&a, &b, sizeof a) == 0;
    }
};
struct Tuple6 {
    std::array<std::uint8_t, 16> source;
    std::array<std::uint8_t, 16> destination;
    be16 source_port;
    be16 destination_port;
    friend bool operator==(const Tuple6& a, const Tuple6& b) noexcept {
        return std::memcmp(&a, &b, sizeof a) == 0;
    }
};
static_assert(sizeof(Tuple4) == 12 && sizeof(Tuple6) == 36);
template <class Header>
using TupleOf = std::conditional_t<std::is_same_v<Header, Ipv6Header>, Tuple6, Tuple4>;

template <class Tuple>
[[nodiscard]] constexpr std::uint8_t icmp_type(const Tuple& tuple) noexcept {
    return static_cast<std::uint8_t>(tuple.destination_port.host() >> 8);
}
constexpr be16 icmp_type_and_code(std::uint8_t type, std::uint8_t code) noexcept {
    return be16{static_cast<std::uint16_t>(type << 8 | code)};
}

/// The type that answers a query or asks for an answer (nf_conntrack_proto_icmp.c: echo, timestamp,
/// information, address mask; nf_conntrack_proto_icmpv6.c: echo, node information).
[[nodiscard]] constexpr std::optional<std::uint8_t> inverse_icmp_type(std::uint8_t type) noexcept {
    switch (type) {
        case 0:
            return 8;
        case 8:
            return 0;
        case 13:
            return 14;
        case 14:
            return 13;
        case 15:
            return 16;
        case 16:
            return 15;
        case 17:
            return 18;
        case 18:
            return 17;
        default:
            return std::nullopt;
    }
}
[[nodiscard]] constexpr std::optional<std::uint8_t> inverse_icmpv6_type(std::uint8_t type) noexcept {
    switch (type) {
        case 128:
            return 129;
        case 129:
            return 128;
        case 139:
            return 140;
        case 140:
            return 139;
        default:
            return std::nullopt;
    }
}

/// A tuple made of its parts in a few wide stores: loads that are wider than the stores before them, as those
/// of a hash or a comparison would be, wait for these.
[[nodiscard]] inline Tuple4 tuple_from(be32 source, be32 destination, be16 source_port,
                                       be16 destination_port) noexcept {
    const std::uint64_t addresses = std::uint64_t{destination.raw()} << 32 | source.raw();
    const std::uint32_t ports = std::uint32_t{destination_port.raw()} << 16 | source_port.raw();
    Tuple4 tuple;
    std::memcpy(&tuple, &addresses, sizeof addresses);
    std::memcpy(reinterpret_cast<std::byte*>(&tuple) + sizeof addresses, &ports, sizeof ports);
    return tuple;
}
[[nodiscard]] inline Tuple6 tuple_from(const std::array<std::uint8_t, 16>& source,
                                       const std::array<std::uint8_t, 16>& destination, be16 source_port,
                                       be16 destination_port) noexcept {
    return {source, destination, source_port, destination_port};
}

/// What answers a query of this type and asks for an answer to it.
[[nodiscard]] constexpr std::optional<std::uint8_t> inverse_type(std::uint8_t type,
                                                                 std::uint8_t protocol) noexcept {
    return protocol == ip_protocol::icmp ? inverse_icmp_type(type) : inverse_icmpv6_type(type);
}

template <class Tuple>
[[nodiscard]] constexpr bool has_answer(const Tuple& tuple, std::uint8_t protocol) noexcept {
    return !ip_protocol::is_icmp(protocol) || inverse_type(icmp_type(tuple), protocol);
}
/// The tuple of the answer to one that can have one, as all tuples of connections can.
template <class Tuple>
[[nodiscard]] inline Tuple answer_of(const Tuple& tuple, std::uint8_t protocol) noexcept {
    be16 source_port = tuple.destination_port, destination_port = tuple.source_port;
    if (ip_protocol::is_icmp(protocol)) {
        source_port = tuple.source_port;
        destination_port = icmp_type_and_code(*inverse_type(icmp_type(tuple), protocol),
                                              static_cast<std::uint8_t>(tuple.destination_port.host()));
    }
    return tuple_from(tuple.destination, tuple.source, source_port, destination_port);
}

/// The tuple of the answer, nothing if there can be none (nf_ct_invert_tuple).
template <class Tuple>
[[nodiscard]] inline std::optional<Tuple> inverted(const Tuple& tuple, std::uint8_t protocol) noexcept {
    if (!has_answer(tuple, protocol)) return std::nullopt;
    return answer_of(tuple, protocol);
}

}  // namespace weft
