#include "control/link/handlers.hpp"

namespace weft {

std::span<const Handler> link_handlers() {
    static constexpr Handler table[] = {
        {"ip link add bridge", ip_link_add_bridge},
        {"ip link add vlan", ip_link_add_vlan},
        {"ip link add veth", ip_link_add_veth},
        {"ip link add dummy", ip_link_add_dummy},
        {"ip link set", ip_link_set},
        {"ip link del", ip_link_del},
        {"ip link show", ip_link_show},
    };
    return table;
}

}  // namespace weft
