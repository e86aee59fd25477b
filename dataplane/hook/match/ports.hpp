// Ranges of ports (xt_tcpudp.c, port_match).
#pragma once

#include "weft/hook/types.hpp"

namespace weft::hook {

[[nodiscard]] inline bool port_matches(const PortRange& range, bool inverted, std::uint16_t port) noexcept {
    return (port >= range.low && port <= range.high) != inverted;
}

}  // namespace weft::hook
