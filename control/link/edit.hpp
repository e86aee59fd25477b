// Changes to the links of a model that keep it whole: what names a link goes with it.
#pragma once

#include <string>

#include "control/model/model.hpp"

namespace weft {

struct Session;

/// Adds a link that is not there yet, last in the order.
void add_link(Model&, const std::string& name, LinkSpec);

/// Removes a link with its sub-interfaces, its peer, its addresses, FDB entries and sysctls; members of a
/// bridge are released.
void remove_link(Model&, const std::string& name);

/// The MTU that the model alone knows of: as set, else of a sub-interface its parent's, of a bridge its
/// members' smallest. Nothing where it depends on a device.
[[nodiscard]] std::optional<std::uint16_t> known_mtu(const Model&, const std::string& name);

/// The MTU of the interface below a sub-interface, over which its own must not be (net/8021q/vlan_dev.c); of
/// a device the one in force, nothing if that is not known.
[[nodiscard]] std::optional<std::uint16_t> mtu_below(const Session&, const VlanSpec&);

/// Sets the MTU; sub-interfaces that were set above it come down to it, as in Linux.
void set_mtu(Model&, const std::string& name, std::uint16_t mtu);

[[nodiscard]] inline const PortSpec* port_of(const LinkSpec& link) noexcept {
    return std::get_if<PortSpec>(&link.kind);
}
[[nodiscard]] inline const TuntapPort* tuntap_of(const LinkSpec& link) noexcept {
    const auto* port = port_of(link);
    return port ? std::get_if<TuntapPort>(&port->kind) : nullptr;
}
/// An interface without Ethernet header.
[[nodiscard]] inline bool is_tun(const LinkSpec& link) noexcept {
    const auto* tuntap = tuntap_of(link);
    return tuntap && tuntap->tun;
}
[[nodiscard]] inline const VlanSpec* vlan_of(const LinkSpec& link) noexcept {
    return std::get_if<VlanSpec>(&link.kind);
}
[[nodiscard]] inline const VethSpec* veth_of(const LinkSpec& link) noexcept {
    return std::get_if<VethSpec>(&link.kind);
}
[[nodiscard]] inline bool is_dummy(const LinkSpec& link) noexcept {
    return std::holds_alternative<DummySpec>(link.kind);
}
[[nodiscard]] inline const BridgeSpec* bridge_of(const LinkSpec& link) noexcept {
    return std::get_if<BridgeSpec>(&link.kind);
}

}  // namespace weft
