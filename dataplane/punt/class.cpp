#include "dataplane/punt/class.hpp"

#include "weft/net/ip.hpp"

namespace weft {

namespace {

constexpr std::uint8_t igmp = 2, eigrp = 88, ospf = 89, pim = 103, vrrp = 112;
constexpr std::uint16_t ssh_port = 22, bgp = 179, rip = 520, ripng = 521, ldp = 646, bfd = 3784,
                        bfd_echo = 3785, bfd_multihop = 4784;

constexpr bool of_routing(std::uint8_t protocol) noexcept {
    return protocol == igmp || protocol == eigrp || protocol == ospf || protocol == pim || protocol == vrrp;
}
constexpr bool of_routing(std::uint8_t protocol, std::uint16_t port) noexcept {
    if (protocol == ip_protocol::tcp) return port == bgp || port == ldp;
    return port == rip || port == ripng || port == ldp || port == bfd || port == bfd_echo ||
           port == bfd_multihop;
}

// RFC 4861 4: router solicitation 133 to redirect 137.
constexpr bool of_neighbour_discovery(std::uint8_t type) noexcept {
    return type >= 133 && type <= 137;
}

/// Of the upper layer at an offset; `otherwise` if it is none that has a class.
PuntClass class_of_upper(Packet& packet, std::uint8_t protocol, std::uint32_t at,
                         PuntClass otherwise) noexcept {
    if (of_routing(protocol)) return PuntClass::routing;
    if (protocol == ip_protocol::icmp) return PuntClass::icmp;
    if (packet.head_length() < at + 4) return otherwise;
    if (protocol == ip_protocol::icmpv6)
        return of_neighbour_discovery(*packet.header<std::uint8_t>(at)) ? PuntClass::nd : PuntClass::icmp;
    if (protocol != ip_protocol::tcp && protocol != ip_protocol::udp) return otherwise;
    for (const std::uint32_t port_at : {at, at + 2}) {
        const std::uint16_t port = packet.header<be16>(port_at)->host();
        if (of_routing(protocol, port)) return PuntClass::routing;
        if (protocol == ip_protocol::tcp && port == ssh_port) return PuntClass::ssh;
    }
    return otherwise;
}

PuntClass class_of_ipv4(Packet& packet, std::uint16_t l3, PuntClass otherwise) noexcept {
    if (packet.head_length() < l3 + sizeof(Ipv4Header)) return otherwise;
    const auto& ip = *packet.header<Ipv4Header>(l3);
    constexpr std::uint16_t offset_mask = 0x1fff;
    if (ip.fragment.host() & offset_mask) return otherwise;
    return class_of_upper(packet, ip.protocol, l3 + std::uint32_t{ip.header_size()}, otherwise);
}

PuntClass class_of_ipv6(Packet& packet, std::uint16_t l3, PuntClass otherwise) noexcept {
    if (packet.head_length() < l3 + sizeof(Ipv6Header)) return otherwise;
    std::uint8_t next = packet.header<Ipv6Header>(l3)->next_header;
    std::uint32_t at = l3 + std::uint32_t{sizeof(Ipv6Header)};
    // MLD comes behind a router alert (RFC 3810 5)
    if (next == ip_protocol::hop_by_hop && packet.head_length() >= at + 8) {
        const auto* header = packet.header<std::uint8_t>(at);
        next = header[0];
        at += (header[1] + 1u) * 8;
    }
    return class_of_upper(packet, next, at, otherwise);
}

}  // namespace

PuntClass punt_class_of(Packet& packet) noexcept {
    const auto& ethernet = packet.ethernet();
    if (ethernet.destination.is_link_local()) return PuntClass::link_local;
    std::uint16_t l3 = ethernet_header_size;
    std::uint16_t type = ethernet.type.host();
    if (is_vlan_tpid(type) && packet.head_length() >= ethernet_header_size + vlan_tag_size) {
        type = packet.header<be16>(ethernet_header_size + 2)->host();
        l3 += vlan_tag_size;
    }
    const PuntClass otherwise = ethernet.destination.is_group() ? PuntClass::broadcast : PuntClass::host;
    if (type == ether_type::arp) return PuntClass::arp;
    if (type == ether_type::ipv4) return class_of_ipv4(packet, l3, otherwise);
    if (type == ether_type::ipv6) return class_of_ipv6(packet, l3, otherwise);
    return otherwise;
}

}  // namespace weft
