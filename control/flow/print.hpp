// Connections in the text of conntrack-tools 1.4.7 (libnetfilter_conntrack 1.0.9, snprintf_default.c).
#pragma once

#include <string>
#include <string_view>

#include "control/flow/entry.hpp"

namespace weft::conntrack {

struct Style {
    bool extended = false;  ///< -o extended: the network protocol before all
    bool id = false;        ///< -o id
    bool times = false;     ///< -o ktimestamp: beginning and end in local time
};

/// As the library knows them, not /etc/protocols.
[[nodiscard]] std::string_view protocol_name(std::uint8_t protocol);
[[nodiscard]] std::string_view tcp_state_name(TcpState state);
[[nodiscard]] std::string address_text(bool v6, const IpAddress& address);

/// One line, without its end.
[[nodiscard]] std::string print(const Entry&, const Style& = {});

/// The same as `conntrack -E` has it: what the kernel tells with this event (nf_conntrack_netlink.c,
/// ctnetlink_conntrack_event), so a mark of 0 only if that is what was changed, and counters at the end only.
[[nodiscard]] std::string print(Event, const Entry&, const Style& = {}, bool mark_changed = false);

}  // namespace weft::conntrack
