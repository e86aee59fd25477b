#include "dataplane/host/host.hpp"

#include "dataplane/egress/tag.hpp"
#include "dataplane/ingress/enter.hpp"

namespace weft {

DropReason kernel_would_refuse(Packet& packet, const Interface& interface, Context& context) noexcept {
    if (!interface.has_tap || !context.punt) return DropReason::punt_no_kernel;
    const auto& ring = context.punt->by_class[static_cast<std::size_t>(punt_class_of(packet))];
    return ring.count() + 1 >= PuntQueues::size ? DropReason::punt_queue_full : DropReason::count;
}

Verdict give_kernel(Packet& packet, Context& context) noexcept {
    const Interface& in = context.topology->interface(packet.meta.iif);
    if (!in.has_tap || !context.punt) return Verdict::drop(DropReason::punt_no_kernel);
    return punt(packet, punt_class_of(packet));
}

bool Host::is_routed(Packet& packet, const Context& context) noexcept {
    const auto type = packet.ethernet().type.host();
    const Routing& routing = *context.routing;
    const bool here4 = routing.tables[0].v4 || !routing.rules4.empty();
    const bool here6 = routing.tables[0].v6 || !routing.rules6.empty();
    return (type == ether_type::ipv4 && here4) || (type == ether_type::ipv6 && here6);
}

Verdict Host::take_tagged(Packet& packet, Context& context) noexcept {
    if (packet.meta.vlan_tci & vid_mask) return give_kernel(packet, context);
    constexpr std::uint32_t all_tags = max_hops * std::uint32_t{vlan_tag_size};
    return with_own_head(packet, ip_head_bytes + all_tags, context,
                         [&](Packet& own) { return take_untagged(own, context); });
}

Verdict Host::take_untagged(Packet& packet, Context& context) noexcept {
    const Interface& in = context.topology->interface(packet.meta.iif);
    while (packet.meta.tag_place != TagPlace::none) {
        if (packet.meta.vlan_tci & vid_mask) {
            const IfIndex sub = sub_interface_of(packet, in);
            return sub == no_interface
                       ? give_kernel(packet, context)
                       : enter_sub_interface(packet, context.topology->interface(sub), context);
        }
        if (++packet.meta.hops > max_hops) return Verdict::drop(DropReason::ingress_too_many_hops);
        if (!pop_tag(packet)) return Verdict::drop(DropReason::ingress_truncated_tag);
    }
    if (is_vlan_tpid(packet.ethernet().type.host())) return Verdict::drop(DropReason::ingress_truncated_tag);
    return is_routed(packet, context) ? enter_ip(packet, context) : give_kernel(packet, context);
}

}  // namespace weft
