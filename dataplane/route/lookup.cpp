#include "dataplane/route/lookup.hpp"

#include "dataplane/route/header.hpp"

namespace weft {

namespace {

bool covers(const IpAddress& prefix, std::uint8_t length, const IpAddress& address) noexcept {
    const unsigned whole = length / 8, rest = length % 8;
    if (std::memcmp(prefix.bytes.data(), address.bytes.data(), whole) != 0) return false;
    return rest == 0 || ((prefix.bytes[whole] ^ address.bytes[whole]) & (0xff00 >> rest & 0xff)) == 0;
}

bool matches(const RoutingRule& rule, const RouteKey& key) noexcept {
    const bool fits =
        covers(rule.from, rule.from_length, key.source) && covers(rule.to, rule.to_length, key.destination) &&
        (rule.iif == no_interface || rule.iif == key.iif) && (!rule.from_host || key.iif == no_interface) &&
        ((key.mark ^ rule.mark) & rule.mask) == 0 && (rule.tos == 0 || rule.tos == key.tos);
    return fits != rule.invert;
}

HopIndex find_in(const RouteTable& table, const RouteKey& key) noexcept {
    if (key.v6) return table.v6 ? table.v6->find(key.destination.bytes) : no_hop;
    if (!table.v4) return no_hop;
    Lpm4::Key destination;
    std::memcpy(destination.data(), key.destination.bytes.data(), destination.size());
    return table.v4->find(destination);
}

RouteAnswer answer_of(HopIndex found, const RouteKey& key, const HopTable& hops) noexcept {
    const HopIndex chosen = hops.choose(found, key.flow_hash);
    return {chosen, hops[chosen].kind, found};
}

constexpr HopKind refusal_of(RoutingRule::Action action) noexcept {
    switch (action) {
        case RoutingRule::Action::blackhole:
            return HopKind::blackhole;
        case RoutingRule::Action::prohibit:
            return HopKind::prohibit;
        default:
            return HopKind::unreachable;
    }
}

__extension__ using Wide = unsigned __int128;

// Multiply and fold: not linear in its input, every bit of the result good.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) noexcept {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
std::uint32_t mix(std::uint64_t value, std::uint64_t secret) noexcept {
    const std::uint64_t key = secret * 0x9e3779b97f4a7c15 + 0xd6e8feb86659fd93;
    return static_cast<std::uint32_t>(fold(fold(value ^ key, 0xa0761d6478bd642f) ^ key, 0xe7037ed1a0b428db) >> 32);
}

/// Ports of TCP, UDP and their like, if the first segment holds them; else zero.
std::uint32_t ports_at(Packet& packet, std::uint32_t at, std::uint8_t protocol) noexcept {
    constexpr std::uint8_t dccp = 33, sctp = 132, udplite = 136;
    if (protocol != ip_protocol::tcp && protocol != ip_protocol::udp && protocol != dccp &&
        protocol != sctp && protocol != udplite)
        return 0;
    if (packet.head_length() < at + 4) return 0;
    return packet.header<be32>(at)->raw();
}

std::uint64_t addresses_of(const Ipv4Header& ip) noexcept {
    return std::uint64_t{ip.source.raw()} << 32 | ip.destination.raw();
}
std::uint64_t addresses_of(const Ipv6Header& ip) noexcept {
    std::uint64_t words[4];
    std::memcpy(words, ip.source.data(), sizeof words);
    return words[0] * 0x8ebc6af09c88c6e3 + words[1] * 0x589965cc75374cc3 + words[2] * 0x1d8e4e27c47d124f +
           words[3] * 0xeb44accab455d165;
}

}  // namespace

RouteAnswer find_route(const RouteKey& key, const Routing& routing, const HopTable& hops) noexcept {
    const auto& rules = key.v6 ? routing.rules6 : routing.rules4;
    if (rules.empty()) return answer_of(find_in(routing.tables[0], key), key, hops);
    for (const RoutingRule& rule : rules) {
        if (!matches(rule, key)) continue;
        if (rule.action != RoutingRule::Action::table) return {no_hop, refusal_of(rule.action), no_hop};
        const RouteAnswer found = answer_of(find_in(routing.tables[rule.table], key), key, hops);
        if (found.kind != HopKind::none && found.kind != HopKind::next_table) return found;
    }
    return {};
}

std::uint32_t flow_hash4(Packet& packet, bool l4, std::uint32_t secret) noexcept {
    const Ipv4Header* ip = &ipv4(packet);
    const std::uint32_t l4_at = packet.meta.l3_offset + std::uint32_t{ip->header_size()};
    const bool fragment = (ip->fragment.host() & 0x3fff) != 0;
    if (l4 && !fragment)
        return mix(addresses_of(*ip), secret ^ (std::uint64_t{ports_at(packet, l4_at, ip->protocol)} << 8) ^
                                          std::uint64_t{ip->protocol} << 40);
    if (!l4 && ip->protocol == ip_protocol::icmp && !fragment &&
        packet.head_length() >= l4_at + 8 + sizeof(Ipv4Header)) {
        const std::uint8_t type = *packet.header<std::uint8_t>(l4_at);
        // destination unreachable, source quench, redirect, time exceeded, parameter problem (icmp_is_err)
        if (type == 3 || type == 4 || type == 5 || type == 11 || type == 12)
            ip = packet.header<Ipv4Header>(l4_at + 8);
    }
    return mix(addresses_of(*ip), secret);
}

std::uint32_t flow_hash6(Packet& packet, bool l4, std::uint32_t secret) noexcept {
    const Ipv6Header* ip = &ipv6(packet);
    const std::uint32_t l4_at = packet.meta.l3_offset + std::uint32_t{sizeof(Ipv6Header)};
    if (l4)
        return mix(addresses_of(*ip), secret ^
                                          (std::uint64_t{ports_at(packet, l4_at, ip->next_header)} << 8) ^
                                          std::uint64_t{ip->next_header} << 40);
    if (ip->next_header == ip_protocol::icmpv6 && packet.head_length() >= l4_at + 8 + sizeof(Ipv6Header) &&
        *packet.header<std::uint8_t>(l4_at) < 128)
        ip = packet.header<Ipv6Header>(l4_at + 8);
    // policy 0 of IPv6 also takes the flow label (ip6_multipath_l3_keys)
    const std::uint64_t label = ip->version_class_flow.host() & 0xfffff;
    return mix(addresses_of(*ip), secret ^ label << 32 ^ std::uint64_t{ip->next_header} << 56);
}

RouteKey key_of(Packet& packet, const Routing& routing) noexcept {
    RouteKey key;
    key.v6 = is_ipv6(packet);
    key.iif = packet.meta.iif;
    key.mark = packet.meta.mark;
    constexpr std::uint8_t without_ecn = 0xfc;
    if (key.v6) {
        const Ipv6Header& ip = ipv6(packet);
        key.source.bytes = ip.source;
        key.destination.bytes = ip.destination;
        key.tos = static_cast<std::uint8_t>(ip.version_class_flow.host() >> 20) & without_ecn;
        key.flow_hash = flow_hash6(packet, routing.hash6_l4, routing.hash_secret);
    } else {
        const Ipv4Header& ip = ipv4(packet);
        const std::uint32_t source = ip.source.raw(), destination = ip.destination.raw();
        std::memcpy(key.source.bytes.data(), &source, 4);
        std::memcpy(key.destination.bytes.data(), &destination, 4);
        key.tos = ip.tos & without_ecn;
        key.flow_hash = flow_hash4(packet, routing.hash_l4, routing.hash_secret);
    }
    return key;
}

}  // namespace weft
