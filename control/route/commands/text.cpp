#include "control/route/commands/text.hpp"

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/neighbour.h>

#include <iterator>

#include "control/route/commands/tos.hpp"
#include "control/route/commands/words.hpp"

namespace weft {

namespace {

bool says_scope(const KernelNexthop& nexthop, bool details) {
    return details || nexthop.scope != RT_SCOPE_UNIVERSE;
}

bool says_protocol(std::uint8_t protocol, bool details) {
    return details || protocol != RTPROT_UNSPEC;
}

std::string group_text(const KernelNexthop& nexthop) {
    std::string text;
    for (const auto& member : nexthop.group) {
        if (!text.empty()) text += '/';
        text += std::to_string(member.id);
        if (member.weight != 1) text += "," + std::to_string(member.weight);
    }
    return text;
}

std::string_view action_word(std::uint8_t action) {
    switch (action) {
        case FR_ACT_BLACKHOLE:
            return "blackhole";
        case FR_ACT_UNREACHABLE:
            return "unreachable";
        case FR_ACT_PROHIBIT:
            return "prohibit";
        default:
            return {};
    }
}

/// As iproute2: of 0 no "0x".
std::string mark_text(const KernelRule& rule) {
    auto text = rule.mark ? fmt::format("{:#x}", rule.mark) : std::string("0");
    if (rule.mask != UINT32_MAX || !rule.mark) text += fmt::format("/{:#x}", rule.mask);
    return text;
}

std::string rule_end(const KernelRule& rule, const RoutingNames& names) {
    if (rule.action == FR_ACT_TO_TBL) return fmt::format("lookup {}", names.table(rule.table));
    return std::string(action_word(rule.action));
}

}  // namespace

std::string nexthop_text(const KernelNexthop& nexthop, const std::string& device, const RoutingNames& names,
                         bool details) {
    std::string text = fmt::format("id {} ", nexthop.id);
    if (!nexthop.group.empty()) text += fmt::format("group {} ", group_text(nexthop));
    if (nexthop.resilient) text += "type resilient ";
    if (nexthop.via.encapsulates) text += "encap ";
    if (nexthop.via.has_gateway)
        text += fmt::format("via {} ", ip_text(nexthop.via.gateway_v6, nexthop.via.gateway));
    if (!device.empty()) text += fmt::format("dev {} ", device);
    if (says_scope(nexthop, details)) text += fmt::format("scope {} ", names.scope(nexthop.scope));
    if (nexthop.blackhole) text += "blackhole ";
    if (says_protocol(nexthop.protocol, details))
        text += fmt::format("proto {} ", names.protocol(nexthop.protocol));
    for (const auto& [bit, word] :
         {std::pair{RTNH_F_DEAD, "dead "}, {RTNH_F_ONLINK, "onlink "}, {RTNH_F_LINKDOWN, "linkdown "}})
        if (nexthop.flags & static_cast<unsigned>(bit)) text += word;
    if (nexthop.fdb) text += "fdb ";
    return text;
}

Json nexthop_json(const KernelNexthop& nexthop, const std::string& device, const RoutingNames& names,
                  bool details) {
    Json json;
    json["id"] = nexthop.id;
    for (const auto& member : nexthop.group) {
        Json one{{"id", member.id}};
        if (member.weight != 1) one["weight"] = member.weight;
        json["group"].push_back(std::move(one));
    }
    if (nexthop.resilient) json["type"] = "resilient";
    if (nexthop.via.has_gateway) json["gateway"] = ip_text(nexthop.via.gateway_v6, nexthop.via.gateway);
    if (!device.empty()) json["dev"] = device;
    if (says_scope(nexthop, details)) json["scope"] = names.scope(nexthop.scope);
    if (nexthop.blackhole) json["blackhole"] = nullptr;
    if (says_protocol(nexthop.protocol, details)) json["protocol"] = names.protocol(nexthop.protocol);
    json["flags"] = Json::array();
    for (const auto& [bit, word] :
         {std::pair{RTNH_F_DEAD, "dead"}, {RTNH_F_ONLINK, "onlink"}, {RTNH_F_LINKDOWN, "linkdown"}})
        if (nexthop.flags & static_cast<unsigned>(bit)) json["flags"].push_back(word);
    if (nexthop.fdb) json["fdb"] = nullptr;
    return json;
}

std::string rule_text(const KernelRule& rule, const RoutingNames& names, bool details, bool detached) {
    std::string text;
    const auto put = [&](const auto& format, const auto&... values) {
        fmt::format_to(std::back_inserter(text), fmt::runtime(format), values...);
    };
    if (rule.invert) put("not ");
    put("from {} ", rule.from_length ? destination_text(rule.v6, rule.from, rule.from_length) : "all");
    if (rule.to_length) put("to {} ", destination_text(rule.v6, rule.to, rule.to_length));
    if (rule.tos) put("tos {} ", tos_text(rule.tos));
    if (rule.has_mark) put("fwmark {} ", mark_text(rule));
    if (!rule.iif.empty()) put("iif {} {}", rule.iif, detached ? "[detached] " : "");
    if (!rule.unsupported.empty()) put("[{}, which weft does not obey] ", rule.unsupported);
    text += rule_end(rule, names);
    if (details || (rule.protocol != RTPROT_UNSPEC && rule.protocol != RTPROT_KERNEL))
        put(" proto {}", names.protocol(rule.protocol));
    return text;
}

Json rule_json(const KernelRule& rule, const RoutingNames& names, bool details, bool detached) {
    Json json;
    json["priority"] = rule.priority;
    if (rule.invert) json["not"] = nullptr;
    const unsigned host = rule.v6 ? 128 : 32;
    json["src"] = rule.from_length ? ip_text(rule.v6, rule.from) : "all";
    if (rule.from_length && rule.from_length != host) json["srclen"] = rule.from_length;
    if (rule.to_length) json["dst"] = ip_text(rule.v6, rule.to);
    if (rule.to_length && rule.to_length != host) json["dstlen"] = rule.to_length;
    if (rule.tos) json["tos"] = tos_text(rule.tos);
    if (rule.has_mark) json["fwmark"] = rule.mark ? fmt::format("{:#x}", rule.mark) : "0";
    if (rule.has_mark && rule.mask != UINT32_MAX) json["fwmask"] = fmt::format("{:#x}", rule.mask);
    if (!rule.iif.empty()) json["iif"] = rule.iif;
    if (detached) json["iif_detached"] = nullptr;
    if (!rule.unsupported.empty()) json["unsupported"] = rule.unsupported;
    if (rule.action == FR_ACT_TO_TBL)
        json["table"] = names.table(rule.table);
    else
        json["action"] = action_word(rule.action);
    if (details || (rule.protocol != RTPROT_UNSPEC && rule.protocol != RTPROT_KERNEL))
        json["protocol"] = names.protocol(rule.protocol);
    return json;
}

std::vector<std::string> neighbour_states(std::uint16_t state) {
    std::vector<std::string> words;
    for (const auto& [bit, word] : {std::pair{NUD_INCOMPLETE, "INCOMPLETE"},
                                    {NUD_REACHABLE, "REACHABLE"},
                                    {NUD_STALE, "STALE"},
                                    {NUD_DELAY, "DELAY"},
                                    {NUD_PROBE, "PROBE"},
                                    {NUD_FAILED, "FAILED"},
                                    {NUD_NOARP, "NOARP"},
                                    {NUD_PERMANENT, "PERMANENT"}})
        if (state & bit) words.emplace_back(word);
    return words;
}

}  // namespace weft
