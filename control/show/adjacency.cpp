#include <nlohmann/json.hpp>

#include "control/route/commands/words.hpp"
#include "control/show/columns.hpp"
#include "control/show/handlers.hpp"

namespace weft {

namespace {

std::string_view kind_word(HopKind kind) {
    static constexpr std::string_view words[] = {
        "none",      "neighbour",   "connected", "no_address", "local",      "broadcast", "multicast",
        "blackhole", "unreachable", "prohibit",  "elsewhere",  "next_table", "group",     "choice"};
    static_assert(std::size(words) == static_cast<std::size_t>(HopKind::choice) + 1);
    return words[static_cast<std::size_t>(kind)];
}

std::string_view state_word(NeighbourState state) {
    return state == NeighbourState::resolved ? "resolved"
           : state == NeighbourState::failed ? "failed"
                                             : "unknown";
}

/// "12 x 4": a member and how many of the group's buckets it has. Of a choice "12, else 4".
std::string members_text(const AdjacencyState& hop) {
    if (hop.kind == HopKind::choice)
        return fmt::format("{}, else {}", hop.members.front().first,
                           hop.members.back().first ? std::to_string(hop.members.back().first) : "none");
    std::string text;
    for (const auto& [member, buckets] : hop.members)
        text += fmt::format("{}{} x {}", text.empty() ? "" : ", ", member, buckets);
    return text;
}

Json to_json(const AdjacencyState& hop) {
    Json json{{"index", hop.index}, {"kind", kind_word(hop.kind)}, {"routes", hop.routes}};
    if (!hop.device.empty()) json["ifname"] = hop.device;
    if (hop.kind == HopKind::neighbour) {
        json["gateway"] = ip_text(hop.v6, hop.gateway);
        json["state"] = state_word(hop.state);
        if (hop.state == NeighbourState::resolved) json["lladdr"] = to_string(hop.mac);
        json["source"] = to_string(hop.own);
    }
    if (hop.mtu) json["mtu"] = hop.mtu;
    for (const auto& [member, buckets] : hop.members)
        json["members"].push_back({{"index", member}, {"buckets", buckets}});
    return json;
}

}  // namespace

Result<Reply> show_adjacency(Session& session, const command::Match&, const std::string&) {
    std::vector<std::vector<std::string>> rows{
        {"index", "routes", "kind", "interface", "gateway", "state", "lladdr", "members"}};
    auto json = Json::array();
    for (const auto& hop : session.live->adjacencies()) {
        const bool neighbour = hop.kind == HopKind::neighbour;
        rows.push_back({std::to_string(hop.index), std::to_string(hop.routes),
                        std::string(kind_word(hop.kind)), hop.device.empty() ? "-" : hop.device,
                        neighbour ? ip_text(hop.v6, hop.gateway) : "-",
                        neighbour ? std::string(state_word(hop.state)) : "-",
                        neighbour && hop.state == NeighbourState::resolved ? to_string(hop.mac) : "-",
                        hop.members.empty() ? "-" : members_text(hop)});
        json.push_back(to_json(hop));
    }
    if (session.json) return Reply{.data = std::make_shared<Json>(std::move(json))};
    return Reply{.text = columns(rows, rows.front().size())};
}

}  // namespace weft
