#include "control/route/commands/selector.hpp"

#include <set>

#include "control/address/words.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

using command::IpPrefix;

/// "any" and "all" leave nothing out, other than "default" (get_prefix_1).
Result<std::optional<IpPrefix>> prefix_argument(const command::Match& match, const char* name) {
    const auto* item = match.argument(name);
    if (!item || item->value == "any" || item->value == "all") return std::optional<IpPrefix>{};
    auto destination = read_destination(*item, match.option("-6"));
    if (!destination) return destination.error();
    if (auto r = ip::check_family(match, *item, destination->prefix.v6); !r) return r.error();
    destination->prefix.length_given = true;
    return std::optional{destination->prefix};
}

Result<std::optional<IpPrefix>> address_argument(const command::Match& match, const char* name) {
    const auto* item = match.argument(name);
    if (!item) return std::optional<IpPrefix>{};
    auto address = read_ip(*item, true, false);
    if (!address) return address.error();
    return std::optional{*address};
}

bool is(const IpPrefix& wanted, bool v6, const IpAddress& address) {
    return wanted.v6 == v6 && wanted.bytes == address.bytes;
}

}  // namespace

bool RouteSelector::family(bool v6) const {
    if (only4 || only6) return v6 == only6;
    for (const auto* prefix : {&root, &match, &exact, &via, &source})
        if (*prefix && (*prefix)->length) return (*prefix)->v6 == v6;
    return true;
}

bool RouteSelector::fits(const KernelRoute& route, std::span<const std::string> devices) const {
    if (!family(route.v6)) return false;
    if (table && route.table != *table) return false;
    if (protocol && route.protocol != *protocol) return false;
    if (scope && route.scope != *scope) return false;
    if (metric && route.priority != *metric) return false;
    if (type && route.type != *type) return false;
    if (source && !(route.has_preferred && is(*source, route.v6, route.preferred))) return false;
    // iproute2 lists no route of several next hops for one of them
    if (route.vias.size() <= 1) {
        if (device && (devices.empty() || devices.front() != *device)) return false;
        if (via && (route.vias.empty() || !route.vias.front().has_gateway ||
                    !is(*via, route.vias.front().gateway_v6, route.vias.front().gateway)))
            return false;
    } else if (device || via) {
        return false;
    }
    const auto prefix = prefix_of(route.v6, route.destination, route.length);
    if (root && !(route.length >= root->length && covers(*root, prefix))) return false;
    if (match && !(route.length <= match->length && covers(prefix, *match))) return false;
    return !exact || (route.length == exact->length && covers(prefix, *exact));
}

Result<RouteSelector> read_selector(const Model&, const command::Match& match, const RoutingNames& names) {
    RouteSelector selector;
    selector.only4 = match.option("-4");
    selector.only6 = match.option("-6");
    selector.table = RT_TABLE_MAIN;
    if (const auto* item = match.argument("TABLE")) {
        if (item->value == "all") {
            selector.table.reset();
        } else {
            const auto table = read_table(*item, names, "table id value is invalid\n");
            if (!table) return table.error();
            selector.table = *table;
        }
    }
    if (const auto* item = match.argument("PROTOCOL"))
        if (!(selector.protocol = names.protocol(item->value)))
            return ip::wrong(*item, "invalid \"protocol\"\n");
    if (const auto* item = match.argument("SCOPE"))
        if (!(selector.scope = names.scope(item->value))) return ip::wrong(*item, "invalid \"scope\"\n");
    if (const auto* item = match.argument("METRIC")) {
        const auto number = command::parse_unsigned(item->value);
        if (!number || *number > UINT32_MAX) return ip::wrong(*item, "\"metric\" value is invalid");
        selector.metric = static_cast<std::uint32_t>(*number);
    }
    if (const auto* item = match.argument("TYPE"))
        if (!(selector.type = route_type(item->value)))
            return ip::wrong(*item, "node type value is invalid\n");
    for (const auto& item : match.items)
        if (!item.argument)
            if (const auto type = route_type(item.name)) selector.type = type;
    if (const auto* item = match.argument("DEVICE")) selector.device = item->value;
    for (const auto& [name, into] : {std::pair{"VIA", &selector.via}, std::pair{"SRC", &selector.source}}) {
        auto address = address_argument(match, name);
        if (!address) return address.error();
        *into = *address;
    }
    for (const auto& [name, into] : {std::pair{"ROOT", &selector.root}, std::pair{"MATCH", &selector.match},
                                     std::pair{"EXACT", &selector.exact}, std::pair{"TO", &selector.exact}}) {
        auto prefix = prefix_argument(match, name);
        if (!prefix) return prefix.error();
        if (*prefix) *into = *prefix;
    }
    return selector;
}

Result<> check_device(const Session& session, const command::Match& match) {
    const auto* device = match.argument("DEVICE");
    if (!device || session.model.find(device->value)) return {};
    bool there = false;
    std::set<int> asked;
    for (const bool v6 : {false, true}) {
        if (!session.live) break;
        auto visited = session.live->visit_routes(v6, [&](const KernelRoute& route) {
            for (const auto& via : route.vias)
                if (asked.insert(via.interface).second)
                    there |= session.live->device_name(via.interface) == device->value;
        });
        if (!visited) return visited;
    }
    return there ? Result<>{} : ip::no_device(*device);
}

}  // namespace weft
