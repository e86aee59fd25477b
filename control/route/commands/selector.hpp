// Which routes a list or a flush means.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "control/route/commands/text.hpp"
#include "control/route/commands/words.hpp"

namespace weft {

/// What `ip route list|flush` was asked for.
struct RouteSelector {
    bool only4 = false, only6 = false;
    std::optional<std::uint32_t> table;  ///< nothing: all
    std::optional<std::uint32_t> protocol, scope, metric;
    std::optional<std::uint8_t> type;
    std::optional<std::string> device;
    std::optional<command::IpPrefix> via, source;
    std::optional<command::IpPrefix> root, match, exact;

    [[nodiscard]] bool fits(const KernelRoute& route, std::span<const std::string> devices) const;
    /// Whether routes of a family can fit at all.
    [[nodiscard]] bool family(bool v6) const;
    /// The same for a command: iproute2 means IPv4 unless a family or all tables are asked for.
    [[nodiscard]] bool means(bool v6) const {
        return family(v6) && (!v6 || !table || only6 || !family(false));
    }
};

/// Refuses a device that neither weft nor the kernel has, as far as routes lead there.
[[nodiscard]] Result<> check_device(const Session& session, const command::Match& match);

[[nodiscard]] Result<RouteSelector> read_selector(const Model& model, const command::Match& match,
                                                  const RoutingNames& names);

}  // namespace weft
