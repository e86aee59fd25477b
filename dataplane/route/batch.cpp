#include "dataplane/route/batch.hpp"

#include "dataplane/hook/hooks.hpp"
#include "dataplane/route/lookup.hpp"

namespace weft {

RouteBatch::Burst RouteBatch::begin(Context& context) noexcept {
    const Interface& in = *context.receiving;
    const Topology& topology = *context.topology;
    Burst burst;  // not all of it: the arrays are filled as far as they are used
    const Routing& routing = *context.routing;
    const bool checks_source = routing.interface(in.index).rp_filter != 0;
    burst.routing = &routing;
    burst.asks4 = checks_source || !routing.rules4.empty();
    burst.asks6 = !routing.rules6.empty();
    // The way back by rules is for ip_input.
    const bool for_stages4 = has_rules(false, context) || (checks_source && !routing.rules4.empty());
    burst.v4 = for_stages4 ? nullptr : routing.tables[0].v4.get();
    burst.v6 = has_rules(true, context) ? nullptr : routing.tables[0].v6.get();
    burst.sparse4 = burst.v4 && burst.v4->sparse();
    burst.sparse6 = burst.v6 && burst.v6->sparse();
    burst.own = in.mac.raw();
    burst.spread = in.mtu - least_size;
    burst.in = in.index;
    burst.own4 = &routing.own4;
    burst.hash_l4 = routing.hash_l4;
    burst.hash6_l4 = routing.hash6_l4;
    burst.hash_key = flow_hash::key_of(routing.hash_secret);
    burst.table = context.hops;
    burst.all_hops = &(*context.hops)[0];
    burst.interfaces = topology.interfaces.data();
    burst.interface_count = static_cast<std::uint32_t>(topology.interfaces.size());
    return burst;
}

void RouteBatch::look_up(Burst& burst, Context&) noexcept {
    HopIndex* const hops6 = burst.hops + batch_size;
    if (burst.count4) {
        if (burst.routing->rules4.empty()) [[likely]]
            burst.v4->find(burst.keys4, burst.hops, burst.count4);
        else
            find_by_rules<4>(burst);
        if (burst.asks4 && burst.routing->rules4.empty()) [[unlikely]]
            check_sources(burst);
    }
    if (burst.count6) {
        if (!burst.asks6) [[likely]]
            burst.v6->find(burst.keys6, hops6, burst.count6);
        else
            find_by_rules<16>(burst);
    }
#pragma GCC unroll 4
    for (unsigned i = 0; i < burst.count4; ++i)
        __builtin_prefetch(&(*burst.table)[burst.hops[i]]);
#pragma GCC unroll 4
    for (unsigned i = 0; i < burst.count6; ++i)
        __builtin_prefetch(&(*burst.table)[hops6[i]]);
}

const Hop* RouteBatch::chosen(Packet& packet, HopIndex index, bool v6, const Burst& burst) noexcept {
    const HopTable& table = *burst.table;
    if (table[index].kind != HopKind::choice) return nullptr;
    const Asked asked = v6 ? ask(*packet.header<Ipv6Header>(ethernet_header_size))
                           : ask(*packet.header<Ipv4Header>(ethernet_header_size));
    RouteKey key;
    key.source.bytes = asked.source;
    key.tos = asked_tos(asked.tos, v6);
    bool by_tos = false;
    const HopIndex end = route_of(index, key, table, by_tos);
    if (table[end].kind == HopKind::neighbour) return &table[end];
    return table[end].kind == HopKind::group ? member(packet, end, v6, burst) : nullptr;
}

bool RouteBatch::find_flow(Packet& packet, bool v6, std::uint64_t& flow) noexcept {
    if (v6) {
        const auto& ip = *packet.header<Ipv6Header>(ethernet_header_size);
        if (ip.next_header == ip_protocol::icmpv6) return false;
        flow = flow_hash::addresses(ip);
        constexpr std::uint32_t l4 = ethernet_header_size + sizeof ip;
        flow = flow_hash::with_ports(flow, flow_hash::ports_at(packet, l4, ip.next_header), ip.next_header);
    } else {
        const auto& ip = *packet.header<Ipv4Header>(ethernet_header_size);
        if (ip.protocol == ip_protocol::icmp) return false;
        flow = flow_hash::addresses(ip);
        constexpr std::uint32_t l4 = ethernet_header_size + sizeof ip;
        constexpr std::uint16_t offset_or_more = 0x3fff;
        if ((ip.fragment.host() & offset_or_more) == 0)
            flow = flow_hash::with_ports(flow, flow_hash::ports_at(packet, l4, ip.protocol), ip.protocol);
    }
    return true;
}

}  // namespace weft
