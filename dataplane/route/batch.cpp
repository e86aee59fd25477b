#include "dataplane/route/batch.hpp"

#include "dataplane/hook/hooks.hpp"
#include "dataplane/route/lookup.hpp"

namespace weft {

template <StageId stage>
typename RouteStage<stage>::Burst RouteStage<stage>::begin(Context& context) noexcept {
    const Topology& topology = *context.topology;
    Burst burst;  // not all of it: the arrays are filled as far as they are used
    const Routing& routing = *context.routing;
    bool checks_source = routing.local_networks4 || (entered && routing.filters_sources);
    if constexpr (!entered) {
        const Interface& in = *context.receiving;
        checks_source |= routing.interface(in.index).rp_filter != 0;
        burst.own = in.mac.raw();
        burst.spread = in.mtu - least_size;
        burst.in = in.index;
    }
    burst.routing = &routing;
    burst.asks4 = checks_source || !routing.rules4.empty();
    burst.asks6 = !routing.rules6.empty();
    burst.spreads = context.hops->has_groups();
    // The way back by rules is for ip_input.
    const bool for_stages4 = has_rules(false, context) || (checks_source && !routing.rules4.empty());
    burst.v4 = for_stages4 ? nullptr : routing.tables[0].v4.get();
    burst.v6 = has_rules(true, context) ? nullptr : routing.tables[0].v6.get();
    burst.sparse4 = burst.v4 && burst.v4->sparse();
    burst.sparse6 = burst.v6 && burst.v6->sparse();
    burst.unnumbered = entered || routing.interface(context.receiving->index).source4 == IpAddress{};
    burst.left_behind = entered && context.holds(StageId::egress);
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

template <StageId stage>
void RouteStage<stage>::look_up(Burst& burst, Context&) noexcept {
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

namespace {

bool is_icmp(const Ipv4Header& ip) noexcept {
    return ip.protocol == ip_protocol::icmp;
}
bool is_icmp(const Ipv6Header& ip) noexcept {
    return ip.next_header == ip_protocol::icmpv6;
}
std::uint64_t flow_by_addresses(const Ipv4Header& ip) noexcept {
    return flow_hash::addresses(ip);
}
std::uint64_t flow_by_addresses(const Ipv6Header& ip) noexcept {
    return flow_hash::with_label(flow_hash::addresses(ip), ip);
}
std::uint64_t flow_by_ports(Packet& packet, const Ipv4Header& ip) noexcept {
    constexpr std::uint16_t offset_or_more = 0x3fff;
    const std::uint64_t flow = flow_hash::addresses(ip);
    if (ip.fragment.host() & offset_or_more) return flow;
    const std::uint32_t ports = flow_hash::ports_at(packet, ethernet_header_size + sizeof ip, ip.protocol);
    return flow_hash::with_ports(flow, ports, ip.protocol);
}
std::uint64_t flow_by_ports(Packet& packet, const Ipv6Header& ip) noexcept {
    const std::uint32_t ports = flow_hash::ports_at(packet, ethernet_header_size + sizeof ip, ip.next_header);
    return flow_hash::with_ports(flow_hash::addresses(ip), ports, ip.next_header);
}

}  // namespace

// A member is found by a chain of loads and a multiplication, too long to be waited for on the way of each
// packet: here those of many packets overlap. What the loop reads is copied before, as no store into the
// burst can change it.
template <StageId stage>
template <class Header, bool by_ports>
void RouteStage<stage>::choose_members(Packet* const packets[], const Prepared prepared[], unsigned count,
                                       Burst& burst) noexcept {
    constexpr unsigned first = sizeof(Header) == sizeof(Ipv6Header) ? batch_size : 0;
    const Hop* const all_hops = burst.all_hops;
    const std::atomic<HopIndex>* const buckets = &burst.table->bucket(0);
    HopIndex* const hops = burst.hops;
    const std::uint64_t key = burst.hash_key;
#pragma GCC unroll 2
    for (unsigned i = 0; i < count; ++i) {
        const unsigned slot = prepared[i].slot;
        if (prepared[i].size == 0 || slot - first >= batch_size) [[unlikely]]
            continue;
        const Hop& group = all_hops[hops[slot]];
        const auto& ip = *packets[i]->header<Header>(ethernet_header_size);
        // An ICMP error goes the way of the packet that it quotes.
        if (group.kind != HopKind::group || is_icmp(ip)) [[unlikely]]
            continue;
        const std::uint64_t flow = by_ports ? flow_by_ports(*packets[i], ip) : flow_by_addresses(ip);
        hops[slot] = buckets[group.bucket_of(flow_hash::mix(flow, key))].load(std::memory_order_relaxed);
    }
}

template <StageId stage>
void RouteStage<stage>::choose_members(Packet* const packets[], const Prepared prepared[], unsigned count,
                                       Burst& burst) noexcept {
    if (burst.count4) {
        if (!burst.hash_l4) [[likely]]
            choose_members<Ipv4Header, false>(packets, prepared, count, burst);
        else
            choose_members<Ipv4Header, true>(packets, prepared, count, burst);
    }
    if (burst.count6) {
        if (!burst.hash6_l4) [[likely]]
            choose_members<Ipv6Header, false>(packets, prepared, count, burst);
        else
            choose_members<Ipv6Header, true>(packets, prepared, count, burst);
    }
}

template <StageId stage>
const Hop* RouteStage<stage>::chosen(Packet& packet, HopIndex index, bool v6, const Burst& burst) noexcept {
    const HopTable& table = *burst.table;
    if (table[index].kind != HopKind::choice) return nullptr;
    const auto find = [&](const auto& ip, bool by_ports) -> HopIndex {
        const Asked asked = ask(ip, in_of(packet, burst));
        RouteKey key;
        key.source.bytes = asked.source;
        key.tos = asked_tos(asked.tos, v6);
        bool by_tos = false;
        const HopIndex end = route_of(index, key, table, by_tos);
        if (table[end].kind != HopKind::group || is_icmp(ip)) return end;
        const std::uint64_t flow = by_ports ? flow_by_ports(packet, ip) : flow_by_addresses(ip);
        return table.choose(end, flow_hash::mix(flow, burst.hash_key));
    };
    const HopIndex end = v6 ? find(*packet.header<Ipv6Header>(ethernet_header_size), burst.hash6_l4)
                            : find(*packet.header<Ipv4Header>(ethernet_header_size), burst.hash_l4);
    return table[end].kind == HopKind::neighbour ? &table[end] : nullptr;
}

template <StageId stage>
Verdict RouteStage<stage>::leave_by_egress(Packet& packet, std::uint16_t size, bool v6, const Hop& hop,
                                           std::uint64_t neighbour, const Interface& out, Burst& burst,
                                           Context& context) noexcept {
    if (!may_leave_by_egress(packet, hop, out, entered, context)) return divert();
    if constexpr (!entered) context.received_bytes += packet.length();
    if (entered && detail::wants_of(packet)) burst.left_behind = true;
    return weft::leave_by_egress(packet, size, v6, hop, neighbour, out, context);
}

template struct RouteStage<StageId::route_batch>;
template struct RouteStage<StageId::route_input>;

}  // namespace weft
