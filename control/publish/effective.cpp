#include "control/publish/effective.hpp"

#include <algorithm>

namespace weft {

namespace {

class Resolver {
  public:
    Resolver(const Model& model, const std::map<std::string, PortFacts>& ports,
             const std::map<std::string, MacAddress>& random)
        : model_(model), ports_(ports), random_(random) {}

    std::map<std::string, Effective> all() {
        for (const auto& [name, link] : model_.links)
            resolve(name);
        return std::move(done_);
    }

  private:
    const Effective& resolve(const std::string& name) {
        if (const auto it = done_.find(name); it != done_.end()) return it->second;
        const LinkSpec& link = model_.links.at(name);
        done_[name] = {};  // ends the recursion of a model that nobody validated
        Effective e;
        if (std::holds_alternative<PortSpec>(link.kind))
            e = port(name, link);
        else if (const auto* vlan = std::get_if<VlanSpec>(&link.kind))
            e = sub_interface(*vlan, link);
        else if (const auto* veth = std::get_if<VethSpec>(&link.kind))
            e = veth_end(name, *veth, link);
        else if (std::holds_alternative<DummySpec>(link.kind))
            e = lone(name, link, true);
        else
            e = bridge(name, link);
        return done_[name] = e;
    }

    Effective port(const std::string& name, const LinkSpec& link) const {
        const auto it = ports_.find(name);
        const PortFacts facts = it == ports_.end() ? PortFacts{} : it->second;
        return {.mtu = link.mtu.value_or(facts.mtu),
                .mac = link.address.value_or(facts.mac),
                .up = link.up,
                .carrier = link.up && facts.link_up,
                .tags = facts.tags};
    }

    Effective sub_interface(const VlanSpec& vlan, const LinkSpec& link) {
        const Effective below = resolve(vlan.parent);
        auto mtu = link.mtu.value_or(below.mtu);
        // One tag more than the device takes is at the expense of what is in it.
        if (below.tags == 0) mtu = std::min(mtu, static_cast<std::uint16_t>(below.mtu - vlan_tag_size));
        return {.mtu = mtu,
                .mac = link.address.value_or(below.mac),
                .up = link.up,
                .carrier = link.up && below.up && below.carrier,
                .tags = static_cast<std::uint8_t>(below.tags - (below.tags != 0))};
    }

    /// An interface with nothing below it, and an address made up for it.
    Effective lone(const std::string& name, const LinkSpec& link, bool carrier) const {
        const auto random = random_.find(name);
        return {.mtu = link.mtu.value_or(1500),
                .mac = link.address.value_or(random == random_.end() ? MacAddress{} : random->second),
                .up = link.up,
                .carrier = link.up && carrier};
    }

    /// drivers/net/veth.c, veth_open: both ends have a carrier when both are up.
    Effective veth_end(const std::string& name, const VethSpec& veth, const LinkSpec& link) const {
        const auto peer = model_.links.find(veth.peer);
        return lone(name, link, peer != model_.links.end() && peer->second.up);
    }

    Effective bridge(const std::string& name, const LinkSpec& link) {
        std::optional<std::uint16_t> smallest;
        std::optional<MacAddress> lowest;
        bool carrier = false;
        for (const auto& [member, spec] : model_.links) {
            if (!spec.member || spec.member->bridge != name) continue;
            const Effective below = resolve(member);
            smallest = std::min(smallest.value_or(below.mtu), below.mtu);
            lowest = std::min(lowest.value_or(below.mac), below.mac);
            carrier |= below.up && below.carrier;
        }
        const auto random = random_.find(name);
        const MacAddress alone = random == random_.end() ? MacAddress{} : random->second;
        return {.mtu = link.mtu.value_or(smallest.value_or(1500)),
                .mac = link.address.value_or(lowest.value_or(alone)),
                .up = link.up,
                .carrier = link.up && carrier};
    }

    const Model& model_;
    const std::map<std::string, PortFacts>& ports_;
    const std::map<std::string, MacAddress>& random_;
    std::map<std::string, Effective> done_;
};

}  // namespace

std::map<std::string, Effective> effective(const Model& model, const std::map<std::string, PortFacts>& ports,
                                           const std::map<std::string, MacAddress>& random) {
    return Resolver(model, ports, random).all();
}

PortState effective_state(const MemberSpec& member, const Effective& port, const Effective& bridge) {
    return port.up && port.carrier && bridge.up ? member.state : PortState::disabled;
}

}  // namespace weft
