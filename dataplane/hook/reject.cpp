#include "dataplane/hook/reject.hpp"

#include "dataplane/hook/connection.hpp"
#include "dataplane/hook/layer4.hpp"
#include "dataplane/hook/whole.hpp"
#include "dataplane/route/header.hpp"
#include "dataplane/route/icmp.hpp"
#include "dataplane/route/icmp_message.hpp"
#include "dataplane/route/lookup.hpp"
#include "weft/net/address.hpp"
#include "weft/net/checksum.hpp"

namespace weft {

namespace {

constexpr std::uint8_t fin = 1, syn = 2, rst = 4, ack = 16;

/// Of the answer to a segment (nf_reject_ip_tcphdr_put).
TcpHeader reset_of(const TcpHeader& segment, std::uint32_t length) noexcept {
    TcpHeader reset{};
    reset.source_port = segment.destination_port;
    reset.destination_port = segment.source_port;
    reset.data_offset = 5 << 4;
    if (segment.flags & ack) {
        reset.sequence = segment.acknowledgement;
        reset.flags = rst;
    } else {
        const std::uint32_t header = (segment.data_offset >> 4) * 4u;
        reset.acknowledgement = be32{segment.sequence.host() + ((segment.flags & syn) != 0) +
                                     ((segment.flags & fin) != 0) + length - header};
        reset.flags = rst | ack;
    }
    return reset;
}

void write_reset4(Packet& made, Packet& about, TcpHeader reset) noexcept {
    auto& ip = *made.header<Ipv4Header>(ethernet_header_size);
    constexpr std::uint16_t do_not_fragment = 0x4000;
    ip = {.version_ihl = 0x45,
          .tos = 0,
          .total_length = be16{sizeof(Ipv4Header) + sizeof(TcpHeader)},
          .id = be16{0},
          .fragment = be16{do_not_fragment},
          .ttl = default_ttl,
          .protocol = ip_protocol::tcp,
          .checksum = be16{0},
          .source = ipv4(about).destination,
          .destination = ipv4(about).source};
    ip.checksum = ipv4_checksum(ip);
    InternetSum sum = pseudo_header(ip, ip_protocol::tcp, sizeof reset);
    sum.add(&reset, sizeof reset);
    reset.checksum = sum.checksum();
    std::memcpy(&ip + 1, &reset, sizeof reset);
}

void write_reset6(Packet& made, Packet& about, TcpHeader reset) noexcept {
    auto& ip = *made.header<Ipv6Header>(ethernet_header_size);
    ip = {.version_class_flow = be32{6u << 28},
          .payload_length = be16{sizeof(TcpHeader)},
          .next_header = ip_protocol::tcp,
          .hop_limit = default_ttl,
          .source = ipv6(about).destination,
          .destination = ipv6(about).source};
    InternetSum sum = pseudo_header(ip, ip_protocol::tcp, sizeof reset);
    sum.add(&reset, sizeof reset);
    reset.checksum = sum.checksum();
    std::memcpy(&ip + 1, &reset, sizeof reset);
}

/// Also by a broadcast address of a network (RTCF_BROADCAST).
bool is_to_all4(Packet& about, const Context& context) noexcept {
    const auto to = to_address(ipv4(about).destination);
    return find_route({.destination = to}, *context.routing, *context.hops).kind == HopKind::broadcast;
}

bool may_be_reset(Packet& about, bool v6) noexcept {
    if (v6) {
        const Ipv6Header& ip = ipv6(about);
        return !address6::multicast(ip.source) && !address6::unspecified(ip.source) &&
               !address6::multicast(ip.destination);
    }
    const std::uint32_t to = ipv4(about).destination.host();
    return !address4::multicast(to) && to != address4::broadcast;
}

void send_reset(Packet& about, Context& context) noexcept {
    const bool v6 = is_ipv6(about);
    const auto l4 = layer4_of(about, context);
    if (!l4 || l4->protocol != ip_protocol::tcp || !may_be_reset(about, v6)) return;
    const auto whole = layer4_in(headers_in_one_piece(about, context), v6);
    if (!whole || whole->head < sizeof(TcpHeader)) return;
    TcpHeader segment;
    std::memcpy(&segment, whole->data, sizeof segment);
    if (segment.flags & rst || !has_right_sum(about, *l4, context)) return;
    const IpAddress to = v6 ? IpAddress{ipv6(about).source} : to_address(ipv4(about).source);
    const IpAddress from = v6 ? IpAddress{ipv6(about).destination} : to_address(ipv4(about).destination);
    const WayBack way = way_back(about, from, to, context);
    if (way.none()) return;
    const std::uint32_t header = v6 ? sizeof(Ipv6Header) : sizeof(Ipv4Header);
    Packet* made = new_packet(v6 ? ether_type::ipv6 : ether_type::ipv4, header + sizeof(TcpHeader), context);
    if (!made) return context.count_drop(DropReason::route_no_mbuf, about.meta.iif, 0);
    const TcpHeader reset = reset_of(segment, l4->length);
    if (v6)
        write_reset6(*made, about, reset);
    else
        write_reset4(*made, about, reset);
    close_connection(about, context);
    send_back(*made, about, way, context);
}

}  // namespace

void reject(Packet& packet, const hook::RejectTarget& how, Context& context) noexcept {
    if (!is_ipv6(packet) && is_to_all4(packet, context)) return;
    if (how.tcp_reset) return send_reset(packet, context);
    // Of what has a wrong checksum nobody can tell who sent it; nor of a later fragment (reject6_csum_ok).
    const auto l4 = layer4_of(packet, context);
    if (l4 ? !may_answer(packet, *l4, context) : is_ipv6(packet)) return;
    send_unreachable(packet, how.icmp_code, context);
}

}  // namespace weft
