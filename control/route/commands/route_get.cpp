// `ip route get`.
#include <fmt/format.h>

#include <iterator>

#include "control/model/refusal.hpp"
#include "control/route/commands/handlers.hpp"
#include "control/route/commands/text.hpp"
#include "control/route/commands/tos.hpp"
#include "control/route/commands/words.hpp"

namespace weft {

namespace {

std::string_view type_word(HopKind kind, bool details) {
    return kind == HopKind::local       ? "local"
           : kind == HopKind::broadcast ? "broadcast"
           : kind == HopKind::multicast ? "multicast"
           : details                    ? "unicast"
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

bool leads_to_host(const RouteQuestion& question, const RouteFound& found) {
    return found.kind == HopKind::local || (found.kind == HopKind::broadcast && !question.iif.empty());
}

std::string device_of(const RouteQuestion& question, const RouteFound& found) {
    return leads_to_host(question, found) ? "lo" : found.device;
}

/// Which address the host would send from: of a packet that it sends and that has none yet, and in IPv6 of
/// any that it sends.
bool says_source(const RouteQuestion& question, const RouteFound& found) {
    return found.source != IpAddress{} && question.iif.empty() && (question.to.v6 || !question.from);
}

bool says_table(const RouteFound& found, bool details) {
    return found.table && (details || found.table != RT_TABLE_MAIN);
}

/// The flags of what IPv4 calls an entry of a cache (print_cache_flags).
std::vector<std::string> cache_words(const RouteFound& found) {
    switch (found.kind) {
        case HopKind::local:
            return {"local"};
        case HopKind::broadcast:
            return {"local", "brd"};
        case HopKind::multicast:
            return found.heard ? std::vector<std::string>{"local", "mc"} : std::vector<std::string>{"mc"};
        default:
            return {};
    }
}

/// iproute2 prints what the kernel says: of IPv6 the route, of IPv4 an entry of a cache.
std::string found_text(const RouteQuestion& question, const RouteFound& found, const RoutingNames& names,
                       const command::Match& match) {
    const bool v6 = question.to.v6, details = match.option("-d");
    std::string text;
    const auto put = [&](const auto& format, const auto&... values) {
        fmt::format_to(std::back_inserter(text), fmt::runtime(format), values...);
    };
    if (const auto word = type_word(found.kind, details); !word.empty()) put("{} ", word);
    put("{} ", to_string(question.to, true));
    if (question.from || v6) put("from {} ", question.from ? to_string(*question.from, true) : "::");
    if (found.tos) put("tos {} ", tos_text(found.tos));
    if (found.has_gateway)
        put("via {}{} ", found.gateway_v6 != v6 ? "inet6 " : "", ip_text(found.gateway_v6, found.gateway));
    put("dev {} ", device_of(question, found));
    if (says_table(found, details)) put("table {} ", names.table(found.table));
    if (v6 && (found.protocol != RTPROT_BOOT || details)) put("proto {} ", names.protocol(found.protocol));
    if (v6 && details) put("scope {} ", names.scope(RT_SCOPE_UNIVERSE));
    if (says_source(question, found)) put("src {} ", ip_text(v6, found.source));
    if (v6) put("metric {} ", found.metric);
    // print_route: from 16 on in hexadecimal
    if (question.mark && !v6) put(question.mark < 16 ? "mark {} " : "mark {:#x} ", question.mark);
    if (!v6) {
        if (question.iif.empty()) put("uid 0 ");
        put("{}    cache ", match.option("-o") ? "\\" : "\n");
        if (const auto words = cache_words(found); !words.empty()) put("<{}> ", fmt::join(words, ","));
    }
    if (found.mtu) put("mtu {} ", found.mtu);
    if (!question.iif.empty()) put("iif {} ", question.iif);
    if (v6) put("pref {}", preference_word(found.preference));
    return text + "\n";
}

Json found_json(const RouteQuestion& question, const RouteFound& found, const RoutingNames& names,
                bool details) {
    const bool v6 = question.to.v6;
    Json json;
    if (const auto word = type_word(found.kind, details); !word.empty()) json["type"] = word;
    json["dst"] = to_string(question.to, true);
    if (question.from || v6) json["from"] = question.from ? to_string(*question.from, true) : "::";
    if (found.tos) json["tos"] = tos_text(found.tos);
    if (found.has_gateway && found.gateway_v6 == v6)
        json["gateway"] = ip_text(v6, found.gateway);
    else if (found.has_gateway)
        json["via"] = {{"family", "inet6"}, {"host", ip_text(true, found.gateway)}};
    json["dev"] = device_of(question, found);
    if (says_table(found, details)) json["table"] = names.table(found.table);
    if (v6 && (found.protocol != RTPROT_BOOT || details)) json["protocol"] = names.protocol(found.protocol);
    if (v6 && details) json["scope"] = names.scope(RT_SCOPE_UNIVERSE);
    if (says_source(question, found)) json["prefsrc"] = ip_text(v6, found.source);
    if (v6) json["metric"] = found.metric;
    json["flags"] = Json::array();
    if (question.mark && !v6) json["mark"] = question.mark;
    if (!v6 && question.iif.empty()) json["uid"] = 0;
    if (!v6) json["cache"] = cache_words(found);
    if (found.mtu) json["metrics"] = Json::array({{{"mtu", found.mtu}}});
    if (!question.iif.empty()) json["iif"] = question.iif;
    if (v6) json["pref"] = preference_word(found.preference);
    return json;
}

Result<RouteQuestion> question_of(const Session& session, const command::Match& match) {
    RouteQuestion question;
    const auto *to = match.argument("TO"), *from = match.argument("FROM");
    if (!to) return exit_with(1, "need at least a destination address");
    question.to = *command::parse_prefix(to->value);
    if (auto r = ip::check_family(match, *to, question.to.v6); !r) return r.error();
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

Result<Reply> ip_route_get(Session& session, const command::Match& match, const std::string&) {
    const auto question = question_of(session, match);
    if (!question) return question.error();
    const auto found = session.live->find_route(*question);
    if (!found) return found.error();
    if (auto there = check_found(*found); !there) return there.error();
    const RoutingNames& names = names_of(session);
    if (session.json)
        return Reply{.data = std::make_shared<Json>(
                         Json::array({found_json(*question, *found, names, match.option("-d"))}))};
    return Reply{.text = found_text(*question, *found, names, match)};
}

}  // namespace weft
