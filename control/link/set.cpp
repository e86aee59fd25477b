#include "control/bridge/edit.hpp"
#include "control/bridge/options.hpp"
#include "control/link/edit.hpp"
#include "control/link/handlers.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

/// The interface: "dev NAME", or the bare word. Refused if both were typed or neither.
Result<const command::Item*> device_of(const command::Match& match) {
    const command::Item* device = nullptr;
    for (const auto& item : match.items) {
        if (!item.argument || item.name != "NAME") continue;
        if (device)
            return exit_with(
                255, fmt::format("Error: either \"dev\" is duplicate, or \"{}\" is a garbage.", item.value),
                item.column);
        device = &item;
    }
    if (!device) return exit_with(255, "Not enough information: \"dev\" argument is required.");
    return device;
}

Result<> set_mtu_typed(Session& session, const std::string& name, const command::Item& item) {
    auto& model = session.model;
    const auto mtu = *command::parse_unsigned(item.value);
    if (mtu < 68) return refuse_at("Error: mtu less than device minimum.", item.column);
    if (mtu > 65535) return refuse_at("Error: mtu greater than device maximum.", item.column);
    if (const auto* vlan = vlan_of(model.links.at(name))) {
        const auto below = mtu_below(session, *vlan);
        if (below && mtu > *below) return ip::kernel("Numerical result out of range");
    }
    set_mtu(model, name, static_cast<std::uint16_t>(mtu));
    return {};
}

Result<> set_master(Model& model, const std::string& name, const command::Item& item) {
    const auto* master = model.find(item.value);
    if (!master) return ip::wrong(item, "Device does not exist");
    if (!bridge_of(*master)) return ip::kernel("Operation not supported");
    if (bridge_of(model.links.at(name)))
        return refuse_at("Error: Can not enslave a bridge to a bridge.", item.column);
    if (is_tun(model.links.at(name))) return ip::kernel("Invalid argument");  // br_add_if: no Ethernet
    join_bridge(model, name, item.value);
    return {};
}

Result<> set_type(Session& session, const std::string& name, const command::Match& match) {
    auto& model = session.model;
    auto& link = model.links.at(name);
    const bool flush = match.has("fdb_flush");
    if (flush && !session.live) return refuse("fdb_flush changes running state: it cannot stand in a file");
    if (match.has("bridge")) {
        if (!bridge_of(link)) return ip::kernel("Operation not supported");
        if (auto set = set_bridge_options(model, name, match); !set) return set;
        if (flush) session.live->flush_fdb(name, {}, std::nullopt);
    } else if (match.has("bridge_slave")) {
        if (!link.member) return ip::kernel("Operation not supported");
        if (const auto* state = match.argument("STATE")) link.member->state = *parse_port_state(state->value);
        set_member_flags(*link.member, match);
        if (flush) session.live->flush_fdb(link.member->bridge, name, std::nullopt);
    }
    return {};
}

Result<> set_all(Session& session, const std::string& name, const command::Match& match) {
    auto& model = session.model;
    auto& link = model.links.at(name);
    if (match.has("up") && match.has("down"))
        return exit_with(255, "Error: \"up\" and \"down\" exclude each other.");
    if (match.has("master") && match.has("nomaster"))
        return exit_with(255, "Error: \"master\" and \"nomaster\" exclude each other.");
    if (const auto* item = match.argument("ADDRESS")) {
        const auto mac = *parse_mac(item->value);
        if (!mac.is_station()) return ip::kernel("Cannot assign requested address");
        if (is_tun(link)) return ip::kernel("Operation not supported");
        link.address = mac;
    }
    if (const auto* item = match.argument("MTU"))
        if (auto set = set_mtu_typed(session, name, *item); !set) return set;
    if (match.has("nomaster")) leave_bridge(model, name);
    if (const auto* item = match.argument("MASTER"))
        if (auto set = set_master(model, name, *item); !set) return set;
    if (auto set = set_type(session, name, match); !set) return set;
    if (match.has("up")) link.up = true;
    if (match.has("down")) link.up = false;
    return {};
}

}  // namespace

Result<Reply> ip_link_set(Session& session, const command::Match& match, const std::string&) {
    const auto device = device_of(match);
    if (!device) return device.error();
    if (!session.model.find((*device)->value)) return ip::no_device(**device);
    if (auto set = set_all(session, (*device)->value, match); !set) return set.error();
    return Reply{};
}

}  // namespace weft
