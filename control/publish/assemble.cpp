#include "control/publish/assemble.hpp"

#include <fmt/format.h>

#include <set>

#include "dataplane/bridge/batch.hpp"
#include "dataplane/bridge/fdb.hpp"

namespace weft {

namespace {

template <class Key>
Result<> take_all(Numbers<Key>& numbers, const std::set<Key>& wanted, const char* what) {
    for (const auto& key : wanted)
        if (!numbers.take(key))
            return refuse(fmt::format("too many {}: the table is full; remove some first", what));
    return {};
}

template <class Key>
void release_others(Numbers<Key>& numbers, const std::set<Key>& wanted) {
    std::set<Key> gone;
    for (const auto& [key, number] : numbers.all())
        if (!wanted.contains(key)) gone.insert(key);
    for (const auto& key : gone)
        numbers.release(key);
}

/// The keys of everything that a model numbers.
struct Numbered {
    std::set<std::string> links, ports, bridges, members;
    std::set<DomainKey> domains;
};

void add_vlans(std::set<DomainKey>& domains, const std::string& bridge,
               const std::map<std::uint16_t, VlanMembership>& vlans) {
    for (const auto& [vid, membership] : vlans)
        domains.emplace(bridge, vid);
}

Numbered numbered(const Model& model) {
    Numbered all;
    for (const auto& [name, link] : model.links) {
        all.links.insert(name);
        if (std::holds_alternative<PortSpec>(link.kind)) all.ports.insert(name);
        if (link.member) all.members.insert(name);
        if (const auto* bridge = std::get_if<BridgeSpec>(&link.kind)) {
            all.bridges.insert(name);
            all.domains.emplace(name, std::uint16_t{0});
            if (bridge->vlan_filtering) add_vlans(all.domains, name, bridge->vlans);
        }
        if (!link.member) continue;
        const auto& master = std::get<BridgeSpec>(model.links.at(link.member->bridge).kind);
        if (master.vlan_filtering) add_vlans(all.domains, link.member->bridge, link.member->vlans);
    }
    return all;
}

std::shared_ptr<const VlanSet> vlan_set(const std::map<std::uint16_t, VlanMembership>& vlans) {
    auto set = std::make_shared<VlanSet>();
    for (const auto& [vid, membership] : vlans) {
        set->add(vid, membership.untagged);
        if (membership.pvid) set->pvid = vid;
    }
    return set;
}

/// Reserved group addresses that are the customers' business (BR_GROUPFWD_8021AD, net/bridge/br_private.h).
constexpr std::uint16_t provider_forwards = 0xb801;

class Assembler {
  public:
    Assembler(const AssembleInput& in, const Indexes& indexes) : in_(in), indexes_(indexes) {}

    std::unique_ptr<const Topology> run() {
        topology_->interfaces.resize(indexes_.interfaces.table_size());
        topology_->ports.resize(indexes_.ports.table_size());
        topology_->bridges.resize(indexes_.bridges.table_size());
        topology_->bridge_ports.resize(indexes_.bridge_ports.table_size());
        for (auto& hole : topology_->bridge_ports)
            hole.bridge = no_index;
        for (const auto& [name, link] : in_.model.links)
            add_link(name, link);
        for (const auto& [name, link] : in_.model.links)
            if (link.member) add_member(name, *link.member);
        add_demuxes();
        derive_exits(*topology_);
        return std::move(topology_);
    }

  private:
    IfIndex index_of(const std::string& name) const { return *indexes_.interfaces.find(name); }

    void add_link(const std::string& name, const LinkSpec& link) {
        const Effective& effective = in_.effective.at(name);
        Interface& interface = topology_->interfaces[index_of(name)];
        interface.index = index_of(name);
        interface.up = effective.up;
        interface.carrier = effective.carrier;
        interface.mtu = effective.mtu;
        interface.mac = effective.mac;
        interface.has_tap = in_.kernel;
        if (std::holds_alternative<PortSpec>(link.kind)) add_port(name, interface);
        if (const auto* vlan = std::get_if<VlanSpec>(&link.kind)) {
            interface.kind = InterfaceKind::vlan;
            interface.parent = index_of(vlan->parent);
            interface.vid = vlan->vid;
            interface.tpid = vlan->tpid;
        }
        if (const auto* bridge = std::get_if<BridgeSpec>(&link.kind)) add_bridge(name, *bridge, interface);
        if (const auto* veth = std::get_if<VethSpec>(&link.kind)) {
            interface.kind = InterfaceKind::veth;
            interface.peer = index_of(veth->peer);
        }
        if (std::holds_alternative<DummySpec>(link.kind)) interface.kind = InterfaceKind::dummy;
    }

    void add_port(const std::string& name, Interface& interface) {
        interface.kind = InterfaceKind::port;
        interface.port = *indexes_.ports.find(name);
        const auto open = in_.ports.find(name);
        if (open == in_.ports.end()) return;
        interface.offloads = open->second.offloads;
        interface.kernel_takes = open->second.kernel_takes;
        if (open->second.without_address) interface.mac = {};
        topology_->ports[interface.port] = {
            .port = open->second.port, .interface = interface.index, .tx_queues = open->second.tx_queues};
    }

    void add_bridge(const std::string& name, const BridgeSpec& spec, Interface& interface) {
        interface.kind = InterfaceKind::bridge;
        interface.bridge = *indexes_.bridges.find(name);
        Bridge& bridge = topology_->bridges[interface.bridge];
        bridge.interface = interface.index;
        bridge.vlan_filtering = spec.vlan_filtering;
        bridge.stp = spec.stp;
        bridge.vlan_tpid = spec.vlan_protocol;
        bridge.group_fwd_mask = spec.group_fwd_mask;
        if (spec.vlan_filtering && spec.vlan_protocol == ether_type::service_vlan)
            bridge.group_fwd_mask |= provider_forwards;
        bridge.ageing_seconds = (spec.ageing_centiseconds + 99) / 100;
        bridge.fdb_max_learned = spec.fdb_max_learned;
        bridge.domain = indexes_.domains.find({name, 0}).value_or(0);
        bridge.self.interface = interface.index;
        bridge.self.bridge = interface.bridge;
        if (!spec.vlan_filtering) return;
        bridge.self.vlans = keep(vlan_set(spec.vlans));
        auto domains = std::make_unique<std::array<FdbDomain, vid_count>>();
        domains->fill(0);
        for (const auto& [key, number] : indexes_.domains.all())
            if (key.first == name && key.second != 0) (*domains)[key.second] = number;
        bridge.vlan_domain = std::move(domains);
    }

    void add_member(const std::string& name, const MemberSpec& spec) {
        const BridgePortIndex at = *indexes_.bridge_ports.find(name);
        Interface& interface = topology_->interfaces[index_of(name)];
        const Interface& master = topology_->interfaces[index_of(spec.bridge)];
        Bridge& bridge = topology_->bridges[master.bridge];
        BridgePort& port = topology_->bridge_ports[at];
        interface.bridge_port = at;
        port.interface = interface.index;
        port.bridge = master.bridge;
        port.state = effective_state(spec, in_.effective.at(name), in_.effective.at(spec.bridge));
        port.learning = spec.learning;
        port.flood = spec.flood;
        port.mcast_flood = spec.mcast_flood;
        port.bcast_flood = spec.bcast_flood;
        port.isolated = spec.isolated;
        port.hairpin = spec.hairpin;
        port.locked = spec.locked;
        port.fdb_max_learned = spec.fdb_max_learned;
        if (bridge.vlan_filtering) port.vlans = keep(vlan_set(spec.vlans));
        bridge.members.push_back(at);
    }

    void add_demuxes() {
        std::map<IfIndex, std::shared_ptr<VlanDemux>> by_parent;
        for (const auto& interface : topology_->interfaces) {
            if (interface.kind != InterfaceKind::vlan) continue;
            auto& demux = by_parent[interface.parent];
            if (!demux) demux = std::make_shared<VlanDemux>();
            (interface.tpid == ether_type::vlan ? demux->customer : demux->service)[interface.vid] =
                interface.index;
        }
        for (const auto& [parent, demux] : by_parent) {
            topology_->interfaces[parent].demux = demux.get();
            topology_->demuxes.push_back(demux);
        }
    }

    const VlanSet* keep(std::shared_ptr<const VlanSet> set) {
        topology_->vlan_sets.push_back(std::move(set));
        return topology_->vlan_sets.back().get();
    }

    const AssembleInput& in_;
    const Indexes& indexes_;
    std::unique_ptr<Topology> topology_ = std::make_unique<Topology>();
};

/// The domains in which an address of `vlans` is known: one without filtering, else one a VLAN.
std::vector<FdbDomain> domains_of(const std::string& bridge, const BridgeSpec& spec,
                                  const std::map<std::uint16_t, VlanMembership>& vlans,
                                  const Indexes& indexes) {
    std::vector<FdbDomain> found;
    if (!spec.vlan_filtering) {
        if (const auto one = indexes.domains.find({bridge, 0})) found.push_back(*one);
        return found;
    }
    for (const auto& [vid, membership] : vlans)
        if (const auto one = indexes.domains.find({bridge, vid})) found.push_back(*one);
    return found;
}

}  // namespace

Result<> take_numbers(const Model& model, Indexes& indexes) {
    const Numbered wanted = numbered(model);
    if (auto r = take_all(indexes.interfaces, wanted.links, "interfaces"); !r) return r;
    if (auto r = take_all(indexes.ports, wanted.ports, "ports"); !r) return r;
    if (auto r = take_all(indexes.bridges, wanted.bridges, "bridges"); !r) return r;
    if (auto r = take_all(indexes.bridge_ports, wanted.members, "bridge ports"); !r) return r;
    return take_all(indexes.domains, wanted.domains, "VLANs in all bridges together");
}

void release_numbers(const Model& model, Indexes& indexes) {
    const Numbered wanted = numbered(model);
    release_others(indexes.interfaces, wanted.links);
    release_others(indexes.ports, wanted.ports);
    release_others(indexes.bridges, wanted.bridges);
    release_others(indexes.bridge_ports, wanted.members);
    release_others(indexes.domains, wanted.domains);
}

std::unique_ptr<const Topology> assemble(const AssembleInput& input, const Indexes& indexes) {
    return Assembler(input, indexes).run();
}

std::map<std::uint64_t, FixedEntry> fixed_entries(const AssembleInput& in, const Indexes& indexes) {
    std::map<std::uint64_t, FixedEntry> entries;
    const auto bridge_of = [&](const std::string& name) -> const BridgeSpec& {
        return std::get<BridgeSpec>(in.model.links.at(name).kind);
    };
    for (const auto& [key, spec] : in.model.fdb) {
        const LinkSpec* link = in.model.find(key.device);
        if (!link) continue;
        const bool self = std::holds_alternative<BridgeSpec>(link->kind) && !link->member;
        const std::string bridge = self ? key.device : link->member ? link->member->bridge : std::string{};
        if (bridge.empty()) continue;
        const auto domain =
            indexes.domains.find({bridge, bridge_of(bridge).vlan_filtering ? key.vid : std::uint16_t{0}});
        if (!domain) continue;
        const bool local = self || spec.kind == FdbSpec::Kind::permanent;
        std::uint8_t flags = local ? FdbFlags::local : FdbFlags::stationary;
        if (spec.sticky) flags |= FdbFlags::sticky;
        entries[fdb_key(key.mac.raw(), *domain)] = {self ? no_index : *indexes.bridge_ports.find(key.device),
                                                    *indexes.bridges.find(bridge), flags};
    }
    for (const auto& [name, link] : in.model.links) {
        if (const auto* bridge = std::get_if<BridgeSpec>(&link.kind))
            for (const auto domain : domains_of(name, *bridge, bridge->vlans, indexes))
                entries[fdb_key(in.effective.at(name).mac.raw(), domain)] = {
                    no_index, *indexes.bridges.find(name), FdbFlags::local};
        if (!link.member) continue;
        const auto& master = link.member->bridge;
        for (const auto domain : domains_of(master, bridge_of(master), link.member->vlans, indexes))
            entries[fdb_key(in.effective.at(name).mac.raw(), domain)] = {
                *indexes.bridge_ports.find(name), *indexes.bridges.find(master), FdbFlags::local};
    }
    return entries;
}

}  // namespace weft
