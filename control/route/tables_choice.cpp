// Routes with a TOS or a source prefix: what a prefix leads to by what a packet has.
#include <algorithm>

#include "control/route/tables.hpp"

namespace weft {

/// The usable routes of a prefix that are not for all packets, one for each TOS or source, in the order in
/// which they are asked: the longest source prefix first.
template <unsigned bytes>
std::vector<const RibRoute*> RouteTables<bytes>::choices_of(std::uint32_t table, const Key& key,
                                                            unsigned length) const {
    std::vector<const RibRoute*> found;
    const auto it = choices_.contains({key, length}) ? ribs_.find(table) : ribs_.end();
    if (it == ribs_.end()) return found;
    const auto of = [&](const RibRoute* route) -> const RouteAttributes& {
        return wiring_.attributes[route->attributes].attributes;
    };
    static_cast<void>(it->second.find(key, length, [&](const RibRoute& route) {
        const auto& entry = wiring_.attributes[route.attributes];
        if (entry.hop == no_hop || entry.attributes.plain()) return false;
        // of those for the same packets the first in the order of metrics
        if (std::none_of(found.begin(), found.end(),
                         [&](const RibRoute* one) { return same_packets(of(one), entry.attributes); }))
            found.push_back(&route);
        return false;
    }));
    std::stable_sort(found.begin(), found.end(), [&](const RibRoute* a, const RibRoute* b) {
        return of(a).source_length > of(b).source_length;
    });
    return found;
}

/// A hop of a prefix as it is to stand in a table, with a reference: of one address perhaps a neighbour.
template <unsigned bytes>
HopIndex RouteTables<bytes>::own_hop(HopIndex hop, const Key& key, unsigned length, bool always) {
    if (hop == no_hop) return no_hop;
    if (length == bits)
        if (const HopIndex own = neighbour_hop(hop, key, always); own != no_hop) return own;
    wiring_.hops.retain(hop);
    return hop;
}

/// The chain of choices of a prefix, with a reference. A packet that no route means takes the plain one, or
/// what covers the prefix. Of IPv6 the plain one is not asked where others have sources, but for the default
/// route, in which every look-up ends (net/ipv6/ip6_fib.c, fib6_node_lookup_1, fib6_node_lookup).
template <unsigned bytes>
HopIndex RouteTables<bytes>::decide_choice(const Layered& in, const Key& key, unsigned length,
                                           const std::vector<const RibRoute*>& routes, HopIndex plain) {
    HopIndex chain = no_hop;
    if (plain != no_hop && (bytes == 4 || length == 0)) {
        chain = own_hop(plain, key, length, true);
    } else if (const auto covering = in.entries.longest(key, length, [](std::uint32_t) { return true; })) {
        chain = own_hop(covering->value, key, length, false);
    }
    for (auto route = routes.rbegin(); route != routes.rend(); ++route) {
        const auto& entry = wiring_.attributes[(*route)->attributes];
        const HopIndex rest = chain;
        if (rest != no_hop) wiring_.hops.retain(rest);
        const HopIndex longer = wiring_.hops.take_choice({.kind = HopKind::choice,
                                                          .v6 = bytes == 16,
                                                          .gateway = {},
                                                          .source = entry.attributes.source,
                                                          .tos = entry.attributes.tos,
                                                          .source_length = entry.attributes.source_length,
                                                          .meant = own_hop(entry.hop, key, length, true),
                                                          .otherwise = rest});
        if (longer == no_hop) {
            ++left_out_;  // the others stand
            continue;
        }
        if (rest != no_hop) wiring_.hops.release(rest);
        chain = longer;
    }
    return chain;
}

/// What a choice is for one address on the link, with a reference; no_hop if it is nothing of its own.
template <unsigned bytes>
HopIndex RouteTables<bytes>::choice_for(const HopFacts& choice, const Key& address) {
    HopFacts own = choice;
    own.meant = neighbour_hop(choice.meant, address, false);
    own.otherwise = choice.otherwise == no_hop ? no_hop : neighbour_hop(choice.otherwise, address, false);
    if (own.meant == no_hop && own.otherwise == no_hop) return no_hop;
    if (own.meant == no_hop) wiring_.hops.retain(own.meant = choice.meant);
    if (own.otherwise == no_hop && choice.otherwise != no_hop)
        wiring_.hops.retain(own.otherwise = choice.otherwise);
    return wiring_.hops.take_choice(own);
}

/// Chains of longer prefixes that may end in what this one leads to.
template <unsigned bytes>
void RouteTables<bytes>::put_choices(Layered& into, const Key& key, unsigned length) {
    for (auto it = choices_.lower_bound({key, length + 1}); it != choices_.end(); ++it) {
        const auto& [other, other_length] = *it;
        if (network_of<bytes>(other, length) != key) break;
        if (other_length > length) put(into, other, other_length);
    }
}

/// Forgets that a prefix has routes with a TOS or a source, or local ones, if it has none.
template <unsigned bytes>
void RouteTables<bytes>::drop_notes(const Key& key, unsigned length) {
    const auto drop = [&](std::set<std::pair<Key, unsigned>>& noted, auto&& is) {
        if (noted.empty()) return;
        const auto at = noted.find({key, length});
        if (at == noted.end()) return;
        const auto has = [&](const Rib<bytes>& rib) {
            return rib.find(key, length, [&](const RibRoute& route) {
                return is(wiring_.attributes[route.attributes].attributes);
            });
        };
        if (std::none_of(ribs_.begin(), ribs_.end(), [&](const auto& one) { return has(one.second); }))
            noted.erase(at);
    };
    drop(choices_, [](const RouteAttributes& of) { return !of.plain(); });
    drop(local_networks_, [&](const RouteAttributes& of) { return is_custom(key, length, of); });
}

/// As a look-up chooses (route_of): of a prefix the route that means the packet, of the longest source
/// prefix, else the plain one, of IPv6 only where no other is, or of the default route.
template <unsigned bytes>
auto RouteTables<bytes>::origin_in(std::uint32_t table, const Key& address, const IpAddress& source,
                                   std::uint8_t tos) const -> std::optional<Origin> {
    const auto it = ribs_.find(table);
    if (it == ribs_.end()) return std::nullopt;
    const auto found = [&](const RibRoute& route, unsigned length) {
        const RouteAttributes& is = wiring_.attributes[route.attributes].attributes;
        const bool to_gateway = std::any_of(is.vias.begin(), is.vias.end(), [&](const KernelVia& via) {
            return via.has_gateway && via.gateway_v6 == is.v6 &&
                   std::equal(address.begin(), address.end(), via.gateway.bytes.begin());
        });
        return Origin{table,       length,        is.tos,         is.source_length, is.source,
                      is.protocol, is.preference, route.priority, to_gateway};
    };
    for (unsigned length = bits + 1; length-- > 0;) {
        const Key key = network_of<bytes>(address, length);
        const auto choices = choices_of(table, key, length);
        for (const RibRoute* route : choices) {
            const RouteAttributes& is = wiring_.attributes[route->attributes].attributes;
            const bool meant = bytes == 4 ? is.tos == tos
                                          : network_of<16>(source.bytes, is.source_length) == is.source.bytes;
            if (meant) return found(*route, length);
        }
        if (bytes == 16 && !choices.empty() && length != 0) continue;
        if (const RibRoute* plain = plain_route(table, key, length)) return found(*plain, length);
    }
    return std::nullopt;
}

template <unsigned bytes>
auto RouteTables<bytes>::origin(std::size_t index, const Key& address, const IpAddress& source,
                                std::uint8_t tos) const -> std::optional<Origin> {
    if (index >= layered_.size()) return std::nullopt;
    for (const std::uint32_t table : layered_[index]->layers)
        if (const auto found = origin_in(table, address, source, tos)) return found;
    return std::nullopt;
}

#define WEFT_CHOICES(bytes)                                                                                \
    template std::vector<const RibRoute*> RouteTables<bytes>::choices_of(std::uint32_t, const Key&,        \
                                                                         unsigned) const;                  \
    template HopIndex RouteTables<bytes>::decide_choice(const Layered&, const Key&, unsigned,              \
                                                        const std::vector<const RibRoute*>&, HopIndex);    \
    template HopIndex RouteTables<bytes>::choice_for(const HopFacts&, const Key&);                         \
    template HopIndex RouteTables<bytes>::own_hop(HopIndex, const Key&, unsigned, bool);                   \
    template auto RouteTables<bytes>::origin_in(std::uint32_t, const Key&, const IpAddress&, std::uint8_t) \
        const->std::optional<Origin>;                                                                      \
    template auto RouteTables<bytes>::origin(std::size_t, const Key&, const IpAddress&, std::uint8_t)      \
        const->std::optional<Origin>;                                                                      \
    template void RouteTables<bytes>::put_choices(Layered&, const Key&, unsigned);                         \
    template void RouteTables<bytes>::drop_notes(const Key&, unsigned);
WEFT_CHOICES(4)
WEFT_CHOICES(16)
#undef WEFT_CHOICES

}  // namespace weft
