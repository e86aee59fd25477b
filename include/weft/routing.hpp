// What workers know of routing: rules, tables, and what an interface is to IP. Published as one pointer; the
// tables behind it are written in place (lpm.hpp, hop.hpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "weft/hop.hpp"
#include "weft/lpm.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/packet.hpp"

namespace weft {

using Lpm4 = Lpm<4>;
using Lpm6 = Lpm<16>;

/// A routing table; null where it has no route. Made at the first one.
struct RouteTable {
    std::shared_ptr<const Lpm4> v4;
    std::shared_ptr<const Lpm6> v6;
};

/// One rule of `ip rule`, in the order of priority. Integers in host order.
struct RoutingRule {
    enum class Action : std::uint8_t { table, blackhole, unreachable, prohibit };
    IpAddress from{}, to{};
    std::uint8_t from_length = 0, to_length = 0;
    std::uint8_t tos = 0;              ///< as asked_tos() has it; 0: any
    bool invert = false;               ///< `not`
    IfIndex iif = no_interface;        ///< no_interface: any
    bool from_host = false;            ///< `iif lo`: only what the host sends
    std::uint32_t mark = 0, mask = 0;  ///< (mark of the packet & mask) == mark
    Action action = Action::table;
    std::uint16_t table = 0;     ///< into Routing::tables
    std::uint32_t priority = 0;  ///< by which it is known; decides nothing
    friend bool operator==(const RoutingRule&, const RoutingRule&) = default;
};

/// An address of an interface and the network it is on.
struct NetworkAddress4 {
    be32 address;
    be32 network;             ///< an address of it: the peer's, or its own
    std::uint8_t length = 0;  ///< of the prefix, 0 to 32
    bool global = true;       ///< of scope global: packets to anywhere may come from it
};

/// An IPv6 address from which packets may come.
struct SourceAddress6 {
    IpAddress address;
    IfIndex interface = no_interface;  ///< no_interface: of a device that is none of weft's
    std::uint8_t length = 0;           ///< of its network's prefix
    bool avoided = false;              ///< deprecated, or optimistic
    bool temporary = false;            ///< RFC 8981
};

/// What an interface is to IP.
struct RoutedInterface {
    std::uint8_t rp_filter = 0;  ///< 0 off, 1 strict, 2 loose (RFC 3704)
    bool accept_source_route = false;
    /// Of macvlans on its TAP (VRRP), in order. Of a bridge's member: of what is above its bridge, macvlans
    /// and sub-interfaces with addresses of their own.
    std::vector<MacAddress> more_macs{};
    bool send_redirects = true;  ///< net.ipv4.conf.X.send_redirects
    IpAddress link_local{};      ///< of IPv6
    /// Whether a MAC address besides the interface's own is taken for ours.
    [[nodiscard]] bool accepts(const MacAddress& mac) const noexcept {
        return std::binary_search(more_macs.begin(), more_macs.end(), mac);
    }
    std::vector<NetworkAddress4> networks4{};  ///< its primary addresses
    std::vector<SourceAddress6> sources6{};    ///< its own of Routing's
    IpAddress source4{}, source6{};            ///< of ICMP errors, if no route says better; zero: none
};

/// Of an interface that nobody said anything of.
inline const RoutedInterface default_interface{};

/// net.ipv4.icmp_* and net.ipv6.icmp.ratelimit, with Linux's defaults.
struct IcmpLimits {
    std::uint32_t ratelimit_ms = 1000, ratelimit6_ms = 1000;  ///< between two to one peer; 0: no limit
    std::uint32_t ratemask = 6168;                            ///< bit n: type n is limited
    std::uint32_t msgs_per_sec = 1000, msgs_burst = 50;       ///< in all
};

/// By PuntClass. What a protocol needs at its busiest, and little enough that the kernel keeps up with all of
/// them.
inline constexpr std::array<std::uint32_t, punt_class_count> default_punt_rates{
    1000, 5000, 5000, 2000, 50000, 50000, 200000, 5000, 20000};

/// Our own IPv4 addresses by a bit of 4096 each: what may be one of them is looked at more closely. No packet
/// comes from elsewhere with such a source (net/ipv4/fib_frontend.c, inet_lookup_ifaddr_rcu).
class OwnAddresses {
  public:
    void add(be32 address) noexcept { words_[bit(address) / 64] |= std::uint64_t{1} << bit(address) % 64; }
    [[nodiscard]] bool may_have(be32 address) const noexcept {
        return words_[bit(address) / 64] >> bit(address) % 64 & 1;
    }

  private:
    static constexpr std::uint32_t bit(be32 address) noexcept { return address.raw() * 0x9e3779b1u >> 20; }
    std::array<std::uint64_t, 64> words_{};
};

/// Immutable after publication.
struct Routing {
    /// [0] is local and main together, which is all there is without rules.
    std::vector<RouteTable> tables = std::vector<RouteTable>(1);
    /// Of the kernel's rules, local's and main's own folded into [0]; empty: tables[0] decides.
    std::vector<RoutingRule> rules4, rules6;
    std::vector<RoutedInterface> interfaces;  ///< by IfIndex; one beyond the end has defaults
    bool filters_sources = false;             ///< some interface has rp_filter
    bool hash_l4 = false;                     ///< net.ipv4.fib_multipath_hash_policy 1
    bool hash6_l4 = false;                    ///< net.ipv6.fib_multipath_hash_policy 1
    bool tos_routes = false;                  ///< some IPv4 route has a TOS
    bool local_networks4 = false;             ///< some local IPv4 route is neither of an interface's address
                                              ///< nor within 127.0.0.0/8: own4 does not have them
    std::uint32_t hash_secret = 0;
    OwnAddresses own4;
    IpAddress any_source4{};                 ///< of packets by an interface without an address; zero: none
    std::vector<SourceAddress6> sources6{};  ///< of all devices, in the kernel's order
    IcmpLimits icmp;
    /// Packets/s to the kernel by PuntClass, of one interface by one worker; 0: no limit (net.weft.punt.*).
    std::array<std::uint32_t, punt_class_count> punt_rates = default_punt_rates;

    [[nodiscard]] const RoutedInterface& interface(IfIndex i) const noexcept {
        return i < interfaces.size() ? interfaces[i] : default_interface;
    }
};

}  // namespace weft
