#include "control/model/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "control/address/words.hpp"
#include "control/bridge/edit.hpp"
#include "control/link/edit.hpp"
#include "control/port/validate.hpp"
#include "control/route/commands/validate.hpp"
#include "control/sysctl/names.hpp"
#include "weft/counters.hpp"

namespace weft {

namespace {

constexpr std::size_t max_fdb_domains = 65534;  // 16 bits of the FDB's key, without 0 and no_index
constexpr int max_depth = 8;                    // as Linux nests devices, and as many hops as ingress allows

Result<> check_names(const Model& model) {
    if (model.links.size() >= max_interfaces)
        return refuse(fmt::format("{} interfaces are too many: weft has room for {}", model.links.size(),
                                  max_interfaces - 1));
    for (const auto& [name, link] : model.links)
        if (!command::is_interface_name(name))
            return refuse(fmt::format(
                "\"{}\" is no interface name: 1 to 15 characters, no '/', ':', '%' or blank", name));
    for (const auto* word :
         {"all", "default"})  // directories of net/ipv4/conf: the kernel takes no such device
        if (model.links.contains(word))
            return refuse(
                fmt::format("\"{}\" stands for every interface in the kernel's settings: take "
                            "another name",
                            word));
    if (model.links.contains("any"))
        return refuse("\"any\" stands for every interface to tcpdump: take another name");
    auto ordered = model.order;
    std::sort(ordered.begin(), ordered.end());
    const bool same = std::equal(ordered.begin(), ordered.end(), model.links.begin(), model.links.end(),
                                 [](const auto& name, const auto& link) { return name == link.first; });
    if (!same) return refuse("the order of the links does not name each of them once");
    return {};
}

Result<> check_vlans(const Model& model) {
    std::set<std::tuple<std::string, std::uint16_t, std::uint16_t>> seen;
    for (const auto& [name, link] : model.links) {
        const auto* vlan = vlan_of(link);
        if (!vlan) continue;
        if (!model.find(vlan->parent))
            return refuse(fmt::format("{}: the interface below it, {}, does not exist", name, vlan->parent));
        if (is_tun(*model.find(vlan->parent)))
            return refuse(fmt::format("{}: {} has no Ethernet header for a tag", name, vlan->parent));
        if (vlan->vid > 4094)
            return refuse(fmt::format("{}: VLAN {} is not one of 0 to 4094", name, vlan->vid));
        if (!seen.emplace(vlan->parent, vlan->tpid, vlan->vid).second)
            return refuse(
                fmt::format("{}: {} has a sub-interface for VLAN {} already", name, vlan->parent, vlan->vid));
    }
    return {};
}

Result<> check_veths(const Model& model) {
    for (const auto& [name, link] : model.links) {
        const auto* veth = veth_of(link);
        if (!veth) continue;
        const auto* peer = model.find(veth->peer);
        if (name == veth->peer || !peer || !veth_of(*peer) || veth_of(*peer)->peer != name)
            return refuse(fmt::format("{}: {} is not the other end of its veth pair", name, veth->peer));
    }
    return {};
}

Result<> check_mtus(const Model& model) {
    for (const auto& [name, link] : model.links) {
        if (!link.mtu) continue;
        if (*link.mtu < 68)
            return refuse(fmt::format("{}: MTU {} is below 68, which IP needs", name, *link.mtu));
        const auto* vlan = vlan_of(link);
        const auto below = vlan ? known_mtu(model, vlan->parent) : std::nullopt;
        if (below && *link.mtu > *below)
            return refuse(fmt::format("{}: MTU {} is more than the {} of {} below it", name, *link.mtu,
                                      *below, vlan->parent));
    }
    return {};
}

Result<> check_members(const Model& model) {
    for (const auto& [name, link] : model.links) {
        if (link.address && !link.address->is_station())
            return refuse(
                fmt::format("{}: {} is not the address of one station", name, to_string(*link.address)));
        if (is_tun(link) && (link.member || link.address))
            return refuse(
                fmt::format("{}: mode tun has no Ethernet header, so neither bridge nor address", name));
        if (!link.member) continue;
        const auto* master = model.find(link.member->bridge);
        if (!master)
            return refuse(fmt::format("{}: the bridge {} does not exist", name, link.member->bridge));
        if (!bridge_of(*master))
            return refuse(fmt::format("{}: {} is not a bridge", name, link.member->bridge));
        if (bridge_of(link)) return refuse(fmt::format("{}: a bridge cannot be a member of a bridge", name));
    }
    return {};
}

/// Walks from each link to what stands below it: a sub-interface on its parent, a bridge on its members.
class DepthCheck {
  public:
    explicit DepthCheck(const Model& model) : model_(model) {
        for (const auto& [name, link] : model.links)
            if (link.member) members_[link.member->bridge].push_back(name);
    }

    Result<> run() {
        for (const auto& [name, link] : model_.links) {
            const auto depth = depth_of(name);
            if (!depth) return depth.error();
            if (*depth > max_depth)
                return refuse(fmt::format("{} stands on more than {} interfaces, one above the other", name,
                                          max_depth));
        }
        return {};
    }

  private:
    static constexpr int walking = -1;

    Result<int> depth_of(const std::string& name) {
        const auto [it, first] = depths_.emplace(name, walking);
        if (!first) {
            if (it->second != walking) return it->second;
            return refuse(fmt::format("{} would be a part of itself: take it out of its bridge", name));
        }
        int depth = 0;
        for (const auto& below : below_of(name)) {
            const auto one = depth_of(below);
            if (!one) return one;
            depth = std::max(depth, *one + 1);
        }
        depths_[name] = depth;
        return depth;
    }

    std::vector<std::string> below_of(const std::string& name) {
        const auto* link = model_.find(name);
        if (const auto* vlan = vlan_of(*link)) return {vlan->parent};
        return bridge_of(*link) ? members_[name] : std::vector<std::string>{};
    }

    const Model& model_;
    std::map<std::string, std::vector<std::string>> members_;
    std::map<std::string, int> depths_;
};

Result<> check_domains(const Model& model) {
    std::map<std::string, std::set<std::uint16_t>> vlans;
    std::size_t domains = 0;
    for (const auto& [name, link] : model.links) {
        if (const auto* bridge = bridge_of(link)) {
            ++domains;
            for (const auto& [vid, membership] : bridge->vlans)
                vlans[name].insert(vid);
        }
        if (link.member)
            for (const auto& [vid, membership] : link.member->vlans)
                vlans[link.member->bridge].insert(vid);
    }
    for (const auto& [bridge, vids] : vlans) {
        if (!vids.empty() && (*vids.begin() == 0 || *vids.rbegin() > 4094))
            return refuse(fmt::format("{}: VLANs are numbered 1 to 4094", bridge));
        if (bridge_of(*model.find(bridge))->vlan_filtering) domains += vids.size();
    }
    if (domains > max_fdb_domains)
        return refuse(fmt::format("{} VLANs on all bridges together are too many: the FDB tells {} apart",
                                  domains, max_fdb_domains));
    return {};
}

Result<> check_fdb(const Model& model) {
    std::set<std::tuple<std::string, MacAddress, std::uint16_t>> seen;
    for (const auto& [key, spec] : model.fdb) {
        const auto bridge = fdb_bridge(model, key.device);
        if (bridge.empty())
            return refuse(
                fmt::format("FDB entry {}: {} is no member of a bridge", to_string(key.mac), key.device));
        if (key.vid && !vlans_of(model, key.device)->contains(key.vid))
            return refuse(fmt::format("FDB entry {}: {} is no member of VLAN {}", to_string(key.mac),
                                      key.device, key.vid));
        if (!seen.emplace(bridge, key.mac, key.vid).second)
            return refuse(
                fmt::format("FDB entry {}: {} has it at two interfaces", to_string(key.mac), bridge));
    }
    return {};
}

Result<> check_addresses(const Model& model) {
    for (auto it = model.addresses.begin(); it != model.addresses.end(); ++it) {
        if (!model.find(it->device))
            return refuse(fmt::format("{}: there is no interface {}", it->address, it->device));
        if (!command::parse_prefix(it->address))
            return refuse(fmt::format("{} is not an address", it->address));
        if (std::any_of(model.addresses.begin(), it,
                        [&](const auto& other) { return same_address(other, *it); }))
            return refuse(fmt::format("{} has the address {} twice", it->device, it->address));
    }
    return {};
}

Result<> check_sysctls(const Model& model) {
    for (const auto& [name, value] : model.sysctls) {
        if (const auto kind = sysctl_kind(name); kind != SysctlKind::of_link && kind != SysctlKind::own)
            return refuse(fmt::format("{} cannot be set", name));
        if (const auto device = sysctl_device(name); !device.empty() && !model.find(device))
            return refuse(fmt::format("{}: there is no interface {}", name, sysctl_device(name)));
    }
    return {};
}

}  // namespace

Result<> validate(const Model& model) {
    for (const auto check : {check_names, check_vlans, check_veths, check_members, check_mtus, validate_ports,
                             check_domains, check_fdb, check_addresses, validate_routing, check_sysctls})
        if (auto checked = check(model); !checked) return checked;
    return DepthCheck{model}.run();
}

}  // namespace weft
