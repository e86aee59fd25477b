#include "dataplane/host/host.hpp"

#include "weft/net/ip.hpp"

namespace weft {

namespace {

// RFC 4861 4: router solicitation 133 to redirect 137.
bool is_neighbour_discovery(Packet& packet, std::uint16_t l3) noexcept {
    if (packet.head_length() < l3 + sizeof(Ipv6Header) + 1) return false;
    if (packet.header<Ipv6Header>(l3)->next_header != ip_protocol::icmpv6) return false;
    const auto type = *packet.header<std::uint8_t>(l3 + sizeof(Ipv6Header));
    return type >= 133 && type <= 137;
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
    if (type == ether_type::arp) return PuntClass::arp;
    if (type == ether_type::ipv6 && is_neighbour_discovery(packet, l3)) return PuntClass::nd;
    return ethernet.destination.is_group() ? PuntClass::broadcast : PuntClass::host;
}

DropReason kernel_would_refuse(Packet& packet, const Interface& interface, Context& context) noexcept {
    if (!interface.has_tap || !context.punt) return DropReason::punt_no_kernel;
    const auto& ring = context.punt->by_class[static_cast<std::size_t>(punt_class_of(packet))];
    return ring.count() + 1 >= PuntQueues::size ? DropReason::punt_queue_full : DropReason::count;
}

}  // namespace weft
