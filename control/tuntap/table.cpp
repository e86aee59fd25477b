#include "control/tuntap/handlers.hpp"

namespace weft {

std::span<const Handler> tuntap_handlers() {
    static constexpr Handler table[] = {
        {"ip tuntap add", ip_tuntap_add},   {"ip tuntap del", ip_tuntap_del},
        {"ip tuntap show", ip_tuntap_show}, {"tunctl add", tunctl_add},
        {"tunctl del", tunctl_del},
    };
    return table;
}

}  // namespace weft
