#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/bridge/handlers.hpp"
#include "control/bridge/options.hpp"
#include "control/link/edit.hpp"
#include "control/link/view.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

/// The flags of -d, by iproute2's names and in its order (bridge/link.c).
struct Flag {
    std::string_view name;
    bool value;
};
std::vector<Flag> flags_of(const MemberSpec& member) {
    return {{"hairpin", member.hairpin},
            {"learning", member.learning},
            {"flood", member.flood},
            {"mcast_flood", member.mcast_flood},
            {"bcast_flood", member.bcast_flood},
            {"isolated", member.isolated},
            {"locked", member.locked}};
}

std::string text_of(const LinkView& view, bool details, std::string_view line_end) {
    const auto& member = *view.link->member;
    auto text =
        fmt::format("{}: {}: {} mtu {} master {} state {} priority 32 cost 2 ", view.index, view.full_name(),
                    view.flag_text(), view.state.mtu, member.bridge, to_string(member.state));
    if (details) {
        text += fmt::format("{}    ", line_end);
        for (const auto& flag : flags_of(member))
            text += fmt::format("{} {} ", flag.name, flag.value ? "on" : "off");
        text += fmt::format("fdb_max_learned {} ", member.fdb_max_learned);
    }
    return text + "\n";
}

Json json_of(const LinkView& view, bool details) {
    const auto& member = *view.link->member;
    Json json{{"ifindex", view.index}};
    if (!view.below.empty()) json["link"] = view.below;
    json["ifname"] = view.name;
    json["flags"] = view.flags;
    json["mtu"] = view.state.mtu;
    json["master"] = member.bridge;
    json["state"] = to_string(member.state);
    json["priority"] = 32;
    json["cost"] = 2;
    if (!details) return json;
    for (const auto& flag : flags_of(member))
        json[std::string{flag.name}] = flag.value;
    json["fdb_max_learned"] = member.fdb_max_learned;
    return json;
}

}  // namespace

Result<Reply> bridge_link_show(Session& session, const command::Match& match, const std::string&) {
    const auto *device = match.argument("DEVICE"), *master = match.argument("MASTER");
    for (const auto* item : {device, master})
        if (item && !session.model.find(item->value)) return bridge::no_device(*item);
    Reply reply;
    if (session.json) reply.data = std::make_shared<Json>(Json::array());
    for (const auto& view : view_links(session)) {
        if (!view.link->member || (device && device->value != view.name)) continue;
        if (master && master->value != view.master()) continue;
        if (session.json)
            reply.data->push_back(json_of(view, match.option("-d")));
        else
            reply.text += text_of(view, match.option("-d"), match.option("-o") ? "\\" : "\n");
    }
    return reply;
}

}  // namespace weft
