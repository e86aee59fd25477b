// Routes into and out of the RIB, in the kernel's order of those with one prefix and metric.
#include <algorithm>

#include "control/route/routes.hpp"

namespace weft {

namespace {

bool is_known_type(std::uint8_t type) {
    switch (type) {
        case RTN_UNICAST:
        case RTN_LOCAL:
        case RTN_BROADCAST:
        case RTN_ANYCAST:
        case RTN_MULTICAST:
        case RTN_BLACKHOLE:
        case RTN_UNREACHABLE:
        case RTN_PROHIBIT:
        case RTN_THROW:
            return true;
        default:
            return false;
    }
}

/// Whether IPv6 makes one multipath route of it and of others with its prefix and metric
/// (rt6_qualify_for_ecmp).
bool joins_siblings(const RouteAttributes& a) {
    return a.v6 && a.nexthop == 0 && a.protocol != RTPROT_RA && a.type == RTN_UNICAST && !a.vias.empty() &&
           std::all_of(a.vias.begin(), a.vias.end(), [](const KernelVia& via) { return via.has_gateway; });
}

bool same_via(const KernelVia& a, const KernelVia& b) {
    return a.interface == b.interface && a.gateway == b.gateway && a.has_gateway == b.has_gateway;
}

}  // namespace

void Routes::route(const KernelRoute& route, bool there, std::uint16_t nlmsg_flags) {
    if (!is_known_type(route.type)) return;
    if (there && route.has_lifetime) {
        if (route.expires <= 0) return;  // the kernel's garbage collector has not come by yet
        // A little later, when a dump no longer says 0, which means without end.
        expiry_ = std::min(expiry_, std::chrono::steady_clock::now() +
                                        std::chrono::milliseconds(std::int64_t{route.expires} * 10 + 30));
    }
    if (route.v6)
        route_in(tables6_, route, there, nlmsg_flags);
    else
        route_in(tables4_, route, there, nlmsg_flags);
}

bool Routes::is_first(const KernelRoute& route) const {
    const auto table = tables4_.ribs().find(route.table);
    if (table == tables4_.ribs().end()) return false;
    const auto& rib = table->second;
    AddressKey<4> key;
    std::copy_n(route.destination.bytes.begin(), 4, key.begin());
    const auto attributes = attributes_of(route);
    const auto at = rib.find(key, route.length, [&](const RibRoute& r) {
        return r.priority == route.priority && same_packets(attributes_[r.attributes].attributes, attributes);
    });
    return at && same_route(attributes_[rib[at].attributes].attributes, attributes);
}

template <unsigned bytes>
void Routes::route_in(RouteTables<bytes>& tables, const KernelRoute& route, bool there,
                      std::uint16_t nlmsg_flags) {
    AddressKey<bytes> key;
    std::copy_n(route.destination.bytes.begin(), bytes, key.begin());
    key = network_of<bytes>(key, route.length);
    if (there)
        add_route<bytes>(tables, key, route, nlmsg_flags);
    else
        remove_route<bytes>(tables, key, route);
}

/// The route whose place a new one takes; 0: none.
template <unsigned bytes>
std::uint32_t Routes::replaced_by(Rib<bytes>& rib, const AddressKey<bytes>& key, const KernelRoute& route,
                                  const RouteAttributes& attributes, std::uint16_t nlmsg_flags) {
    const bool replace = nlmsg_flags & NLM_F_REPLACE;
    const auto first = [&](auto&& fits) {
        return rib.find(key, route.length, [&](const RibRoute& r) {
            const auto& other = attributes_[r.attributes].attributes;
            return r.priority == route.priority && same_packets(other, attributes) && fits(other);
        });
    };
    if constexpr (bytes == 4) return replace ? first([](const auto&) { return true; }) : 0;
    // A message of IPv6 tells the whole of a multipath route each time one of its next hops changes.
    const bool joins = joins_siblings(attributes);
    if (joins || replace)
        if (const auto it = first([&](const auto& other) { return joins_siblings(other) == joins; }))
            return it;
    return replace ? first([](const auto&) { return true; }) : 0;
}

template <unsigned bytes>
void Routes::add_route(RouteTables<bytes>& tables, const AddressKey<bytes>& key, const KernelRoute& route,
                       std::uint16_t nlmsg_flags) {
    auto& rib = tables.rib(route.table);
    const auto generation =
        generation_[static_cast<unsigned>(bytes == 4 ? RouteDump::routes4 : RouteDump::routes6)];
    const auto attributes = attributes_of(route);
    const auto taken = attributes_.take(attributes);
    const auto forget = [&](AttributesId id) {
        if (!attributes_.release(id)) return;
        if (const auto hop = std::exchange(attributes_[id].hop, no_hop); hop != no_hop) hops_.release(hop);
    };
    auto at = rib.find(key, route.length, [&](const RibRoute& r) {
        return r.priority == route.priority &&
               (r.attributes == taken.id || same_route(attributes_[r.attributes].attributes, attributes));
    });
    if (!at) at = replaced_by<bytes>(rib, key, route, attributes, nlmsg_flags);
    if (taken.fresh) {
        const auto former = at ? attributes_[rib[at].attributes].hop : no_hop;
        const auto hop = resolve(attributes, former);
        attributes_[taken.id].hop = hop;
    }
    if (attributes.type == RTN_LOCAL) tables.note_local(key, route.length, attributes);
    if (!at) {
        const bool last = bytes == 16 || nlmsg_flags & (NLM_F_APPEND | NLM_F_MULTI);
        at = rib.insert(key, route.length, route.priority, taken.id,
                        last ? Rib<bytes>::Place::last : Rib<bytes>::Place::first);
        rib[at].generation = generation;
        if (!attributes.plain()) tables.note_choice(key, route.length);
        tables.refresh(route.table, key, route.length);
        return;
    }
    rib[at].generation = generation;
    const auto before = std::exchange(rib[at].attributes, taken.id);
    if (before != taken.id) tables.refresh(route.table, key, route.length);
    forget(before);  // its reference, or the one that was taken for nothing
}

template <unsigned bytes>
void Routes::remove_route(RouteTables<bytes>& tables, const AddressKey<bytes>& key,
                          const KernelRoute& route) {
    auto& rib = tables.rib(route.table);
    const auto attributes = attributes_of(route);
    const auto find = [&](auto&& fits) {
        return rib.find(key, route.length, [&](const RibRoute& r) {
            const auto& other = attributes_[r.attributes].attributes;
            return r.priority == route.priority && same_packets(other, attributes) && fits(other);
        });
    };
    if (const auto at = find([&](const auto& other) { return same_route(other, attributes); })) {
        tables.erase(route.table, key, route.length, at);
        return;
    }
    if constexpr (bytes == 16) {
        // One next hop of several goes.
        const auto at = find([&](const auto& other) { return joins_siblings(other); });
        if (at && joins_siblings(attributes)) {
            KernelRoute rest = route;
            rest.vias = attributes_[rib[at].attributes].attributes.vias;
            std::erase_if(rest.vias, [&](const KernelVia& via) {
                return std::any_of(attributes.vias.begin(), attributes.vias.end(),
                                   [&](const KernelVia& gone) { return same_via(via, gone); });
            });
            if (rest.vias.empty())
                tables.erase(route.table, key, route.length, at);
            else
                add_route<bytes>(tables, key, rest, NLM_F_REPLACE);
            return;
        }
    }
    // Something is known wrongly: ask for all.
    const auto kind = bytes == 4 ? RouteDump::routes4 : RouteDump::routes6;
    if (!dumping_[static_cast<unsigned>(kind)] && rib.prefixes().find(key, route.length))
        wanted_ |= bit_of(kind);
}

}  // namespace weft
