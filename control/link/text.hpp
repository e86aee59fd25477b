// Parts of iproute2's output that `ip link` and `ip address` share (ip/ipaddress.c of iproute2 6.1).
#pragma once

#include <string>

#include "control/link/view.hpp"

namespace weft {

/// What chooses the form: the options before the object.
struct LinkForm {
    bool statistics = false, details = false, oneline = false, brief = false;
    bool mode = true;        ///< `ip address` leaves out linkmode
    bool hardware = true;    ///< false: one family was asked for, and the link layer is left out
    bool ipv6_only = false;  ///< the kernel's IPv6 side knows neither qdisc nor group
    /// The line end: a backslash with -o.
    [[nodiscard]] std::string_view line_end() const { return oneline ? "\\" : "\n"; }
};
/// Whether a filter `type KIND` that was typed, if any, lets the link through.
[[nodiscard]] bool of_type(const LinkSpec&, const command::Match&);
[[nodiscard]] LinkForm form_of(const command::Match&, bool mode);

/// "2: br0: <…> mtu 1500 …" without its end.
[[nodiscard]] std::string link_head(const LinkView&, const LinkForm&);
/// "    link/ether … brd …", with details behind it, without its end.
[[nodiscard]] std::string link_address(Session&, const LinkView&, const LinkForm&);
/// The four lines of -s, each with its end but the last.
[[nodiscard]] std::string link_statistics(const LinkState&, const LinkForm&);
/// "br0              UP             " as -br begins.
[[nodiscard]] std::string link_brief(const LinkView&);

/// The object of -j, without statistics.
[[nodiscard]] Json link_json(Session&, const LinkView&, const LinkForm&);
[[nodiscard]] Json statistics_json(const LinkState&);

}  // namespace weft
