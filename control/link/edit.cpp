#include "control/link/edit.hpp"

#include "control/model/commands.hpp"

#include <algorithm>

#include "control/bridge/edit.hpp"
#include "control/route/commands/edit.hpp"
#include "control/sysctl/names.hpp"

namespace weft {

namespace {

constexpr std::uint16_t ether_mtu = 1500;  // ether_setup

}  // namespace

void add_link(Model& model, const std::string& name, LinkSpec link) {
    model.links.emplace(name, std::move(link));
    model.order.push_back(name);
}

void remove_link(Model& model, const std::string& gone) {
    const std::string name = gone;  // may be the key that goes
    std::vector<std::string> along;
    if (const auto it = model.links.find(name); it != model.links.end() && veth_of(it->second))
        along.push_back(veth_of(it->second)->peer);
    for (auto& [other, link] : model.links) {
        if (link.member && link.member->bridge == name) leave_bridge(model, other);
        const auto* vlan = vlan_of(link);
        if (vlan && vlan->parent == name) along.push_back(other);
    }
    std::erase_if(model.fdb, [&](const auto& entry) { return entry.first.device == name; });
    std::erase_if(model.addresses, [&](const AddressSpec& address) { return address.device == name; });
    std::erase_if(model.sysctls, [&](const auto& entry) { return sysctl_device(entry.first) == name; });
    forget_device(model.routing, name);
    model.links.erase(name);
    std::erase(model.order, name);
    for (const auto& other : along)
        remove_link(model, other);
}

std::optional<std::uint16_t> known_mtu(const Model& model, const std::string& name) {
    const auto* link = model.find(name);
    // a chain of sub-interfaces is short; one that bites its tail is refused by validate
    for (int depth = 0; link && depth < 8; ++depth) {
        if (link->mtu) return link->mtu;
        if (veth_of(*link) || is_dummy(*link)) return ether_mtu;
        const auto* vlan = vlan_of(*link);
        if (!vlan) break;
        link = model.find(vlan->parent);
    }
    return std::nullopt;
}

std::optional<std::uint16_t> mtu_below(const Session& session, const VlanSpec& vlan) {
    if (const auto known = known_mtu(session.model, vlan.parent); known || !session.live) return known;
    const auto live = session.live->link(vlan.parent);
    return live ? std::optional{live->mtu} : std::nullopt;
}

void set_mtu(Model& model, const std::string& name, std::uint16_t mtu) {
    model.links.at(name).mtu = mtu;
    for (const auto& [other, link] : model.links) {
        const auto* vlan = vlan_of(link);
        if (vlan && vlan->parent == name && link.mtu && *link.mtu > mtu) set_mtu(model, other, mtu);
    }
}

}  // namespace weft
