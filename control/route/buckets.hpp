// Which member of a next-hop group a flow takes: 2^n buckets shared out by weight, so that when a member
// leaves only its own buckets get another owner.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "weft/hop.hpp"

namespace weft {

/// A member of a group, or what is left of one whose other members are down.
struct Share {
    HopIndex hop = no_hop;
    std::uint32_t weight = 1;
    friend bool operator==(const Share&, const Share&) = default;
};

/// Enough buckets that rounding costs a member at most a few per cent: 32 for each unit of weight after
/// division by the common factor, from 2 to 4096.
[[nodiscard]] std::uint8_t bucket_bits_for(std::span<const Share> shares);

/// Gives each bucket an owner. One whose owner still has a share keeps it; with `rebalance` (a member is new
/// or a weight is another) only up to its fair part. `shares` is not empty.
void share_out(std::span<HopIndex> buckets, std::span<const Share> shares, bool rebalance);

}  // namespace weft
