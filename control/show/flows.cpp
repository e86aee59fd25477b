#include "control/flow/flows.hpp"

#include <fmt/format.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "control/command/types.hpp"
#include "control/flow/filter.hpp"
#include "control/flow/json.hpp"
#include "control/flow/print.hpp"
#include "control/flow/values.hpp"
#include "control/hook/ruleset.hpp"
#include "control/model/refusal.hpp"
#include "control/server/pieces.hpp"
#include "control/show/handlers.hpp"

namespace weft {

namespace {

using conntrack::Flow;
using conntrack::Outcome;

/// Places of the table a piece.
constexpr std::uint32_t flow_places = 512;

std::string place_text(const hook::RulePlace& place) {
    const std::string where = fmt::format("{} {} ", hook::to_string(place.table), place.chain);
    return where + (place.number ? std::to_string(place.number) : "policy");
}

/// "SYN", "!URG": bits that have to be set, and that must not.
std::string flags_text(std::uint8_t mask, std::uint8_t set) {
    static constexpr std::string_view names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"};
    std::string text;
    for (unsigned bit = 0; bit < std::size(names); ++bit)
        if (mask >> bit & 1U)
            text += fmt::format("{}{}{}", text.empty() ? "" : ",", set >> bit & 1U ? "" : "!", names[bit]);
    return text;
}

std::string conditions_text(const Outcome& of) {
    std::string text = fmt::format("in {}, {}", of.in, of.answered ? "answered" : "not answered yet");
    if (of.source_mac) text += fmt::format(", from MAC {}", to_string(*of.source_mac));
    if (of.connection_mark) text += fmt::format(", connection mark {:#x}", *of.connection_mark);
    if (of.tcp_mask) text += fmt::format(", TCP flags {}", flags_text(of.tcp_mask, of.tcp_flags));
    return text + (of.routes ? ", these rules and routes" : ", these rules");
}

std::string rules_text(const Outcome& of) {
    std::string text;
    for (const auto& place : of.rules)
        text += fmt::format("{}{}", text.empty() ? "" : ", ", place_text(place));
    if (of.more_rules) text += fmt::format(" and {} more", of.more_rules);
    return text;
}

std::string way_text(const Outcome& of) {
    std::string text = "out " + of.out;
    if (of.gateway.empty())
        text += ", by the route that the next packet will find";
    else
        text +=
            " via " + of.gateway + (of.gateway_mac ? fmt::format(" ({})", to_string(*of.gateway_mac)) : "");
    return text + (of.mark ? fmt::format(", mark {:#x}", of.mark) : "");
}

void put_outcome(std::string& to, std::string_view direction, bool known, const Outcome& of) {
    const auto put = [&](std::string_view name, const std::string& text) {
        if (!text.empty())
            fmt::format_to(std::back_inserter(to), "    {:<10}{:<10}{}\n", direction, name, text);
        direction = {};
    };
    if (!known) return put("unknown", "its worker does not run, or it has just ended");
    if (!of.kept) return put("slow way", of.slow);
    put("kept", way_text(of));
    put("rests on", conditions_text(of));
    put("rules", rules_text(of));
    if (!of.hindrance.empty()) put("slow way", of.hindrance);
    if (!of.slow.empty()) put("but last", of.slow);
}

Json to_json(const Outcome& of) {
    Json json{{"kept", of.kept}};
    if (!of.slow.empty()) json["last_slow"] = of.slow;
    if (!of.kept) return json;
    if (!of.hindrance.empty()) json["hindrance"] = of.hindrance;
    json["iif"] = of.in;
    json["oif"] = of.out;
    if (!of.gateway.empty()) json["gateway"] = of.gateway;
    if (of.gateway_mac) json["lladdr"] = to_string(*of.gateway_mac);
    json["mark"] = of.mark;
    auto rules = Json::array();
    for (const auto& place : of.rules) {
        Json rule{{"table", hook::to_string(place.table)}, {"chain", place.chain}};
        if (place.number)
            rule["number"] = place.number;
        else
            rule["policy"] = true;
        rules.push_back(std::move(rule));
    }
    json["rules"] = std::move(rules);
    if (of.more_rules) json["more_rules"] = of.more_rules;
    Json rests{{"answered", of.answered}};
    if (of.source_mac) rests["mac_source"] = to_string(*of.source_mac);
    if (of.connection_mark) rests["connmark"] = *of.connection_mark;
    if (of.tcp_mask) rests["tcp_flags"] = flags_text(of.tcp_mask, of.tcp_flags);
    if (of.routes) rests["routes"] = true;
    json["rests_on"] = std::move(rests);
    return json;
}

class FlowListing final : public Pieces {
  public:
    FlowListing(conntrack::Flows& flows, conntrack::Filter filter, bool json)
        : flows_(flows), filter_(filter), json_(json) {}

    bool next(std::string& to) override {
        if (json_ && !begun_) to += '[';
        begun_ = true;
        const std::uint32_t from = cursor_;
        do
            cursor_ = flows_.walk(
                cursor_, flow_places, [&](const conntrack::Entry& entry) { return filter_.matches(entry); },
                [&](const Flow& flow) { add(to, flow); });
        while (cursor_ != 0 && cursor_ - from < flow_places);
        if (cursor_ != 0) return true;
        if (json_) to += ']';
        if (!json_ && !some_) to += "no connection is tracked\n";
        return false;
    }

  private:
    void add(std::string& to, const Flow& flow) {
        if (json_) {
            if (some_) to += ",\n";
            conntrack::append_json(to, flow.entry);
            to.pop_back();
            Json more{{"worker", flow.worker}};
            if (flow.known)
                more["outcomes"] = {{"original", to_json(flow.original)}, {"reply", to_json(flow.reply)}};
            to += ',' + more.dump().substr(1);
        } else {
            to += fmt::format("{} worker={}\n", conntrack::print(flow.entry), flow.worker);
            put_outcome(to, "original", flow.known, flow.original);
            put_outcome(to, "reply", flow.known, flow.reply);
        }
        some_ = true;
    }

    conntrack::Flows& flows_;
    conntrack::Filter filter_;
    bool json_, begun_ = false, some_ = false;
    std::uint32_t cursor_ = 0;
};

/// Of a prefix, which says what family is meant.
conntrack::MaskedAddress masked(const command::IpPrefix& prefix) {
    conntrack::MaskedAddress to;
    to.address.bytes = command::first_of(prefix).bytes;
    for (unsigned bit = 0; bit < prefix.length; ++bit)
        to.mask.bytes[bit / 8] = static_cast<std::uint8_t>(to.mask.bytes[bit / 8] | 0x80U >> bit % 8);
    return to;
}

}  // namespace

Result<Reply> show_flows(Session& session, const command::Match& match, const std::string&) {
    conntrack::Filter filter;
    if (const auto* protocol = match.argument("PROTO")) {
        const auto number = conntrack::read_protocol(protocol->value);
        if (!number) return wrong_word(*protocol, "a protocol");
        filter.protocol = *number;
    }
    for (const auto& [name, address] :
         {std::pair{"SRC", &filter.original.source}, std::pair{"DST", &filter.original.destination}}) {
        const auto* item = match.argument(name);
        if (!item) continue;
        const auto prefix = *command::parse_prefix(item->value);
        if (filter.v6 && *filter.v6 != prefix.v6)
            return wrong_word(*item, "an address of the other's family");
        filter.v6 = prefix.v6;
        *address = masked(prefix);
    }
    return Reply{.pieces = std::make_shared<FlowListing>(session.live->flows(), filter, session.json)};
}

}  // namespace weft
