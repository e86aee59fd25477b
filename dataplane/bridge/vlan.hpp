// VLANs at a filtering bridge's ports (IEEE 802.1Q 8.6.2, 8.8.2; Linux net/bridge/br_vlan.c).
//
// Within a filtering bridge every frame has a tag of the bridge's protocol in its metadata, whether it came
// with one (in_frame or stripped) or was given the port's PVID (stripped). A tag of another protocol is
// payload.
#pragma once

#include "dataplane/egress/tag.hpp"
#include "weft/packet.hpp"
#include "weft/topology.hpp"

namespace weft {

/// __allowed_ingress: finds the frame's VLAN at a port with these VLANs, sets bridge_vid and the tag.
/// Returns false if the frame is to be dropped: no member, no PVID.
inline bool vlan_ingress(Packet& packet, const Bridge& bridge, const VlanSet& vlans) noexcept {
    auto& meta = packet.meta;
    if (meta.tag_place != TagPlace::none && meta.vlan_tpid != bridge.vlan_tpid) [[unlikely]] {
        if (meta.tag_place == TagPlace::stripped && !insert_stripped(packet)) return false;
        meta.tag_place = TagPlace::none;
    }
    if (meta.tag_place == TagPlace::none) {
        if (vlans.pvid == 0) return false;
        meta.tag_place = TagPlace::stripped;
        meta.vlan_tpid = bridge.vlan_tpid;
        meta.vlan_tci = meta.bridge_vid = vlans.pvid;
        return true;
    }
    const std::uint16_t vid = meta.vlan_tci & vid_mask;
    if (vid == 0) [[unlikely]] {  // priority-tagged: the PVID, its priority kept
        if (vlans.pvid == 0) return false;
        meta.vlan_tci |= vlans.pvid;
        meta.bridge_vid = vlans.pvid;
        if (meta.tag_place == TagPlace::in_frame)
            *packet.header<be16>(ethernet_header_size) = be16{meta.vlan_tci};
        return true;
    }
    meta.bridge_vid = vid;
    return vlans.member(vid);
}

/// br_handle_vlan: makes the frame's tag what a member of bridge_vid sends. False if it cannot be edited.
inline bool vlan_egress(Packet& packet, const VlanSet& vlans) noexcept {
    auto& meta = packet.meta;
    if (!vlans.untagged(meta.bridge_vid)) return true;
    return pop_tag(packet);
}

}  // namespace weft
