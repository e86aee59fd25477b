// Ports of tcp and udp as save and list print them.
#pragma once

#include "control/hook/kind.hpp"

namespace weft::hook {

void save_ports(std::string& out, std::string_view option, const PortRange&, bool inverted);
void list_ports(std::string& out, std::string_view name, const PortRange&, bool inverted,
                std::string_view protocol, bool numeric);
/// The kernel's check of a match that reads a header of one protocol (xt_tcpudp.c, ip_tables.c).
[[nodiscard]] Objection needs_protocol(const Place&, std::uint8_t protocol);

}  // namespace weft::hook
