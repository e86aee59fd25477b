#include <fmt/format.h>

#include "control/config/file.hpp"
#include "control/link/edit.hpp"
#include "control/model/lines.hpp"

namespace weft {

namespace {

std::string_view protocol_name(std::uint16_t tpid) {
    return tpid == ether_type::service_vlan ? "802.1ad" : "802.1Q";
}

std::string bridge_words(const BridgeSpec& bridge) {
    const BridgeSpec usual;
    std::string words;
    const auto add = [&](std::string_view word, auto value, auto default_value) {
        if (value != default_value) words += fmt::format(" {} {}", word, +value);
    };
    add("vlan_filtering", bridge.vlan_filtering, usual.vlan_filtering);
    if (bridge.vlan_protocol != usual.vlan_protocol)
        words += fmt::format(" vlan_protocol {}", protocol_name(bridge.vlan_protocol));
    add("vlan_default_pvid", bridge.vlan_default_pvid, usual.vlan_default_pvid);
    add("ageing_time", bridge.ageing_centiseconds, usual.ageing_centiseconds);
    add("fdb_max_learned", bridge.fdb_max_learned, usual.fdb_max_learned);
    if (bridge.group_fwd_mask) words += fmt::format(" group_fwd_mask {:#x}", bridge.group_fwd_mask);
    add("stp_state", bridge.stp, usual.stp);
    return words;
}

std::string common_words(const LinkSpec& link) {
    std::string words;
    if (link.mtu) words += fmt::format(" mtu {}", *link.mtu);
    if (link.address) words += " address " + to_string(*link.address);
    if (link.up) words += " up";
    return words;
}

}  // namespace

void save_link(std::string& text, const Model& model, const std::string& name, const LinkSpec& link) {
    const auto* vlan = vlan_of(link);
    const auto* veth = veth_of(link);
    text += "ip link add";
    if (vlan) text += fmt::format(" link {} name", config::quote(vlan->parent));
    text += " " + config::quote(name) + common_words(link);
    if (veth) {
        text += fmt::format(" type veth peer name {}{}", config::quote(veth->peer),
                            common_words(*model.find(veth->peer)));
    } else if (is_dummy(link)) {
        text += " type dummy";
    } else if (vlan) {
        text += " type vlan";
        if (vlan->tpid != ether_type::vlan) text += fmt::format(" proto {}", protocol_name(vlan->tpid));
        text += fmt::format(" id {}", vlan->vid);
    } else {
        text += " type bridge" + bridge_words(*bridge_of(link));
    }
    text += '\n';
}

}  // namespace weft
