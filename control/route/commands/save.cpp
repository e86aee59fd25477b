#include "control/config/file.hpp"
#include "control/model/lines.hpp"
#include "control/route/commands/edit.hpp"
#include "control/route/commands/text.hpp"
#include "control/route/commands/words.hpp"

namespace weft {

namespace {

/// Table names may change: a file says numbers, but for the kernel's own.
const RoutingNames& kernel_names() {
    static const RoutingNames names("");
    return names;
}

void trim(std::string& text) {
    while (text.ends_with(' '))
        text.pop_back();
}

void save_route(std::string& text, const RouteSpec& spec, bool first) {
    std::vector<std::string> devices;
    for (const auto& device : spec.devices)
        devices.push_back(device.empty() ? device : config::quote(device));
    auto line = route_text(spec.route, devices, {.names = kernel_names(), .oneline = true, .for_save = true});
    trim(line);
    text += fmt::format("ip {}route {} {}\n", spec.route.v6 ? "-6 " : "", first ? "add" : "append", line);
}

void save_nexthop(std::string& text, const NexthopSpec& spec) {
    auto shown = spec.nexthop;
    shown.scope = 0;
    shown.protocol = 0;
    auto line = nexthop_text(shown, spec.device.empty() ? spec.device : config::quote(spec.device),
                             kernel_names(), false);
    trim(line);
    text += fmt::format("ip {}nexthop add {}\n", spec.nexthop.family == AF_INET6 ? "-6 " : "", line);
}

}  // namespace

void save_nexthops(std::string& text, const Model& model) {
    for (const bool groups : {false, true})  // what they are made of first
        for (const auto& [id, spec] : model.routing.nexthops)
            if (spec.nexthop.group.empty() != groups) save_nexthop(text, spec);
}

void save_routes(std::string& text, const Model& model) {
    const auto& routes = model.routing.routes;
    for (const bool gateways : {false, true})
        for (auto first = routes.begin(); first != routes.end();) {
            const auto last = routes.upper_bound(first->first);
            const bool needs =
                std::any_of(first, last, [](const auto& one) { return needs_others(one.second.route); });
            for (auto it = first; it != last && needs == gateways; ++it)
                save_route(text, it->second, it == first);
            first = last;
        }
}

void save_rules(std::string& text, const Model& model) {
    for (const auto& [key, rule] : model.routing.rules) {
        auto shown = rule;
        shown.protocol = 0;
        if (!shown.iif.empty()) shown.iif = config::quote(shown.iif);
        text += fmt::format("ip {}rule add pref {} {}\n", rule.v6 ? "-6 " : "", rule.priority,
                            rule_text(shown, kernel_names(), false, false));
    }
}

void save_neighbours(std::string& text, const Model& model) {
    for (const auto& [key, spec] : model.routing.neighbours) {
        text += fmt::format("ip neigh add {}", ip_text(key.v6, key.address));
        if (spec.has_mac) text += fmt::format(" lladdr {}", to_string(spec.mac));
        text += fmt::format(" dev {}", config::quote(key.device));
        text += spec.managed ? " managed" : spec.noarp ? " nud noarp" : " nud permanent";
        if (spec.router) text += " router";
        text += spec.external ? " extern_learn\n" : "\n";
    }
}

}  // namespace weft
