// What the kernel says of links, addresses, next hops, neighbours, routes and rules, turned into the tables
// that workers read.
//
// Knows no netlink socket: it is told, message by message, in the kernel's order, and between begin() and
// end() of a dump, so that what a dump does not name goes. One thread at a time (mirror.hpp has the lock).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "control/kernel/route_message.hpp"
#include "control/route/attributes.hpp"
#include "control/route/hops.hpp"
#include "control/route/rules.hpp"
#include "control/route/tables.hpp"
#include "weft/next_hop.hpp"
#include "weft/publish.hpp"
#include "weft/routing.hpp"

namespace weft {

/// What is dumped, one by one. A set of them is bits 1 << kind.
enum class RouteDump : std::uint8_t {
    links,
    addresses,
    netconf4,
    netconf6,
    nexthops,
    neighbours,
    routes4,
    routes6,
    rules4,
    rules6
};
inline constexpr std::size_t route_dump_count = 10;
[[nodiscard]] constexpr std::uint32_t bit_of(RouteDump kind) noexcept {
    return 1u << static_cast<unsigned>(kind);
}

/// What weft itself decides of routing; everything by weft's interface.
struct RoutingSettings {
    std::map<int, IfIndex> interfaces{};                ///< of the kernel's TAPs, by their index
    std::map<IfIndex, RoutedInterface> of_interface{};  ///< addresses and MACs of macvlans are added
    /// Of a bridge, and of sub-interfaces over it: its members, which hear what is for a macvlan there.
    std::map<IfIndex, std::vector<IfIndex>> members_below{};
    bool hash_l4 = false, hash6_l4 = false;
    IcmpLimits icmp{};
    std::array<std::uint32_t, punt_class_count> punt_rates = default_punt_rates;
};

class Routes {
  public:
    struct Wiring {
        HopTable& hops;
        Published<Routing>& routing;  ///< nobody else publishes it
        Quiescence& quiescence;
        std::function<void(const std::string&)> log;  ///< a line for stderr
        /// A neighbour that was awaited is resolved now, or failed. Called on the thread that calls the rest.
        std::function<void(const NextHop&, NeighbourState)> on_neighbour;
    };
    explicit Routes(Wiring wiring);

    void link(const KernelLinkFacts& link, bool there);
    /// nlmsg_flags: NLM_F_MULTI in a dump, whose order is the kernel's.
    void address(const KernelAddressFacts& address, bool there, std::uint16_t nlmsg_flags);
    void netconf(const KernelNetconf& netconf);
    void nexthop(const KernelNexthop& nexthop, bool there);
    void neighbour(const KernelNeighbour& neighbour, bool there);
    /// nlmsg_flags: NLM_F_REPLACE, NLM_F_APPEND of the message; NLM_F_MULTI in a dump.
    void route(const KernelRoute& route, bool there, std::uint16_t nlmsg_flags);
    void rule(const KernelRule& rule, bool there);
    /// Whether an IPv4 route is the first one of its prefix, metric and TOS: what NLM_F_REPLACE takes out.
    [[nodiscard]] bool is_first(const KernelRoute& route) const;
    void set(const RoutingSettings& settings);

    void begin(RouteDump kind);
    /// supported: whether the kernel has what was asked for (without CONFIG_IP_MULTIPLE_TABLES no rules).
    void end(RouteDump kind, bool supported = true);
    /// Dumps that the kernel's silence asks for (facts it does not tell), as bits; asked once.
    [[nodiscard]] std::uint32_t take_wanted() noexcept { return std::exchange(wanted_, 0); }

    /// When the first lifetime of an IPv6 route that the kernel has told ends; then take_wanted() asks for
    /// them.
    [[nodiscard]] std::chrono::steady_clock::time_point expiry() const noexcept { return expiry_; }
    void expire(std::chrono::steady_clock::time_point now);

    /// After a batch: publishes what has to be, and reuses what the workers have let go of.
    void settle();

    /// A failed neighbour may be asked for again. To be called about once a second.
    void tick();
    /// Neighbours whose entry is stale in the kernel while packets go there (within two seconds of `now`).
    [[nodiscard]] std::vector<NeighbourKey> stale_in_use(std::uint32_t now_seconds) const;
    /// Whether a neighbour's MAC address is known.
    [[nodiscard]] bool is_resolved(const NextHop& to) const;

    struct Size {
        std::size_t routes4 = 0, routes6 = 0, hops = 0, neighbours = 0, nexthops = 0;
        std::size_t memory = 0;      ///< of the routes, bytes, without the Lpms
        std::uint64_t left_out = 0;  ///< entries without room in a table
        std::size_t elsewhere = 0;   ///< routes to interfaces weft lacks, a second ago
        std::size_t not_supported_rules = 0;
    };
    [[nodiscard]] Size size() const;
    [[nodiscard]] const std::vector<KernelRule>& rules(bool v6) const noexcept { return rules_[v6]; }
    [[nodiscard]] const HopPool& hops() const noexcept { return hops_; }
    [[nodiscard]] const RouteTables<4>& tables4() const noexcept { return tables4_; }
    [[nodiscard]] const RouteTables<16>& tables6() const noexcept { return tables6_; }

  private:
    template <class T>
    struct Marked {
        T value;
        std::uint8_t generation = 0;
    };
    struct Failed {
        NeighbourKey key;
        std::chrono::steady_clock::time_point when;
    };

    template <unsigned bytes>
    void route_in(RouteTables<bytes>& tables, const KernelRoute& route, bool there,
                  std::uint16_t nlmsg_flags);
    template <unsigned bytes>
    void add_route(RouteTables<bytes>& tables, const AddressKey<bytes>& key, const KernelRoute& route,
                   std::uint16_t nlmsg_flags);
    template <unsigned bytes>
    void remove_route(RouteTables<bytes>& tables, const AddressKey<bytes>& key, const KernelRoute& route);
    template <unsigned bytes>
    std::uint32_t replaced_by(Rib<bytes>& rib, const AddressKey<bytes>& key, const KernelRoute& route,
                              const RouteAttributes& attributes, std::uint16_t nlmsg_flags);

    HopIndex resolve(const RouteAttributes& attributes, HopIndex former);
    HopIndex resolve_object(const RouteAttributes& attributes, HopIndex former);
    HopIndex group_of(const std::vector<std::pair<KernelVia, std::uint32_t>>& vias, const RouteAttributes& of,
                      HopIndex former);
    HopIndex via_hop(const KernelVia& via, const RouteAttributes& of);
    [[nodiscard]] bool alive(const KernelVia& via, bool v6) const;
    [[nodiscard]] bool ignores_linkdown(int device, bool v6) const;
    [[nodiscard]] IfIndex interface_of(int device) const;
    /// Resolves anew the attributes that fit, and rewrites the routes concerned.
    void resolve_again(const std::function<bool(const RouteAttributes&)>& concerned);
    void resolve_device(int device);
    [[nodiscard]] bool leads_to(const RouteAttributes& attributes, int device) const;
    [[nodiscard]] bool some_route(const std::function<bool(const RouteAttributes&)>& fits) const;
    void link_changed(int device, const KernelLinkFacts& before, const KernelLinkFacts& now);
    void enter(const KernelAddressFacts& address, bool in_dump);
    void address_changed(const KernelAddressFacts& address, bool there);
    void replan(bool v6);
    void publish();
    void reclaim();
    [[nodiscard]] std::unique_ptr<Routing> make_routing() const;
    void take_addresses(Routing&) const;
    void known_neighbour(const NeighbourKey& key, bool known);
    void warn(const KernelRule& rule);
    void say_elsewhere();

    Wiring wiring_;
    HopPool hops_;
    AttributesTable attributes_;
    RouteTables<4> tables4_;
    RouteTables<16> tables6_;
    std::map<int, Marked<KernelLinkFacts>> links_;
    std::vector<Marked<KernelAddressFacts>> addresses_;
    std::map<std::uint32_t, Marked<KernelNexthop>> nexthops_;
    std::array<std::set<int>, 2> ignoring_linkdown_;  ///< of IPv4 and of IPv6: devices, or all of them
    std::array<std::vector<KernelRule>, 2> rules_;
    std::array<std::vector<KernelRule>, 2> dumped_rules_;
    std::array<bool, 2> knows_rules_{};  ///< false: not asked yet, or the kernel has none to ask for
    std::array<RulePlan, 2> plans_;
    std::vector<Failed> failed_;
    RoutingSettings settings_;
    std::array<std::uint8_t, route_dump_count> generation_{};
    std::array<bool, route_dump_count> dumping_{};
    std::uint32_t wanted_ = 0;
    std::chrono::steady_clock::time_point expiry_ = std::chrono::steady_clock::time_point::max();
    bool dirty_ = false;
    std::uint32_t hash_secret_;
    std::size_t elsewhere_ = 0;
    std::map<int, unsigned> elsewhere_ticks_;  ///< how often seen, by device
    std::uint64_t said_left_out_ = 0;
};

}  // namespace weft
