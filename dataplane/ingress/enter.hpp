// A frame is received on an interface: which of its sub-interfaces, its bridge or the host takes it.
// Linux: __netif_receive_skb_core (net/core/dev.c), which asks the VLAN devices before the bridge.
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/egress/tag.hpp"
#include "weft/net/ethernet.hpp"

namespace weft {

/// Internal interfaces a packet may pass (sub-interface over bridge over …) before it is taken for a loop.
inline constexpr std::uint8_t max_hops = 8;

/// What every frame that a port received gets, besides the tag.
inline void enter_metadata(Packet& packet, const Interface& port) noexcept {
    auto& meta = packet.meta;
    meta.iif = meta.port_iif = port.index;
    meta.hops = meta.flags = meta.queue_class = 0;
    meta.mark = 0;
    meta.connection_state = 0;
}

/// Reads an outermost tag that still stands in the frame into metadata.
/// Returns false if the frame ends inside the tag.
inline bool classify_tag(Packet& packet) noexcept {
    auto& meta = packet.meta;
    if (meta.tag_place == TagPlace::stripped) return true;
    const auto type = packet.ethernet().type.host();
    if (!is_vlan_tpid(type)) [[likely]] {
        meta.tag_place = TagPlace::none;
        return true;
    }
    if (packet.head_length() < ethernet_header_size + vlan_tag_size) return false;
    meta.vlan_tpid = type;
    meta.vlan_tci = packet.header<be16>(ethernet_header_size)->host();
    meta.tag_place = TagPlace::in_frame;
    return true;
}

/// Takes the tag off and receives the frame on the sub-interface. Out of line: not the common way.
Verdict enter_sub_interface(Packet& packet, const Interface& sub, Context& context) noexcept;

/// Of `in`, to which the outermost tag leads; no_interface if there is none.
inline IfIndex sub_interface_of(const Packet& packet, const Interface& in) noexcept {
    if (!in.demux || packet.meta.tag_place == TagPlace::none) [[likely]]
        return no_interface;
    const auto& by_vid = packet.meta.vlan_tpid == ether_type::vlan ? in.demux->customer : in.demux->service;
    return by_vid[packet.meta.vlan_tci & vid_mask];
}

/// Receives a frame whose tag is classified on `in`. Writes iif, on sub-interfaces also the tag fields.
inline Verdict enter(Packet& packet, const Interface& in, Context& context) noexcept {
    packet.meta.iif = in.index;
    const IfIndex sub = sub_interface_of(packet, in);
    if (sub != no_interface) [[unlikely]]
        return enter_sub_interface(packet, context.topology->interface(sub), context);
    return Verdict::to(in.bridge_port != no_index ? StageId::bridge_input : StageId::host);
}

}  // namespace weft
