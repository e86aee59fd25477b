#include "control/port/handlers.hpp"

namespace weft {

std::span<const Handler> port_handlers() {
    static constexpr Handler table[] = {
        {"port add devargs", port_add_devargs},
        {"port add af_packet", port_add_af_packet},
        {"port add tap", port_add_tap},
        {"port add pcap", port_add_pcap},
        {"port add null", port_add_null},
        {"port add gen", port_add_gen},
        {"port add vhost-user", port_add_vhost},
        {"port add memif", port_add_memif},
        {"port add af_xdp", port_add_af_xdp},
        {"port set", port_set},
        {"port del", port_del},
        {"port show", port_show},
    };
    return table;
}

}  // namespace weft
