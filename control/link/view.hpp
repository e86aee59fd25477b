// One interface as `ip link`, `ip address` and `bridge link` show it: model and running state put together.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "control/model/commands.hpp"

namespace weft {

struct LinkView {
    unsigned index = 0;
    std::string name;
    const LinkSpec* link = nullptr;  ///< borrowed from the model
    LinkState state;
    std::string below;               ///< of a sub-interface its parent, of a veth end its peer, else empty
    std::vector<std::string> flags;  ///< "BROADCAST", "UP", …, in iproute2's order
    std::string operstate;           ///< "UP", "DOWN", "LOWERLAYERDOWN", "UNKNOWN"
    std::string qdisc;
    [[nodiscard]] std::string master() const { return link->member ? link->member->bridge : std::string{}; }
    /// "lan0.8@lan0"
    [[nodiscard]] std::string full_name() const { return below.empty() ? name : name + "@" + below; }
    /// "<BROADCAST,MULTICAST,UP,LOWER_UP>"
    [[nodiscard]] std::string flag_text() const;
};

/// All interfaces by index, as the kernel lists them. session.live must be there.
[[nodiscard]] std::vector<LinkView> view_links(Session&);
/// One of them; nothing if it does not exist.
[[nodiscard]] std::optional<LinkView> view_link(Session&, const std::string& name);

}  // namespace weft
