#include "control/kernel/leftover_routing.hpp"

#include "control/kernel/route_message.hpp"

namespace weft {

Result<std::size_t> remove_leftover_routing(Netlink& netlink) {
    const auto links = netlink.links("weft:");
    if (!links) return links.error();
    if (!links->empty()) return std::size_t{0};
    std::size_t count = 0;
    for (const bool v6 : {false, true}) {
        std::vector<KernelRoute> routes;
        auto read = netlink.visit_routes(
            v6, [&] { routes.clear(); }, [&](const KernelRoute& route) { routes.push_back(route); },
            weft_protocol);
        if (!read) return read.error();
        for (const auto& route : routes)
            if (route.protocol == weft_protocol && netlink.change_route(route, RouteVerb::del)) ++count;
        const auto rules = netlink.policy_rules(v6);
        if (!rules) return rules.error();
        for (const auto& rule : *rules)
            if (rule.protocol == weft_protocol && netlink.change_rule(rule, RouteVerb::del)) ++count;
    }
    const auto nexthops = netlink.nexthops();
    if (!nexthops) return nexthops.error();
    for (const auto& nexthop : *nexthops)  // one that went with a group is no error
        if (nexthop.protocol == weft_protocol && netlink.change_nexthop(nexthop, RouteVerb::del)) ++count;
    return count;
}

}  // namespace weft
