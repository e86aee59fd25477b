// `ip route [list]`.
#include "control/route/commands/handlers.hpp"
#include "control/route/commands/selector.hpp"

namespace weft {

namespace {

std::vector<std::string> devices_of(Live& live, const KernelRoute& route) {
    std::vector<std::string> names;
    for (const auto& via : route.vias)
        names.push_back(via.interface ? live.device_name(via.interface) : std::string{});
    return names;
}

RouteForm form_of(const command::Match& match, const RouteSelector& selector, const RoutingNames& names) {
    return {.names = names,
            .details = match.option("-d"),
            .oneline = match.option("-o"),
            .hide_device = selector.device.has_value(),
            .hide_protocol = selector.protocol.has_value(),
            .hide_scope = selector.scope.has_value(),
            .hide_gateway = selector.via.has_value(),
            .hide_source = selector.source.has_value(),
            .hide_table = selector.table.has_value(),
            .hide_metric = selector.metric.has_value()};
}

}  // namespace

Result<Reply> ip_route_show(Session& session, const command::Match& match, const std::string&) {
    const RoutingNames& names = names_of(session);
    const auto selector = read_selector(session.model, match, names);
    if (!selector) return selector.error();
    if (auto r = check_device(session, match); !r) return r.error();
    const auto form = form_of(match, *selector, names);
    Reply reply;
    if (session.json) reply.data = std::make_shared<Json>(Json::array());
    for (const bool v6 : {false, true}) {
        if (!selector->means(v6)) continue;
        auto visited = session.live->visit_routes(v6, [&](const KernelRoute& route) {
            const auto devices = devices_of(*session.live, route);
            if (!selector->fits(route, devices)) return;
            if (session.json)
                reply.data->push_back(route_json(route, devices, form));
            else
                reply.text += route_text(route, devices, form) + "\n";
        });
        if (!visited) return visited.error();
    }
    return reply;
}

}  // namespace weft
