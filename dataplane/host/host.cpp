#include "dataplane/host/host.hpp"

#include "dataplane/egress/tag.hpp"

namespace weft {

DropReason kernel_would_refuse(Packet& packet, const Interface& interface, Context& context) noexcept {
    if (!interface.has_tap || !context.punt) return DropReason::punt_no_kernel;
    const auto& ring = context.punt->by_class[static_cast<std::size_t>(punt_class_of(packet))];
    return ring.count() + 1 >= PuntQueues::size ? DropReason::punt_queue_full : DropReason::count;
}

bool Host::is_routed(Packet& packet, Context& context) noexcept {
    auto& meta = packet.meta;
    // A priority tag is no VLAN (IEEE 802.1Q 9.3; net/8021q/vlan_core.c, vlan_do_receive).
    if (meta.tag_place != TagPlace::none) {
        if (meta.vlan_tci & vid_mask || !pop_tag(packet) || meta.tag_place != TagPlace::none) return false;
    }
    const auto type = packet.ethernet().type.host();
    const Routing& routing = *context.routing;
    const bool here4 = routing.tables[0].v4 || !routing.rules4.empty();
    const bool here6 = routing.tables[0].v6 || !routing.rules6.empty();
    return (type == ether_type::ipv4 && here4) || (type == ether_type::ipv6 && here6);
}

}  // namespace weft
