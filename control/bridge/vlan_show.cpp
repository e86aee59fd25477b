#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/bridge/edit.hpp"
#include "control/bridge/handlers.hpp"
#include "control/command/types.hpp"
#include "control/link/view.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

struct Row {
    std::uint16_t first, last;
    VlanMembership membership;
};

/// One row a VLAN; with `compress` neighbours of one kind are a range, the PVID stands alone.
std::vector<Row> rows_of(const VlanMemberships& vlans, std::optional<std::uint16_t> only, bool compress) {
    std::vector<Row> rows;
    for (const auto& [vid, membership] : vlans) {
        if (only && *only != vid) continue;
        const bool joins = compress && !rows.empty() && rows.back().last + 1 == vid &&
                           rows.back().membership == membership && !membership.pvid;
        if (joins)
            rows.back().last = vid;
        else
            rows.push_back({vid, vid, membership});
    }
    return rows;
}

std::string text_of(const std::string& name, const std::vector<Row>& rows) {
    std::string text;
    for (const auto& row : rows) {
        text += fmt::format("{:<16}  {}", text.empty() ? name : "", row.first);
        if (row.last != row.first) text += fmt::format("-{}", row.last);
        if (row.membership.pvid) text += " PVID";
        if (row.membership.untagged) text += " Egress Untagged";
        text += '\n';
    }
    return text;
}

Json json_of(const std::string& name, const std::vector<Row>& rows) {
    Json vlans = Json::array();
    for (const auto& row : rows) {
        Json vlan{{"vlan", row.first}};
        if (row.last != row.first) vlan["vlanEnd"] = row.last;
        if (row.membership.pvid) vlan["flags"].push_back("PVID");
        if (row.membership.untagged) vlan["flags"].push_back("Egress Untagged");
        vlans.push_back(std::move(vlan));
    }
    return {{"ifname", name}, {"vlans", std::move(vlans)}};
}

}  // namespace

Result<Reply> bridge_vlan_show(Session& session, const command::Match& match, const std::string&) {
    if (match.option("-s"))
        return bridge::refused("bridge: VLANs are not counted: option \"-s\" is not supported here");
    const auto* device = match.argument("DEVICE");
    if (device && !session.model.find(device->value)) return bridge::no_device(*device);
    std::optional<std::uint16_t> only;
    if (const auto* item = match.argument("VID"))
        only = static_cast<std::uint16_t>(*command::parse_unsigned(item->value));
    Reply reply;
    if (session.json)
        reply.data = std::make_shared<Json>(Json::array());
    else
        reply.text = "port              vlan-id  \n";
    for (const auto& view : view_links(session)) {
        const auto* vlans = vlans_of(std::as_const(session.model), view.name);
        if (!vlans || (device && device->value != view.name)) continue;
        const auto rows = rows_of(*vlans, only, match.option("-compressvlans"));
        if (rows.empty()) continue;
        if (session.json)
            reply.data->push_back(json_of(view.name, rows));
        else
            reply.text += text_of(view.name, rows);
    }
    return reply;
}

}  // namespace weft
