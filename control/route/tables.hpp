// The tables that workers look into, kept equal to what the kernel's tables say.
//
// A kernel table is a Rib. What workers see is one Lpm for several of them asked in turn (local, main and
// default, if the rules are the usual ones), or for one: a layered table. A prefix of a later layer that an
// earlier one covers is left out, also a longer one, because the kernel asks the earlier table first whatever
// the length (net/ipv4/fib_rules.c). A neighbour that is known has a host entry in each layered table where a
// connected route of its device is what covers it.
//
// Routes with a TOS or a source prefix make a chain of choices (HopKind::choice) of what their prefix leads
// to; at its end is what a packet finds that none of them means.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "control/route/attributes.hpp"
#include "control/route/hops.hpp"
#include "control/route/prefix_map.hpp"
#include "control/route/rib.hpp"
#include "weft/lpm.hpp"

namespace weft {

/// Of one family. Not thread safe, but for what workers read of lpm().
template <unsigned bytes>
class RouteTables {
  public:
    using Key = AddressKey<bytes>;
    static constexpr unsigned bits = bytes * 8;

    struct Wiring {
        AttributesTable& attributes;
        HopPool& hops;
        HashSecret secret;
        /// Waits for the workers and reclaims what they let go of, here too.
        std::function<void()> reclaim;
        std::uint32_t max_groups = 0;  ///< of each Lpm
    };
    explicit RouteTables(Wiring wiring);

    /// Which kernel tables each layered table consists of, in the order they are asked; by
    /// Routing::tables' index. [0] is there from the start: local, main, default. What is new is filled
    /// before it takes its place, and nothing that workers see changes: until the next Routing they ask what
    /// they asked. To be published before routes change.
    void set_layers(const std::vector<std::vector<std::uint32_t>>& layers);

    [[nodiscard]] Rib<bytes>& rib(std::uint32_t table);
    [[nodiscard]] const std::map<std::uint32_t, Rib<bytes>>& ribs() const noexcept { return ribs_; }
    /// Some route of the prefix has a TOS or a source prefix. Before refresh().
    void note_choice(const Key& key, unsigned length) { choices_.emplace(key, length); }
    /// Whether there is such a route, or was one not long ago.
    [[nodiscard]] bool has_choices() const noexcept { return !choices_.empty(); }
    /// A route says that the prefix is the host's own. Before refresh().
    void note_local(const Key& key, unsigned length, const RouteAttributes& of) {
        if (is_custom(key, length, of)) local_networks_.emplace(key, length);
    }
    /// Whether there are others than those of interfaces' addresses and the loopback network of IPv4.
    [[nodiscard]] bool has_local_networks() const noexcept { return !local_networks_.empty(); }
    /// The routes of a prefix of a kernel table have changed, or what they lead to.
    void refresh(std::uint32_t table, const Key& key, unsigned length);
    /// What the attributes for which changed[id] is true lead to has changed.
    void refresh_all(const std::vector<bool>& changed);
    /// A route goes, with its reference to attributes and to the hop if it was the last one's.
    void erase(std::uint32_t table, const Key& key, unsigned length, std::uint32_t route);
    /// Routes that do not have this generation go.
    void sweep(std::uint8_t generation);

    /// A neighbour is known from now on, or not.
    void add_neighbour(const Key& address, int device);
    void remove_neighbour(const Key& address, int device);

    /// Null where there is no route yet.
    [[nodiscard]] std::shared_ptr<const Lpm<bytes>> lpm(std::size_t index) const;
    [[nodiscard]] std::size_t layered() const noexcept { return layered_.size(); }
    /// Whether an Lpm was made since this was asked last: it has to be published.
    [[nodiscard]] bool take_fresh() noexcept { return std::exchange(fresh_, false); }
    [[nodiscard]] bool has_unlinked() const noexcept;
    /// To be called where Quiescence::synchronize() has just returned.
    void reclaim_groups();

    /// Prefixes that workers can find in a layered table, host entries included.
    [[nodiscard]] std::size_t effective(std::size_t index) const { return layered_[index]->entries.size(); }
    [[nodiscard]] HopIndex effective(std::size_t index, const Key& key, unsigned length) const {
        return layered_[index]->entries.find(key, length);
    }
    /// The kernel's table and the route there that decide for a packet in a layered table.
    struct Origin {
        std::uint32_t table;
        unsigned length;                          ///< of its prefix
        std::uint8_t tos = 0, source_length = 0;  ///< of those that are not for all packets
        IpAddress source{};
        std::uint8_t protocol = 0, preference = 0;
        std::uint32_t priority = 0;
        bool to_gateway = false;  ///< the packet's destination is a gateway of the route
    };
    /// `source` and `tos`: of the packet, the latter as asked_tos() has it.
    [[nodiscard]] std::optional<Origin> origin(std::size_t index, const Key& address, const IpAddress& source,
                                               std::uint8_t tos) const;
    /// Entries that found no room.
    [[nodiscard]] std::uint64_t left_out() const noexcept { return left_out_; }
    [[nodiscard]] std::size_t routes() const noexcept;
    /// Of Ribs and of what the layered tables are known to hold, without the Lpms.
    [[nodiscard]] std::size_t memory() const noexcept;

  private:
    /// A local route that the kernel has for neither an interface's address nor the loopback network.
    [[nodiscard]] static bool is_custom(const Key& key, unsigned length, const RouteAttributes& of) {
        constexpr std::uint8_t loopback = 127;
        const bool of_address = length == bits && of.protocol == RTPROT_KERNEL;
        return of.type == RTN_LOCAL && !of_address && (bytes != 4 || key[0] != loopback);
    }
    struct Layered {
        std::vector<std::uint32_t> layers;
        PrefixMap<bytes> entries;  ///< what lpm has; each with a reference to the hop
        std::shared_ptr<Lpm<bytes>> lpm{};
    };
    [[nodiscard]] bool usable(const RibRoute& route) const {
        const auto& entry = wiring_.attributes[route.attributes];
        return entry.hop && entry.attributes.plain();
    }
    [[nodiscard]] const RibRoute* plain_route(std::uint32_t table, const Key& key, unsigned length) const;
    [[nodiscard]] HopIndex hop_of(std::uint32_t table, const Key& key, unsigned length) const;
    [[nodiscard]] bool covered(std::uint32_t table, const Key& key, unsigned below) const;
    [[nodiscard]] HopIndex decide(const Layered& in, const Key& key, unsigned length);
    [[nodiscard]] HopIndex host_hop(const Layered& in, const Key& address);
    [[nodiscard]] HopIndex neighbour_hop(HopIndex of, const Key& address, bool always);
    [[nodiscard]] std::optional<Origin> origin_in(std::uint32_t table, const Key& address,
                                                  const IpAddress& source, std::uint8_t tos) const;
    [[nodiscard]] std::vector<const RibRoute*> choices_of(std::uint32_t table, const Key& key,
                                                          unsigned length) const;
    [[nodiscard]] HopIndex decide_choice(const Layered& in, const Key& key, unsigned length,
                                         const std::vector<const RibRoute*>& routes, HopIndex plain);
    [[nodiscard]] HopIndex choice_for(const HopFacts& choice, const Key& address);
    [[nodiscard]] HopIndex own_hop(HopIndex hop, const Key& key, unsigned length, bool always);
    void put_choices(Layered& into, const Key& key, unsigned length);
    void drop_notes(const Key& key, unsigned length);
    void put(Layered& into, const Key& key, unsigned length);
    void put_hosts(Layered& into, const Key& key, unsigned length);
    void put_below(Layered& into, std::size_t layer, const Key& key, unsigned length);
    void put_all(Layered& into);
    void clear(Layered& of);
    [[nodiscard]] std::vector<std::uint32_t> with_routes(std::vector<std::uint32_t> layers) const;
    bool enter(Layered& into, const Key& key, unsigned length, HopIndex hop);
    bool change(Layered& in, const Key& key, unsigned length, HopIndex hop);

    Wiring wiring_;
    std::map<std::uint32_t, Rib<bytes>> ribs_;
    std::vector<std::unique_ptr<Layered>> layered_;
    std::unique_ptr<Layered> filling_;  ///< by set_layers
    std::map<Key, std::set<int>> neighbours_;
    std::set<std::pair<Key, unsigned>> choices_, local_networks_;  ///< prefixes and lengths
    bool fresh_ = false;
    std::uint64_t left_out_ = 0;
};

extern template class RouteTables<4>;
extern template class RouteTables<16>;

}  // namespace weft
