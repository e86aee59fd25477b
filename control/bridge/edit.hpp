// Changes to bridges, memberships, VLANs and static FDB entries of a model, with Linux's side effects
// (net/bridge/br_if.c, br_vlan.c, br_fdb.c).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "control/command/types.hpp"
#include "control/model/model.hpp"
#include "weft/result.hpp"

namespace weft {

using VlanMemberships = std::map<std::uint16_t, VlanMembership>;

/// A bridge as Linux makes it: itself a member of the default VLAN.
[[nodiscard]] BridgeSpec new_bridge();

/// What a member is on joining: default flags, member of the bridge's default VLAN.
[[nodiscard]] MemberSpec new_member(const Model&, const std::string& bridge);

/// Makes `name` a member; a membership elsewhere ends, one of the same bridge stays as it is.
void join_bridge(Model&, const std::string& name, const std::string& bridge);
/// Ends a membership, if any, and with it its flags, VLANs and FDB entries.
void leave_bridge(Model&, const std::string& name);

/// Adds or rewrites memberships of a range. A PVID takes the place of the one before.
void add_vlans(VlanMemberships&, command::VidRange, VlanMembership);
/// Removes memberships that exist, and the device's FDB entries in them.
void remove_vlans(Model&, const std::string& device, VlanMemberships&, command::VidRange);

/// `vlan_default_pvid`: members and the bridge that still have the old default get the new one (0: none).
void set_default_pvid(Model&, const std::string& bridge, std::uint16_t pvid);

/// VLANs of a member, or of a bridge itself; null if the device is neither.
[[nodiscard]] VlanMemberships* vlans_of(Model&, const std::string& device);
[[nodiscard]] const VlanMemberships* vlans_of(const Model&, const std::string& device);

/// The bridge whose FDB has the device's entries: of a member its bridge, of a bridge itself; empty if
/// neither.
[[nodiscard]] std::string fdb_bridge(const Model&, const std::string& device);

/// The entry of a MAC and VLAN in a bridge's FDB, at whatever device; end() if there is none.
[[nodiscard]] std::map<FdbKey, FdbSpec>::iterator find_fdb(Model&, const std::string& bridge,
                                                           const MacAddress&, std::uint16_t vid);

}  // namespace weft
