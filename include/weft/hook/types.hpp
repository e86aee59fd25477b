// What rules of all families are made of: family, hooks, tables, prefixes, interfaces, ranges, counters.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "weft/net/address.hpp"

namespace weft::hook {

enum class Family : std::uint8_t { ip, ip6 };

/// Numbers of include/uapi/linux/netfilter.h, enum nf_inet_hooks.
enum class Hook : std::uint8_t { prerouting, input, forward, output, postrouting };
inline constexpr std::size_t hook_count = 5;

/// Bits are 1 << Hook.
using HookMask = std::uint8_t;
[[nodiscard]] constexpr HookMask bit(Hook hook) noexcept {
    return static_cast<HookMask>(1U << static_cast<unsigned>(hook));
}

/// Priorities order them at a hook: raw -300, mangle -150, nat -100 and 100, filter 0, security 50.
enum class TableId : std::uint8_t { raw, mangle, nat, filter, security };
inline constexpr std::size_t table_count = 5;

struct Counters {
    std::uint64_t packets = 0, bytes = 0;
    friend bool operator==(const Counters&, const Counters&) = default;
};

/// Address and mask; a mask need not be contiguous. All zero is any address. Address bits outside the mask
/// are 0.
struct Prefix {
    IpAddress address, mask;
    friend bool operator==(const Prefix&, const Prefix&) = default;
};

/// An interface name as typed; one that ends in '+' stands for all names that begin with what is before it.
struct Interface {
    static constexpr std::size_t max_length = 15;
    std::array<char, 16> name{};

    [[nodiscard]] std::string_view text() const noexcept { return {name.data(), std::strlen(name.data())}; }
    [[nodiscard]] bool any() const noexcept { return name[0] == 0; }
    [[nodiscard]] bool wildcard() const noexcept { return !any() && text().back() == '+'; }
    friend bool operator==(const Interface&, const Interface&) = default;
};

/// Both ends belong to it.
template <class Number>
struct Range {
    Number low{}, high{};
    friend bool operator==(const Range&, const Range&) = default;
};
using PortRange = Range<std::uint16_t>;
inline constexpr PortRange all_ports{0, 0xffff};

struct AddressRange {
    IpAddress low, high;
    friend bool operator==(const AddressRange&, const AddressRange&) = default;
};

/// (packet & mask) == value
struct MaskedMark {
    std::uint32_t value = 0, mask = 0xffffffff;
    friend bool operator==(const MaskedMark&, const MaskedMark&) = default;
};

/// A part of a match that may be absent, and may be inverted.
template <class T>
struct Part {
    T value{};
    bool given = false, inverted = false;
    friend bool operator==(const Part&, const Part&) = default;
};

}  // namespace weft::hook
