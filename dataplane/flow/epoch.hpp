// Whether the outcome of a direction stands: until rules change, or a route in the region to which its
// packets go.
#pragma once

#include "dataplane/flow/entry.hpp"
#include "dataplane/nat/side.hpp"
#include "weft/route_regions.hpp"

namespace weft {

/// What is known now of the routes that packets of this direction need: to where they go and, `way_back`
/// (rp_filter, which IPv6 has not), to where they come from. Grows if any of them may have changed. `status`:
/// FlowStatus. Owner only; of IPv4 FlowTuples4::translated is there.
[[nodiscard]] inline std::uint32_t route_generation(const FlowEntry& entry, unsigned direction, bool v6,
                                                    std::uint16_t status, bool way_back,
                                                    const RouteChanges& changes) noexcept {
    const FlowDirection& way = entry.direction[direction];
    if (v6) {
        const auto& to = status & nat_mask ? entry.direction[!direction].v6.source : way.v6.destination;
        return changes.v6.generation(RouteRegions<16>::of(&to));
    }
    const std::uint32_t there = changes.v4.generation(RouteRegions<4>::of(&way.v4.translated.destination));
    if (!way_back) [[likely]]
        return there;
    // So that it is never what it would be without, whatever has been counted when rp_filter is turned off.
    constexpr std::uint32_t other_question = 1u << 31;
    return there + other_question + changes.v4.generation(RouteRegions<4>::of(&way.v4.tuple.source));
}

}  // namespace weft
