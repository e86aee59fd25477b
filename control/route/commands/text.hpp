// Routes, next hops, neighbours and rules as iproute2 prints them.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "control/model/live.hpp"
#include "control/model/reply.hpp"
#include "control/model/routing.hpp"
#include "control/route/commands/names.hpp"

namespace weft {

/// What is printed of a route. iproute2 leaves out what its filter fixes.
struct RouteForm {
    const RoutingNames& names;
    bool details = false, oneline = false;
    bool for_save = false;  ///< words of `ip route add`
    bool hide_device = false, hide_protocol = false, hide_scope = false, hide_gateway = false;
    bool hide_source = false, hide_table = false, hide_metric = false;
};

/// `devices`: of each via. No line end.
[[nodiscard]] std::string route_text(const KernelRoute& route, std::span<const std::string> devices,
                                     const RouteForm& form);
[[nodiscard]] Json route_json(const KernelRoute& route, std::span<const std::string> devices,
                              const RouteForm& form);

/// RFC 4191: "medium".
[[nodiscard]] std::string_view preference_word(std::uint8_t preference);

/// "id 7 via 10.0.1.7 dev a scope link".
[[nodiscard]] std::string nexthop_text(const KernelNexthop& nexthop, const std::string& device,
                                       const RoutingNames& names, bool details);
[[nodiscard]] Json nexthop_json(const KernelNexthop& nexthop, const std::string& device,
                                const RoutingNames& names, bool details);

/// Without the priority: "from 10.0.0.0/8 iif a lookup 100". `detached`: no such interface.
[[nodiscard]] std::string rule_text(const KernelRule& rule, const RoutingNames& names, bool details,
                                    bool detached);
[[nodiscard]] Json rule_json(const KernelRule& rule, const RoutingNames& names, bool details, bool detached);

/// The words of the set bits of NUD_*: "REACHABLE"; nothing for 0.
[[nodiscard]] std::vector<std::string> neighbour_states(std::uint16_t state);

}  // namespace weft
