// Routes, next-hop objects, neighbours and policy rules as rtnetlink(7) says them. Read from raw bytes: a
// full table is a million of these, and libnl 3.7 knows no next-hop objects.
#pragma once

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/kernel/attributes.hpp"
#include "weft/hop.hpp"
#include "weft/net/ethernet.hpp"

namespace weft {

/// One next hop of a route.
struct KernelVia {
    int interface = 0;  ///< the kernel's index; 0: none
    bool has_gateway = false;
    bool gateway_v6 = false;    ///< may differ from the route's family (RTA_VIA)
    bool encapsulates = false;  ///< RTA_ENCAP: MPLS, SRv6 …, which weft does not do
    std::uint8_t flags = 0;     ///< RTNH_F_*
    std::uint16_t weight = 1;   ///< 1..256
    IpAddress gateway{};
    friend bool operator==(const KernelVia&, const KernelVia&) = default;
};

/// RTM_NEWROUTE, RTM_DELROUTE. Addresses in network order, all else in host order.
struct KernelRoute {
    bool v6 = false;
    std::uint8_t length = 0;  ///< of the destination, bits
    std::uint8_t source_length = 0;
    std::uint8_t tos = 0, scope = 0, type = 0, protocol = 0;
    std::uint8_t preference = 0;  ///< RTA_PREF, RFC 4191
    std::uint32_t flags = 0;      ///< rtm_flags
    std::uint32_t table = 0, priority = 0, nexthop = 0;
    bool has_preferred = false;
    bool has_lifetime = false;      ///< RTA_CACHEINFO's rta_expires is not 0: a router advertised it, say
    std::int32_t expires = 0;       ///< hundredths of a second from now, if has_lifetime; below 0: it is over
    std::uint32_t metrics_set = 0;  ///< bit n: metrics[n] is given
    std::uint32_t metrics_locked = 0;                   ///< RTAX_LOCK
    std::array<std::uint32_t, RTAX_MAX + 1> metrics{};  ///< RTAX_*
    IpAddress destination{}, source{}, preferred{};     ///< preferred: RTA_PREFSRC
    std::uint64_t other = 0;  ///< digest of what is not taken apart here (realms, encapsulation); 0: none
    std::vector<KernelVia> vias{};  ///< more than one: RTA_MULTIPATH

    [[nodiscard]] std::uint32_t mtu() const noexcept {
        return metrics_set >> RTAX_MTU & 1 ? metrics[RTAX_MTU] : 0;
    }
    friend bool operator==(const KernelRoute&, const KernelRoute&) = default;
};
/// `body` is what follows the nlmsghdr. Overwrites all of `route` (its vector keeps its memory). False if it
/// is malformed, of another family, or an entry of a cache.
[[nodiscard]] bool parse_route(Bytes body, KernelRoute& route);
/// The same of the answer to a question for one packet, which the kernel calls an entry of a cache: `flags`
/// has RTCF_* besides.
[[nodiscard]] bool parse_route_answer(Bytes body, KernelRoute& route);

/// A packet whose way the kernel is asked for (`ip route get`). Addresses in network order.
struct KernelRouteQuestion {
    bool v6 = false;
    std::uint8_t tos = 0;
    IpAddress to{};
    std::optional<IpAddress> from{};
    int iif = 0, oif = 0;  ///< indexes; iif 0: the host sends it
    std::uint32_t mark = 0;
};

/// RTM_NEWNEIGH, RTM_DELNEIGH.
struct KernelNeighbour {
    int interface = 0;
    bool v6 = false;
    std::uint16_t state = 0;  ///< NUD_*
    std::uint8_t flags = 0;   ///< NTF_*
    std::uint8_t type = 0;    ///< RTN_*
    std::uint8_t protocol = 0;
    std::uint32_t extended_flags = 0;  ///< NTF_EXT_*
    bool has_mac = false;
    IpAddress address{};
    MacAddress mac{};
    std::uint32_t used = 0, confirmed = 0, updated = 0;  ///< NDA_CACHEINFO, seconds ago
    std::uint32_t probes = 0;
};
/// Nothing if malformed, of no IP family, or a proxy's.
[[nodiscard]] std::optional<KernelNeighbour> parse_neighbour(Bytes body);

/// RTM_NEWNEXTHOP, RTM_DELNEXTHOP.
struct KernelNexthop {
    struct Member {
        std::uint32_t id = 0;
        std::uint16_t weight = 1;  ///< 1..65535
        friend bool operator==(const Member&, const Member&) = default;
    };
    std::uint32_t id = 0;
    std::uint8_t family = 0, protocol = 0, scope = 0;
    std::uint32_t flags = 0;  ///< RTNH_F_*
    bool blackhole = false;
    bool fdb = false;        ///< of a bridge's FDB: no route can name it
    bool resilient = false;  ///< NEXTHOP_GRP_TYPE_RES
    KernelVia via{};
    std::vector<Member> group{};  ///< not empty: a group, and `via` says nothing
    friend bool operator==(const KernelNexthop&, const KernelNexthop&) = default;
};
[[nodiscard]] std::optional<KernelNexthop> parse_nexthop(Bytes body);

/// struct nexthop_grp as of Linux 6.12, before which weights ended at 256 and the third field was 0: the
/// headers of Debian 12 are older. Host order.
struct NexthopMember {
    std::uint32_t id;
    std::uint8_t weight_low;  ///< of weight - 1
    std::uint8_t weight_high;
    std::uint16_t reserved;
};
static_assert(sizeof(NexthopMember) == 8);

/// RTM_NEWRULE, RTM_DELRULE (net/core/fib_rules.c).
struct KernelRule {
    bool v6 = false;
    std::uint32_t priority = 0;
    std::uint8_t from_length = 0, to_length = 0;
    IpAddress from{}, to{};
    std::uint8_t tos = 0;
    std::uint8_t action = 0;    ///< FR_ACT_*
    bool invert = false;        ///< FIB_RULE_INVERT
    std::uint8_t protocol = 0;  ///< FRA_PROTOCOL
    std::uint32_t table = 0, mark = 0, mask = 0;
    bool has_mark = false;
    std::string iif{}, oif{};
    std::string unsupported{};  ///< the first selector or action that weft does not know; empty: none
    friend bool operator==(const KernelRule&, const KernelRule&) = default;
};
[[nodiscard]] std::optional<KernelRule> parse_rule(Bytes body);

/// What the mirror needs of RTM_NEWLINK and RTM_DELLINK.
struct KernelLinkFacts {
    int index = 0;
    std::uint32_t flags = 0;  ///< IFF_*
    std::uint32_t mtu = 0;
    int below = 0;         ///< IFLA_LINK; 0: none, or in another namespace
    bool macvlan = false;  ///< IFLA_INFO_KIND
    bool has_mac = false;
    MacAddress mac{};
    std::string name{};
    /// As net/ipv4/fib_frontend.c, fib_netdev_event; 1 << 16 is IFF_LOWER_UP.
    [[nodiscard]] bool has_carrier() const noexcept { return flags & (IFF_RUNNING | 1u << 16); }
    friend bool operator==(const KernelLinkFacts&, const KernelLinkFacts&) = default;
};
/// Nothing if malformed, or of a bridge port (AF_BRIDGE).
[[nodiscard]] std::optional<KernelLinkFacts> parse_link_facts(Bytes body);

/// RTM_NEWNETCONF: the sysctl ignore_routes_with_linkdown.
struct KernelNetconf {
    bool v6 = false;
    int index = 0;  ///< NETCONFA_IFINDEX_ALL and _DEFAULT are below 0
    bool ignores_linkdown = false;
};
/// Nothing if malformed, of another family, or about other sysctls alone.
[[nodiscard]] std::optional<KernelNetconf> parse_netconf(Bytes body);

/// RTM_NEWADDR, RTM_DELADDR as far as sources of packets are concerned.
struct KernelAddressFacts {
    int index = 0;
    bool v6 = false;
    std::uint8_t length = 0, scope = 0;
    std::uint32_t flags = 0;  ///< IFA_F_*
    IpAddress local{};
    IpAddress network{};  ///< IFA_ADDRESS: the peer's, or `local`
    friend bool operator==(const KernelAddressFacts&, const KernelAddressFacts&) = default;
};
[[nodiscard]] std::optional<KernelAddressFacts> parse_address_facts(Bytes body);

}  // namespace weft
