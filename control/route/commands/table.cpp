#include "control/route/commands/handlers.hpp"

namespace weft {

std::span<const Handler> route_handlers() {
    static constexpr Handler table[] = {
        {"ip route add", ip_route_add},         {"ip route append", ip_route_append},
        {"ip route replace", ip_route_replace}, {"ip route change", ip_route_change},
        {"ip route del", ip_route_del},         {"ip route flush", ip_route_flush},
        {"ip route show", ip_route_show},       {"ip route get", ip_route_get},
        {"ip rule add", ip_rule_add},           {"ip rule del", ip_rule_del},
        {"ip rule flush", ip_rule_flush},       {"ip rule show", ip_rule_show},
        {"ip neigh add", ip_neigh_add},         {"ip neigh change", ip_neigh_change},
        {"ip neigh replace", ip_neigh_replace}, {"ip neigh del", ip_neigh_del},
        {"ip neigh flush", ip_neigh_flush},     {"ip neigh show", ip_neigh_show},
        {"ip nexthop add", ip_nexthop_add},     {"ip nexthop replace", ip_nexthop_replace},
        {"ip nexthop del", ip_nexthop_del},     {"ip nexthop flush", ip_nexthop_flush},
        {"ip nexthop show", ip_nexthop_show},   {"ip nexthop get", ip_nexthop_show},
    };
    return table;
}

}  // namespace weft
