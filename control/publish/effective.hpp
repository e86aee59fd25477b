// What holds for each link, worked out of the model and of what the ports say: MTU, MAC, carrier.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "control/model/model.hpp"
#include "weft/net/ethernet.hpp"

namespace weft {

/// What a port's device says of itself.
struct PortFacts {
    MacAddress mac{};
    std::uint16_t mtu = 1500;
    bool link_up = false;
    std::uint8_t tags = 2;  ///< how many VLAN tags it sends in front of a full MTU
};

/// In force for one link. mtu in L3 bytes; `tags` more VLAN tags may come before as many.
struct Effective {
    std::uint16_t mtu = 1500;
    MacAddress mac{};
    bool up = false;
    bool carrier = false;
    std::uint8_t tags = 2;
};

/// For every link of a valid model. `ports` by name; `random` gives the address of a veth end, a dummy
/// and a bridge that has no member (Linux: eth_hw_addr_random), by name.
[[nodiscard]] std::map<std::string, Effective> effective(const Model& model,
                                                         const std::map<std::string, PortFacts>& ports,
                                                         const std::map<std::string, MacAddress>& random);

/// The state a member forwards by: as set, but disabled while it, its bridge or its carrier is down
/// (net/bridge/br_if.c, br_port_carrier_check).
[[nodiscard]] PortState effective_state(const MemberSpec& member, const Effective& port,
                                        const Effective& bridge);

}  // namespace weft
