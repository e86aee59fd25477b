// A rule of iptables and ip6tables as data: what the rule compiler reads and the printer writes. No text is
// kept but names; addresses are in network order, ports and marks are numbers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "weft/hook/match.hpp"
#include "weft/hook/target.hpp"
#include "weft/hook/types.hpp"

namespace weft::hook {

/// One rule. A value; two rules are equal if `-D` would take one for the other (counters are not part).
struct Rule {
    Prefix source, destination;
    bool source_inverted = false, destination_inverted = false;
    Interface in, out;
    bool in_inverted = false, out_inverted = false;
    std::uint8_t protocol = 0;  ///< 0 is any
    bool protocol_inverted = false;
    bool fragment = false;  ///< IPv4 only: second and later fragments
    bool fragment_inverted = false;
    std::vector<Match> matches;  ///< in the order they were given; the save keeps it
    Target target;

    friend bool operator==(const Rule&, const Rule&) = default;
};

/// True if every packet of the chain matches it (ip_tables.c, unconditional()).
[[nodiscard]] bool unconditional(const Rule&) noexcept;

}  // namespace weft::hook
