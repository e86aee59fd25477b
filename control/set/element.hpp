// An element as it is typed: an address, a network or a range.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/set/sets.hpp"

namespace weft::ipset {

struct Element {
    IpAddress address;
    std::optional<IpAddress> last{};     ///< of a range
    std::optional<std::uint8_t> length;  ///< as typed
};

/// Refuses in ipset's words (ipset_parse_elem of types with one dimension).
[[nodiscard]] Element parse_element(std::string_view text, const Options&);

/// What `ipset test` calls it.
[[nodiscard]] std::string to_string(const Element&, hook::Family);

[[nodiscard]] std::string to_string(const IpAddress&, hook::Family);
[[nodiscard]] IpAddress cut(IpAddress, unsigned length);
[[nodiscard]] std::string_view to_string(Type) noexcept;

/// Base 10, 16 and 8 as strtoull has them. Refuses in ipset's words.
[[nodiscard]] std::uint64_t parse_number(std::string_view text, std::uint64_t low, std::uint64_t high);

}  // namespace weft::ipset
