// Why a packet ended without being sent or punted. One table: counter, trace text and CLI word are the same.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weft {

// X(identifier, "stage/reason", "what it means"), in the packet's order.
// clang-format off
#define WEFT_DROP_REASONS(X)                                                                                         \
    X(ingress_interface_down,   "ingress/interface_down",   "the interface is administratively down")               \
    X(ingress_runt,             "ingress/runt",             "shorter than an Ethernet header")                       \
    X(ingress_truncated_tag,    "ingress/truncated_tag",    "ends inside its VLAN tag")                              \
    X(ingress_oversize,         "ingress/oversize",         "longer than the interface's MTU allows")                \
    X(ingress_no_mbuf,          "ingress/no_mbuf",          "no packet buffer was free")                             \
    X(ingress_truncated,        "ingress/truncated",        "the device delivered less than the frame's length")     \
    X(ingress_bad_offload,      "ingress/bad_offload",      "its checksum or GSO state contradicts the frame")       \
    X(ingress_bad_descriptor,   "ingress/bad_descriptor",   "the peer's ring contradicts itself")                    \
    X(ingress_missed,           "ingress/missed",           "the device's receive ring or socket was full")          \
    X(ingress_too_many_hops,    "ingress/too_many_hops",    "passed more internal interfaces than the limit of 8")   \
    X(bridge_port_disabled,     "bridge/port_disabled",     "the bridge port's state does not forward")              \
    X(bridge_bridge_down,       "bridge/bridge_down",       "the bridge is administratively down")                   \
    X(bridge_bad_source,        "bridge/bad_source",        "source MAC address is a group address or zero")         \
    X(bridge_link_local,        "bridge/link_local",        "link-local group address, not forwarded by a bridge")   \
    X(bridge_vlan_filtered,     "bridge/vlan_filtered",     "the ingress port is not a member of the VLAN")          \
    X(bridge_vlan_egress,       "bridge/vlan_egress",       "the egress port is not a member of the VLAN")           \
    X(bridge_locked,            "bridge/locked",            "source not known on a locked port")                     \
    X(bridge_same_port,         "bridge/same_port",         "destination is on the port the frame came from")        \
    X(bridge_isolated,          "bridge/isolated",          "both ports are isolated")                               \
    X(bridge_egress_blocked,    "bridge/egress_blocked",    "the egress port's state does not forward")              \
    X(bridge_blackhole,         "bridge/blackhole",         "the destination has a blackhole entry")                 \
    X(bridge_no_port,           "bridge/no_port",           "no other port takes the flooded frame")                 \
    X(bridge_no_mbuf,           "bridge/no_mbuf",           "no packet buffer was free for a flooded copy")          \
    X(host_not_for_us,          "host/not_for_us",          "destination MAC address is not the interface's")        \
    X(route_truncated,          "route/truncated",          "ends inside its IP header or before the datagram's end")  \
    X(route_bad_version,        "route/bad_version",        "the IP version is not that of the EtherType")           \
    X(route_bad_header,         "route/bad_header",         "the IPv4 header length is below 20 bytes")              \
    X(route_bad_length,         "route/bad_length",         "the IP length contradicts the header")                  \
    X(route_bad_checksum,       "route/bad_checksum",       "the IPv4 header checksum is wrong")                     \
    X(route_bad_option,         "route/bad_option",         "a malformed IP option")                                 \
    X(route_unknown_option,     "route/unknown_option",     "a hop-by-hop option that asks to be discarded")         \
    X(route_source_route,       "route/source_route",       "source routing is refused")                             \
    X(route_martian_source,     "route/martian_source",     "a source address that no host elsewhere can have")      \
    X(route_martian_destination, "route/martian_destination", "a destination address that is not routed")            \
    X(route_rp_filter,          "route/rp_filter",          "the source is not reached by the interface it came from") \
    X(route_link_group,         "route/link_group",         "unicast IP in a broadcast of the link is not forwarded") \
    X(route_no_route,           "route/no_route",           "no route to the destination")                           \
    X(route_blackhole,          "route/blackhole",          "a blackhole route or rule")                             \
    X(route_unreachable,        "route/unreachable",        "an unreachable route")                                  \
    X(route_prohibited,         "route/prohibited",         "a prohibit route or rule")                              \
    X(route_elsewhere,          "route/elsewhere",          "the route leads to an interface that weft lacks")       \
    X(route_ttl_expired,        "route/ttl_expired",        "TTL or hop limit is used up")                           \
    X(route_too_big,            "route/too_big",            "longer than the MTU and not to be fragmented")          \
    X(route_neighbour_failed,   "route/neighbour_failed",   "the next hop did not answer ARP or ND")                 \
    X(route_neighbour_unknown,  "route/neighbour_unknown",  "the next hop's address is not known (--no-kernel)")     \
    X(route_hold_full,          "route/hold_full",          "more packets wait for the next hop's address than are held") \
    X(route_no_mbuf,            "route/no_mbuf",            "no packet buffer was free to write to or fragment it")  \
    X(fragment_bad,             "fragment/bad",             "a fragment of no length, an odd one, or beyond 65535")  \
    X(fragment_duplicate,       "fragment/duplicate",       "a fragment that was there already")                     \
    X(fragment_overlap,         "fragment/overlap",         "fragments that contradict each other")                  \
    X(fragment_timeout,         "fragment/timeout",         "the rest of its datagram did not come")                 \
    X(fragment_table_full,      "fragment/table_full",      "more fragments wait for their datagrams than are held") \
    X(hook_dropped,             "hook/dropped",             "a rule or policy of iptables says DROP")                \
    X(hook_rejected,            "hook/rejected",            "a rule of iptables says REJECT")                        \
    X(hook_helper,              "hook/helper",              "a connection's helper could not follow its payload")    \
    X(hook_unreadable,          "hook/unreadable",          "a rule could not read the headers it asks for")         \
    X(conntrack_table_full,     "conntrack/table_full",     "nf_conntrack_max connections, and none to give up")     \
    X(conntrack_clash,          "conntrack/clash",          "another connection had its tuple first")                \
    X(nat_no_port,              "nat/no_port",              "no port of a rule's range is free for this peer")       \
    X(nat_no_address,           "nat/no_address",           "the interface has no address to take")                  \
    X(nat_moved,                "nat/moved",                "a masqueraded connection leaves by another interface")  \
    X(nat_redirect,             "nat/redirect",             "an ICMP redirect about a translated connection")        \
    X(nat_bad_error,            "nat/bad_error",            "an ICMP error without what it has to quote")        \
    X(nat_bad_header,           "nat/bad_header",           "GRE of less than eight bytes, or to be translated back and of no known version") \
    X(nat_to_host,              "nat/to_host",              "OUTPUT sends a packet of the host back to the host")    \
    X(icmp_rate_limited,        "icmp/rate_limited",        "an ICMP error about it was due but over its rate limit") \
    X(punt_policed,             "punt/policed",             "over the rate of its class at its interface")           \
    X(punt_no_kernel,           "punt/no_kernel",           "for the kernel, which --no-kernel leaves out")          \
    X(punt_queue_full,          "punt/queue_full",          "the punt queue of its class is full")                   \
    X(punt_tap_down,            "punt/tap_down",            "the kernel TAP is down or gone")                        \
    X(punt_tap_refused,         "punt/tap_refused",         "the kernel TAP refused the frame")                      \
    X(tap_queue_full,           "tap/queue_full",           "from the kernel, but the worker's ring is full")        \
    X(tap_no_mbuf,              "tap/no_mbuf",              "from the kernel, but no packet buffer was free")        \
    X(egress_interface_down,    "egress/interface_down",    "the egress interface is down")                          \
    X(egress_no_carrier,        "egress/no_carrier",        "the egress port has no link")                           \
    X(egress_too_big,           "egress/too_big",           "longer than the egress interface's MTU")                \
    X(egress_no_mbuf,           "egress/no_mbuf",           "no packet buffer was free to segment or re-head it")    \
    X(egress_backlog_full,      "egress/backlog_full",      "too many frames wait at the far ends of veth pairs")    \
    X(egress_bad_offload,       "egress/bad_offload",       "unfinished checksum or GSO state contradicts the frame") \
    X(egress_ring_full,         "egress/ring_full",         "the port's transmit ring is full")                      \
    X(egress_device_error,      "egress/device_error",      "the device refused the frame")                          \
    X(handover_ring_full,       "handover/ring_full",       "the ring to the worker that owns it is full")           \
    X(handover_gone,            "handover/gone",            "its interface or port was removed while it waited")
// clang-format on

enum class DropReason : std::uint8_t {
#define WEFT_DROP_ENUM(id, word, meaning) id,
    WEFT_DROP_REASONS(WEFT_DROP_ENUM)
#undef WEFT_DROP_ENUM
        count
};
inline constexpr std::size_t drop_reason_count = static_cast<std::size_t>(DropReason::count);

/// The CLI word of a reason and its sentence.
struct DropText {
    std::string_view word;
    std::string_view meaning;
};
inline constexpr std::array<DropText, drop_reason_count> drop_texts{{
#define WEFT_DROP_TEXT(id, word, meaning) {word, meaning},
    WEFT_DROP_REASONS(WEFT_DROP_TEXT)
#undef WEFT_DROP_TEXT
}};
[[nodiscard]] constexpr const DropText& text_of(DropReason reason) noexcept {
    return drop_texts[static_cast<std::size_t>(reason)];
}

}  // namespace weft
