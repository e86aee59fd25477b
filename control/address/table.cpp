#include "control/address/handlers.hpp"

namespace weft {

std::span<const Handler> address_handlers() {
    static constexpr Handler table[] = {
        {"ip addr add", ip_addr_add},         {"ip addr change", ip_addr_replace},
        {"ip addr replace", ip_addr_replace}, {"ip addr del", ip_addr_del},
        {"ip addr flush", ip_addr_flush},     {"ip addr show", ip_addr_show},
    };
    return table;
}

}  // namespace weft
