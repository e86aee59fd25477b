// `ip route add|append|replace|change|del|flush`.
#include "control/model/refusal.hpp"
#include "control/route/commands/edit.hpp"
#include "control/route/commands/handlers.hpp"
#include "control/route/commands/selector.hpp"

namespace weft {

namespace {

/// A device that is down takes no route (fib_check_nh, ip6_route_info_create), when the command is typed; in
/// a file it waits until the device is up.
Result<> check_up(const Session& session, const RouteSpec& spec) {
    if (!session.live) return {};
    for (const auto& device : spec.devices)
        if (!device.empty() && !session.model.find(device)->up)
            return refuse("Error: Device for nexthop is not up.");
    return {};
}

/// Whether IPv6 makes one route of several next hops of them (rt6_qualify_for_ecmp).
bool joins(const RouteSpec& spec) {
    return spec.route.v6 && spec.route.type == RTN_UNICAST && !spec.route.nexthop &&
           std::all_of(spec.route.vias.begin(), spec.route.vias.end(),
                       [](const KernelVia& via) { return via.has_gateway; });
}

Result<RouteSpec> read_new(Session& session, const command::Match& match) {
    auto words = read_route(session.model, match, names_of(session), false);
    if (!words) return words.error();
    if (auto up = check_up(session, words->spec); !up) return up.error();
    return std::move(words->spec);
}

bool same_via(const RouteSpec& a, std::size_t i, const RouteSpec& b, std::size_t j) {
    const auto &left = a.route.vias[i], &right = b.route.vias[j];
    return left.has_gateway == right.has_gateway && left.gateway_v6 == right.gateway_v6 &&
           left.gateway == right.gateway &&
           (a.devices[i].empty() || b.devices[j].empty() || a.devices[i] == b.devices[j]);
}

/// Whether each next hop that the criterion names is one of the route's, and there are no fewer than it has.
bool has_vias(const RouteSpec& spec, const RouteSpec& wanted) {
    for (std::size_t i = 0; i < wanted.route.vias.size(); ++i) {
        bool found = false;
        for (std::size_t j = 0; j < spec.route.vias.size() && !found; ++j)
            found = wanted.route.vias[i].has_gateway
                        ? same_via(wanted, i, spec, j)
                        : wanted.devices[i] == spec.devices[j] || spec.devices[j].empty();
        if (!found) return false;
    }
    // net/ipv4/fib_semantics.c, fib_nh_match: one next hop named stands for the first
    return wanted.route.vias.size() <= 1 || wanted.route.vias.size() == spec.route.vias.size();
}

bool meant(const RouteSpec& spec, const RouteWords& words) {
    const KernelRoute &is = spec.route, &want = words.spec.route;
    if (is.v6 != want.v6 || is.table != want.table || is.length != want.length ||
        is.destination != want.destination)
        return false;
    if (words.has_priority && is.priority != want.priority) return false;
    if (words.has_type && is.type != want.type) return false;
    if (words.has_scope && is.scope != want.scope) return false;
    if (is.tos != want.tos || is.source_length != want.source_length || is.source != want.source)
        return false;
    if (want.nexthop && is.nexthop != want.nexthop) return false;
    if (want.has_preferred && (!is.has_preferred || is.preferred != want.preferred)) return false;
    return has_vias(spec, words.spec);
}

/// IPv6 takes one next hop out of several.
bool take_out(RouteSpec& spec, const RouteSpec& gone) {
    if (!spec.route.v6 || spec.route.vias.size() < 2 || gone.route.vias.empty()) return false;
    for (std::size_t i = 0; i < gone.route.vias.size(); ++i)
        for (std::size_t j = spec.route.vias.size(); j-- > 0;)
            if (same_via(gone, i, spec, j)) {
                spec.route.vias.erase(spec.route.vias.begin() + static_cast<std::ptrdiff_t>(j));
                spec.devices.erase(spec.devices.begin() + static_cast<std::ptrdiff_t>(j));
            }
    return !spec.route.vias.empty();
}

Reply put(Session& session, RouteSpec spec) {
    session.model.routing.routes.emplace(spec.key(), std::move(spec));
    return {};
}

}  // namespace

Result<Reply> ip_route_add(Session& session, const command::Match& match, const std::string&) {
    auto spec = read_new(session, match);
    if (!spec) return spec.error();
    if (session.model.routing.routes.contains(spec->key())) return ip::kernel("File exists");
    return put(session, std::move(*spec));
}

Result<Reply> ip_route_append(Session& session, const command::Match& match, const std::string&) {
    auto spec = read_new(session, match);
    if (!spec) return spec.error();
    const auto [first, last] = session.model.routing.routes.equal_range(spec->key());
    for (auto it = first; it != last; ++it) {
        if (it->second == *spec) return ip::kernel("File exists");
        if (!joins(*spec) || !joins(it->second)) continue;
        auto& joined = it->second;
        for (std::size_t i = 0; i < spec->route.vias.size(); ++i) {
            for (std::size_t j = 0; j < joined.route.vias.size(); ++j)
                if (same_via(joined, j, *spec, i)) return ip::kernel("File exists");
            joined.route.vias.push_back(spec->route.vias[i]);
            joined.devices.push_back(spec->devices[i]);
        }
        return Reply{};
    }
    return put(session, std::move(*spec));
}

namespace {

/// In the place of the first of its key, of IPv6 of all. Refused if a later one is the same already
/// (fib_table_insert).
Result<Reply> put_in_place(Session& session, RouteSpec spec) {
    auto& routes = session.model.routing.routes;
    const auto [first, last] = routes.equal_range(spec.key());
    if (!spec.route.v6 &&
        std::any_of(std::next(first), last, [&](const auto& one) { return one.second == spec; }))
        return ip::kernel("File exists");
    first->second = std::move(spec);
    if (first->second.route.v6) routes.erase(std::next(first), last);
    return Reply{};
}

}  // namespace

Result<Reply> ip_route_replace(Session& session, const command::Match& match, const std::string&) {
    auto spec = read_new(session, match);
    if (!spec) return spec.error();
    if (!session.model.routing.routes.contains(spec->key())) return put(session, std::move(*spec));
    return put_in_place(session, std::move(*spec));
}

Result<Reply> ip_route_change(Session& session, const command::Match& match, const std::string&) {
    auto spec = read_new(session, match);
    if (!spec) return spec.error();
    if (!session.model.routing.routes.contains(spec->key())) return ip::kernel("No such file or directory");
    return put_in_place(session, std::move(*spec));
}

Result<Reply> ip_route_del(Session& session, const command::Match& match, const std::string&) {
    const auto words = read_route(session.model, match, names_of(session), true);
    if (!words) return words.error();
    auto& routes = session.model.routing.routes;
    auto key = words->spec.key();
    // those of the prefix stand together, by priority
    key.priority = 0;
    key.tos = key.source_length = 0;
    key.source = {};
    for (auto it = routes.lower_bound(key); it != routes.end(); ++it) {
        if (it->first.destination != key.destination || it->first.length != key.length) break;
        if (!meant(it->second, *words)) continue;
        if (!take_out(it->second, words->spec)) routes.erase(it);
        return Reply{};
    }
    return ip::kernel("No such process");
}

Result<Reply> ip_route_flush(Session& session, const command::Match& match, const std::string&) {
    if (match.items.size() <= 3) return exit_with(1, "\"ip route flush\" requires arguments.");
    const RoutingNames& names = names_of(session);
    const auto selector = read_selector(session.model, match, names);
    if (!selector) return selector.error();
    if (auto r = check_device(session, match); !r) return r.error();
    auto wanted = *selector;
    if (wanted.protocol == std::uint32_t{119}) wanted.protocol.reset();
    std::erase_if(session.model.routing.routes, [&](const auto& entry) {
        return wanted.means(entry.first.v6) && wanted.fits(entry.second.route, entry.second.devices);
    });
    return Reply{};
}

}  // namespace weft
