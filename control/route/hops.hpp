// The hops that routes lead to: interned, counted, and given a new meaning only after every worker has let go
// of the old one. Also what is known of each neighbour, which all hops to it share.
//
// Not thread safe: of the one thread that follows routes and neighbours.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control/route/buckets.hpp"
#include "weft/hop.hpp"

namespace weft {

/// What tells two hops apart.
struct HopFacts {
    HopKind kind = HopKind::none;
    bool v6 = false;                   ///< of gateway
    IfIndex interface = no_interface;  ///< weft's
    std::uint16_t mtu = 0;             ///< of the route
    int device = 0;                    ///< the kernel's index; 0: none
    IpAddress gateway{}, source{};
    // of a choice: what of a packet is meant (v6: the prefix `source`, else `tos`), and both ways
    std::uint8_t tos = 0, source_length = 0;
    HopIndex meant = no_hop, otherwise = no_hop;
    friend bool operator==(const HopFacts&, const HopFacts&) = default;
};

struct NeighbourKey {
    int device = 0;
    bool v6 = false;
    IpAddress address{};
    friend bool operator==(const NeighbourKey&, const NeighbourKey&) = default;
};

class HopPool {
  public:
    explicit HopPool(HopTable& table) : table_(table), infos_(1) {}
    [[nodiscard]] HopTable& table() noexcept { return table_; }

    /// With one more reference; no_hop if the table is full.
    HopIndex take(const HopFacts& facts);
    /// The group of these, of which `alive` are in use (at least one), with one more reference. Takes over a
    /// reference of each member. A new group begins as like `former` (a group, or no_hop) as it can.
    HopIndex take_group(const std::vector<Share>& members, const std::vector<bool>& alive, HopIndex former);
    /// The group for one address on the link: like `group`, but where a member leads to a device alone the
    /// address is its neighbour there. Follows the group's buckets. With one more reference; no_hop if full.
    HopIndex take_twin(HopIndex group, const IpAddress& address);
    /// The hop of kind choice of these facts, with one more reference. Takes over a reference of both ways
    /// (`otherwise` may be no_hop). no_hop if full.
    HopIndex take_choice(const HopFacts& facts);
    void retain(HopIndex hop) noexcept { ++infos_[hop].references; }
    /// Whether the bucket of a group is another than at the last call.
    [[nodiscard]] bool take_changed() noexcept { return std::exchange(changed_, false); }
    void release(HopIndex hop);

    /// Whether hops wait for reclaim().
    [[nodiscard]] bool has_released() const noexcept { return !released_.empty(); }
    /// To be called where Quiescence::synchronize() has just returned.
    void reclaim();

    [[nodiscard]] const HopFacts& facts(HopIndex hop) const noexcept { return infos_[hop].facts; }
    [[nodiscard]] const std::vector<Share>& members(HopIndex group) const noexcept {
        return infos_[group].members;
    }
    /// f(hop, references to it) for each hop that is referred to.
    template <class F>
    void visit(F&& f) const {
        for (HopIndex i = 1; i < infos_.size(); ++i)
            if (infos_[i].references) f(i, infos_[i].references);
    }
    [[nodiscard]] std::size_t in_use() const noexcept { return infos_.size() - 1 - free_.size(); }

    /// Our MAC address on a device has become another.
    void set_own(int device, const MacAddress& mac);

    /// Hop::neighbour on a device that asks nobody (without ARP), where the kernel has no entry; 0: it asks.
    void set_unasked(int device, std::uint64_t word);
    [[nodiscard]] std::uint64_t unasked(int device) const {
        const auto it = unasked_.find(device);
        return it == unasked_.end() ? 0 : it->second;
    }

    struct Neighbour {
        std::uint64_t word = 0;          ///< Hop::neighbour of all its hops
        std::uint16_t kernel_state = 0;  ///< NUD_*; 0: the kernel has no entry
        std::uint8_t generation = 0;     ///< of the dump before or in which it was last told of
        std::vector<HopIndex> hops;
    };
    /// What the kernel (or the model) says of a neighbour.
    void set_neighbour(const NeighbourKey& key, std::uint16_t kernel_state, NeighbourState state,
                       const MacAddress& mac, std::uint8_t generation);
    /// There is no entry any more: whoever still goes there has to ask anew.
    void forget_neighbour(const NeighbourKey& key);
    [[nodiscard]] const Neighbour* neighbour(const NeighbourKey& key) const;
    /// f must not change neighbours.
    void for_each_neighbour(const std::function<void(const NeighbourKey&, const Neighbour&)>& f) const {
        for (const auto& [key, neighbour] : neighbours_)
            f(key, neighbour);
    }
    /// When a packet last went to it, a coarse second; 0: never.
    [[nodiscard]] std::uint32_t used(const Neighbour& neighbour) const;

  private:
    struct Info {
        HopFacts facts;
        std::uint32_t references = 0;
        std::vector<Share> members;  ///< of a group
        HopIndex twin_of = no_hop;   ///< the group whose twin it is
        IpAddress twin_address{};
        std::vector<HopIndex> twins{};
    };
    struct HashFacts {
        std::size_t operator()(const HopFacts& f) const noexcept;
        std::size_t operator()(const NeighbourKey& k) const noexcept;
    };

    HopIndex take_index();
    std::uint32_t take_buckets(std::uint8_t bits);
    void write_choice(HopIndex index, const HopFacts& facts, std::uint32_t first);
    void write_buckets(HopIndex group, const std::vector<bool>& alive, HopIndex former);
    void write_group(HopIndex index, std::uint8_t bits, std::uint32_t first);
    void mirror_buckets(HopIndex twin);
    void write_neighbour(const Neighbour& neighbour);

    bool changed_ = false;
    HopTable& table_;
    std::vector<Info> infos_;  ///< by index; [0] is no hop
    std::vector<HopIndex> free_, released_;
    std::unordered_map<HopFacts, HopIndex, HashFacts> by_facts_;
    std::map<std::vector<std::pair<HopIndex, std::uint32_t>>, HopIndex> by_members_;
    std::unordered_map<NeighbourKey, Neighbour, HashFacts> neighbours_;
    std::map<std::pair<HopIndex, std::array<std::uint8_t, 16>>, HopIndex> twins_;
    std::unordered_map<int, std::uint64_t> own_, unasked_;  ///< by device
    std::vector<std::vector<std::uint32_t>> free_buckets_ = std::vector<std::vector<std::uint32_t>>(16);
    std::uint32_t end_of_buckets_ = 0, groups_ = 0;
};

}  // namespace weft
