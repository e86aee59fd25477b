#include "dataplane/route/batch.hpp"

#include "dataplane/route/flow_hash.hpp"

namespace weft {

RouteBatch::Burst RouteBatch::begin(Context& context) noexcept {
    const Interface& in = *context.receiving;
    const Topology& topology = *context.topology;
    Burst burst;  // not all of it: the arrays are filled as far as they are used
    burst.v4 = table4(in, *context.routing);
    burst.v6 = table6(*context.routing);
    burst.own = in.mac.raw();
    burst.spread = in.mtu - least_size;
    burst.in = in.index;
    burst.own4 = &context.routing->own4;
    burst.table = context.hops;
    burst.interfaces = topology.interfaces.data();
    burst.interface_count = static_cast<std::uint32_t>(topology.interfaces.size());
    return burst;
}

void RouteBatch::look_up(Burst& burst, Context&) noexcept {
    HopIndex* const hops6 = burst.hops + batch_size;
    if (burst.count4) burst.v4->find(burst.keys4, burst.hops, burst.count4);
    if (burst.count6) burst.v6->find(burst.keys6, hops6, burst.count6);
#pragma GCC unroll 4
    for (unsigned i = 0; i < burst.count4; ++i)
        __builtin_prefetch(&(*burst.table)[burst.hops[i]]);
#pragma GCC unroll 4
    for (unsigned i = 0; i < burst.count6; ++i)
        __builtin_prefetch(&(*burst.table)[hops6[i]]);
}

namespace {

/// Ports that lie in the packet at `at`, after the fixed header; 0 if the protocol has none.
std::uint32_t ports_of(Packet& packet, std::uint32_t at, std::uint8_t protocol) noexcept {
    if (!flow_hash::has_ports(protocol) || packet.head_length() < at + sizeof(be32)) return 0;
    return packet.header<be32>(at)->raw();
}

}  // namespace

const Hop* RouteBatch::member(Packet& packet, const Hop& group, bool v6, const Context& context) noexcept {
    if (group.kind != HopKind::group) return nullptr;
    const Routing& routing = *context.routing;
    std::uint64_t addresses, secret = routing.hash_secret;
    if (v6) {
        const auto& ip = *packet.header<Ipv6Header>(ethernet_header_size);
        if (ip.next_header == ip_protocol::icmpv6) return nullptr;  // an error goes the way of what it quotes
        addresses = flow_hash::addresses(ip);
        constexpr std::uint32_t l4 = ethernet_header_size + sizeof ip;
        secret = routing.hash6_l4
                     ? flow_hash::with_ports(secret, ports_of(packet, l4, ip.next_header), ip.next_header)
                     : flow_hash::with_label(secret, ip);
    } else {
        const auto& ip = *packet.header<Ipv4Header>(ethernet_header_size);
        if (ip.protocol == ip_protocol::icmp) return nullptr;
        addresses = flow_hash::addresses(ip);
        constexpr std::uint32_t l4 = ethernet_header_size + sizeof ip;
        constexpr std::uint16_t offset_or_more = 0x3fff;
        if (routing.hash_l4 && (ip.fragment.host() & offset_or_more) == 0)
            secret = flow_hash::with_ports(secret, ports_of(packet, l4, ip.protocol), ip.protocol);
    }
    const auto& hops = *context.hops;
    const HopIndex group_index = static_cast<HopIndex>(&group - &hops[0]);
    const Hop& chosen = hops[hops.choose(group_index, flow_hash::mix(addresses, secret))];
    return chosen.kind == HopKind::neighbour ? &chosen : nullptr;
}

}  // namespace weft
