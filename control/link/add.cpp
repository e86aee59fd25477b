#include <algorithm>
#include <span>

#include "control/bridge/edit.hpp"
#include "control/bridge/options.hpp"
#include "control/link/edit.hpp"
#include "control/link/handlers.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

using Items = std::span<const command::Item>;

const command::Item* argument(Items items, std::string_view name) {
    const auto found = std::find_if(items.begin(), items.end(),
                                    [&](const auto& item) { return item.argument && item.name == name; });
    return found == items.end() ? nullptr : &*found;
}

/// The mtu, address and up of an interface that is to be made.
Result<> read_common(Items items, LinkSpec& link) {
    link.up = std::any_of(items.begin(), items.end(),
                          [](const auto& item) { return !item.argument && item.name == "up"; });
    if (const auto* item = argument(items, "ADDRESS")) {
        link.address = parse_mac(item->value);
        if (!link.address->is_station()) return ip::kernel("Cannot assign requested address");
    }
    if (const auto* item = argument(items, "MTU")) {
        const auto mtu = *command::parse_unsigned(item->value);
        if (mtu < 68) return refuse_at("Error: mtu less than device minimum.", item->column);
        if (mtu > 65535) return refuse_at("Error: mtu greater than device maximum.", item->column);
        link.mtu = static_cast<std::uint16_t>(mtu);
    }
    return {};
}

/// The name among the words of one interface; null if there is none, refused if it was typed twice.
Result<const command::Item*> read_name(Items items) {
    const command::Item* name = nullptr;
    for (const auto& item : items) {
        if (!item.argument || item.name != "NAME") continue;
        if (name)
            return exit_with(
                255, fmt::format("Error: either \"name\" is duplicate, or \"{}\" is a garbage.", item.value),
                item.column);
        name = &item;
    }
    return name;
}

/// The name, mtu, address and up of an interface. Refused if the name is missing, typed twice or taken.
Result<std::string> common_part(const Model& model, Items items, LinkSpec& link) {
    const auto name = read_name(items);
    if (!name) return name.error();
    if (!*name) return exit_with(255, "Not enough information: \"name\" argument is required.");
    if (model.find((*name)->value)) return ip::kernel("File exists");
    if (auto read = read_common(items, link); !read) return read.error();
    return (*name)->value;
}

/// The kernel's choice for a veth end without a name.
std::string free_veth_name(const Model& model, const std::string& other) {
    for (unsigned number = 0;; ++number)
        if (auto name = fmt::format("veth{}", number); name != other && !model.find(name)) return name;
}

}  // namespace

Result<Reply> ip_link_add_bridge(Session& session, const command::Match& match, const std::string&) {
    LinkSpec link{.kind = new_bridge()};
    auto name = common_part(session.model, match.items, link);
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
    if (is_tun(session.model.links.at(vlan.parent)))  // vlan_check_real_dev
        return refuse_at("Error: 8021q: VLANs not supported on device.", parent->column);
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
    auto name = common_part(session.model, match.items, link);
    if (!name) return name.error();
    const auto below = mtu_below(session, vlan);
    if (link.mtu && below && *link.mtu > *below) return ip::kernel("Numerical result out of range");
    add_link(session.model, *name, std::move(link));
    return Reply{};
}

Result<Reply> ip_link_add_veth(Session& session, const command::Match& match, const std::string&) {
    const auto split = std::find_if(match.items.begin(), match.items.end(),
                                    [](const auto& item) { return !item.argument && item.name == "peer"; });
    const auto before = static_cast<std::size_t>(split - match.items.begin());
    const Items own = Items{match.items}.first(before), others = Items{match.items}.subspan(before);
    LinkSpec first, second;
    auto name = common_part(session.model, own, first);
    if (!name) return name.error();
    const auto typed = read_name(others);
    if (!typed) return typed.error();
    const std::string peer = *typed ? (*typed)->value : free_veth_name(session.model, *name);
    if (peer == *name || session.model.find(peer)) return ip::kernel("File exists");
    if (auto read = read_common(others, second); !read) return read.error();
    first.kind = VethSpec{peer};
    second.kind = VethSpec{*name};
    add_link(session.model, *name, std::move(first));
    add_link(session.model, peer, std::move(second));
    return Reply{};
}

Result<Reply> ip_link_add_dummy(Session& session, const command::Match& match, const std::string&) {
    LinkSpec link{.kind = DummySpec{}};
    auto name = common_part(session.model, match.items, link);
    if (!name) return name.error();
    add_link(session.model, *name, std::move(link));
    return Reply{};
}

}  // namespace weft
