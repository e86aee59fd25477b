// bridge_input: a frame arrives at a bridge port.
//   reads   addresses, tag
//   writes  bridge_vid, oif, tag fields; the FDB (learning)
//   to      egress (one port or copies to many), host (the bridge's own interface, link-local)
//   tables  BridgePort, Bridge, VlanSet of the port, FDB twice (source, destination)
//   Linux   br_handle_frame, br_handle_frame_finish (net/bridge/br_input.c)
#pragma once

#include "dataplane/bridge/forward.hpp"
#include "dataplane/context.hpp"

namespace weft {

struct BridgeInput {
    static constexpr StageId id = StageId::bridge_input;
    struct Prepared {
        std::uint64_t source_key, source_hash, destination_key, destination_hash;
        const BridgePort* port;
        const Bridge* bridge;
        DropReason refused;  ///< count: not refused
    };

    static void prepare(Packet& packet, Prepared& out, Context& context) noexcept {
        const Topology& topology = *context.topology;
        const BridgePort& port = topology.bridge_ports[topology.interface(packet.meta.iif).bridge_port];
        const Bridge& bridge = topology.bridges[port.bridge];
        out.port = &port;
        out.bridge = &bridge;
        out.refused = DropReason::count;
        FdbDomain domain = bridge.domain;
        packet.meta.bridge_vid = 0;
        if (port.vlans) {
            if (!vlan_ingress(packet, bridge, *port.vlans)) [[unlikely]] {
                out.refused = DropReason::bridge_vlan_filtered;
                return;
            }
            domain = (*bridge.vlan_domain)[packet.meta.bridge_vid];
        }
        const auto& ethernet = packet.ethernet();
        out.source_key = fdb_key(ethernet.source.raw(), domain);
        out.destination_key = fdb_key(ethernet.destination.raw(), domain);
        out.source_hash = context.fdb->hash(out.source_key);
        out.destination_hash = context.fdb->hash(out.destination_key);
        context.fdb->prefetch(out.source_hash);
        context.fdb->prefetch(out.destination_hash);
    }

    static Verdict decide(Packet& packet, const Prepared& in, Context& context) noexcept {
        const BridgePort& port = *in.port;
        const auto& ethernet = packet.ethernet();
        if (!ethernet.source.is_station()) [[unlikely]]
            return Verdict::drop(DropReason::bridge_bad_source);
        if (ethernet.destination.is_link_local()) [[unlikely]]
            return link_local(packet, in, context);
        if (in.refused != DropReason::count) [[unlikely]]
            return Verdict::drop(in.refused);
        return decide_forwardable(packet, in, context, port, ethernet);
    }

  private:
    static Verdict decide_forwardable(Packet& packet, const Prepared& in, Context& context,
                                      const BridgePort& port, const EthernetHeader& ethernet) noexcept {
        if (port.state != PortState::forwarding && port.state != PortState::learning) [[unlikely]]
            return Verdict::drop(DropReason::bridge_port_disabled);
        if (port.locked && !known_here(in, context)) [[unlikely]]
            return Verdict::drop(DropReason::bridge_locked);
        if (port.learning) learn(packet, in, context);
        if (port.state == PortState::learning) [[unlikely]]
            return Verdict::drop(DropReason::bridge_port_disabled);
        if (ethernet.destination.is_group()) [[unlikely]]
            return flood(packet, port, *in.bridge,
                         ethernet.destination.is_broadcast() ? GroupKind::broadcast : GroupKind::multicast,
                         true, context);
        const FdbHit hit = context.fdb->find(in.destination_key, in.destination_hash);
        if (!hit.found) [[unlikely]]
            return flood(packet, port, *in.bridge, GroupKind::unknown_unicast, false, context);
        if (hit.flags & (FdbFlags::local | FdbFlags::blackhole)) [[unlikely]]
            return hit.flags & FdbFlags::local ? pass_up(packet, *in.bridge, context)
                                               : Verdict::drop(DropReason::bridge_blackhole);
        if (!context.topology->is_member(hit.port, port.bridge)) [[unlikely]]
            return flood(packet, port, *in.bridge, GroupKind::unknown_unicast, false, context);
        const BridgePort& to = context.topology->bridge_ports[hit.port];
        if (is_for_above(packet, context)) [[unlikely]] {
            pass_copy_above(packet, *in.bridge, context);
            return forward_shared(packet, port, to, context);
        }
        return forward(packet, port, to);
    }

    static bool known_here(const Prepared& in, Context& context) noexcept {
        const FdbHit source = context.fdb->find(in.source_key, in.source_hash);
        const auto self = static_cast<BridgePortIndex>(in.port - context.topology->bridge_ports.data());
        return source.found && !(source.flags & FdbFlags::local) && source.port == self;
    }

    static void learn(Packet& packet, const Prepared& in, Context& context) noexcept {
        const BridgePort& port = *in.port;
        const auto self = static_cast<BridgePortIndex>(&port - context.topology->bridge_ports.data());
        const Learned learned =
            context.fdb->learn(in.source_key, in.source_hash, self, port.bridge, context.now_seconds,
                               {.port_max = port.fdb_max_learned, .bridge_max = in.bridge->fdb_max_learned});
        if (learned >= Learned::held) [[unlikely]]
            count_unlearned(packet, learned, context);
    }

    static void count_unlearned(Packet& packet, Learned learned, Context& context) noexcept;
    /// 01:80:c2:00:00:0X, before VLAN and state: to the port's own TAP, on to the bridge only as Linux does.
    static Verdict link_local(Packet& packet, const Prepared& in, Context& context) noexcept;
};
static_assert(Stage<BridgeInput>);

}  // namespace weft
