#include "control/route/attributes.hpp"

#include <sys/random.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace weft {

HashSecret HashSecret::draw() {
    HashSecret secret;
    if (getrandom(&secret, sizeof secret, 0) != sizeof secret) std::abort();
    secret.second |= 1;
    return secret;
}

namespace {

template <class T>
std::uint64_t mixed(std::uint64_t sum, const T& value) noexcept {
    const auto* bytes = reinterpret_cast<const char*>(&value);
    return sum * 0x9e3779b97f4a7c15 ^ std::hash<std::string_view>{}({bytes, sizeof value});
}

/// IPv4 has routes side by side that differ in metrics alone (net/ipv4/fib_semantics.c, fib_find_info). IPv6
/// has not, and changes metrics without a message.
std::uint64_t rest_of(const KernelRoute& route) noexcept {
    if (route.v6) return 0;
    std::uint64_t rest = route.nexthop ? 0 : route.other;
    if (route.metrics_set | route.metrics_locked)
        rest = mixed(mixed(mixed(rest, route.metrics), route.metrics_set), route.metrics_locked);
    return rest;
}

}  // namespace

RouteAttributes attributes_of(const KernelRoute& route) {
    RouteAttributes a;
    a.type = route.type;
    a.protocol = route.protocol;
    a.scope = route.scope;
    a.v6 = route.v6;
    a.has_preferred = route.has_preferred;
    a.preferred = route.preferred;
    a.mtu = static_cast<std::uint16_t>(std::min(route.mtu(), 65535u));
    a.preference = route.preference;
    a.tos = route.tos;
    a.source_length = route.source_length;
    a.source = route.source;
    a.nexthop = route.nexthop;
    a.rest = rest_of(route);
    // What an object leads to is the object's to say.
    if (a.nexthop) return a;
    a.vias = route.vias;
    for (auto& via : a.vias)
        via.flags &= RTNH_F_ONLINK | (via.flags & RTNH_F_DEAD ? RTNH_F_DEAD | RTNH_F_LINKDOWN : 0);
    return a;
}

bool same_packets(const RouteAttributes& a, const RouteAttributes& b) noexcept {
    return a.tos == b.tos && a.source_length == b.source_length && a.source == b.source;
}

bool same_route(const RouteAttributes& a, const RouteAttributes& b) {
    if (a.type != b.type || a.protocol != b.protocol || a.scope != b.scope || a.v6 != b.v6 ||
        a.has_preferred != b.has_preferred || a.preferred != b.preferred || a.mtu != b.mtu ||
        a.nexthop != b.nexthop || a.rest != b.rest || !same_packets(a, b))
        return false;
    return std::equal(a.vias.begin(), a.vias.end(), b.vias.begin(), b.vias.end(),
                      [](KernelVia x, KernelVia y) {
                          x.flags &= RTNH_F_ONLINK;
                          y.flags &= RTNH_F_ONLINK;
                          return x == y;
                      });
}

std::size_t AttributesTable::Hash::operator()(const RouteAttributes& a) const noexcept {
    std::size_t sum = a.type | a.protocol << 8 | a.scope << 16 | std::size_t{a.mtu} << 32;
    sum = mixed(sum, a.nexthop);
    sum = mixed(sum, a.rest);
    sum = mixed(sum, a.tos | a.source_length << 8);
    sum = mixed(sum, a.source.bytes);
    sum = mixed(sum, a.preferred.bytes);
    for (const auto& via : a.vias) {
        sum = mixed(sum, via.interface);
        sum = mixed(sum, via.gateway.bytes);
        sum = mixed(sum, via.weight);
        sum = mixed(sum, via.flags);
    }
    return sum;
}

AttributesTable::Taken AttributesTable::take(const RouteAttributes& attributes) {
    const auto [it, fresh] = ids_.try_emplace(attributes, 0);
    if (fresh) {
        if (free_.empty()) {
            it->second = static_cast<AttributesId>(entries_.size());
            entries_.push_back({});
        } else {
            it->second = free_.back();
            free_.pop_back();
        }
        entries_[it->second] = {.attributes = attributes, .references = 0, .hop = no_hop};
    }
    ++entries_[it->second].references;
    return {it->second, fresh};
}

bool AttributesTable::release(AttributesId id) {
    Entry& entry = entries_[id];
    if (--entry.references != 0) return false;
    ids_.erase(entry.attributes);
    free_.push_back(id);
    return true;
}

}  // namespace weft
