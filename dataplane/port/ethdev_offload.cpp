#include "dataplane/port/ethdev_offload.hpp"

#include <cstddef>
#include <cstring>

#include "weft/net/checksum.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/net/ip.hpp"

namespace weft::ports {

namespace {

constexpr std::uint16_t addresses = 2 * sizeof(MacAddress);

/// Where L3 begins and what it is; in-frame tags skipped. type 0 if the first segment ends before.
struct Layer3 {
    std::uint16_t offset, type;
};
Layer3 layer_3(Packet& packet) noexcept {
    std::uint16_t at = addresses;
    for (; at + sizeof(be16) <= packet.head_length(); at = static_cast<std::uint16_t>(at + vlan_tag_size)) {
        const std::uint16_t type = packet.header<be16>(at)->host();
        if (!is_vlan_tpid(type)) return {static_cast<std::uint16_t>(at + sizeof(be16)), type};
    }
    return {at, 0};
}

/// Puts a tag after the addresses. False if there is no headroom.
bool insert_tag(Packet& packet, std::uint16_t tpid, std::uint16_t tci) noexcept {
    const auto* before = packet.data();
    auto* after = reinterpret_cast<std::byte*>(rte_pktmbuf_prepend(&packet, vlan_tag_size));
    if (!after) return false;
    std::memmove(after, before, addresses);
    const VlanTag tag{be16{tpid}, be16{tci}};
    std::memcpy(after + addresses, &tag, sizeof tag);
    return true;
}

/// The packet with a first segment that nobody else sees; null if no buffer was free.
Packet* own_head(Packet* packet, rte_mempool* pool) noexcept {
    if (RTE_MBUF_DIRECT(packet) && rte_mbuf_refcnt_read(packet) == 1) return packet;
    rte_mbuf* head = rte_pktmbuf_alloc(pool);
    if (!head) return nullptr;
    char* room = rte_pktmbuf_append(head, packet->data_len);
    if (!room) {
        rte_pktmbuf_free(head);
        return nullptr;
    }
    std::memcpy(room, packet->data(), packet->data_len);
    head->next = packet->next;
    head->nb_segs = packet->nb_segs;
    head->pkt_len = packet->pkt_len;
    Packet::from(head)->meta = packet->meta;
    packet->next = nullptr;
    packet->nb_segs = 1;
    rte_pktmbuf_free(packet);
    return Packet::from(head);
}

/// Checksum and segmentation of a TCP or UDP frame. False if the metadata contradicts the frame.
bool order_layer_4(Packet& packet) noexcept {
    const Metadata& meta = packet.meta;
    const auto [l3, type] = layer_3(packet);
    const bool tcp = meta.checksum_offset == offsetof(TcpHeader, checksum);
    if (meta.checksum != ChecksumState::unfinished || meta.checksum_start <= l3 ||
        (type != ether_type::ipv4 && type != ether_type::ipv6) ||
        (!tcp && meta.checksum_offset != offsetof(UdpHeader, checksum)) ||
        meta.checksum_start + (tcp ? sizeof(TcpHeader) : sizeof(UdpHeader)) > packet.head_length())
        return false;
    packet.tx_offload = 0;
    packet.l2_len = l3;
    packet.l3_len = meta.checksum_start - l3;
    packet.ol_flags |= type == ether_type::ipv4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
    packet.ol_flags |= tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
    if (meta.gso_type == GsoType::none) return true;

    const bool ipv4 = meta.gso_type == GsoType::tcp4;
    if (!tcp || meta.gso_type == GsoType::udp || ipv4 != (type == ether_type::ipv4)) return false;
    packet.l4_len = (packet.header<TcpHeader>(meta.checksum_start)->data_offset >> 4) * 4;
    packet.tso_segsz = meta.gso_size;
    packet.ol_flags |= RTE_MBUF_F_TX_TCP_SEG | (ipv4 ? RTE_MBUF_F_TX_IP_CKSUM : 0);
    return meta.checksum_start + packet.l4_len <= packet.head_length();
}

}  // namespace

void take_double_tag(Packet& packet) noexcept {
    // Metadata has room for the outer tag; the inner one goes back.
    if (!insert_tag(packet, ether_type::vlan, packet.vlan_tci)) return;
    packet.meta.vlan_tci = packet.vlan_tci_outer;
    packet.meta.vlan_tpid = ether_type::service_vlan;
}

void find_unfinished(Packet& packet) noexcept {
    const auto [l3, type] = layer_3(packet);
    std::uint32_t l4 = l3;
    std::uint8_t protocol = 0;
    if (type == ether_type::ipv4 && l3 + sizeof(Ipv4Header) <= packet.head_length()) {
        const auto& ip = *packet.header<Ipv4Header>(l3);
        l4 += ip.header_size();
        protocol = ip.protocol;
    } else if (type == ether_type::ipv6 && l3 + sizeof(Ipv6Header) <= packet.head_length()) {
        l4 += sizeof(Ipv6Header);
        protocol = packet.header<Ipv6Header>(l3)->next_header;
    }
    const bool tcp = protocol == ip_protocol::tcp;
    if ((!tcp && protocol != ip_protocol::udp) ||
        l4 + (tcp ? sizeof(TcpHeader) : sizeof(UdpHeader)) > packet.head_length())
        return;
    packet.meta.checksum = ChecksumState::unfinished;
    packet.meta.checksum_start = static_cast<std::uint16_t>(l4);
    packet.meta.checksum_offset = tcp ? offsetof(TcpHeader, checksum) : offsetof(UdpHeader, checksum);
}

void find_left_unfinished(Packet& packet) noexcept {
    find_unfinished(packet);
    if (packet.meta.checksum != ChecksumState::unfinished) return;
    const auto [l3, type] = layer_3(packet);
    const auto start = packet.meta.checksum_start;
    const auto field = *packet.header<be16>(start + packet.meta.checksum_offset);
    be16 bare;
    bool fragment = false;
    if (type == ether_type::ipv4) {
        const auto& ip = *packet.header<Ipv4Header>(l3);
        const std::uint32_t length = ip.total_length.host() - ip.header_size();
        bare = pseudo_header(ip, ip.protocol, length).sum();
        fragment = (ip.fragment.host() & 0x3fff) != 0;
    } else {
        const auto& ip = *packet.header<Ipv6Header>(l3);
        bare = pseudo_header(ip, ip.next_header, ip.payload_length.host()).sum();
    }
    if (fragment || field != bare) packet.meta.checksum = ChecksumState::unknown;
}

Order order_slowly(Packet*& packet, rte_mempool* pool) noexcept {
    // The driver writes the sum of a segment's pseudo-header into a TSO frame; others may hold the same
    // bytes.
    const bool foreign_tag =
        packet->meta.tag_place == TagPlace::stripped && packet->meta.vlan_tpid != ether_type::vlan;
    if (foreign_tag || packet->meta.gso_type != GsoType::none) {
        Packet* own = own_head(packet, pool);
        if (!own) return Order::refused;
        packet = own;
    }
    Metadata& meta = packet->meta;
    if (foreign_tag) {
        if (!insert_tag(*packet, meta.vlan_tpid, meta.vlan_tci)) return Order::refused;
        meta.tag_place = TagPlace::in_frame;
        meta.checksum_start = static_cast<std::uint16_t>(meta.checksum_start + vlan_tag_size);
    } else if (meta.tag_place == TagPlace::stripped) {
        packet->ol_flags |= RTE_MBUF_F_TX_VLAN;
        packet->vlan_tci = meta.vlan_tci;
    }
    if (meta.checksum != ChecksumState::unfinished && meta.gso_type == GsoType::none) return Order::plain;
    return order_layer_4(*packet) ? Order::prepare : Order::refused;
}

}  // namespace weft::ports
