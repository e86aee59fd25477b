// An IP address of either family, and what kind it is by its bits alone: IPv4 in host order, IPv6 as on the
// wire.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "weft/net/byte_order.hpp"

namespace weft {

/// Of IPv4 the first four bytes, the rest zero. Network order.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};
    friend bool operator==(const IpAddress&, const IpAddress&) = default;
};

namespace address4 {
inline constexpr std::uint32_t broadcast = 0xffffffff;
[[nodiscard]] constexpr bool multicast(std::uint32_t a) noexcept {
    return a >> 28 == 0xe;
}  // RFC 1112 4
[[nodiscard]] constexpr bool loopback(std::uint32_t a) noexcept {
    return a >> 24 == 127;
}  // RFC 1122 3.2.1.3
[[nodiscard]] constexpr bool zero_net(std::uint32_t a) noexcept {
    return a >> 24 == 0;
}
}  // namespace address4

namespace address6 {
using Bytes = std::array<std::uint8_t, 16>;
[[nodiscard]] constexpr bool multicast(const Bytes& a) noexcept {
    return a[0] == 0xff;
}
[[nodiscard]] constexpr bool link_local(const Bytes& a) noexcept {
    return a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
}
[[nodiscard]] constexpr bool unspecified(const Bytes& a) noexcept {
    return a == Bytes{};
}
[[nodiscard]] constexpr bool loopback(const Bytes& a) noexcept {
    Bytes one{};
    one[15] = 1;
    return a == one;
}
/// Scope of a multicast address (RFC 4291 2.7): 1 interface, 2 link.
[[nodiscard]] constexpr std::uint8_t scope(const Bytes& a) noexcept {
    return a[1] & 0x0f;
}
}  // namespace address6

[[nodiscard]] inline IpAddress to_address(be32 a) noexcept {
    IpAddress address;
    const std::uint32_t raw = a.raw();
    std::memcpy(address.bytes.data(), &raw, sizeof raw);
    return address;
}
/// Of an IPv4 address.
[[nodiscard]] inline be32 to_be32(const IpAddress& address) noexcept {
    std::uint32_t raw;
    std::memcpy(&raw, address.bytes.data(), sizeof raw);
    return be32::from_raw(raw);
}

}  // namespace weft
