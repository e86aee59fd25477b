// One match of a rule, ready to run.
#pragma once

#include <cstdint>

#include "dataplane/hook/packet.hpp"
#include "dataplane/hook/rests.hpp"

namespace weft::hook {

enum class Matched : std::uint8_t {
    no,
    yes,
    drop,  ///< the packet is to be dropped whatever the rule says (xt_action_param's hotdrop)
};

[[nodiscard]] constexpr Matched matched_if(bool yes) noexcept {
    return yes ? Matched::yes : Matched::no;
}

/// A packet under a rule's eyes.
struct Look {
    View& packet;
    Rests& rests;
    std::uint64_t now_us;  ///< monotonic
    bool peeks = false;    ///< a packet that is only made up: what matches remember stays as it is
};

/// Says whether a packet matches, and notes in Look::rests what it looked at. Immutable but for what it
/// counts; several workers ask one at the same time.
class Check {
  public:
    virtual ~Check() = default;
    [[nodiscard]] virtual Matched matches(Look&) const noexcept = 0;
};

}  // namespace weft::hook
