// Whether a policy rule asks about a packet (net/core/fib_rules.c, fib_rule_match).
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "dataplane/route/lookup.hpp"
#include "weft/routing.hpp"

namespace weft {

namespace detail {

using AddressWords = std::array<std::uint64_t, 2>;  ///< as an address lies in memory

/// By the length of a prefix: the bits that count.
inline constexpr auto prefix_masks = [] {
    std::array<AddressWords, 129> masks{};
    for (unsigned length = 0; length <= 128; ++length) {
        std::array<std::uint8_t, 16> bytes{};
        for (unsigned bit = 0; bit < length; ++bit)
            bytes[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
        masks[length] = std::bit_cast<AddressWords>(bytes);
    }
    return masks;
}();

[[nodiscard]] inline bool covers(const IpAddress& prefix, std::uint8_t length,
                                 const IpAddress& address) noexcept {
    const auto p = std::bit_cast<AddressWords>(prefix.bytes), a = std::bit_cast<AddressWords>(address.bytes);
    const AddressWords& mask = prefix_masks[length];
    return (((p[0] ^ a[0]) & mask[0]) | ((p[1] ^ a[1]) & mask[1])) == 0;
}

}  // namespace detail

[[nodiscard]] inline bool matches(const RoutingRule& rule, const RouteKey& key) noexcept {
    const bool fits = detail::covers(rule.from, rule.from_length, key.source) &&
                      detail::covers(rule.to, rule.to_length, key.destination) &&
                      (rule.iif == no_interface || rule.iif == key.iif) &&
                      (!rule.from_host || key.iif == no_interface) &&
                      ((key.mark ^ rule.mark) & rule.mask) == 0 && (rule.tos == 0 || rule.tos == key.tos);
    return fits != rule.invert;
}

}  // namespace weft
