// Rules walked as the kernel's sources say, one by one, from the ruleset itself and the packet's bytes: what
// a compiled walk is compared with. Knows nothing of the dataplane.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "control/hook/ruleset.hpp"

namespace weft::test {

struct NaivePacket {
    std::vector<std::uint8_t> bytes;  ///< from the IP header on
    std::string in, out;              ///< names, empty: none
    std::vector<std::uint8_t> mac;    ///< of the source; empty: none
    std::uint32_t mark = 0;
    std::uint8_t type = 0;   ///< PACKET_*
    std::uint8_t state = 1;  ///< a bit of hook::ConntrackState
};

struct NaiveResult {
    enum class End : std::uint8_t { accept, drop, reject };
    End end = End::accept;
    std::uint32_t mark = 0;
    /// By table and chain: how often each rule counted, in the order of its rules; the policy is the last.
    std::map<std::pair<hook::TableId, std::string>, std::vector<unsigned>> counts;
};

/// All tables of a hook but nat.
[[nodiscard]] NaiveResult naive_walk(const hook::Ruleset&, hook::Hook, const NaivePacket&);

}  // namespace weft::test
