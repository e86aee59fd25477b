// Where a made-up packet is addressed to in Ethernet, if the user does not say: as the host that sends it
// would.
#pragma once

#include <string>

#include "control/model/commands.hpp"
#include "weft/net/ethernet.hpp"

namespace weft {

struct AssumedDestination {
    MacAddress mac{};
    std::string why;  ///< "a multicast address"
};

/// The address that a host behind interface `name` would send to: a group's own for multicast and broadcast
/// (RFC 1112 6.4, RFC 2464 7); on a bridge's port that of a neighbour that the bridge knows; else ours, as to
/// its router.
[[nodiscard]] AssumedDestination assume_destination(Session& session, const std::string& name,
                                                    const command::Match& match);

}  // namespace weft
