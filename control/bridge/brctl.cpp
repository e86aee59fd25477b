#include <cstdlib>

#include "control/bridge/edit.hpp"
#include "control/bridge/handlers.hpp"
#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

BridgeSpec* find_bridge(Model& model, const std::string& name) {
    const auto it = model.links.find(name);
    return it == model.links.end() ? nullptr : std::get_if<BridgeSpec>(&it->second.kind);
}

}  // namespace

Result<Reply> brctl_addbr(Session& session, const command::Match& match, const std::string&) {
    const auto& name = match.argument("BRIDGE")->value;
    if (session.model.find(name))
        return brctl_refused(
            fmt::format("device {} already exists; can't create bridge with the same name", name));
    add_link(session.model, name, LinkSpec{.kind = new_bridge()});
    return Reply{};
}

Result<Reply> brctl_delbr(Session& session, const command::Match& match, const std::string&) {
    const auto& name = match.argument("BRIDGE")->value;
    const auto* link = session.model.find(name);
    if (!link) return brctl_refused(fmt::format("bridge {} doesn't exist; can't delete it", name));
    if (!bridge_of(*link))
        return brctl_refused(fmt::format("can't delete bridge {}: Operation not permitted", name));
    if (link->up) return brctl_refused(fmt::format("bridge {} is still up; can't delete it", name));
    remove_link(session.model, name);
    return Reply{};
}

Result<Reply> brctl_addif(Session& session, const command::Match& match, const std::string&) {
    const auto& name = match.argument("BRIDGE")->value;
    auto& model = session.model;
    if (!model.find(name)) return brctl_refused(fmt::format("bridge {} does not exist!", name));
    for (const auto& item : match.items) {
        if (!item.argument || item.name != "DEVICE") continue;
        const auto* link = model.find(item.value);
        if (!link) return brctl_refused(fmt::format("interface {} does not exist!", item.value));
        if (!find_bridge(model, name))
            return brctl_refused(
                fmt::format("can't add {} to bridge {}: Operation not supported", item.value, name));
        if (link->member)
            return brctl_refused(fmt::format(
                "device {} is already a member of a bridge; can't add it to bridge {}.", item.value, name));
        if (bridge_of(*link))
            return brctl_refused(fmt::format(
                "device {} is a bridge device itself; can't add a bridge to a bridge.", item.value));
        if (is_tun(*link))
            return brctl_refused(
                fmt::format("can't add {} to bridge {}: Invalid argument", item.value, name));
        join_bridge(model, item.value, name);
    }
    return Reply{};
}

Result<Reply> brctl_delif(Session& session, const command::Match& match, const std::string&) {
    const auto& name = match.argument("BRIDGE")->value;
    auto& model = session.model;
    if (!find_bridge(model, name)) return brctl_refused(fmt::format("bridge {} does not exist!", name));
    for (const auto& item : match.items) {
        if (!item.argument || item.name != "DEVICE") continue;
        const auto* link = model.find(item.value);
        if (!link) return brctl_refused(fmt::format("interface {} does not exist!", item.value));
        if (!link->member || link->member->bridge != name)
            return brctl_refused(fmt::format("device {} is not a port of {}", item.value, name));
        leave_bridge(model, item.value);
    }
    return Reply{};
}

namespace {

/// brctl's words for a switch.
std::optional<bool> read_switch(const std::string& text) {
    if (text == "on" || text == "yes" || text == "1") return true;
    if (text == "off" || text == "no" || text == "0") return false;
    return std::nullopt;
}

}  // namespace

Result<Reply> brctl_hairpin(Session& session, const command::Match& match, const std::string&) {
    const auto& name = match.argument("BRIDGE")->value;
    const auto& device = match.argument("DEVICE")->value;
    const auto on = read_switch(match.argument("SWITCH")->value);
    if (!on) return brctl_refused("expect on/off for argument");
    if (!find_bridge(session.model, name))
        return brctl_refused(fmt::format("bridge {} does not exist!", name));
    const auto it = session.model.links.find(device);
    if (it == session.model.links.end())
        return brctl_refused(fmt::format("interface {} does not exist!", device));
    if (!it->second.member || it->second.member->bridge != name)
        return brctl_refused(fmt::format("device {} is not a port of {}", device, name));
    it->second.member->hairpin = *on;
    return Reply{};
}

Result<Reply> brctl_setageing(Session& session, const command::Match& match, const std::string&) {
    const auto& text = match.argument("SECONDS")->value;
    char* end = nullptr;
    const double seconds = std::strtod(text.c_str(), &end);
    if (end == text.c_str() || *end || !(seconds >= 0) || seconds > 42949672)
        return brctl_refused("bad ageing time value");
    auto* bridge = find_bridge(session.model, match.argument("BRIDGE")->value);
    if (!bridge) return brctl_refused("set ageing time failed: No such device");
    bridge->ageing_centiseconds = static_cast<std::uint32_t>(seconds * 100);
    return Reply{};
}

Result<Reply> brctl_stp(Session& session, const command::Match& match, const std::string&) {
    const auto on = read_switch(match.argument("SWITCH")->value);
    if (!on) return brctl_refused("expect on/off for argument");
    auto* bridge = find_bridge(session.model, match.argument("BRIDGE")->value);
    if (!bridge) return brctl_refused("set stp status failed: No such device");
    bridge->stp = *on;
    return Reply{};
}

}  // namespace weft
