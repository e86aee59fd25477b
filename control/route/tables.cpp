#include "control/route/tables.hpp"

#include <algorithm>
#include <tuple>

namespace weft {

namespace {

template <unsigned bytes>
bool within(const AddressKey<bytes>& address, const AddressKey<bytes>& network, unsigned length) {
    return network_of<bytes>(address, length) == network;
}

}  // namespace

template <unsigned bytes>
RouteTables<bytes>::RouteTables(Wiring wiring) : wiring_(std::move(wiring)) {
    set_layers({{RT_TABLE_LOCAL, RT_TABLE_MAIN, RT_TABLE_DEFAULT}});
}

template <unsigned bytes>
Rib<bytes>& RouteTables<bytes>::rib(std::uint32_t table) {
    return ribs_.try_emplace(table, wiring_.secret).first->second;
}

/// Those of the layers that have a route: only they tell two layered tables apart.
template <unsigned bytes>
std::vector<std::uint32_t> RouteTables<bytes>::with_routes(std::vector<std::uint32_t> layers) const {
    std::erase_if(layers, [&](std::uint32_t table) {
        const auto it = ribs_.find(table);
        return it == ribs_.end() || it->second.size() == 0;
    });
    return layers;
}

template <unsigned bytes>
void RouteTables<bytes>::set_layers(const std::vector<std::vector<std::uint32_t>>& layers) {
    std::vector<std::unique_ptr<Layered>> made(layers.size());
    std::vector<std::size_t> from(layers.size(), layered_.size());
    std::vector<bool> taken(layered_.size());
    for (std::size_t i = 0; i < layers.size(); ++i)
        for (std::size_t old = 0; old < layered_.size() && from[i] == layered_.size(); ++old)
            if (!taken[old] && with_routes(layered_[old]->layers) == with_routes(layers[i])) {
                from[i] = old;
                taken[old] = true;
            }
    // Meanwhile what is lost for want of room may be made up for by a publication: of the old tables.
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (from[i] != layered_.size()) continue;
        filling_ = std::make_unique<Layered>(Layered{layers[i], PrefixMap<bytes>(wiring_.secret)});
        put_all(*filling_);
        made[i] = std::move(filling_);
    }
    for (std::size_t i = 0; i < layers.size(); ++i) {
        if (made[i]) continue;
        made[i] = std::move(layered_[from[i]]);
        made[i]->layers = layers[i];
    }
    layered_.swap(made);
    for (const auto& old : made)
        if (old) clear(*old);
    fresh_ = true;
}

/// The first usable one of a prefix that is for all packets; null: none.
template <unsigned bytes>
const RibRoute* RouteTables<bytes>::plain_route(std::uint32_t table, const Key& key, unsigned length) const {
    const auto it = ribs_.find(table);
    if (it == ribs_.end()) return nullptr;
    const auto& rib = it->second;
    const auto route = rib.find(key, length, [&](const RibRoute& r) { return usable(r); });
    return route ? &rib[route] : nullptr;
}

/// With no reference of its own.
template <unsigned bytes>
HopIndex RouteTables<bytes>::hop_of(std::uint32_t table, const Key& key, unsigned length) const {
    const RibRoute* route = plain_route(table, key, length);
    return route ? wiring_.attributes[route->attributes].hop : no_hop;
}

/// Whether the table has a usable route to a prefix that is shorter than `below` and covers the address.
template <unsigned bytes>
bool RouteTables<bytes>::covered(std::uint32_t table, const Key& key, unsigned below) const {
    const auto it = ribs_.find(table);
    if (it == ribs_.end()) return false;
    const auto& rib = it->second;
    return rib.prefixes()
        .longest(key, below,
                 [&](std::uint32_t head) {
                     return rib.find_from(head, [&](const RibRoute& r) { return usable(r); }) != 0;
                 })
        .has_value();
}

/// With a reference; no_hop if the prefix has no place there.
template <unsigned bytes>
HopIndex RouteTables<bytes>::decide(const Layered& in, const Key& key, unsigned length) {
    for (std::size_t i = 0; i < in.layers.size(); ++i) {
        const HopIndex hop = hop_of(in.layers[i], key, length);
        const auto choices = choices_of(in.layers[i], key, length);
        if (hop == no_hop && choices.empty()) continue;
        for (std::size_t earlier = 0; earlier < i; ++earlier)
            if (covered(in.layers[earlier], key, length)) return no_hop;
        if (!choices.empty()) return decide_choice(in, key, length, choices, hop);
        if (length == bits)
            if (const HopIndex own = neighbour_hop(hop, key, true); own != no_hop) return own;
        wiring_.hops.retain(hop);
        return hop;
    }
    return length == bits ? host_hop(in, key) : no_hop;
}

template <unsigned bytes>
HopIndex RouteTables<bytes>::host_hop(const Layered& in, const Key& address) {
    if (!neighbours_.contains(address)) return no_hop;
    const auto covering = in.entries.longest(address, bits, [](std::uint32_t) { return true; });
    return covering ? neighbour_hop(covering->value, address, false) : no_hop;
}

/// What a hop that leads to a device alone is for one address on the link: there a next hop like a gateway.
/// no_hop if it is nothing of its own. always: also for one that is not known.
template <unsigned bytes>
HopIndex RouteTables<bytes>::neighbour_hop(HopIndex of, const Key& address, bool always) {
    HopPool& hops = wiring_.hops;
    const auto known = neighbours_.find(address);
    const auto on_link = [&](const HopFacts& facts) {
        const bool here = known != neighbours_.end() && known->second.contains(facts.device);
        if (facts.kind == HopKind::connected) return here || always;
        // Without ARP there are those that somebody entered by hand.
        return facts.kind == HopKind::no_address && here && hops.unasked(facts.device) != 0;
    };
    HopFacts facts = hops.facts(of);
    if (facts.kind == HopKind::choice) return choice_for(facts, address);
    if (facts.kind == HopKind::group) {
        const auto& members = hops.members(of);
        IpAddress to{};
        std::copy(address.begin(), address.end(), to.bytes.begin());
        const bool some = std::any_of(members.begin(), members.end(),
                                      [&](const Share& member) { return on_link(hops.facts(member.hop)); });
        return some ? hops.take_twin(of, to) : no_hop;
    }
    if (!on_link(facts)) return no_hop;
    facts.kind = HopKind::neighbour;
    std::copy(address.begin(), address.end(), facts.gateway.bytes.begin());
    return hops.take(facts);
}

template <unsigned bytes>
bool RouteTables<bytes>::enter(Layered& into, const Key& key, unsigned length, HopIndex hop) {
    if (!into.lpm) {
        into.lpm = std::make_shared<Lpm<bytes>>(wiring_.max_groups);
        fresh_ = true;
    }
    if (into.lpm->add(key, length, hop)) return true;
    wiring_.reclaim();
    return into.lpm->add(key, length, hop);
}

/// False if there is no room.
template <unsigned bytes>
bool RouteTables<bytes>::change(Layered& in, const Key& key, unsigned length, HopIndex hop) {
    if (hop != no_hop) {
        if (!enter(in, key, length, hop)) return false;
        in.entries.set(key, length, hop);
        return true;
    }
    const auto covering = in.entries.longest(key, length, [](std::uint32_t) { return true; });
    in.lpm->remove(key, length, covering ? covering->value : no_hop, covering ? covering->length : 0);
    in.entries.erase(key, length);
    return true;
}

/// Makes the layered table say of one prefix what is to be said.
template <unsigned bytes>
void RouteTables<bytes>::put(Layered& into, const Key& key, unsigned length) {
    const HopIndex hop = decide(into, key, length);
    const HopIndex before = into.entries.find(key, length);
    if (hop == before) {
        if (hop != no_hop) wiring_.hops.release(hop);
        return;
    }
    RouteChanges& changes = wiring_.hops.table().changes();
    changes.begin();
    const bool entered = change(into, key, length, hop);
    changes.template end<bytes>(key.data(), length);
    if (!entered) {
        ++left_out_;
        wiring_.hops.release(hop);
        return;
    }
    if (before != no_hop) wiring_.hops.release(before);
    if (length < bits) put_hosts(into, key, length);
    put_choices(into, key, length);
}

/// Host entries of the neighbours within a prefix.
template <unsigned bytes>
void RouteTables<bytes>::put_hosts(Layered& into, const Key& key, unsigned length) {
    for (auto it = neighbours_.lower_bound(key);
         it != neighbours_.end() && within<bytes>(it->first, key, length); ++it)
        put(into, it->first, bits);
}

/// Prefixes of later layers that a prefix of this one covers.
template <unsigned bytes>
void RouteTables<bytes>::put_below(Layered& into, std::size_t layer, const Key& key, unsigned length) {
    for (std::size_t later = layer + 1; later < into.layers.size(); ++later) {
        const auto it = ribs_.find(into.layers[later]);
        if (it == ribs_.end()) continue;
        it->second.prefixes().for_each([&](const Key& other, unsigned other_length, std::uint32_t) {
            if (other_length > length && within<bytes>(other, key, length)) put(into, other, other_length);
        });
    }
}

template <unsigned bytes>
void RouteTables<bytes>::put_all(Layered& into) {
    for (const auto table : into.layers) {
        const auto it = ribs_.find(table);
        if (it == ribs_.end()) continue;
        it->second.prefixes().for_each(
            [&](const Key& key, unsigned length, std::uint32_t) { put(into, key, length); });
    }
    for (const auto& [address, devices] : neighbours_)
        put(into, address, bits);
}

template <unsigned bytes>
void RouteTables<bytes>::clear(Layered& of) {
    // Workers may still read the Lpm: it goes with the Routing that names it.
    if (of.lpm) fresh_ = true;
    of.lpm.reset();
    of.entries.for_each([&](const Key&, unsigned, HopIndex hop) { wiring_.hops.release(hop); });
    of.entries = PrefixMap<bytes>(wiring_.secret);
}

template <unsigned bytes>
void RouteTables<bytes>::refresh(std::uint32_t table, const Key& key, unsigned length) {
    drop_notes(key, length);
    for (const auto& layered : layered_) {
        const auto layer = std::find(layered->layers.begin(), layered->layers.end(), table);
        if (layer == layered->layers.end()) continue;
        put(*layered, key, length);
        if (length < bits && layer + 1 != layered->layers.end())
            put_below(*layered, static_cast<std::size_t>(layer - layered->layers.begin()), key, length);
    }
}

template <unsigned bytes>
void RouteTables<bytes>::refresh_all(const std::vector<bool>& changed) {
    std::vector<std::tuple<std::uint32_t, Key, unsigned>> concerned;
    for (const auto& [table, rib] : ribs_)
        rib.prefixes().for_each(
            [&, table = table, &rib = rib](const Key& key, unsigned length, std::uint32_t head) {
                if (rib.find_from(head, [&](const RibRoute& r) { return changed[r.attributes]; }))
                    concerned.emplace_back(table, key, length);
            });
    for (const auto& [table, key, length] : concerned)
        refresh(table, key, length);
}

template <unsigned bytes>
void RouteTables<bytes>::erase(std::uint32_t table, const Key& key, unsigned length, std::uint32_t route) {
    auto& rib = ribs_.at(table);
    const auto id = rib[route].attributes;
    rib.erase(key, length, route);
    refresh(table, key, length);
    if (wiring_.attributes.release(id))
        if (const auto hop = std::exchange(wiring_.attributes[id].hop, no_hop); hop != no_hop)
            wiring_.hops.release(hop);
}

template <unsigned bytes>
void RouteTables<bytes>::sweep(std::uint8_t generation) {
    std::vector<std::tuple<std::uint32_t, Key, unsigned, std::uint32_t>> gone;
    for (const auto& [table, rib] : ribs_)
        rib.prefixes().for_each(
            [&, table = table, &rib = rib](const Key& key, unsigned length, std::uint32_t head) {
                for (auto route = head; route; route = rib[route].next)
                    if (rib[route].generation != generation) gone.emplace_back(table, key, length, route);
            });
    for (const auto& [table, key, length, route] : gone)
        erase(table, key, length, route);
}

template <unsigned bytes>
void RouteTables<bytes>::add_neighbour(const Key& address, int device) {
    if (!neighbours_[address].insert(device).second) return;
    for (const auto& layered : layered_)
        put(*layered, address, bits);
}

template <unsigned bytes>
void RouteTables<bytes>::remove_neighbour(const Key& address, int device) {
    const auto it = neighbours_.find(address);
    if (it == neighbours_.end() || it->second.erase(device) == 0) return;
    if (it->second.empty()) neighbours_.erase(it);
    for (const auto& layered : layered_)
        put(*layered, address, bits);
}

template <unsigned bytes>
std::shared_ptr<const Lpm<bytes>> RouteTables<bytes>::lpm(std::size_t index) const {
    return index < layered_.size() ? layered_[index]->lpm : nullptr;
}

template <unsigned bytes>
bool RouteTables<bytes>::has_unlinked() const noexcept {
    return std::any_of(layered_.begin(), layered_.end(),
                       [](const auto& layered) { return layered->lpm && layered->lpm->has_unlinked(); });
}

template <unsigned bytes>
void RouteTables<bytes>::reclaim_groups() {
    for (const auto& layered : layered_)
        if (layered->lpm) layered->lpm->reclaim();
    if (filling_ && filling_->lpm) filling_->lpm->reclaim();
}

template <unsigned bytes>
std::size_t RouteTables<bytes>::routes() const noexcept {
    std::size_t sum = 0;
    for (const auto& [table, rib] : ribs_)
        sum += rib.size();
    return sum;
}

template <unsigned bytes>
std::size_t RouteTables<bytes>::memory() const noexcept {
    std::size_t sum = 0;
    for (const auto& [table, rib] : ribs_)
        sum += rib.memory();
    for (const auto& layered : layered_)
        sum += layered->entries.memory();
    return sum;
}

template class RouteTables<4>;
template class RouteTables<16>;

}  // namespace weft
