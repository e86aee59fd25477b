#include "control/bridge/options.hpp"

#include <strings.h>

#include <array>

#include "control/bridge/edit.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

constexpr std::array<std::string_view, 5> state_names{"disabled", "listening", "learning", "forwarding",
                                                      "blocking"};

/// Reads an argument that the grammar has checked.
template <class Number>
void take(const command::Match& match, std::string_view name, Number& into) {
    if (const auto* item = match.argument(name))
        into = static_cast<Number>(*command::parse_unsigned(item->value));
}

void take_switch(const command::Match& match, std::string_view name, bool& into) {
    if (const auto* item = match.argument(name)) into = *command::parse_switch(item->value);
}

/// Options that weft knows only as they are by default.
Result<> refuse_others(const command::Match& match) {
    constexpr std::array fixed{"MCAST_SNOOPING", "NF_CALL_IPTABLES", "NF_CALL_IP6TABLES",
                               "NF_CALL_ARPTABLES"};
    constexpr std::array words{"mcast_snooping", "nf_call_iptables", "nf_call_ip6tables",
                               "nf_call_arptables"};
    for (std::size_t i = 0; i < fixed.size(); ++i)
        if (const auto* item = match.argument(fixed[i]); item && item->value != "0")
            return refuse_at(fmt::format("{} 1 is not supported in this version", words[i]), item->column);
    return {};
}

}  // namespace

Result<> set_bridge_options(Model& model, const std::string& name, const command::Match& match) {
    if (auto checked = refuse_others(match); !checked) return checked;
    auto& bridge = std::get<BridgeSpec>(model.links.at(name).kind);
    std::uint16_t mask = bridge.group_fwd_mask;
    take(match, "GROUP_FWD_MASK", mask);
    // 00 to 02 are BPDUs, pause frames and LACP: net/bridge/br_private.h, BR_GROUPFWD_RESTRICTED
    if (mask & 0x7) return ip::kernel("Invalid argument");
    bridge.group_fwd_mask = mask;
    take_switch(match, "VLAN_FILTERING", bridge.vlan_filtering);
    take_switch(match, "STP_STATE", bridge.stp);
    take(match, "AGEING_TIME", bridge.ageing_centiseconds);
    take(match, "FDB_MAX_LEARNED", bridge.fdb_max_learned);
    if (const auto* item = match.argument("VLAN_PROTOCOL"))
        bridge.vlan_protocol = *command::parse_vlan_protocol(item->value);
    auto pvid = bridge.vlan_default_pvid;
    take(match, "VLAN_DEFAULT_PVID", pvid);
    set_default_pvid(model, name, pvid);
    return {};
}

void set_member_flags(MemberSpec& member, const command::Match& match) {
    take_switch(match, "LEARNING", member.learning);
    take_switch(match, "FLOOD", member.flood);
    take_switch(match, "MCAST_FLOOD", member.mcast_flood);
    take_switch(match, "BCAST_FLOOD", member.bcast_flood);
    take_switch(match, "ISOLATED", member.isolated);
    take_switch(match, "HAIRPIN", member.hairpin);
    take_switch(match, "LOCKED", member.locked);
    take(match, "PORT_FDB_MAX_LEARNED", member.fdb_max_learned);
}

std::optional<PortState> parse_port_state(std::string_view text) {
    const auto number = command::parse_unsigned(text);
    for (std::size_t i = 0; i < state_names.size(); ++i)
        if (number ? *number == i
                   : text.size() == state_names[i].size() &&
                         strncasecmp(text.data(), state_names[i].data(), text.size()) == 0)
            return static_cast<PortState>(i);
    return std::nullopt;
}

std::string_view to_string(PortState state) noexcept {
    return state_names[static_cast<std::size_t>(state)];
}

}  // namespace weft
