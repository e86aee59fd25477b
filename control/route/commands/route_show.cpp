// `ip route [list]` and `ip route get`.
#include "control/model/refusal.hpp"
#include "control/route/commands/handlers.hpp"
#include "control/route/commands/selector.hpp"
#include "control/route/commands/tos.hpp"

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

std::string_view type_word(HopKind kind) {
    return kind == HopKind::local       ? "local"
           : kind == HopKind::broadcast ? "broadcast"
           : kind == HopKind::multicast ? "multicast"
                                        : "";
}

/// What the kernel answers where there is no way (net/ipv4/route.c, fib_props).
Result<> check_found(const RouteFound& found) {
    switch (found.kind) {
        case HopKind::none:
        case HopKind::next_table:
            return ip::kernel("Network is unreachable");
        case HopKind::blackhole:
            return ip::kernel("Invalid argument");
        case HopKind::prohibit:
            return ip::kernel("Permission denied");
        case HopKind::unreachable:
            return ip::kernel("No route to host");
        case HopKind::elsewhere:
            return refuse("the route leads to an interface of the kernel that weft lacks");
        default:
            return {};
    }
}

/// iproute2 prints what the kernel says, and the kernel of IPv6 says no cache.
std::string found_text(const RouteQuestion& question, const RouteFound& found) {
    const bool v6 = question.to.v6, local = found.kind == HopKind::local;
    std::string text;
    if (const auto word = type_word(found.kind); !word.empty()) text += fmt::format("{} ", word);
    text += to_string(question.to, true) + " ";
    if (question.from)
        text += fmt::format("from {} ", to_string(*question.from, true));
    else if (v6)
        text += "from :: ";
    if (found.tos) text += fmt::format("tos {} ", tos_text(found.tos));
    if (found.has_gateway)
        text += fmt::format("via {}{} ", found.gateway_v6 != v6 ? "inet6 " : "",
                            ip_text(found.gateway_v6, found.gateway));
    text += fmt::format("dev {} ", local ? "lo" : found.device);
    if (local) text += "table local ";
    if (!question.from && found.source != IpAddress{})
        text += fmt::format("src {} ", ip_text(v6, found.source));
    // print_route: from 16 on in hexadecimal
    if (question.mark)
        text += fmt::format(fmt::runtime(question.mark < 16 ? "mark {} " : "mark {:#x} "), question.mark);
    if (!v6 && question.iif.empty()) text += "uid 0 ";
    if (found.mtu) text += fmt::format("mtu {} ", found.mtu);
    if (v6) return text + "\n";
    text += "\n    cache ";
    if (local) text += "<local> ";
    if (found.kind == HopKind::broadcast) text += "<local,brd> ";
    if (!question.iif.empty()) text += fmt::format("iif {} ", question.iif);
    return text + "\n";
}

Json found_json(const RouteQuestion& question, const RouteFound& found) {
    const bool v6 = question.to.v6, local = found.kind == HopKind::local;
    Json json;
    if (const auto word = type_word(found.kind); !word.empty()) json["type"] = word;
    json["dst"] = to_string(question.to, true);
    if (question.from)
        json["from"] = to_string(*question.from, true);
    else if (v6)
        json["from"] = "::";
    if (found.tos) json["tos"] = tos_text(found.tos);
    if (found.has_gateway && found.gateway_v6 == v6)
        json["gateway"] = ip_text(v6, found.gateway);
    else if (found.has_gateway)
        json["via"] = {{"family", "inet6"}, {"host", ip_text(true, found.gateway)}};
    json["dev"] = local ? "lo" : found.device;
    if (local) json["table"] = "local";
    if (!question.from && found.source != IpAddress{}) json["prefsrc"] = ip_text(v6, found.source);
    json["flags"] = Json::array();
    if (question.mark) json["mark"] = question.mark;
    if (!v6 && question.iif.empty()) json["uid"] = 0;
    if (found.mtu) json["metrics"] = Json::array({{{"mtu", found.mtu}}});
    if (!v6) {
        json["cache"] = Json::array();
        if (local || found.kind == HopKind::broadcast) json["cache"].push_back("local");
        if (found.kind == HopKind::broadcast) json["cache"].push_back("brd");
    }
    if (!question.iif.empty()) json["iif"] = question.iif;
    return json;
}

Result<RouteQuestion> question_of(const Session& session, const command::Match& match) {
    RouteQuestion question;
    const auto *to = match.argument("TO"), *from = match.argument("FROM");
    if (!to) return exit_with(1, "need at least a destination address");
    question.to = *command::parse_prefix(to->value);
    if (from) {
        question.from = command::parse_prefix(from->value);
        if (question.from->v6 != question.to.v6)
            return exit_with(1,
                             fmt::format("Error: {} prefix is expected rather than \"{}\".",
                                         question.to.v6 ? "inet6" : "inet", from->value),
                             from->column);
    }
    for (const auto& [name, into] : {std::pair{"IIF", &question.iif}, std::pair{"OIF", &question.oif}}) {
        const auto* item = match.argument(name);
        if (!item) continue;
        if (!session.model.find(item->value)) return ip::no_device(*item);
        *into = item->value;
    }
    if (const auto* item = match.argument("MARK"))
        question.mark = static_cast<std::uint32_t>(*command::parse_unsigned(item->value));
    if (const auto* item = match.argument("TOS")) {
        const auto tos = read_tos(item->value);
        if (!tos) return ip::wrong(*item, "TOS value is invalid\n");
        question.tos = *tos;
    }
    return question;
}

}  // namespace

Result<Reply> ip_route_show(Session& session, const command::Match& match, const std::string&) {
    const RoutingNames& names = names_of(session);
    const auto selector = read_selector(session.model, match, names);
    if (!selector) return selector.error();
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

Result<Reply> ip_route_get(Session& session, const command::Match& match, const std::string&) {
    const auto question = question_of(session, match);
    if (!question) return question.error();
    const auto found = session.live->find_route(*question);
    if (!found) return found.error();
    if (auto there = check_found(*found); !there) return there.error();
    if (session.json)
        return Reply{.data = std::make_shared<Json>(Json::array({found_json(*question, *found)}))};
    return Reply{.text = found_text(*question, *found)};
}

}  // namespace weft
