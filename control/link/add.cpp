#include "control/bridge/edit.hpp"
#include "control/bridge/options.hpp"
#include "control/link/edit.hpp"
#include "control/link/handlers.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

/// The name, mtu, address and up that stand before `type`. Refused if the name is missing, typed twice or
/// taken.
Result<std::string> common_part(const Model& model, const command::Match& match, LinkSpec& link) {
    const command::Item* name = nullptr;
    for (const auto& item : match.items) {
        if (!item.argument || item.name != "NAME") continue;
        if (name)
            return exit_with(
                255, fmt::format("Error: either \"name\" is duplicate, or \"{}\" is a garbage.", item.value),
                item.column);
        name = &item;
    }
    if (!name) return exit_with(255, "Not enough information: \"name\" argument is required.");
    if (model.find(name->value)) return ip::kernel("File exists");
    link.up = match.has("up");
    if (const auto* item = match.argument("ADDRESS")) {
        link.address = parse_mac(item->value);
        if (!link.address->is_station()) return ip::kernel("Cannot assign requested address");
    }
    if (const auto* item = match.argument("MTU")) {
        const auto mtu = *command::parse_unsigned(item->value);
        if (mtu < 68) return refuse_at("Error: mtu less than device minimum.", item->column);
        if (mtu > 65535) return refuse_at("Error: mtu greater than device maximum.", item->column);
        link.mtu = static_cast<std::uint16_t>(mtu);
    }
    return name->value;
}

}  // namespace

Result<Reply> ip_link_add_bridge(Session& session, const command::Match& match, const std::string&) {
    LinkSpec link{.kind = new_bridge()};
    auto name = common_part(session.model, match, link);
    if (!name) return name.error();
    add_link(session.model, *name, std::move(link));
    if (auto set = set_bridge_options(session.model, *name, match); !set) {
        remove_link(session.model, *name);
        return set.error();
    }
    return Reply{};
}

Result<Reply> ip_link_add_vlan(Session& session, const command::Match& match, const std::string&) {
    VlanSpec vlan;
    const auto* parent = match.argument("LINK");
    if (!parent) return refuse("Error: 8021q: a VLAN needs the interface below it: link NAME.");
    if (!session.model.find(parent->value)) return ip::no_device(*parent);
    vlan.parent = parent->value;
    if (const auto* item = match.argument("PROTOCOL")) vlan.tpid = *command::parse_vlan_protocol(item->value);
    const auto* id = match.argument("ID");
    if (!id) return refuse("Error: 8021q: VLAN properties not specified.");
    const auto vid = *command::parse_unsigned(id->value);
    if (vid > 4094) return refuse_at("Error: 8021q: Invalid VLAN id.", id->column);
    vlan.vid = static_cast<std::uint16_t>(vid);
    for (const auto& [name, other] : session.model.links)
        if (const auto* same = vlan_of(other); same && *same == vlan)
            return refuse_at("Error: 8021q: VLAN device already exists.", id->column);
    LinkSpec link{.kind = vlan};
    auto name = common_part(session.model, match, link);
    if (!name) return name.error();
    const auto below = mtu_below(session, vlan);
    if (link.mtu && below && *link.mtu > *below) return ip::kernel("Numerical result out of range");
    add_link(session.model, *name, std::move(link));
    return Reply{};
}

}  // namespace weft
