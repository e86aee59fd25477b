// Argument types of the command table, and the readers of their values that handlers use, so that what the
// grammar lets through is what a handler can read. A new type is one line in types.cpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "weft/net/ethernet.hpp"

namespace weft::command {

/// One kind of argument. `parameter` is what follows the type's name in the syntax: "68..65535" of
/// `uint:68..65535`.
struct Type {
    std::string_view name;
    bool (*accepts)(std::string_view word, std::string_view parameter);
    /// For messages: "a number from 68 to 65535".
    std::string (*describe)(std::string_view parameter);
    /// Whether the parameter is well formed; judged once, when the table is built.
    bool (*parameter_valid)(std::string_view parameter);
};

/// The type of that name, or null:
/// ifname name mac ip4 ip6 ip prefix(4|6) destination uint(:LOW..HIGH) int(:LOW..HIGH) hex mask bool01 onoff
/// onoff01 vid vidrange vlanproto path text word cpu cpulist
[[nodiscard]] const Type* find_type(std::string_view name) noexcept;

/// An IPv4 or IPv6 address in wire order, with a prefix length.
struct IpPrefix {
    bool v6 = false;
    std::array<std::uint8_t, 16> bytes{};  ///< IPv4: the first four
    unsigned length = 0;
    bool length_given = false;  ///< otherwise length is 32 or 128
    friend bool operator==(const IpPrefix&, const IpPrefix&) = default;
};

/// Digits as strtoul(…, 0) reads them: 10, 0x0a, 012; no sign, no blanks, nothing behind (iproute2's
/// get_unsigned).
[[nodiscard]] std::optional<std::uint64_t> parse_unsigned(std::string_view text) noexcept;
/// The same with a sign.
[[nodiscard]] std::optional<std::int64_t> parse_signed(std::string_view text) noexcept;
/// "on", "1" or "off", "0".
[[nodiscard]] std::optional<bool> parse_switch(std::string_view text) noexcept;
/// An address: IPv6 text, or one to four decimal, hex or octal bytes ("10.1" is 10.1.0.0, as in iproute2).
[[nodiscard]] std::optional<IpPrefix> parse_address(std::string_view text);
/// An address with "/LENGTH", an IPv4 one also with "/255.255.255.0"; the length may be left out.
[[nodiscard]] std::optional<IpPrefix> parse_prefix(std::string_view text);
/// The prefix with its host bits cleared, or set.
[[nodiscard]] IpPrefix first_of(IpPrefix prefix) noexcept;
[[nodiscard]] IpPrefix last_of(IpPrefix prefix) noexcept;
/// Canonical text (RFC 5952): "10.0.0.1/24", "fd00::1/64"; without the length if `address_only`.
[[nodiscard]] std::string to_string(const IpPrefix&, bool address_only = false);

struct VidRange {
    std::uint16_t first = 0, last = 0;
};
/// "10" or "10-20", 1..4094, first <= last.
[[nodiscard]] std::optional<VidRange> parse_vid_range(std::string_view text) noexcept;
/// 802.1Q or 802.1ad in any case, or a TPID of those two as a number; host order.
[[nodiscard]] std::optional<std::uint16_t> parse_vlan_protocol(std::string_view text) noexcept;
/// What Linux takes as an interface name (dev_valid_name): 1–15 bytes, not "." or "..", no '/', ':' or blank;
/// nor '%', which makes it a template for the kernel to fill in (dev_alloc_name).
[[nodiscard]] bool is_interface_name(std::string_view text) noexcept;

}  // namespace weft::command
