// What workers get to see, and when they have let go of it.
#include <linux/if_addr.h>
#include <net/if.h>

#include <algorithm>

#include "control/route/routes.hpp"

namespace weft {

namespace {

/// ipv6_dev_get_saddr asks devices one after the other.
template <class Marked>
std::vector<const KernelAddressFacts*> by_device(const std::vector<Marked>& addresses) {
    std::vector<const KernelAddressFacts*> all;
    for (const auto& marked : addresses)
        all.push_back(&marked.value);
    std::stable_sort(all.begin(), all.end(),
                     [](const auto* one, const auto* other) { return one->index < other->index; });
    return all;
}

bool is_usable(const KernelAddressFacts& address) {
    return !(address.flags & IFA_F_TENTATIVE) || address.flags & IFA_F_OPTIMISTIC;
}

NetworkAddress4 network4_of(const KernelAddressFacts& address) {
    return {.address = to_be32(address.local),
            .network = to_be32(address.network),
            .length = address.length,
            .global = address.scope == RT_SCOPE_UNIVERSE};
}

SourceAddress6 source6_of(const KernelAddressFacts& address, IfIndex interface) {
    return {.address = address.local,
            .interface = interface,
            .length = address.length,
            .avoided = (address.flags & (IFA_F_DEPRECATED | IFA_F_OPTIMISTIC)) != 0,
            .temporary = (address.flags & IFA_F_TEMPORARY) != 0};
}

RoutedInterface& at(Routing& routing, IfIndex interface) {
    if (interface >= routing.interfaces.size()) routing.interfaces.resize(interface + 1u);
    return routing.interfaces[interface];
}

}  // namespace

void Routes::take_addresses(Routing& routing) const {
    for (const KernelAddressFacts* one : by_device(addresses_)) {
        const KernelAddressFacts& address = *one;
        const auto it = settings_.interfaces.find(address.index);
        RoutedInterface* const of = it == settings_.interfaces.end() ? nullptr : &at(routing, it->second);
        if (address.v6 && is_usable(address)) {
            routing.sources6.push_back(source6_of(address, of ? it->second : no_interface));
            if (of) of->sources6.push_back(routing.sources6.back());
        }
        if (!address.v6) routing.own4.add(to_be32(address.local));
        if (address.flags & (IFA_F_SECONDARY | IFA_F_TENTATIVE)) continue;
        const bool global = address.scope == RT_SCOPE_UNIVERSE;
        if (!address.v6 && global && routing.any_source4 == IpAddress{}) routing.any_source4 = address.local;
        if (!of) continue;
        if (!address.v6) of->networks4.push_back(network4_of(address));
        if (address.v6 && address6::link_local(address.local.bytes)) of->link_local = address.local;
        auto& source = address.v6 ? of->source6 : of->source4;
        // A global one if there is one, else the link's own.
        if (source == IpAddress{} || (address.v6 && global && address6::link_local(source.bytes)))
            source = address.local;
    }
}

std::unique_ptr<Routing> Routes::make_routing() const {
    auto routing = std::make_unique<Routing>();
    routing->tables.resize(std::max<std::size_t>({tables4_.layered(), tables6_.layered(), 1}));
    for (std::size_t i = 0; i < routing->tables.size(); ++i)
        routing->tables[i] = {.v4 = tables4_.lpm(i), .v6 = tables6_.lpm(i)};
    routing->rules4 = plans_[0].rules;
    routing->rules6 = plans_[1].rules;
    routing->tos_routes = tables4_.has_choices();
    routing->local_networks4 = tables4_.has_local_networks();
    routing->hash_l4 = settings_.hash_l4;
    routing->hash6_l4 = settings_.hash6_l4;
    routing->hash_secret = hash_secret_;
    routing->icmp = settings_.icmp;
    routing->punt_rates = settings_.punt_rates;

    auto& interfaces = routing->interfaces;
    for (const auto& [interface, what] : settings_.of_interface)
        at(*routing, interface) = what;
    for (const auto& [index, link] : links_) {
        const IfIndex interface = link.value.macvlan ? interface_of(index) : no_interface;
        if (interface == no_interface || !link.value.has_mac || !(link.value.flags & IFF_UP)) continue;
        at(*routing, interface).more_macs.push_back(link.value.mac);
        if (const auto members = settings_.members_below.find(interface);
            members != settings_.members_below.end())
            for (const IfIndex member : members->second)
                at(*routing, member).more_macs.push_back(link.value.mac);
    }
    for (auto& interface : interfaces) {
        routing->filters_sources |= interface.rp_filter != 0;
        std::sort(interface.more_macs.begin(), interface.more_macs.end());
    }
    take_addresses(*routing);
    return routing;
}

void Routes::publish() {
    dirty_ = false;
    static_cast<void>(tables4_.take_fresh());
    static_cast<void>(tables6_.take_fresh());
    wiring_.routing.replace(make_routing(), wiring_.quiescence);
    wiring_.hops.raise_generation();
}

void Routes::settle() {
    if (hops_.take_changed()) wiring_.hops.raise_generation();
    dirty_ |= tables4_.take_fresh();
    dirty_ |= tables6_.take_fresh();
    dirty_ |= tables4_.has_choices() != wiring_.routing.get().tos_routes;
    dirty_ |= tables4_.has_local_networks() != wiring_.routing.get().local_networks4;
    if (dirty_) publish();
    if (hops_.has_released() || tables4_.has_unlinked() || tables6_.has_unlinked()) reclaim();
}

void Routes::reclaim() {
    if (hops_.has_released()) wiring_.hops.raise_generation();
    // Of an Lpm that is gone workers know until they see the Routing without it.
    dirty_ |= tables4_.take_fresh();
    dirty_ |= tables6_.take_fresh();
    if (dirty_) publish();
    wiring_.quiescence.synchronize();  // also since the generation was raised last
    hops_.reclaim();
    tables4_.reclaim_groups();
    tables6_.reclaim_groups();
}

Routes::Size Routes::size() const {
    Size size{.routes4 = tables4_.routes(),
              .routes6 = tables6_.routes(),
              .hops = hops_.in_use(),
              .nexthops = nexthops_.size(),
              .memory = tables4_.memory() + tables6_.memory(),
              .left_out = tables4_.left_out() + tables6_.left_out(),
              .elsewhere = elsewhere_};
    for (const auto& rules : rules_)
        size.not_supported_rules += static_cast<std::size_t>(std::count_if(
            rules.begin(), rules.end(), [](const KernelRule& rule) { return !rule.unsupported.empty(); }));
    hops_.for_each_neighbour(
        [&](const NeighbourKey&, const HopPool::Neighbour& n) { size.neighbours += n.kernel_state != 0; });
    return size;
}

}  // namespace weft
