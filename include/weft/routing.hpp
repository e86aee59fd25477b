// What workers know of routing: rules, tables, and what an interface is to IP. Published as one pointer; the
// tables behind it are written in place (lpm.hpp, hop.hpp).
#pragma once

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
    std::uint8_t tos = 0;              ///< 0: any
    bool invert = false;               ///< `not`
    IfIndex iif = no_interface;        ///< no_interface: any
    bool from_host = false;            ///< `iif lo`: only what the host sends
    std::uint32_t mark = 0, mask = 0;  ///< (mark of the packet & mask) == mark
    Action action = Action::table;
    std::uint16_t table = 0;  ///< into Routing::tables
};

/// What an interface is to IP.
struct RoutedInterface {
    std::uint8_t rp_filter = 0;  ///< 0 off, 1 strict, 2 loose (RFC 3704)
    bool accept_source_route = false;
    std::array<MacAddress, 4> more_macs{};  ///< of macvlans on its TAP (VRRP), zero: unused
    IpAddress source4{}, source6{};         ///< of ICMP errors, if no route says better; zero: none
};

/// Immutable after publication.
struct Routing {
    /// [0] is local and main together, which is all there is without rules.
    std::vector<RouteTable> tables = std::vector<RouteTable>(1);
    /// Of the kernel's rules, local's and main's own folded into [0]; empty: tables[0] decides.
    std::vector<RoutingRule> rules4, rules6;
    std::vector<RoutedInterface> interfaces;  ///< by IfIndex; one beyond the end has defaults
    bool hash_l4 = false;                     ///< net.ipv4.fib_multipath_hash_policy 1
    bool hash6_l4 = false;                    ///< net.ipv6.fib_multipath_hash_policy 1
    std::uint32_t hash_secret = 0;

    [[nodiscard]] const RoutedInterface& interface(IfIndex i) const noexcept {
        static constexpr RoutedInterface defaults{};
        return i < interfaces.size() ? interfaces[i] : defaults;
    }
};

}  // namespace weft
