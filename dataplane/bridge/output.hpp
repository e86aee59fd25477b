// bridge_output: the host sends by a bridge's own interface.
//   reads   oif (the bridge), destination, tag
//   writes  bridge_vid, oif, tag fields
//   to      egress (one port or copies to many)
//   tables  Bridge, its own VlanSet, FDB once
//   Linux   br_dev_xmit (net/bridge/br_device.c)
#pragma once

#include "dataplane/bridge/forward.hpp"
#include "dataplane/context.hpp"
#include "dataplane/observe/observer.hpp"

namespace weft {

struct BridgeOutput {
    static constexpr StageId id = StageId::bridge_output;
    struct Prepared {
        std::uint64_t key, hash;
        const Bridge* bridge;
        bool admitted;
    };

    static void prepare(Packet& packet, Prepared& out, Context& context) noexcept {
        const Topology& topology = *context.topology;
        const Bridge& bridge = topology.bridges[topology.interface(packet.meta.oif).bridge];
        FdbDomain domain = bridge.domain;
        out.bridge = &bridge;
        out.admitted = true;
        packet.meta.bridge_vid = 0;
        if (bridge.vlan_filtering) {
            out.admitted = vlan_ingress(packet, bridge, *bridge.self.vlans);
            if (!out.admitted) return;
            domain = (*bridge.vlan_domain)[packet.meta.bridge_vid];
        }
        out.key = fdb_key(packet.ethernet().destination.raw(), domain);
        out.hash = context.fdb->hash(out.key);
        context.fdb->prefetch(out.hash);
    }

    static Verdict decide(Packet& packet, const Prepared& in, Context& context) noexcept {
        if (!in.admitted) return Verdict::drop(DropReason::bridge_vlan_filtered);
        const Bridge& bridge = *in.bridge;
        const auto& destination = packet.ethernet().destination;
        (*context.counters)[bridge.interface].sent.add(1, packet.length());
        if (context.observer) [[unlikely]]
            context.observer->passes(packet, bridge.interface, Seen::sent, context);
        if (destination.is_group())
            return flood(packet, bridge.self, bridge,
                         destination.is_broadcast() ? GroupKind::broadcast : GroupKind::multicast, false,
                         context);
        const FdbHit hit = context.fdb->find(in.key, in.hash);
        if (hit.found && hit.flags & FdbFlags::local) return Verdict::drop(DropReason::bridge_same_port);
        if (hit.found && context.topology->is_member(hit.port, bridge.self.bridge))
            return forward(packet, bridge.self, context.topology->bridge_ports[hit.port]);
        return flood(packet, bridge.self, bridge, GroupKind::unknown_unicast, false, context);
    }
};
static_assert(Stage<BridgeOutput>);

}  // namespace weft
