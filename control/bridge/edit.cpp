#include "control/bridge/edit.hpp"

#include "control/link/edit.hpp"

namespace weft {

namespace {

constexpr VlanMembership default_membership{.pvid = true, .untagged = true};

/// Whether the VLAN is still as the default left it.
bool is_default(const VlanMemberships& vlans, std::uint16_t vid) {
    const auto it = vlans.find(vid);
    return it != vlans.end() && it->second == default_membership;
}

}  // namespace

BridgeSpec new_bridge() {
    BridgeSpec bridge;
    bridge.vlans.emplace(bridge.vlan_default_pvid, default_membership);
    return bridge;
}

MemberSpec new_member(const Model& model, const std::string& bridge) {
    MemberSpec member;
    member.bridge = bridge;
    const auto pvid = bridge_of(*model.find(bridge))->vlan_default_pvid;
    if (pvid) member.vlans.emplace(pvid, default_membership);
    return member;
}

void join_bridge(Model& model, const std::string& name, const std::string& bridge) {
    auto& link = model.links.at(name);
    if (link.member && link.member->bridge == bridge) return;
    leave_bridge(model, name);
    link.member = new_member(model, bridge);
}

void leave_bridge(Model& model, const std::string& name) {
    auto& link = model.links.at(name);
    if (!link.member) return;
    link.member.reset();
    std::erase_if(model.fdb, [&](const auto& entry) { return entry.first.device == name; });
}

void add_vlans(VlanMemberships& vlans, command::VidRange range, VlanMembership membership) {
    if (membership.pvid)
        for (auto& [vid, other] : vlans)
            other.pvid = false;
    for (unsigned vid = range.first; vid <= range.last; ++vid)
        vlans[static_cast<std::uint16_t>(vid)] = membership;
}

void remove_vlans(Model& model, const std::string& device, VlanMemberships& vlans, command::VidRange range) {
    vlans.erase(vlans.lower_bound(range.first), vlans.upper_bound(range.last));
    std::erase_if(model.fdb, [&](const auto& entry) {
        return entry.first.device == device && entry.first.vid >= range.first &&
               entry.first.vid <= range.last;
    });
}

void set_default_pvid(Model& model, const std::string& name, std::uint16_t pvid) {
    auto& bridge = std::get<BridgeSpec>(model.links.at(name).kind);
    const auto old = bridge.vlan_default_pvid;
    if (old == pvid) return;
    const auto change = [&](const std::string& device, VlanMemberships& vlans) {
        if (old && !is_default(vlans, old)) return;
        if (pvid && vlans.contains(pvid)) return;
        if (pvid) add_vlans(vlans, {pvid, pvid}, default_membership);
        if (old) remove_vlans(model, device, vlans, {old, old});
    };
    change(name, bridge.vlans);
    for (auto& [device, link] : model.links)
        if (link.member && link.member->bridge == name) change(device, link.member->vlans);
    bridge.vlan_default_pvid = pvid;
}

const VlanMemberships* vlans_of(const Model& model, const std::string& device) {
    const auto* link = model.find(device);
    if (!link) return nullptr;
    if (const auto* bridge = bridge_of(*link)) return &bridge->vlans;
    return link->member ? &link->member->vlans : nullptr;
}

VlanMemberships* vlans_of(Model& model, const std::string& device) {
    return const_cast<VlanMemberships*>(vlans_of(std::as_const(model), device));
}

std::string fdb_bridge(const Model& model, const std::string& device) {
    const auto* link = model.find(device);
    if (!link) return {};
    if (bridge_of(*link)) return device;
    return link->member ? link->member->bridge : std::string{};
}

std::map<FdbKey, FdbSpec>::iterator find_fdb(Model& model, const std::string& bridge, const MacAddress& mac,
                                             std::uint16_t vid) {
    for (const auto& [device, link] : model.links) {
        if (device != bridge && (!link.member || link.member->bridge != bridge)) continue;
        const auto it = model.fdb.find({device, mac, vid});
        if (it != model.fdb.end()) return it;
    }
    return model.fdb.end();
}

}  // namespace weft
