#include "dataplane/route/lookup.hpp"

#include "dataplane/route/flow_hash.hpp"
#include "dataplane/route/header.hpp"
#include "dataplane/route/rules.hpp"

namespace weft {

namespace {

HopIndex find_in(const RouteTable& table, const RouteKey& key) noexcept {
    if (key.v6) return table.v6 ? table.v6->find(key.destination.bytes) : no_hop;
    if (!table.v4) return no_hop;
    Lpm4::Key destination;
    std::memcpy(destination.data(), key.destination.bytes.data(), destination.size());
    return table.v4->find(destination);
}

RouteAnswer answer_of(HopIndex found, const RouteKey& key, const HopTable& hops) noexcept {
    bool by_tos = false;
    if (hops[found].kind == HopKind::choice) [[unlikely]]
        found = route_of(found, key, hops, by_tos);
    const HopIndex chosen = hops.choose(found, key.flow_hash);
    return {.index = chosen, .kind = hops[chosen].kind, .table_entry = found, .by_tos = by_tos};
}

/// An unreachable rule is ENETUNREACH, as having no route is; an unreachable route is EHOSTUNREACH
/// (net/ipv4/fib_rules.c, fib4_rule_action; net/ipv4/fib_semantics.c, fib_props).
constexpr HopKind refusal_of(RoutingRule::Action action) noexcept {
    switch (action) {
        case RoutingRule::Action::blackhole:
            return HopKind::blackhole;
        case RoutingRule::Action::prohibit:
            return HopKind::prohibit;
        default:
            return HopKind::none;
    }
}

}  // namespace

RouteAnswer find_route(const RouteKey& key, const Routing& routing, const HopTable& hops) noexcept {
    const auto& rules = key.v6 ? routing.rules6 : routing.rules4;
    if (rules.empty()) return answer_of(find_in(routing.tables[0], key), key, hops);
    std::uint16_t number = 0;
    bool by_tos = false;  // a choice in a table that has led nowhere, too
    for (const RoutingRule& rule : rules) {
        ++number;
        if (!matches(rule, key)) continue;
        if (rule.action != RoutingRule::Action::table) {
            RouteAnswer refused;
            refused.kind = refusal_of(rule.action);
            refused.rule = number;
            refused.by_tos = by_tos;
            return refused;
        }
        if (rule.table >= routing.tables.size()) continue;
        RouteAnswer found = answer_of(find_in(routing.tables[rule.table], key), key, hops);
        by_tos |= found.by_tos;
        if (found.kind == HopKind::none || found.kind == HopKind::next_table) continue;
        found.by_tos = by_tos;
        found.table = rule.table;
        found.rule = number;
        return found;
    }
    return {};
}

bool leads_to(HopIndex entry, IfIndex interface, const HopTable& hops) noexcept {
    const Hop& hop = hops[entry];
    if (hop.kind != HopKind::group) return hop.interface == interface;
    for (std::uint32_t i = 0; i < 1u << hop.bucket_bits; ++i)
        if (hops[hops.bucket(hop.first_bucket + i).load(std::memory_order_relaxed)].interface == interface)
            return true;
    return false;
}

HopIndex route_of(HopIndex found, const RouteKey& key, const HopTable& hops, bool& by_tos) noexcept {
    while (hops[found].kind == HopKind::choice) {
        const Hop& choice = hops[found];
        by_tos |= !choice.v6;
        const bool meant = choice.v6 ? detail::covers(choice.source, choice.source_length, key.source)
                                     : choice.tos == key.tos;
        found = hops.bucket(choice.first_bucket + !meant).load(std::memory_order_relaxed);
    }
    return found;
}

std::uint32_t flow_hash4(Packet& packet, bool l4, std::uint32_t secret) noexcept {
    const std::uint64_t key = flow_hash::key_of(secret);
    const Ipv4Header* ip = &ipv4(packet);
    const std::uint32_t l4_at = packet.meta.l3_offset + std::uint32_t{ip->header_size()};
    constexpr std::uint16_t offset_or_more = 0x3fff;
    const bool fragment = (ip->fragment.host() & offset_or_more) != 0;
    if (l4 && !fragment)
        return flow_hash::mix(
            flow_hash::with_ports(flow_hash::addresses(*ip), flow_hash::ports_at(packet, l4_at, ip->protocol),
                                  ip->protocol),
            key);
    if (!l4 && ip->protocol == ip_protocol::icmp && !fragment &&
        packet.head_length() >= l4_at + 8 + sizeof(Ipv4Header)) {
        const std::uint8_t type = *packet.header<std::uint8_t>(l4_at);
        // destination unreachable, source quench, redirect, time exceeded, parameter problem (icmp_is_err)
        if (type == 3 || type == 4 || type == 5 || type == 11 || type == 12)
            ip = packet.header<Ipv4Header>(l4_at + 8);
    }
    return flow_hash::mix(flow_hash::addresses(*ip), key);
}

std::uint32_t flow_hash6(Packet& packet, bool l4, std::uint32_t secret) noexcept {
    const std::uint64_t key = flow_hash::key_of(secret);
    const Ipv6Header* ip = &ipv6(packet);
    const std::uint32_t l4_at = packet.meta.l3_offset + std::uint32_t{sizeof(Ipv6Header)};
    if (l4)
        return flow_hash::mix(
            flow_hash::with_ports(flow_hash::addresses(*ip),
                                  flow_hash::ports_at(packet, l4_at, ip->next_header), ip->next_header),
            key);
    if (ip->next_header == ip_protocol::icmpv6 && packet.head_length() >= l4_at + 8 + sizeof(Ipv6Header) &&
        *packet.header<std::uint8_t>(l4_at) < 128)
        ip = packet.header<Ipv6Header>(l4_at + 8);
    return flow_hash::mix(flow_hash::with_label(flow_hash::addresses(*ip), *ip), key);
}

RouteKey key_of(Packet& packet, const Routing& routing) noexcept {
    RouteKey key;
    key.v6 = is_ipv6(packet);
    key.iif = packet.meta.iif;
    key.mark = packet.meta.mark;
    if (key.v6) {
        const Ipv6Header& ip = ipv6(packet);
        key.source.bytes = ip.source;
        key.destination.bytes = ip.destination;
        key.tos = asked_tos(static_cast<std::uint8_t>(ip.version_class_flow.host() >> 20), true);
        key.flow_hash = flow_hash6(packet, routing.hash6_l4, routing.hash_secret);
    } else {
        const Ipv4Header& ip = ipv4(packet);
        key.source = to_address(ip.source);
        key.destination = to_address(ip.destination);
        key.tos = asked_tos(ip.tos, false);
        key.flow_hash = flow_hash4(packet, routing.hash_l4, routing.hash_secret);
    }
    return key;
}

}  // namespace weft
