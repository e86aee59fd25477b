// Which rules of a block a packet may match: a tree that asks one dimension a node, so that a look-up costs
// what lies on its way and not the number of rules.
//
// A node hashes a dimension (an address cut to a prefix, a port, the MAC, ...) and leads to the rules that
// have the packet's value there; rules without a value there (a shorter prefix, a range, an inversion) are in
// its `rest`, which is visited too. The dimension is the one after which the fewest rules remain to be
// compared; where none helps, or eight rules are left, they are a leaf, in order. It is tuple space search
// (Srinivasan, Suri, Varghese 1999) whose tuples are chosen anew below each value. Hash collisions only lead
// to more rules being compared: the rules themselves say whether they match.
//
// Immutable once built; read by all workers.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/hook/packed.hpp"

namespace weft::hook {

enum class Dimension : std::uint8_t {
    source0,  ///< the whole address, then cut to ever shorter prefixes
    source1,
    source2,
    source3,
    destination0,
    destination1,
    destination2,
    destination3,
    source_port,
    destination_port,
    mac,
    in,
    out,
    protocol,
    count,
    leaf = count
};
inline constexpr std::size_t dimension_count = static_cast<std::size_t>(Dimension::count);

/// Prefix lengths of source0.. and destination0..
template <class Address>
inline constexpr std::uint8_t prefix_lengths[4] = {32, 24, 16, 8};
template <>
inline constexpr std::uint8_t prefix_lengths<Address6>[4] = {128, 64, 48, 32};

[[nodiscard]] inline std::uint32_t hash_value(Dimension dimension, std::uint64_t value) noexcept {
    value = (value + static_cast<std::uint64_t>(dimension) + 1) * 0x9e37'79b9'7f4a'7c15;
    value = (value ^ value >> 32) * 0xd6e8'feb8'6659'fd93;
    return static_cast<std::uint32_t>(value >> 32);
}

/// In memory order, as numbers lie in PackedRule.
template <class Address>
[[nodiscard]] Address prefix_mask(unsigned length) noexcept {
    IpAddress mask;
    for (unsigned i = 0; i < length; ++i)
        mask.bytes[i / 8] = static_cast<std::uint8_t>(mask.bytes[i / 8] | 0x80 >> i % 8);
    return to_number<Address>(mask);
}
template <class Address>
inline const Address prefix_masks[4] = {
    prefix_mask<Address>(prefix_lengths<Address>[0]), prefix_mask<Address>(prefix_lengths<Address>[1]),
    prefix_mask<Address>(prefix_lengths<Address>[2]), prefix_mask<Address>(prefix_lengths<Address>[3])};

template <class Address>
[[nodiscard]] std::uint32_t hash_address(Dimension dimension, Address address) noexcept {
    if constexpr (sizeof(Address) == 4)
        return hash_value(dimension, address);
    else
        return hash_value(dimension, static_cast<std::uint64_t>(address) * 0xa076'1d64'78bd'642f ^
                                         static_cast<std::uint64_t>(address >> 64));
}

template <class Address>
class Classifier {
  public:
    explicit Classifier(std::span<const SharedRule> rules);

    /// Appends the positions of the rules whose simple part matches, in their order. What lies behind a final
    /// rule that matches may be missing.
    void find(const PacketKey<Address>&, std::vector<std::uint32_t>& found) const;

    [[nodiscard]] bool matches_frame(std::size_t rule, const PacketKey<Address>& packet) const noexcept {
        return packed_[rule].matches_frame(packet, sets_);
    }
    [[nodiscard]] const PackedRule<Address>& packed(std::size_t rule) const noexcept { return packed_[rule]; }
    /// Bytes.
    [[nodiscard]] std::size_t memory() const noexcept;

  private:
    struct Node {
        Dimension dimension;
        std::uint32_t first;  ///< lowest position below it
        std::uint32_t start;  ///< leaf: into entries_; else into slots_
        std::uint32_t size;   ///< leaf: entries; else slots, a power of two
        std::uint32_t rest;   ///< node of the rules without a value, 0: none
    };
    struct Slot {
        std::uint32_t hash = 0, node = 0;  ///< node 0: empty
    };
    struct Build;
    struct Search;

    void visit(std::uint32_t node, Search&) const;
    [[nodiscard]] std::uint32_t child(const Node&, const PacketKey<Address>&) const noexcept;

    std::vector<Node> nodes_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> entries_;  ///< position << 1 | final
    std::vector<PackedRule<Address>> packed_;
    InterfaceSets sets_;
};

extern template class Classifier<Address4>;
extern template class Classifier<Address6>;

}  // namespace weft::hook
