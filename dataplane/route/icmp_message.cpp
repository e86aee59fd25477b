#include "dataplane/route/icmp_message.hpp"

#include <algorithm>
#include <utility>

#include "dataplane/hook/connection.hpp"
#include "dataplane/host/host.hpp"
#include "dataplane/route/datagram.hpp"
#include "dataplane/route/header.hpp"
#include "dataplane/route/lookup.hpp"
#include "dataplane/route/output.hpp"
#include "dataplane/route/source_address.hpp"
#include "weft/net/address.hpp"
#include "weft/net/checksum.hpp"

namespace weft {

namespace {

constexpr std::uint32_t icmp_header = 8;
/// Longest messages: RFC 1812 4.3.2.3, RFC 4443 2.4 (c).
constexpr std::uint32_t most4 = 576, most6 = 1280;

bool is_ours(const IpAddress& address, bool v6, Context& context) noexcept {
    return find_route({.destination = address, .v6 = v6}, *context.routing, *context.hops).kind ==
           HopKind::local;
}

/// Who speaks (RFC 1812 4.3.2.4, RFC 4443 2.2; icmp_route_lookup, icmp6_send): the address that was asked if
/// it is ours, in a frame to us alone, else the one that the route back prefers, else of IPv6 the best one of
/// the interface that the packet came by. To the kernel behind us whom it was sent to: it takes what comes
/// from an address of its own for forged.
struct Sender {
    IpAddress address{};  ///< zero: the route back says
    IpAddress asked{};    ///< whom the packet was sent to

    [[nodiscard]] IpAddress by(WayBack way, const IpAddress& to, bool v6, Context& context) const noexcept {
        if (way.to_host) return asked;
        if (address != IpAddress{}) return address;
        const Hop& hop = (*context.hops)[way.hop];
        if (hop.source != IpAddress{}) return hop.source;
        return v6 ? choose_source6(to, hop.interface, *context.routing)
                  : context.routing->interface(hop.interface).source4;
    }
};
Sender sender4_of(Packet& about, Context& context) noexcept {
    const auto asked = to_address(ipv4(about).destination);
    return {is_ours(asked, false, context) ? asked : IpAddress{}, asked};
}
Sender sender6_of(Packet& about, Context& context) noexcept {
    const Ipv6Header& ip = ipv6(about);
    const IpAddress asked{ip.destination};
    const bool to_many = about.ethernet().destination.is_group();
    if (!to_many && is_ours(asked, true, context)) return {asked, asked};
    const IpAddress to{ip.source};
    const WayBack way = way_back(about, {}, to, context);
    if (way.to_host || (way.hop != no_hop && (*context.hops)[way.hop].source != IpAddress{}))
        return {{}, asked};
    return {choose_source6(to, about.meta.iif, *context.routing), asked};
}

/// No rules are asked: in Linux it would come by lo.
void tell_host(Packet& message, Packet& about, Context& context) noexcept {
    const Interface& tap = context.topology->interface(about.meta.oif);
    message.ethernet().destination = tap.mac;
    message.ethernet().source = about.ethernet().destination;
    message.meta.iif = tap.index;
    context.follow(message, give_kernel(message, context), tap.index);
}

}  // namespace

Packet* new_packet(std::uint16_t ether_type, std::uint32_t l3_bytes, Context& context) noexcept {
    rte_mbuf* m = rte_pktmbuf_alloc(context.pool);
    if (!m) return nullptr;
    Packet& packet = *Packet::from(m);
    if (!rte_pktmbuf_append(m, static_cast<std::uint16_t>(ethernet_header_size + l3_bytes))) {
        Packet::free(&packet);
        return nullptr;
    }
    packet.meta = {};
    packet.meta.l3_offset = ethernet_header_size;
    packet.meta.flags = PacketFlags::own;
    packet.ethernet() = {.destination = {}, .source = {}, .type = be16{ether_type}};
    return &packet;
}

void copy_bytes(Packet& from, std::uint32_t at, std::uint32_t length, std::byte* to) noexcept {
    const void* bytes = rte_pktmbuf_read(&from, at, length, to);
    if (bytes != to) std::memcpy(to, bytes, length);
}

WayBack way_back(Packet& about, const IpAddress& from, const IpAddress& to, Context& context) noexcept {
    if (about.meta.iif == no_interface && !(about.meta.flags & PacketFlags::own)) return {.to_host = true};
    RouteKey key{.source = from, .destination = to, .v6 = is_ipv6(about)};
    // Of an error the precedence is another, by which no route is chosen (icmp_route_lookup).
    if (!key.v6) key.tos = asked_tos(ipv4(about).tos, false);
    if (key.v6 && address6::link_local(to.bytes)) return {.on_link = !about.ethernet().source.is_group()};
    key.flow_hash = key.v6 ? flow_hash6(about, context.routing->hash6_l4, context.routing->hash_secret)
                           : flow_hash4(about, context.routing->hash_l4, context.routing->hash_secret);
    const RouteAnswer answer = find_route(key, *context.routing, *context.hops);
    return {.hop = leaves(answer.kind) ? answer.index : no_hop};
}

void send_back(Packet& message, Packet& about, WayBack way, Context& context) noexcept {
    if (way.to_host) return tell_host(message, about, context);
    if (way.on_link) {
        message.ethernet().destination = about.ethernet().source;
        message.ethernet().source = context.topology->interface(about.meta.iif).mac;
        message.meta.oif = about.meta.iif;
    } else {
        message.meta.hop = way.hop;
        message.meta.oif = (*context.hops)[way.hop].interface;
    }
    const Verdict next = Verdict::to(way.on_link ? StageId::egress : StageId::ip_output);
    if (!has_rules(is_ipv6(message), context)) [[likely]]
        return context.emit(message, next.stage());
    attach_connection(message, about, context);
    const IfIndex out = message.meta.oif;
    const Datagram gathered = std::exchange(context.hooks->datagram, {});  // `about`, not the message
    const Verdict end = pass_host(message, next, context);
    context.hooks->datagram = gathered;
    context.follow(message, end, out);
}

Verdict leave_again(Packet& message, Context& context) noexcept {
    Verdict way = Verdict::to(StageId::egress);
    if (message.meta.hop != no_hop) {
        way = route_again(message, context);
        if (!way.is_stage()) return way;
        message.meta.oif = (*context.hops)[message.meta.hop].interface;
    }
    return has_rules(is_ipv6(message), context) ? pass_host(message, way, context) : way;
}

void send_message4(Packet& about, IcmpCode what, std::uint32_t value, Context& context) noexcept {
    const Ipv4Header& ip = ipv4(about);
    const IpAddress to = to_address(ip.source);
    const Sender sender = sender4_of(about, context);
    const WayBack way = way_back(about, sender.address, to, context);
    if (way.none()) return;
    const IpAddress source = sender.by(way, to, false, context);
    if (source == IpAddress{}) return;
    const std::uint32_t quoted =
        std::min<std::uint32_t>(quotable_length(about, context), most4 - sizeof(IcmpMessage4));
    Packet* made = new_packet(ether_type::ipv4, sizeof(IcmpMessage4) + quoted, context);
    if (!made) return context.count_drop(DropReason::route_no_mbuf, about.meta.iif, 0);
    auto& message = *made->header<IcmpMessage4>(ethernet_header_size);
    quote(about, quoted, reinterpret_cast<std::byte*>(&message + 1), context);
    constexpr std::uint8_t internetwork_control = 0xc0, type_of_service = 0x1e;  // RFC 1812 4.3.2.5
    message.ip = {.version_ihl = 0x45,
                  .tos = static_cast<std::uint8_t>((ip.tos & type_of_service) | internetwork_control),
                  .total_length = be16{static_cast<std::uint16_t>(sizeof(IcmpMessage4) + quoted)},
                  .id = be16{context.next_ip_id++},
                  .fragment = be16{0},
                  .ttl = default_ttl,
                  .protocol = ip_protocol::icmp,
                  .checksum = be16{0},
                  .source = to_be32(source),
                  .destination = ip.source};
    message.ip.checksum = ipv4_checksum(message.ip);
    message.type = what.type;
    message.code = what.code;
    message.checksum = be16{0};
    message.value = be32{value};
    InternetSum sum;
    sum.add(&message.type, icmp_header + quoted);
    message.checksum = sum.checksum();
    send_back(*made, about, way, context);
}

void finish_message6(Packet& made, const IpAddress& from, const IpAddress& to, IcmpCode what,
                     std::uint32_t value, std::uint32_t payload, std::uint8_t hop_limit) noexcept {
    auto& message = *made.header<IcmpMessage6>(ethernet_header_size);
    message.ip = {.version_class_flow = be32{6u << 28},
                  .payload_length = be16{static_cast<std::uint16_t>(icmp_header + payload)},
                  .next_header = ip_protocol::icmpv6,
                  .hop_limit = hop_limit,
                  .source = from.bytes,
                  .destination = to.bytes};
    message.type = what.type;
    message.code = what.code;
    message.checksum = be16{0};
    message.value = be32{value};
    InternetSum sum = pseudo_header(message.ip, ip_protocol::icmpv6, icmp_header + payload);
    add_chain(sum, &made, ethernet_header_size + sizeof(Ipv6Header), icmp_header + payload);
    message.checksum = sum.checksum();
}

void send_message6(Packet& about, IcmpCode what, std::uint32_t value, Context& context) noexcept {
    const IpAddress to{ipv6(about).source};
    const Sender sender = sender6_of(about, context);
    const WayBack way = way_back(about, sender.address, to, context);
    if (way.none()) return;
    const IpAddress source = sender.by(way, to, true, context);
    if (source == IpAddress{}) return;
    const std::uint32_t quoted =
        std::min<std::uint32_t>(quotable_length(about, context), most6 - sizeof(IcmpMessage6));
    Packet* made = new_packet(ether_type::ipv6, sizeof(IcmpMessage6) + quoted, context);
    if (!made) return context.count_drop(DropReason::route_no_mbuf, about.meta.iif, 0);
    quote(about, quoted, made->header<std::byte>(ethernet_header_size + sizeof(IcmpMessage6)), context);
    finish_message6(*made, source, to, what, value, quoted, default_ttl);
    send_back(*made, about, way, context);
}

}  // namespace weft
