#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/bridge/edit.hpp"
#include "control/bridge/handlers.hpp"
#include "control/command/types.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

std::string_view state_of(const FdbEntryState& entry) {
    return entry.local ? "permanent" : entry.stationary ? "static" : "";
}

unsigned seconds_of(const FdbEntryState& entry) {
    return static_cast<unsigned>(entry.used_seconds);
}

/// As iproute2 prints it; the device is left out where it was asked for.
std::string text_of(const FdbEntryState& entry, bool with_device, bool statistics) {
    std::string text = to_string(entry.mac) + " ";
    if (with_device) text += fmt::format("dev {} ", entry.device);
    if (entry.vid) text += fmt::format("vlan {} ", entry.vid);
    if (statistics) text += fmt::format("used {0}/{0} ", seconds_of(entry));
    if (entry.sticky) text += "sticky ";
    return text + fmt::format("master {} {}\n", entry.bridge, state_of(entry));
}

Json json_of(const FdbEntryState& entry, bool with_device, bool statistics) {
    Json json{{"mac", to_string(entry.mac)}};
    if (with_device) json["ifname"] = entry.device;
    if (entry.vid) json["vlan"] = entry.vid;
    if (statistics) {
        json["used"] = seconds_of(entry);
        json["updated"] = seconds_of(entry);
    }
    json["flags"] = Json::array();
    if (entry.sticky) json["flags"].push_back("sticky");
    json["master"] = entry.bridge;
    json["state"] = state_of(entry);
    return json;
}

bool wanted(const FdbEntryState& entry, const command::Match& match) {
    if (const auto* item = match.argument("BRIDGE"); item && item->value != entry.bridge) return false;
    if (const auto* item = match.argument("DEVICE"); item && item->value != entry.device) return false;
    if (const auto* item = match.argument("VLAN"))
        if (*command::parse_unsigned(item->value) != entry.vid) return false;
    if (match.has("dynamic") && entry.local) return false;  // iproute2: all but permanent ones
    if (match.has("permanent") && !entry.local) return false;
    return !match.has("static") || state_of(entry) == "static";
}

}  // namespace

Result<Reply> bridge_fdb_show(Session& session, const command::Match& match, const std::string&) {
    const auto *device = match.argument("DEVICE"), *table = match.argument("BRIDGE");
    for (const auto* item : {device, table})
        if (item && !session.model.find(item->value)) return bridge::no_device(*item);
    const bool statistics = match.option("-s");
    Reply reply;
    if (session.json) reply.data = std::make_shared<Json>(Json::array());
    for (const auto& entry : session.live->fdb()) {
        if (!wanted(entry, match)) continue;
        if (session.json)
            reply.data->push_back(json_of(entry, !device, statistics));
        else
            reply.text += text_of(entry, !device, statistics);
    }
    return reply;
}

Result<Reply> bridge_fdb_get(Session& session, const command::Match& match, const std::string&) {
    const auto *mac = match.argument("MAC"), *device = match.argument("DEVICE"),
               *table = match.argument("BRIDGE");
    if (!mac) return bridge::refused("Address is a required argument.");
    if (!device && !table) return bridge::refused("Device or bridge is a required argument.");
    for (const auto* item : {device, table})
        if (item && !session.model.find(item->value)) return bridge::no_device(*item);
    const auto name = table ? table->value : fdb_bridge(session.model, device->value);
    const auto wanted_mac = *parse_mac(mac->value);
    const auto* vlan = match.argument("VLAN");
    const auto vid = vlan ? *command::parse_unsigned(vlan->value) : 0;
    for (const auto& entry : session.live->fdb()) {
        if (entry.bridge != name || entry.mac != wanted_mac || entry.vid != vid) continue;
        Reply reply;
        if (session.json)
            reply.data = std::make_shared<Json>(Json::array({json_of(entry, true, match.option("-s"))}));
        else
            reply.text = text_of(entry, true, match.option("-s"));
        return reply;
    }
    return exit_with(254, "Error: Fdb entry not found.");
}

}  // namespace weft
