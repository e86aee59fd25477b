#include <fmt/format.h>

#include <iterator>

#include "control/route/commands/text.hpp"
#include "control/route/commands/tos.hpp"
#include "control/route/commands/words.hpp"

namespace weft {

namespace {

/// In the order of iproute2's print_rt_flags.
std::vector<std::string> flag_words(std::uint32_t flags) {
    std::vector<std::string> words;
    for (const auto& [bit, word] : {std::pair{std::uint32_t{RTNH_F_DEAD}, "dead"},
                                    {std::uint32_t{RTNH_F_ONLINK}, "onlink"},
                                    {std::uint32_t{RTNH_F_PERVASIVE}, "pervasive"},
                                    {std::uint32_t{RTNH_F_OFFLOAD}, "offload"},
                                    {std::uint32_t{RTNH_F_TRAP}, "trap"},
                                    {std::uint32_t{RTM_F_NOTIFY}, "notify"},
                                    {std::uint32_t{RTNH_F_LINKDOWN}, "linkdown"},
                                    {std::uint32_t{RTNH_F_UNRESOLVED}, "unresolved"},
                                    {std::uint32_t{RTM_F_OFFLOAD}, "rt_offload"},
                                    {std::uint32_t{RTM_F_TRAP}, "rt_trap"}})
        if (flags & bit) words.emplace_back(word);
    return words;
}

std::string flag_text(std::uint32_t flags) {
    std::string text;
    for (const auto& word : flag_words(flags))
        text += word + " ";
    return text;
}

/// iproute2 names the gateway's family where it is another than the route's.
std::string gateway_text(const KernelVia& via, bool v6) {
    return fmt::format("via {}{} ", via.gateway_v6 != v6 ? (via.gateway_v6 ? "inet6 " : "inet ") : "",
                       ip_text(via.gateway_v6, via.gateway));
}

void put_gateway(Json& json, const KernelVia& via, bool v6) {
    if (via.gateway_v6 == v6)
        json["gateway"] = ip_text(v6, via.gateway);
    else
        json["via"] = {{"family", via.gateway_v6 ? "inet6" : "inet"},
                       {"host", ip_text(via.gateway_v6, via.gateway)}};
}

bool says_scope(const KernelRoute& route, const RouteForm& form) {
    return !form.hide_scope && (route.scope != RT_SCOPE_UNIVERSE || (form.details && !form.for_save));
}

bool says_metric(const KernelRoute& route, const RouteForm& form) {
    if (form.hide_metric) return false;
    if (form.for_save) return route.priority != (route.v6 ? 1024u : 0u);
    return route.priority || route.v6;
}

bool says_table(const KernelRoute& route, const RouteForm& form) {
    return !form.hide_table && (route.table != RT_TABLE_MAIN || (form.details && !form.for_save));
}

bool says_protocol(const KernelRoute& route, const RouteForm& form) {
    return !form.for_save && !form.hide_protocol && (route.protocol != RTPROT_BOOT || form.details);
}

std::string metrics_text(const KernelRoute& route) {
    std::string text;
    for (std::uint8_t i = RTAX_MTU; i <= RTAX_MAX; ++i) {
        const auto word = metric_name(i);
        if (!(route.metrics_set >> i & 1) || word.empty()) continue;
        fmt::format_to(std::back_inserter(text), "{} {}{} ", word,
                       route.metrics_locked >> i & 1 ? "lock " : "", route.metrics[i]);
    }
    return text;
}

Json metrics_json(const KernelRoute& route) {
    Json json = Json::object();
    for (std::uint8_t i = RTAX_MTU; i <= RTAX_MAX; ++i)
        if (const auto word = metric_name(i); route.metrics_set >> i & 1 && !word.empty())
            json[std::string(word)] = route.metrics[i];
    return json;
}

std::string multipath_text(const KernelRoute& route, std::span<const std::string> devices,
                           const RouteForm& form) {
    std::string text;
    for (std::size_t i = 0; i < route.vias.size(); ++i) {
        const auto& via = route.vias[i];
        text += form.for_save ? "nexthop " : form.oneline ? "\\\tnexthop " : "\n\tnexthop ";
        if (via.has_gateway) text += gateway_text(via, route.v6);
        if (!devices[i].empty()) text += fmt::format("dev {} ", devices[i]);
        fmt::format_to(std::back_inserter(text), "weight {} {}", via.weight, flag_text(via.flags));
    }
    return text;
}

Json multipath_json(const KernelRoute& route, std::span<const std::string> devices) {
    Json all = Json::array();
    for (std::size_t i = 0; i < route.vias.size(); ++i) {
        const auto& via = route.vias[i];
        Json json;
        if (via.has_gateway) put_gateway(json, via, route.v6);
        if (!devices[i].empty()) json["dev"] = devices[i];
        json["weight"] = via.weight;
        json["flags"] = flag_words(via.flags);
        all.push_back(std::move(json));
    }
    return all;
}

/// Flags of the route itself: of several next hops each has its own.
std::uint32_t flags_of(const KernelRoute& route) {
    const std::uint32_t of_via = route.vias.size() == 1 ? route.vias.front().flags : 0u;
    return (route.flags & ~0xffu) | of_via | (route.vias.empty() ? route.flags & 0xff : 0u);
}

}  // namespace

std::string_view preference_word(std::uint8_t preference) {
    return preference == 1 ? "high" : preference == 3 ? "low" : "medium";
}

std::string route_text(const KernelRoute& route, std::span<const std::string> devices,
                       const RouteForm& form) {
    std::string text;
    const auto put = [&](const auto& format, const auto&... values) {
        fmt::format_to(std::back_inserter(text), fmt::runtime(format), values...);
    };
    const bool single = route.vias.size() == 1 && !(form.for_save && route.nexthop);
    if ((route.type != RTN_UNICAST || (form.details && !form.for_save)))
        put("{} ", route_type_name(route.type));
    put("{} ", destination_text(route.v6, route.destination, route.length));
    if (route.source_length) put("from {} ", destination_text(route.v6, route.source, route.source_length));
    if (route.nexthop) put("nhid {} ", route.nexthop);
    if (route.tos) put("tos {} ", tos_text(route.tos));
    if (single && route.vias.front().encapsulates) put("{} ", "encap");
    if (single && route.vias.front().has_gateway && !form.hide_gateway)
        text += gateway_text(route.vias.front(), route.v6);
    if (single && !devices.front().empty() && !form.hide_device) put("dev {} ", devices.front());
    if (says_table(route, form)) put("table {} ", form.names.table(route.table));
    if (says_protocol(route, form)) put("proto {} ", form.names.protocol(route.protocol));
    if (says_scope(route, form)) put("scope {} ", form.names.scope(route.scope));
    if (route.has_preferred && !form.hide_source) put("src {} ", ip_text(route.v6, route.preferred));
    if (says_metric(route, form)) put("metric {} ", route.priority);
    text += flag_text(flags_of(route));
    text += metrics_text(route);
    if (form.for_save) {
        if (route.v6 && route.preference) put("pref {} ", preference_word(route.preference));
    } else if (route.v6) {
        if (route.has_lifetime) put("expires {}sec ", route.expires / 100);
        put("pref {}", preference_word(route.preference));
    }
    if (route.vias.size() > 1 && !(form.for_save && route.nexthop))
        text += multipath_text(route, devices, form);
    return text;
}

Json route_json(const KernelRoute& route, std::span<const std::string> devices, const RouteForm& form) {
    Json json;
    if ((route.type != RTN_UNICAST || form.details)) json["type"] = route_type_name(route.type);
    json["dst"] = destination_text(route.v6, route.destination, route.length);
    if (route.source_length) json["from"] = destination_text(route.v6, route.source, route.source_length);
    if (route.nexthop) json["nhid"] = route.nexthop;
    if (route.tos) json["tos"] = tos_text(route.tos);
    const bool single = route.vias.size() == 1;
    if (single && route.vias.front().has_gateway && !form.hide_gateway)
        put_gateway(json, route.vias.front(), route.v6);
    if (single && !devices.front().empty() && !form.hide_device) json["dev"] = devices.front();
    if (says_table(route, form)) json["table"] = form.names.table(route.table);
    if (says_protocol(route, form)) json["protocol"] = form.names.protocol(route.protocol);
    if (says_scope(route, form)) json["scope"] = form.names.scope(route.scope);
    if (route.has_preferred && !form.hide_source) json["prefsrc"] = ip_text(route.v6, route.preferred);
    if (says_metric(route, form)) json["metric"] = route.priority;
    json["flags"] = flag_words(flags_of(route));
    if (route.metrics_set) json["metrics"] = Json::array({metrics_json(route)});
    if (route.v6) {
        if (route.has_lifetime) json["expires"] = route.expires / 100;
        json["pref"] = preference_word(route.preference);
    }
    if (route.vias.size() > 1) json["nexthops"] = multipath_json(route, devices);
    return json;
}

}  // namespace weft
