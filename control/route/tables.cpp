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

template <unsigned bytes>
void RouteTables<bytes>::set_layers(const std::vector<std::vector<std::uint32_t>>& layers) {
    while (layered_.size() > layers.size()) {
        clear(*layered_.back());
        layered_.pop_back();
    }
    while (layered_.size() < layers.size())
        layered_.push_back(std::make_unique<Layered>(Layered{{}, PrefixMap<bytes>(wiring_.secret)}));
    for (std::size_t i = 0; i < layers.size(); ++i) {
        Layered& at = *layered_[i];
        const auto before = std::exchange(at.layers, layers[i]);
        // What both have keeps its place, so that default alone may come or go without the rest.
        std::vector<std::uint32_t> concerned;
        std::set_symmetric_difference(before.begin(), before.end(), at.layers.begin(), at.layers.end(),
                                      std::back_inserter(concerned), std::greater<>{});
        if (before.empty() || at.layers.empty() || before.front() != at.layers.front()) {
            clear(at);
            put_all(at);
        } else {
            for (const auto table : concerned) {
                const auto it = ribs_.find(table);
                if (it == ribs_.end()) continue;
                it->second.prefixes().for_each(
                    [&](const Key& key, unsigned length, std::uint32_t) { put(at, key, length); });
            }
        }
    }
}

/// With no reference of its own.
template <unsigned bytes>
HopIndex RouteTables<bytes>::hop_of(std::uint32_t table, const Key& key, unsigned length) const {
    const auto it = ribs_.find(table);
    if (it == ribs_.end()) return no_hop;
    const auto& rib = it->second;
    const auto route = rib.find(key, length, [&](const RibRoute& r) { return usable(r); });
    return route ? wiring_.attributes[rib[route].attributes].hop : no_hop;
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
        if (hop == no_hop) continue;
        for (std::size_t earlier = 0; earlier < i; ++earlier)
            if (covered(in.layers[earlier], key, length)) return no_hop;
        if (length == bits && wiring_.hops.facts(hop).kind == HopKind::connected)
            return neighbour_hop(wiring_.hops.facts(hop), key);
        wiring_.hops.retain(hop);
        return hop;
    }
    return length == bits ? host_hop(in, key) : no_hop;
}

template <unsigned bytes>
HopIndex RouteTables<bytes>::host_hop(const Layered& in, const Key& address) {
    const auto known = neighbours_.find(address);
    if (known == neighbours_.end()) return no_hop;
    const auto covering = in.entries.longest(address, bits, [](std::uint32_t) { return true; });
    if (!covering) return no_hop;
    HopFacts facts = wiring_.hops.facts(covering->value);
    if (facts.kind != HopKind::connected || !known->second.contains(facts.device)) return no_hop;
    return neighbour_hop(facts, address);
}

/// An address on the link, known or not, is a next hop like a gateway.
template <unsigned bytes>
HopIndex RouteTables<bytes>::neighbour_hop(HopFacts facts, const Key& address) {
    facts.kind = HopKind::neighbour;
    std::copy(address.begin(), address.end(), facts.gateway.bytes.begin());
    return wiring_.hops.take(facts);
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

/// Makes the layered table say of one prefix what is to be said.
template <unsigned bytes>
void RouteTables<bytes>::put(Layered& into, const Key& key, unsigned length) {
    const HopIndex hop = decide(into, key, length);
    const HopIndex before = into.entries.find(key, length);
    if (hop == before) {
        if (hop != no_hop) wiring_.hops.release(hop);
        return;
    }
    if (hop != no_hop) {
        if (enter(into, key, length, hop)) {
            into.entries.set(key, length, hop);
        } else {
            ++left_out_;
            wiring_.hops.release(hop);
            return;
        }
    } else {
        const auto covering = into.entries.longest(key, length, [](std::uint32_t) { return true; });
        into.lpm->remove(key, length, covering ? covering->value : no_hop, covering ? covering->length : 0);
        into.entries.erase(key, length);
    }
    if (before != no_hop) wiring_.hops.release(before);
    if (length < bits) put_hosts(into, key, length);
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
