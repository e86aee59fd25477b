// Connections in the text of conntrack-tools 1.4.7 (libnetfilter_conntrack 1.0.9, snprintf_default.c).
#pragma once

#include <string>

#include "control/flow/entry.hpp"

namespace weft::conntrack {

struct Style {
    bool extended = false;  ///< -o extended: the network protocol before all
    bool id = false;        ///< -o id
};

/// One line, without its end.
[[nodiscard]] std::string print(const Entry&, const Style& = {});

enum class Event : std::uint8_t { created, updated, destroyed };
/// The same as `conntrack -E` has it: what the kernel tells with this event (nf_conntrack_netlink.c,
/// ctnetlink_conntrack_event), so a mark of 0 only if that is what was changed, and counters at the end only.
[[nodiscard]] std::string print(Event, const Entry&, const Style& = {}, bool mark_changed = false);

}  // namespace weft::conntrack
