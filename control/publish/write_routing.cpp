// Routing that the model wants, told to the kernel: what it has of weft's (protocol 119) becomes what the
// model says. What others put there is neither changed nor removed. Also asked of the kernel, for who shows
// it.
#include <fmt/format.h>
#include <net/if.h>

#include <cerrno>

#include "control/address/words.hpp"
#include "control/publish/kernel_form.hpp"
#include "control/publish/switch.hpp"
#include "control/route/commands/edit.hpp"
#include "control/route/commands/words.hpp"

namespace weft {

namespace {

/// An IPv6 address of weft's may still be looking for duplicates: the kernel takes no route with such a
/// source.
bool prefers_unready_address(const Model& model, const KernelRoute& route) {
    return route.v6 && route.has_preferred &&
           std::any_of(model.addresses.begin(), model.addresses.end(), [&](const AddressSpec& address) {
               const auto has = parsed(address);
               return has.v6 && has.bytes == route.preferred.bytes;
           });
}

bool needs_no_device(const KernelRoute& route) {
    return leads_nowhere(route.type) || route.nexthop;
}

/// Whether a route of weft's is the first one of its prefix, metric and TOS, also among others', and a new
/// one is to be: then NLM_F_REPLACE is what takes one out and puts the other in.
class FirstPlaces {
  public:
    FirstPlaces(const Model& target, const std::vector<KernelRoute>& written, RouteMirror* mirror,
                unsigned wait_ms)
        : target_(target), mirror_(mirror), wait_ms_(wait_ms) {
        for (const auto& route : written)
            first_.emplace(key_of(route), &route);
    }
    [[nodiscard]] bool passes(const KernelRoute& from, const RouteSpec& to) {
        const auto key = to.key();
        if (&target_.routing.routes.lower_bound(key)->second != &to || first_.at(key) != &from) return false;
        if (!mirror_) return false;  // the end of the daemon
        if (!std::exchange(in_step_, true)) mirror_->wait_until_in_step(wait_ms_);
        return mirror_->with([&](const Routes& routes) { return routes.is_first(from); });
    }

  private:
    const Model& target_;
    RouteMirror* mirror_;
    const unsigned wait_ms_;
    bool in_step_ = false;
    std::map<RouteKeySpec, const KernelRoute*> first_;
};

/// What a route is called in a message.
std::string name_of(const KernelRoute& route) {
    return "route " + destination_text(route.v6, route.destination, route.length);
}

}  // namespace

/// Whether objects of weft's that belong to no device can only be this daemon's: no other has TAPs there.
Result<bool> Switch::alone_in_namespace() {
    auto others = tap_netlink_.links("weft:");
    if (!others) return std::move(others).error();
    return std::all_of(others->begin(), others->end(),
                       [&](const KernelLink& link) { return link.alias == "weft:" + options_.socket; });
}

bool Switch::is_own_device(int index) const {
    return std::any_of(taps_.begin(), taps_.end(),
                       [&](const auto& tap) { return tap.second.tap.index() == index; });
}

/// Whether this daemon wrote the object, or was about to when the kernel refused another one.
bool Switch::wrote(const KernelRoute& route) const {
    const auto index_of = index_in(taps_);
    for (const auto* routing : {&model_.routing, &told_routing_}) {
        const auto [first, last] = routing->routes.equal_range(key_of(route));
        for (auto it = first; it != last; ++it)
            if (satisfies(route, kernel_route(it->second, index_of))) return true;
    }
    return false;
}

bool Switch::wrote(const KernelRule& rule) const {
    for (const auto* routing : {&model_.routing, &told_routing_}) {
        const auto [first, last] = routing->rules.equal_range({rule.v6, rule.priority});
        for (auto it = first; it != last; ++it)
            if (satisfies(rule, kernel_rule(it->second))) return true;
    }
    return false;
}

/// What has weft's protocol and is this daemon's: what is on its TAPs, what it wrote, and at the start what a
/// dead one left, if no other lives in the namespace.
Result<Switch::WrittenRouting> Switch::read_written() {
    bool left_over = false;
    if (!routing_adopted_) {
        const auto alone = alone_in_namespace();
        if (!alone) return alone.error();
        left_over = *alone;
    }
    WrittenRouting written;
    for (const bool v6 : {false, true}) {
        auto done = tap_netlink_.visit_routes(
            v6, [&] { std::erase_if(written.routes, [&](const auto& r) { return r.v6 == v6; }); },
            [&](const KernelRoute& route) {
                if (route.protocol != weft_protocol) return;
                const bool on_ours = !needs_no_device(route) &&
                                     std::all_of(route.vias.begin(), route.vias.end(), [&](const auto& via) {
                                         return is_own_device(via.interface);
                                     });
                if (on_ours || (needs_no_device(route) && left_over) || wrote(route))
                    written.routes.push_back(route);
            },
            weft_protocol);
        if (!done) return done.error();
        auto rules = tap_netlink_.policy_rules(v6);
        if (!rules) return std::move(rules).error();
        for (const auto& rule : *rules)
            if (rule.protocol == weft_protocol && (left_over || wrote(rule))) written.rules.push_back(rule);
    }
    auto nexthops = tap_netlink_.nexthops();
    if (!nexthops) return std::move(nexthops).error();
    for (const auto& nexthop : *nexthops) {
        if (nexthop.protocol != weft_protocol) continue;
        const bool on_device = nexthop.via.interface > 1;  // 1 is lo: of blackholes
        const bool known =
            model_.routing.nexthops.contains(nexthop.id) || told_routing_.nexthops.contains(nexthop.id);
        if (on_device ? is_own_device(nexthop.via.interface) : left_over || known)
            written.nexthops.push_back(nexthop);
    }
    auto neighbours = tap_netlink_.neighbours();
    if (!neighbours) return std::move(neighbours).error();
    for (const auto& neighbour : *neighbours)
        if (neighbour.protocol == weft_protocol && is_own_device(neighbour.interface))
            written.neighbours.push_back(neighbour);
    return written;
}

/// An object that was there before and that the kernel now refuses (its address went, say) waits; what is new
/// is refused.
Result<> Switch::settle_refused(Result<> done, bool may_wait, const std::string& what) {
    if (done || !may_wait) return done;
    if (!waited_.contains(what) && waiting_.insert(what).second)
        log(fmt::format("{} waits: {}", what, done.error().message));
    waiting_.insert(what);
    return {};
}

/// Interfaces whose carrier is off.
Dark Switch::dark_links(const Model& target) {
    Dark dark;
    for (const auto& [name, link] : effective_now(target))
        if (!link.carrier) dark.insert(name);
    return dark;
}

Result<> Switch::write_nexthops(const Model& target, const WrittenRouting& written) {
    const auto index_of = index_in(taps_);
    const auto dark = dark_links(target);
    for (const bool groups : {false, true})  // what a group names has to be there
        for (const auto& [id, spec] : target.routing.nexthops) {
            if (spec.nexthop.group.empty() == groups || waits(target, dark, spec)) continue;
            const auto wanted = kernel_nexthop(without_waiting(target, dark, spec), index_of);
            const auto there = std::find_if(written.nexthops.begin(), written.nexthops.end(),
                                            [&](const auto& other) { return other.id == wanted.id; });
            const bool known = there != written.nexthops.end();
            if (known && satisfies(*there, wanted)) continue;
            const auto before = model_.routing.nexthops.find(id);
            const bool was_there = before != model_.routing.nexthops.end() && before->second == spec;
            auto done = tap_netlink_.change_nexthop(wanted, known ? RouteVerb::replace : RouteVerb::add);
            if (auto r = settle_refused(std::move(done), was_there, fmt::format("next hop {}", id)); !r)
                return r;
        }
    return {};
}

Result<> Switch::delete_nexthops(const Model& target, const WrittenRouting& written) {
    for (const bool groups : {true, false})
        for (const auto& there : written.nexthops) {
            const auto it = target.routing.nexthops.find(there.id);
            if (there.group.empty() == groups || it != target.routing.nexthops.end()) continue;
            if (auto r = tap_netlink_.change_nexthop(there, RouteVerb::del); !r && !is_gone(r.error()))
                return r;
        }
    return {};
}

/// Of one prefix and priority: the first one takes the first one's place, if that is weft's. What else is
/// there and not wanted is deleted after what is wanted and not there is added, so that packets always find a
/// way.
Result<> Switch::write_routes(const Model& target, const WrittenRouting& written) {
    const auto index_of = index_in(taps_);
    const auto dark = dark_links(target);
    std::multimap<RouteKeySpec, const KernelRoute*> there;
    for (const auto& route : written.routes)
        there.emplace(key_of(route), &route);
    std::vector<std::pair<KernelRoute, const RouteSpec*>> add;
    for (const auto& [key, spec] : target.routing.routes) {
        if (waits(target, dark, spec)) continue;
        auto wanted = kernel_route(spec, index_of);
        const auto [first, last] = there.equal_range(key);
        const auto same =
            std::find_if(first, last, [&](const auto& o) { return satisfies(*o.second, wanted); });
        if (same != last)
            there.erase(same);
        else
            add.emplace_back(std::move(wanted), &spec);
    }
    // A gateway is asked of the routes that are there: those without one come first. Of one prefix and
    // priority the order stays: the first one counts.
    const auto alone = [&](const auto& one) {
        const auto [first, last] = target.routing.routes.equal_range(one.second->key());
        return std::none_of(first, last, [](const auto& other) { return needs_others(other.second.route); });
    };
    std::stable_partition(add.begin(), add.end(), alone);
    const auto may_wait = [&](const RouteSpec& spec) {
        const auto [first, last] = model_.routing.routes.equal_range(spec.key());
        return std::any_of(first, last, [&](const auto& other) { return other.second == spec; }) ||
               prefers_unready_address(target, spec.route);
    };
    FirstPlaces first_places(target, written.routes, routes_.get(), in_step_ms);
    std::set<RouteKeySpec> added, failed;
    for (const auto& [wanted, spec] : add) {
        const auto key = spec->key();
        const auto old = there.find(key);
        auto verb = RouteVerb::add;
        if (old != there.end() && (wanted.v6 || first_places.passes(*old->second, *spec))) {
            verb = RouteVerb::replace;
            there.erase(old);
        } else if (old != there.end() || !added.insert(key).second || target.routing.routes.count(key) > 1) {
            verb = RouteVerb::append;
        }
        auto done = tap_netlink_.change_route(wanted, verb);
        if (!done) failed.insert(key);
        if (auto r = settle_refused(std::move(done), may_wait(*spec), name_of(wanted)); !r) return r;
    }
    for (const auto& [key, left] : there) {
        const KernelRoute& route = *left;
        // What was to take its place is not there; or a dump told of it twice, and it is wanted.
        if (failed.contains(key)) continue;
        const auto [first, last] = target.routing.routes.equal_range(key);
        if (std::any_of(first, last, [&](const auto& one) {
                return !waits(target, dark, one.second) &&
                       satisfies(route, kernel_route(one.second, index_of));
            }))
            continue;
        // The kernel may have dropped it with an address or a next hop meanwhile.
        if (auto r = tap_netlink_.change_route(route, RouteVerb::del); !r && !is_gone(r.error())) return r;
    }
    return {};
}

Result<> Switch::write_rules(const Model& target, const WrittenRouting& written) {
    std::vector<const KernelRule*> there;
    for (const auto& rule : written.rules)
        there.push_back(&rule);
    const auto known = [&](const KernelRule& spec) {
        const auto [first, last] = model_.routing.rules.equal_range({spec.v6, spec.priority});
        return std::any_of(first, last, [&](const auto& other) { return other.second == spec; });
    };
    for (const auto& [key, spec] : target.routing.rules) {
        const auto wanted = kernel_rule(spec);
        const auto same = std::find_if(there.begin(), there.end(),
                                       [&](const KernelRule* other) { return satisfies(*other, wanted); });
        if (same != there.end())
            there.erase(same);
        else if (auto r = settle_refused(tap_netlink_.change_rule(wanted, RouteVerb::add), known(spec),
                                         fmt::format("rule {}", spec.priority));
                 !r)
            return r;
    }
    for (const auto* rule : there)
        if (auto r = tap_netlink_.change_rule(*rule, RouteVerb::del); !r && !is_gone(r.error())) return r;
    return {};
}

Result<> Switch::write_neighbours(const Model& target, const WrittenRouting& written) {
    const auto index_of = index_in(taps_);
    std::vector<const KernelNeighbour*> there;
    for (const auto& neighbour : written.neighbours)
        there.push_back(&neighbour);
    for (const auto& [key, spec] : target.routing.neighbours) {
        if (!target.find(key.device)->up) continue;  // the kernel keeps none on an interface that is down
        const auto wanted = kernel_neighbour(key, spec, index_of);
        const auto same = std::find_if(there.begin(), there.end(), [&](const KernelNeighbour* other) {
            return other->interface == wanted.interface && other->v6 == wanted.v6 &&
                   other->address == wanted.address;
        });
        const bool done = same != there.end() && satisfies(**same, wanted);
        if (same != there.end()) there.erase(same);
        if (done) continue;
        const auto before = model_.routing.neighbours.find(key);
        const bool known = before != model_.routing.neighbours.end() && before->second == spec;
        if (auto r = settle_refused(tap_netlink_.change_neighbour(wanted, RouteVerb::replace), known,
                                    "neighbour " + ip_text(key.v6, key.address));
            !r)
            return r;
    }
    for (const auto* neighbour : there)
        if (auto r = tap_netlink_.change_neighbour(*neighbour, RouteVerb::del); !r && !is_gone(r.error()))
            return r;
    return {};
}

bool Switch::is_gone(const Error& error) {
    return error.message.ends_with("No such process") || error.message.ends_with("No such file or directory");
}

Result<> Switch::write_routing(const Model& target) {
    if (!options_.kernel) return {};
    const RoutingSpec none;
    // A kernel full of others' routes is asked for weft's only where something may have changed: once at the
    // start, after what a dead daemon left.
    const bool same = told_routing_ == target.routing && !routing_disturbed_ && waiting_.empty() &&
                      target.links == model_.links && target.addresses == model_.addresses;
    if (routing_adopted_ && (same || (told_routing_ == none && target.routing == none))) return {};
    routing_disturbed_ = true;  // until all is written
    const auto written = read_written();
    if (!written) return written.error();
    waited_ = std::exchange(waiting_, {});
    told_routing_ = target.routing;  // also of what is refused half way, and then taken back
    if (auto r = write_nexthops(target, *written); !r) return r;
    if (auto r = write_routes(target, *written); !r) return r;
    if (auto r = delete_nexthops(target, *written); !r) return r;
    if (auto r = write_rules(target, *written); !r) return r;
    if (auto r = write_neighbours(target, *written); !r) return r;
    routing_adopted_ = true;
    routing_disturbed_ = false;
    // Who is told that it is done may send the next packet.
    if (routes_ && target.routing != model_.routing) routes_->wait_until_in_step(in_step_ms);
    return {};
}

}  // namespace weft
