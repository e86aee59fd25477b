// The two sides of a tuple that translation changes (enum nf_nat_manip_type), of both families alike.
#pragma once

#include <cstring>

#include "dataplane/flow/entry.hpp"
#include "weft/net/address.hpp"

namespace weft {

enum class NatSide : std::uint8_t { source, destination };

[[nodiscard]] constexpr NatSide other_side(NatSide side) noexcept {
    return side == NatSide::source ? NatSide::destination : NatSide::source;
}

/// The bits that say that a connection is translated on this side, and that it was decided.
[[nodiscard]] constexpr std::uint16_t translated_bit(NatSide side) noexcept {
    return side == NatSide::source ? FlowStatus::src_nat : FlowStatus::dst_nat;
}
[[nodiscard]] constexpr std::uint16_t decided_bit(NatSide side) noexcept {
    return side == NatSide::source ? FlowStatus::src_nat_done : FlowStatus::dst_nat_done;
}
inline constexpr std::uint16_t nat_mask = FlowStatus::src_nat | FlowStatus::dst_nat;

/// Whether packets of a direction are changed on this side: replies are on the other one (nf_nat_packet).
[[nodiscard]] constexpr bool changes(std::uint16_t status, NatSide side, unsigned direction) noexcept {
    return status & translated_bit(direction ? other_side(side) : side);
}

template <class Tuple>
inline constexpr std::size_t address_size = sizeof(Tuple) == sizeof(Tuple4) ? 4 : 16;

[[nodiscard]] inline IpAddress to_address(const std::array<std::uint8_t, 16>& bytes) noexcept {
    return {bytes};
}
inline void set_address(be32& to, const IpAddress& from) noexcept {
    to = to_be32(from);
}
inline void set_address(std::array<std::uint8_t, 16>& to, const IpAddress& from) noexcept {
    to = from.bytes;
}

template <class Tuple>
[[nodiscard]] IpAddress address_of(const Tuple& tuple, NatSide side) noexcept {
    return to_address(side == NatSide::source ? tuple.source : tuple.destination);
}
template <class Tuple>
void set_address_of(Tuple& tuple, NatSide side, const IpAddress& to) noexcept {
    set_address(side == NatSide::source ? tuple.source : tuple.destination, to);
}

/// What stands in for the port on this side: of ICMP queries the identifier on both.
template <class Tuple>
[[nodiscard]] be16& port_of(Tuple& tuple, NatSide side, std::uint8_t protocol) noexcept {
    const bool icmp = ip_protocol::is_icmp(protocol);
    return side == NatSide::source || icmp ? tuple.source_port : tuple.destination_port;
}
template <class Tuple>
[[nodiscard]] be16 port_of(const Tuple& tuple, NatSide side, std::uint8_t protocol) noexcept {
    return port_of(const_cast<Tuple&>(tuple), side, protocol);
}

}  // namespace weft
