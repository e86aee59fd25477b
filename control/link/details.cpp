#include "control/link/details.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/bridge/options.hpp"
#include "control/link/edit.hpp"

namespace weft {

namespace {

constexpr unsigned min_mtu = 68, max_mtu = 65535;

std::string_view protocol_name(std::uint16_t tpid) {
    return tpid == ether_type::service_vlan ? "802.1ad" : "802.1Q";
}
std::string_view on_off(bool on) {
    return on ? "on" : "off";
}

/// As printf's %#x: 0 has no base.
std::string hex_of(unsigned number) {
    return number ? fmt::format("{:#x}", number) : "0";
}

std::string bridge_text(Session& session, const LinkView& view, const BridgeSpec& bridge) {
    const auto id = bridge_id(session, view.name);
    return fmt::format(
        "    bridge ageing_time {} stp_state {:d} priority 32768 vlan_filtering {:d} vlan_protocol {} "
        "bridge_id {} "
        "designated_root {} root_port 0 root_path_cost 0 group_fwd_mask {} group_address "
        "01:80:c2:00:00:00 "
        "mcast_snooping 0 vlan_default_pvid {} fdb_max_learned {} nf_call_iptables 0 nf_call_ip6tables 0 "
        "nf_call_arptables 0 ",
        bridge.ageing_centiseconds, bridge.stp, bridge.vlan_filtering, protocol_name(bridge.vlan_protocol),
        id, id, hex_of(bridge.group_fwd_mask), bridge.vlan_default_pvid, bridge.fdb_max_learned);
}

/// tun_net_initialize leaves room for an Ethernet header.
unsigned max_mtu_of(const LinkSpec& link) {
    return tuntap_of(link) && !is_tun(link) ? 65521 : max_mtu;
}

std::string tuntap_text(const TuntapPort& tuntap) {
    std::string text = fmt::format("    tun type {} pi {} vnet_hdr {} ", tuntap.tun ? "tun" : "tap",
                                   on_off(tuntap.pi), on_off(tuntap.vnet_hdr));
    if (tuntap.multi_queue) text += "multi_queue ";
    text += "persist on ";
    if (tuntap.user) text += fmt::format("user {} ", *tuntap.user);
    if (tuntap.group) text += fmt::format("group {} ", *tuntap.group);
    return text;
}

Json tuntap_data(const TuntapPort& tuntap) {
    Json data{{"type", tuntap.tun ? "tun" : "tap"},
              {"pi", tuntap.pi},
              {"vnet_hdr", tuntap.vnet_hdr},
              {"multi_queue", tuntap.multi_queue},
              {"persist", true}};
    if (tuntap.user) data["user"] = std::to_string(*tuntap.user);
    if (tuntap.group) data["group"] = std::to_string(*tuntap.group);
    return data;
}

/// Of a kind that has nothing more to say; else empty.
std::string_view plain_kind(const LinkSpec& link) {
    return veth_of(link) ? "veth" : is_dummy(link) ? "dummy" : "";
}

std::string vlan_text(const VlanSpec& vlan) {
    return fmt::format("    vlan protocol {} id {} <REORDER_HDR> ", protocol_name(vlan.tpid), vlan.vid);
}

std::string member_text(const Model& model, const LinkView& view, const MemberSpec& member) {
    const auto number = port_number(model, view.name);
    return fmt::format(
        "    bridge_slave state {} priority 32 cost 2 hairpin {} learning {} flood {} port_id {:#x} port_no "
        "{:#x} "
        "mcast_flood {} bcast_flood {} isolated {} locked {} fdb_max_learned {} ",
        to_string(member.state), on_off(member.hairpin), on_off(member.learning), on_off(member.flood),
        0x8000 + number, number, on_off(member.mcast_flood), on_off(member.bcast_flood),
        on_off(member.isolated), on_off(member.locked), member.fdb_max_learned);
}

Json bridge_data(Session& session, const LinkView& view, const BridgeSpec& bridge) {
    const auto id = bridge_id(session, view.name);
    return {{"ageing_time", bridge.ageing_centiseconds},
            {"stp_state", bridge.stp ? 1 : 0},
            {"priority", 32768},
            {"vlan_filtering", bridge.vlan_filtering ? 1 : 0},
            {"vlan_protocol", protocol_name(bridge.vlan_protocol)},
            {"bridge_id", id},
            {"root_id", id},
            {"root_port", 0},
            {"root_path_cost", 0},
            {"group_fwd_mask", hex_of(bridge.group_fwd_mask)},
            {"group_addr", "01:80:c2:00:00:00"},
            {"mcast_snooping", 0},
            {"vlan_default_pvid", bridge.vlan_default_pvid},
            {"fdb_max_learned", bridge.fdb_max_learned},
            {"nf_call_iptables", 0},
            {"nf_call_ip6tables", 0},
            {"nf_call_arptables", 0}};
}

Json member_data(const Model& model, const LinkView& view, const MemberSpec& member) {
    const auto number = port_number(model, view.name);
    return {{"state", to_string(member.state)},
            {"priority", 32},
            {"cost", 2},
            {"hairpin", member.hairpin},
            {"learning", member.learning},
            {"flood", member.flood},
            {"id", fmt::format("{:#x}", 0x8000 + number)},
            {"no", fmt::format("{:#x}", number)},
            {"mcast_flood", member.mcast_flood},
            {"bcast_flood", member.bcast_flood},
            {"isolated", member.isolated},
            {"locked", member.locked},
            {"fdb_max_learned", member.fdb_max_learned}};
}

}  // namespace

std::string bridge_id(Session& session, const std::string& bridge) {
    const auto state = session.live->link(bridge);
    return "8000." + to_string(state ? state->mac : MacAddress{});
}

unsigned port_number(const Model& model, const std::string& name) {
    const auto* link = model.find(name);
    if (!link || !link->member) return 0;
    unsigned number = 0;
    for (const auto& other : model.order) {
        const auto& member = model.find(other)->member;
        if (member && member->bridge == link->member->bridge) ++number;
        if (other == name) break;
    }
    return number;
}

std::string link_details(Session& session, const LinkView& view, std::string_view line_end) {
    const unsigned promiscuous = view.link->member ? 1 : 0;
    const bool dummy = is_dummy(*view.link);  // dummy_setup sets no bounds
    std::string text = fmt::format(" promiscuity {}  allmulti {} minmtu {} maxmtu {} ", promiscuous,
                                   promiscuous, dummy ? 0 : min_mtu, dummy ? 0 : max_mtu_of(*view.link));
    if (const auto* tuntap = tuntap_of(*view.link))
        text += fmt::format("{}{}", line_end, tuntap_text(*tuntap));
    if (const auto kind = plain_kind(*view.link); !kind.empty())
        text += fmt::format("{}    {} ", line_end, kind);
    if (const auto* bridge = bridge_of(*view.link))
        text += fmt::format("{}{}", line_end, bridge_text(session, view, *bridge));
    if (const auto* vlan = vlan_of(*view.link)) text += fmt::format("{}{}", line_end, vlan_text(*vlan));
    if (view.link->member)
        text += fmt::format("{}{}", line_end, member_text(session.model, view, *view.link->member));
    return text;
}

Json link_details_json(Session& session, const LinkView& view) {
    const unsigned promiscuous = view.link->member ? 1 : 0;
    Json json{{"promiscuity", promiscuous},
              {"allmulti", promiscuous},
              {"min_mtu", min_mtu},
              {"max_mtu", max_mtu_of(*view.link)}};
    if (is_dummy(*view.link)) json["min_mtu"] = json["max_mtu"] = 0;
    Json info = Json::object();
    if (const auto kind = plain_kind(*view.link); !kind.empty()) info["info_kind"] = kind;
    if (const auto* tuntap = tuntap_of(*view.link)) {
        info["info_kind"] = "tun";
        info["info_data"] = tuntap_data(*tuntap);
    }
    if (const auto* bridge = bridge_of(*view.link)) {
        info["info_kind"] = "bridge";
        info["info_data"] = bridge_data(session, view, *bridge);
    }
    if (const auto* vlan = vlan_of(*view.link)) {
        info["info_kind"] = "vlan";
        info["info_data"] = {
            {"protocol", protocol_name(vlan->tpid)}, {"id", vlan->vid}, {"flags", {"REORDER_HDR"}}};
    }
    if (view.link->member) {
        info["info_slave_kind"] = "bridge";
        info["info_slave_data"] = member_data(session.model, view, *view.link->member);
    }
    if (!info.empty()) json["linkinfo"] = info;
    return json;
}

}  // namespace weft
