// Each feature's part of save(): appends its lines.
#pragma once

#include <string>

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

}  // namespace weft
