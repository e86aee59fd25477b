// Whom a packet waits for: written by the worker that could not send it, read by control.
//
// What a hop says may be another's by the time control comes to the packet, so the packet itself carries it,
// in the unused bytes before its frame.
#pragma once

#include <cstring>

#include "weft/hop.hpp"
#include "weft/packet.hpp"

namespace weft {

struct NextHop {
    IfIndex interface = no_interface;  ///< weft's
    bool v6 = false;
    int device = 0;  ///< the kernel's, which asks: the interface's TAP or a macvlan on it
    IpAddress address{};
    friend bool operator==(const NextHop&, const NextHop&) = default;
};

/// Before the frame of a packet that nobody else shares. False if there is no room (headroom).
[[nodiscard]] inline bool write_next_hop(Packet& packet, const NextHop& to) noexcept {
    if (packet.data_off < sizeof to) return false;
    std::memcpy(packet.data() - sizeof to, &to, sizeof to);
    return true;
}
/// What write_next_hop() wrote.
[[nodiscard]] inline NextHop read_next_hop(const Packet& packet) noexcept {
    NextHop to;
    std::memcpy(static_cast<void*>(&to), packet.data() - sizeof to, sizeof to);
    return to;
}

}  // namespace weft
