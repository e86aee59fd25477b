#include "dataplane/route/header.hpp"

#include "weft/net/checksum.hpp"

namespace weft {

namespace {

// Keeps the first `length` bytes of the chain.
void trim(Packet& packet, std::uint32_t length) noexcept {
    packet.pkt_len = length;
    rte_mbuf* m = &packet;
    for (; length > m->data_len; m = m->next)
        length -= m->data_len;
    m->data_len = static_cast<std::uint16_t>(length);
    rte_mbuf* rest = m->next;
    m->next = nullptr;
    packet.nb_segs = 1;
    for (const rte_mbuf* s = packet.next; s; s = s->next)
        ++packet.nb_segs;
    if (rest) rte_pktmbuf_free(rest);
}

}  // namespace

DropReason check_ipv4(Packet& packet) noexcept {
    const std::uint32_t present = l3_length(packet);
    if (present < sizeof(Ipv4Header)) return DropReason::route_truncated;
    const Ipv4Header& ip = ipv4(packet);
    const std::uint16_t header = ip.header_size(), total = ip.total_length.host();
    if (ip.version_ihl >> 4 != 4) return DropReason::route_bad_version;
    if (header < sizeof(Ipv4Header)) return DropReason::route_bad_header;
    if (header > present) return DropReason::route_truncated;
    if (ipv4_checksum(ip) != ip.checksum && !(ip.checksum.raw() == 0xffff && ipv4_checksum(ip).raw() == 0))
        return DropReason::route_bad_checksum;
    if (total > present) return DropReason::route_truncated;
    if (total < header) return DropReason::route_bad_length;
    if (total < present) trim(packet, packet.meta.l3_offset + std::uint32_t{total});
    return DropReason::count;
}

DropReason check_ipv6(Packet& packet) noexcept {
    const std::uint32_t present = l3_length(packet);
    if (present < sizeof(Ipv6Header)) return DropReason::route_truncated;
    const Ipv6Header& ip = ipv6(packet);
    if (ip.version_class_flow.host() >> 28 != 6) return DropReason::route_bad_version;
    const std::uint32_t total = sizeof(Ipv6Header) + ip.payload_length.host();
    if (ip.payload_length.host() == 0 && ip.next_header == ip_protocol::hop_by_hop)
        return DropReason::route_bad_length;
    if (total > present) return DropReason::route_truncated;
    if (total < present) trim(packet, packet.meta.l3_offset + total);
    return DropReason::count;
}

}  // namespace weft
