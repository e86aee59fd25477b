// Each feature's part of save(): appends its lines.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/model/model.hpp"

namespace weft {

void save_port(std::string& text, const std::string& name, const LinkSpec&, const PortSpec&);
void save_tuntap(std::string& text, const std::string& name, const LinkSpec&, const TuntapPort&);
/// Of a veth pair this is the line of both.
void save_link(std::string& text, const Model&, const std::string& name, const LinkSpec&);
/// Membership, flags and VLANs of a member.
void save_member(std::string& text, const Model&, const std::string& name, const MemberSpec&);
/// The VLANs of a bridge itself.
void save_bridge_vlans(std::string& text, const std::string& name, const BridgeSpec&);
void save_fdb(std::string& text, const Model&);
void save_addresses(std::string& text, const Model&);
void save_nexthops(std::string& text, const Model&);
void save_routes(std::string& text, const Model&);
void save_rules(std::string& text, const Model&);
void save_neighbours(std::string& text, const Model&);
void save_sysctls(std::string& text, const Model&);
/// As a here-document of ipset restore. Times are those that are left; what was counted is no part of it.
void save_sets(std::string& text, const Model&);
/// Their part of diff(): '-' what goes, '+' what comes.
void diff_sets(std::string& text, const Model& from, const Model& to);
/// As here-documents of iptables-restore, the last of save().
void save_hook_rules(std::string& text, const Model&);
/// save() without sets and rules.
[[nodiscard]] std::string save_but_rules(const Model&);
/// Their part of diff(), as commands of iptables.
void diff_hook_rules(std::string& text, const Model& from, const Model& to);

/// The longest common subsequence of two lists of unique lines, as pairs of places.
[[nodiscard]] std::vector<std::pair<std::size_t, std::size_t>> common_lines(
    const std::vector<std::string_view>& from, const std::vector<std::string_view>& to);

}  // namespace weft
