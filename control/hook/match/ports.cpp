#include "control/hook/match/ports.hpp"

#include <cerrno>

#include "control/hook/names.hpp"

namespace weft::hook {

void save_ports(std::string& out, std::string_view option, const PortRange& ports, bool inverted) {
    if (ports == all_ports) return;
    append(out, "{} --{} {}", bang(inverted), option, ports.low);
    if (ports.low != ports.high) append(out, ":{}", ports.high);
}

void list_ports(std::string& out, std::string_view name, const PortRange& ports, bool inverted,
                std::string_view protocol, bool numeric) {
    if (ports == all_ports && !inverted) return;
    const bool range = ports.low != ports.high;
    append(out, " {}{}:{}{}", name, range ? "s" : "", inverted ? "!" : "",
           show_port(ports.low, protocol, numeric));
    if (range) append(out, ":{}", show_port(ports.high, protocol, numeric));
}

Objection needs_protocol(const Place& place, std::uint8_t protocol) {
    if (place.rule.protocol == protocol && !place.rule.protocol_inverted) return {};
    return object("only beside -p {}", protocol_name(protocol, true));
}

}  // namespace weft::hook
