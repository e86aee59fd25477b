// Ethernet II and IEEE 802.1Q on the wire.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "weft/net/byte_order.hpp"

namespace weft {

/// A 48-bit MAC address in wire order. Trivial; alignment 1.
struct MacAddress {
    std::array<std::uint8_t, 6> bytes;

    /// As one integer at run time: the array's own comparison is a call of memcmp.
    friend constexpr bool operator==(const MacAddress& a, const MacAddress& b) noexcept {
        return std::is_constant_evaluated() ? a.bytes == b.bytes : a.raw() == b.raw();
    }
    friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;

    /// The six bytes as the low 48 bits of an integer, in memory order (not the printed order).
    [[nodiscard]] std::uint64_t raw() const noexcept {
        std::uint32_t low;
        std::uint16_t high;
        std::memcpy(&low, bytes.data(), 4);
        std::memcpy(&high, bytes.data() + 4, 2);
        return low | std::uint64_t{high} << 32;
    }
    static MacAddress from_raw(std::uint64_t raw) noexcept {
        MacAddress mac;
        std::memcpy(mac.bytes.data(), &raw, 6);
        return mac;
    }
    /// Group bit (IEEE 802 8.2.2): multicast or broadcast.
    [[nodiscard]] constexpr bool is_group() const noexcept { return bytes[0] & 1; }
    [[nodiscard]] constexpr bool is_zero() const noexcept { return *this == MacAddress{}; }
    [[nodiscard]] constexpr bool is_broadcast() const noexcept {
        return *this == MacAddress{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    }
    /// 01:80:c2:00:00:0X, IEEE 802.1Q table 8-1: addresses a bridge does not forward.
    [[nodiscard]] bool is_link_local() const noexcept {
        return (raw() & 0xf0ff'ffff'ffffULL) == 0x0000'00c2'8001ULL;
    }
    /// An address an interface may have: neither group nor zero.
    [[nodiscard]] constexpr bool is_station() const noexcept { return !is_group() && !is_zero(); }
};
static_assert(sizeof(MacAddress) == 6 && alignof(MacAddress) == 1);

/// `aa:bb:cc:dd:ee:ff` in lower case, as iproute2 prints.
[[nodiscard]] std::string to_string(const MacAddress&);
/// Six hexadecimal bytes separated by ':' or '-'; nothing else.
[[nodiscard]] std::optional<MacAddress> parse_mac(std::string_view text);

/// EtherTypes and TPIDs, host order.
namespace ether_type {
inline constexpr std::uint16_t ipv4 = 0x0800, arp = 0x0806, vlan = 0x8100, ipv6 = 0x86dd,
                               service_vlan = 0x88a8;
/// Below this the field is an IEEE 802.3 length.
inline constexpr std::uint16_t minimum = 0x0600;
}  // namespace ether_type

/// False for most other types, at the price of one comparison: true for both TPIDs and 30 values that nobody
/// uses.
[[nodiscard]] constexpr bool may_be_vlan_tpid(std::uint16_t type) noexcept {
    constexpr std::uint16_t same = static_cast<std::uint16_t>(~(ether_type::vlan ^ ether_type::service_vlan));
    return (type & same) == (ether_type::vlan & same);
}

struct EthernetHeader {
    MacAddress destination;
    MacAddress source;
    be16 type;

    /// destination.raw() and source.raw(), one load each.
    [[nodiscard]] std::uint64_t destination_raw() const noexcept {
        std::uint64_t eight;
        std::memcpy(&eight, this, 8);
        return eight & 0xffff'ffff'ffff;
    }
    [[nodiscard]] std::uint64_t source_raw() const noexcept {
        std::uint64_t eight;
        std::memcpy(&eight, reinterpret_cast<const std::byte*>(this) + 4, 8);
        return eight >> 16;
    }
};
static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);

/// The four bytes of a tag as they stand after the addresses (IEEE 802.1Q 9.3): TPID, then TCI.
struct VlanTag {
    be16 tpid;
    be16 tci;
};
static_assert(sizeof(VlanTag) == 4);

inline constexpr std::uint16_t ethernet_header_size = 14, vlan_tag_size = 4;
/// TCI fields, host order: PCP (3 bits), DEI, VID (12 bits).
inline constexpr std::uint16_t vid_mask = 0x0fff, pcp_dei_mask = 0xf000, vid_count = 4096;

/// The two TPIDs that weft takes for a tag.
[[nodiscard]] constexpr bool is_vlan_tpid(std::uint16_t type) noexcept {
    return type == ether_type::vlan || type == ether_type::service_vlan;
}

}  // namespace weft
