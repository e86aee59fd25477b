#include <fmt/format.h>

#include "control/config/file.hpp"
#include "control/model/lines.hpp"
#include "control/tuntap/words.hpp"

namespace weft {

void save_tuntap(std::string& text, const std::string& name, const LinkSpec& link, const TuntapPort& port) {
    text +=
        fmt::format("ip tuntap add dev {} mode {}", config::quote(name), fmt::join(tuntap_flags(port), " "));
    if (port.user) text += fmt::format(" user {}", *port.user);
    if (port.group) text += fmt::format(" group {}", *port.group);
    text += '\n';
    if (!link.mtu && !link.address && !link.up) return;
    text += "ip link set dev " + config::quote(name);
    if (link.mtu) text += fmt::format(" mtu {}", *link.mtu);
    if (link.address) text += " address " + to_string(*link.address);
    if (link.up) text += " up";
    text += '\n';
}

}  // namespace weft
