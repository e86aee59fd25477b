#include "control/bridge/handlers.hpp"
#include "control/bridge/options.hpp"
#include "control/command/types.hpp"
#include "control/model/refusal.hpp"

namespace weft {

Result<Reply> bridge_link_set(Session& session, const command::Match& match, const std::string&) {
    const auto* device = match.argument("DEVICE");
    if (!device) return bridge::refused("Device is a required argument.");
    const auto it = session.model.links.find(device->value);
    if (it == session.model.links.end()) return bridge::no_bridge_device(*device);
    auto& member = it->second.member;
    // `self` alone speaks to the device's own switch, which no port has
    if (!member || (match.has("self") && !match.has("master")))
        return bridge::kernel("Operation not supported");
    if (const auto* item = match.argument("STATE")) {
        const auto state = parse_port_state(item->value);
        if (!state && !command::parse_unsigned(item->value))
            return bridge::refused("Error: invalid STP port state", item->column);
        if (!state) return bridge::kernel("Invalid argument");
        member->state = *state;
    }
    set_member_flags(*member, match);
    return Reply{};
}

}  // namespace weft
