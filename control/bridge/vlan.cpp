#include "control/bridge/edit.hpp"
#include "control/bridge/handlers.hpp"
#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

struct Target {
    std::string device;
    VlanMemberships* vlans;
    command::VidRange range;
};

/// The device and its memberships: of a bridge itself with `self`, of a member otherwise.
Result<Target> target_of(Model& model, const command::Match& match) {
    const auto *device = match.argument("DEVICE"), *vid = match.argument("VID");
    if (!device || !vid) return bridge::refused("Device and VLAN ID are required arguments.");
    const auto range = *command::parse_vid_range(vid->value);
    if (match.has("pvid") && range.first != range.last)
        return bridge::refused("pvid cannot be configured for a vlan range");
    const auto it = model.links.find(device->value);
    if (it == model.links.end()) return bridge::no_bridge_device(*device);
    const bool itself = match.has("self") && !match.has("master");
    const bool fits = itself ? bridge_of(it->second) != nullptr : it->second.member.has_value();
    if (!fits) return bridge::kernel("Operation not supported");
    return Target{device->value, vlans_of(model, device->value), range};
}

}  // namespace

Result<Reply> bridge_vlan_add(Session& session, const command::Match& match, const std::string&) {
    const auto target = target_of(session.model, match);
    if (!target) return target.error();
    add_vlans(*target->vlans, target->range, {match.has("pvid"), match.has("untagged")});
    return Reply{};
}

Result<Reply> bridge_vlan_del(Session& session, const command::Match& match, const std::string&) {
    const auto target = target_of(session.model, match);
    if (!target) return target.error();
    remove_vlans(session.model, target->device, *target->vlans, target->range);
    return Reply{};
}

}  // namespace weft
