// Links, addresses, neighbours and rules; the dumps.
#include "control/route/routes.hpp"

#include <fmt/format.h>
#include <linux/neighbour.h>
#include <net/if.h>

#include <algorithm>
#include <set>

namespace weft {

namespace {

/// NUD_* as far as forwarding asks (include/net/neighbour.h, NUD_VALID).
NeighbourState state_of(const KernelNeighbour& n) {
    constexpr std::uint16_t valid =
        NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY;
    if ((n.state & valid) && n.has_mac) return NeighbourState::resolved;
    return n.state & NUD_FAILED ? NeighbourState::failed : NeighbourState::unknown;
}

/// The address that a device has for whom nobody asks (net/ipv4/arp.c, arp_constructor; net/ipv6/ndisc.c,
/// ndisc_constructor), as Hop::neighbour; 0: it asks, or its packets have no Ethernet header.
std::uint64_t unasked(const KernelLinkFacts& link) {
    if (!link.has_mac) return 0;
    if (link.flags & (IFF_NOARP | IFF_LOOPBACK)) return Hop::pack(link.mac, NeighbourState::resolved);
    constexpr MacAddress broadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
    return link.flags & IFF_POINTOPOINT ? Hop::pack(broadcast, NeighbourState::resolved) : 0;
}

/// To be asked for where the kernel forgets without a word. Some messages come before what they tell of is
/// done, and a dump of links waits for its end (both hold the RTNL); it is the first one.
constexpr std::uint32_t forgotten = bit_of(RouteDump::links) | bit_of(RouteDump::nexthops) |
                                    bit_of(RouteDump::routes4) | bit_of(RouteDump::routes6);

/// Whether the kernel took a next hop by this device for dead when it told of the route.
bool is_dead_at(const RouteAttributes& a, int device) {
    return std::any_of(a.vias.begin(), a.vias.end(), [&](const KernelVia& via) {
        return via.interface == device && via.flags & RTNH_F_DEAD;
    });
}

bool is_group(const KernelNeighbour& n) {
    return n.v6 ? address6::multicast(n.address.bytes) : address4::multicast(to_be32(n.address).host());
}

template <unsigned bytes>
AddressKey<bytes> key_of(const IpAddress& address) {
    AddressKey<bytes> key;
    std::copy_n(address.bytes.begin(), bytes, key.begin());
    return key;
}

}  // namespace

Routes::Routes(Wiring wiring)
    : wiring_(std::move(wiring)),
      hops_(wiring_.hops),
      tables4_({attributes_, hops_, HashSecret::draw(), [this] { reclaim(); }, 1 << 18}),
      tables6_({attributes_, hops_, HashSecret::draw(), [this] { reclaim(); }, 1 << 20}),
      hash_secret_(static_cast<std::uint32_t>(HashSecret::draw().first)) {}

void Routes::link(const KernelLinkFacts& link, bool there) {
    const auto it = links_.find(link.index);
    const bool known = it != links_.end();
    const auto before = known ? it->second.value : KernelLinkFacts{};
    if (!there) {
        if (!known) return;
        links_.erase(it);
        for (auto& ignoring : ignoring_linkdown_)
            ignoring.erase(link.index);
    } else if (known && before == link) {
        it->second.generation = generation_[static_cast<unsigned>(RouteDump::links)];
        return;
    }
    const bool renamed = !there || !known || before.name != link.name;
    if (there) {
        links_[link.index] = {link, generation_[static_cast<unsigned>(RouteDump::links)]};
        if (link.has_mac) hops_.set_own(link.index, link.mac);
        hops_.set_unasked(link.index, unasked(link));
    }
    dirty_ = true;
    link_changed(link.index, before, there ? link : KernelLinkFacts{});
    resolve_device(link.index);
    if (renamed)
        for (const bool v6 : {false, true})
            replan(v6);
}

/// The kernel forgets IPv4 routes and next-hop objects of a link that goes down, those objects also when it
/// loses its carrier, and revives next hops when it comes up, without a message (net/ipv4/fib_semantics.c,
/// fib_sync_down_dev, fib_sync_up; net/ipv4/nexthop.c, nexthop_flush_dev).
void Routes::link_changed(int device, const KernelLinkFacts& before, const KernelLinkFacts& now) {
    const bool objects = std::any_of(nexthops_.begin(), nexthops_.end(), [&](const auto& entry) {
        return entry.second.value.via.interface == device;
    });
    const bool lost_objects = objects && before.has_carrier() && !now.has_carrier();
    const bool revived = !before.has_carrier() && now.has_carrier() &&
                         some_route([&](const RouteAttributes& a) { return is_dead_at(a, device); });
    const bool switched =
        (before.flags ^ now.flags) & IFF_UP &&
        (objects || some_route([&](const RouteAttributes& a) { return leads_to(a, device); }));
    if (lost_objects || revived || switched) wanted_ |= forgotten;
}

void Routes::address(const KernelAddressFacts& address, bool there, std::uint16_t nlmsg_flags) {
    const auto it = std::find_if(addresses_.begin(), addresses_.end(), [&](const auto& marked) {
        const auto& other = marked.value;
        return other.index == address.index && other.v6 == address.v6 && other.local == address.local &&
               other.length == address.length;
    });
    const auto generation = generation_[static_cast<unsigned>(RouteDump::addresses)];
    dirty_ = true;
    const bool in_dump = nlmsg_flags & NLM_F_MULTI;
    if (there && it != addresses_.end() && !in_dump) {
        *it = {address, generation};
    } else {
        if (it != addresses_.end()) addresses_.erase(it);
        if (there) enter(address, in_dump);
    }
    // Behind a dump of addresses come dumps of routes.
    if (!address.v6 && !in_dump) address_changed(address, there);
}

/// A dump has the kernel's order; of IPv6 the newest comes first (net/ipv6/addrconf.c, ipv6_link_dev_addr).
void Routes::enter(const KernelAddressFacts& address, bool in_dump) {
    const auto place = std::find_if(addresses_.begin(), addresses_.end(), [&](const auto& marked) {
        return !in_dump && address.v6 && marked.value.v6 && marked.value.index == address.index;
    });
    addresses_.insert(place, {address, generation_[static_cast<unsigned>(RouteDump::addresses)]});
}

/// The kernel forgets IPv4 routes whose source an address was, and all of a device with its last address, and
/// with a new one revives next hops that it took for dead: not always with a message
/// (net/ipv4/fib_frontend.c, fib_inetaddr_event).
void Routes::address_changed(const KernelAddressFacts& address, bool there) {
    const bool last = !there && std::none_of(addresses_.begin(), addresses_.end(), [&](const auto& marked) {
        return !marked.value.v6 && marked.value.index == address.index;
    });
    if (some_route([&](const RouteAttributes& a) {
            if (a.v6 || a.protocol == RTPROT_KERNEL) return false;
            if (there) return is_dead_at(a, address.index);
            return (a.has_preferred && a.preferred == address.local) || (last && leads_to(a, address.index));
        }))
        wanted_ |= forgotten;
}

void Routes::known_neighbour(const NeighbourKey& key, bool known) {
    // Packets to link-local addresses are not routed, and every device may have the same.
    if (key.v6 && address6::link_local(key.address.bytes)) return;
    if (key.v6)
        known ? tables6_.add_neighbour(key_of<16>(key.address), key.device)
              : tables6_.remove_neighbour(key_of<16>(key.address), key.device);
    else
        known ? tables4_.add_neighbour(key_of<4>(key.address), key.device)
              : tables4_.remove_neighbour(key_of<4>(key.address), key.device);
}

void Routes::neighbour(const KernelNeighbour& n, bool there) {
    if (is_group(n)) return;
    const IfIndex interface = interface_of(n.interface);
    if (interface == no_interface) return;
    const NeighbourKey key{.device = n.interface, .v6 = n.v6, .address = n.address};
    if (!there || n.state == NUD_NONE) {
        known_neighbour(key, false);
        hops_.forget_neighbour(key);
        return;
    }
    const auto state = state_of(n);
    hops_.set_neighbour(key, n.state, state, n.mac,
                        generation_[static_cast<unsigned>(RouteDump::neighbours)]);
    known_neighbour(key, true);
    if (state == NeighbourState::failed) failed_.push_back({key, std::chrono::steady_clock::now()});
    if (state != NeighbourState::unknown && wiring_.on_neighbour)
        wiring_.on_neighbour({interface, n.v6, n.interface, n.address}, state);
}

// The kernel begins anew with the next packet to a neighbour that failed (net/core/neighbour.c,
// __neigh_event_send): after a while one may be held again and the kernel asked.
void Routes::tick() {
    say_elsewhere();
    const auto left_out = tables4_.left_out() + tables6_.left_out();
    if (std::exchange(said_left_out_, left_out) != left_out)
        wiring_.log(
            fmt::format("the look-up tables are full: {} routes have found no place so far", left_out));
    const auto now = std::chrono::steady_clock::now();
    std::erase_if(failed_, [&](const Failed& failed) {
        if (now - failed.when < std::chrono::seconds(1)) return false;
        const auto* neighbour = hops_.neighbour(failed.key);
        if (neighbour && Hop::state_of(neighbour->word) == NeighbourState::failed)
            hops_.set_neighbour(failed.key, neighbour->kernel_state, NeighbourState::unknown, {},
                                neighbour->generation);
        return true;
    });
}

// The kernel makes lifetimes longer without a message (net/ipv6/ndisc.c, ndisc_router_discovery): it is asked
// which routes are over.
void Routes::expire(std::chrono::steady_clock::time_point now) {
    if (now < expiry_) return;
    expiry_ = std::chrono::steady_clock::time_point::max();
    wanted_ |= bit_of(RouteDump::routes6);
}

std::vector<NeighbourKey> Routes::stale_in_use(std::uint32_t now_seconds) const {
    std::vector<NeighbourKey> all;
    hops_.for_each_neighbour([&](const NeighbourKey& key, const HopPool::Neighbour& neighbour) {
        if (!(neighbour.kernel_state & NUD_STALE)) return;
        const auto used = hops_.used(neighbour);
        if (used != 0 && used + 2 >= now_seconds) all.push_back(key);
    });
    return all;
}

void Routes::warn(const KernelRule& rule) {
    if (rule.unsupported.empty()) return;
    wiring_.log(fmt::format("ip{} rule {}: {} is not supported: weft does not obey this rule",
                            rule.v6 ? " -6" : "", rule.priority, rule.unsupported));
}

void Routes::rule(const KernelRule& rule, bool there) {
    const auto kind = rule.v6 ? RouteDump::rules6 : RouteDump::rules4;
    const bool dumping = dumping_[static_cast<unsigned>(kind)];
    auto& rules = dumping ? dumped_rules_[rule.v6] : rules_[rule.v6];
    const auto same = std::find(rules.begin(), rules.end(), rule);
    if (there == (same != rules.end())) return;
    if (there) {
        const auto& known = rules_[rule.v6];
        if (std::find(known.begin(), known.end(), rule) == known.end()) warn(rule);
        const auto at = std::find_if(rules.begin(), rules.end(),
                                     [&](const KernelRule& other) { return other.priority > rule.priority; });
        rules.insert(at, rule);
    } else {
        rules.erase(same);
    }
    if (dumping) return;
    knows_rules_[rule.v6] |= there;
    replan(rule.v6);
}

void Routes::replan(bool v6) {
    const auto interface = [this](const std::string& name) {
        for (const auto& [index, link] : links_)
            if (link.value.name == name) return interface_of(index);
        return no_interface;
    };
    auto plan = knows_rules_[v6] ? plan_rules(rules_[v6], interface) : usual_rules(v6);
    if (plan == plans_[v6]) return;
    if (v6)
        tables6_.set_layers(plan.layers);
    else
        tables4_.set_layers(plan.layers);
    plans_[v6] = std::move(plan);
    publish();  // before anything else changes in the tables: rules and tables are of each other
}

void Routes::set(const RoutingSettings& settings) {
    std::set<int> changed;
    const auto differs_from = [&](const std::map<int, IfIndex>& others) {
        return [&](const std::pair<const int, IfIndex>& entry) {
            const auto other = others.find(entry.first);
            if (other == others.end() || other->second != entry.second) changed.insert(entry.first);
        };
    };
    std::for_each(settings.interfaces.begin(), settings.interfaces.end(), differs_from(settings_.interfaces));
    std::for_each(settings_.interfaces.begin(), settings_.interfaces.end(),
                  differs_from(settings.interfaces));
    settings_ = settings;
    dirty_ = true;
    if (changed.empty()) return;
    for (const auto& [index, link] : links_)
        if (link.value.macvlan && changed.contains(link.value.below)) changed.insert(index);
    resolve_again([&](const RouteAttributes& a) {
        if (std::any_of(a.vias.begin(), a.vias.end(),
                        [&](const KernelVia& via) { return changed.contains(via.interface); }))
            return true;
        return a.nexthop != 0;
    });
    for (const bool v6 : {false, true})
        replan(v6);
    wanted_ |= bit_of(RouteDump::neighbours);
}

void Routes::begin(RouteDump kind) {
    ++generation_[static_cast<unsigned>(kind)];
    dumping_[static_cast<unsigned>(kind)] = true;
    if (kind == RouteDump::routes6) expiry_ = std::chrono::steady_clock::time_point::max();
    if (kind == RouteDump::rules4 || kind == RouteDump::rules6)
        dumped_rules_[kind == RouteDump::rules6].clear();
}

void Routes::end(RouteDump kind, bool supported) {
    const auto generation = generation_[static_cast<unsigned>(kind)];
    dumping_[static_cast<unsigned>(kind)] = false;
    const auto old = [&](const auto& marked) { return marked.generation != generation; };
    switch (kind) {
        case RouteDump::links: {
            std::vector<KernelLinkFacts> gone;
            for (const auto& [index, marked] : links_)
                if (old(marked)) gone.push_back(marked.value);
            for (const auto& link : gone)
                this->link(link, false);
            break;
        }
        case RouteDump::netconf4:
        case RouteDump::netconf6:  // says yes or no of each device
            break;
        case RouteDump::addresses:
            std::erase_if(addresses_, old);
            dirty_ = true;
            break;
        case RouteDump::nexthops: {
            std::vector<KernelNexthop> gone;
            for (const auto& [id, marked] : nexthops_)
                if (old(marked)) gone.push_back(marked.value);
            for (const auto& nexthop : gone)
                this->nexthop(nexthop, false);
            break;
        }
        case RouteDump::neighbours: {
            std::vector<NeighbourKey> gone;
            hops_.for_each_neighbour([&](const NeighbourKey& key, const HopPool::Neighbour& neighbour) {
                if (neighbour.kernel_state != 0 && old(neighbour)) gone.push_back(key);
            });
            for (const auto& key : gone) {
                known_neighbour(key, false);
                hops_.forget_neighbour(key);
            }
            break;
        }
        case RouteDump::routes4:
            tables4_.sweep(generation);
            break;
        case RouteDump::routes6:
            tables6_.sweep(generation);
            break;
        case RouteDump::rules4:
        case RouteDump::rules6: {
            const bool v6 = kind == RouteDump::rules6;
            if (rules_[v6] == dumped_rules_[v6] && knows_rules_[v6] == supported) break;
            knows_rules_[v6] = supported;
            rules_[v6] = std::move(dumped_rules_[v6]);
            replan(v6);
            break;
        }
    }
}

}  // namespace weft
