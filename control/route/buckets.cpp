#include "control/route/buckets.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace weft {

namespace {

struct Part {
    HopIndex hop;
    std::uint64_t weight;
    std::int64_t fair = 0, has = 0;
};

/// The same hop named twice is one with both weights.
std::vector<Part> merged(std::span<const Share> shares) {
    std::vector<Part> parts;
    for (const auto& share : shares) {
        const auto it =
            std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.hop == share.hop; });
        if (it == parts.end())
            parts.push_back({share.hop, share.weight});
        else
            it->weight += share.weight;
    }
    return parts;
}

/// Largest remainder (Hamilton's method).
void set_fair_parts(std::vector<Part>& parts, std::uint64_t total) {
    std::uint64_t weights = 0;
    for (const auto& part : parts)
        weights += part.weight;
    std::int64_t left = static_cast<std::int64_t>(total);
    for (auto& part : parts)
        left -= part.fair = static_cast<std::int64_t>(part.weight * total / weights);
    std::vector<Part*> by_remainder;
    for (auto& part : parts)
        by_remainder.push_back(&part);
    std::stable_sort(by_remainder.begin(), by_remainder.end(), [&](const Part* a, const Part* b) {
        return a->weight * total % weights > b->weight * total % weights;
    });
    for (std::int64_t i = 0; i < left; ++i)
        ++by_remainder[static_cast<std::size_t>(i)]->fair;
}

}  // namespace

std::uint8_t bucket_bits_for(std::span<const Share> shares) {
    std::uint32_t divisor = 0, total = 0;
    for (const auto& share : shares) {
        divisor = std::gcd(divisor, share.weight);
        total += share.weight;
    }
    const auto wanted = std::clamp(total / std::max(divisor, 1u) * 32, 2u, 4096u);
    return static_cast<std::uint8_t>(std::bit_width(wanted - 1));
}

void share_out(std::span<HopIndex> buckets, std::span<const Share> shares, bool rebalance) {
    auto parts = merged(shares);
    set_fair_parts(parts, buckets.size());
    std::vector<std::size_t> free;
    for (std::size_t i = 0; i < buckets.size(); ++i) {
        const auto part =
            std::find_if(parts.begin(), parts.end(), [&](const Part& p) { return p.hop == buckets[i]; });
        if (part == parts.end() || (rebalance && part->has >= part->fair))
            free.push_back(i);
        else
            ++part->has;
    }
    for (const auto i : free) {
        const auto part = std::max_element(parts.begin(), parts.end(), [](const Part& a, const Part& b) {
            return a.fair - a.has < b.fair - b.has;
        });
        buckets[i] = part->hop;
        ++part->has;
    }
}

}  // namespace weft
