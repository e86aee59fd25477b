// Helpers of connections whose payload says where others will come from.
#pragma once

#include <cstdint>
#include <string_view>

#include "weft/net/ip.hpp"

namespace weft {

enum class FlowHelper : std::uint8_t { none, ftp, tftp };
/// As `CT --helper` and `conntrack -L expect` name them.
inline constexpr std::string_view flow_helper_names[] = {"", "ftp", "tftp"};

/// None if there is no such helper of this protocol.
[[nodiscard]] constexpr FlowHelper helper_of(std::string_view name, std::uint8_t protocol) noexcept {
    if (name == "ftp" && protocol == ip_protocol::tcp) return FlowHelper::ftp;
    if (name == "tftp" && protocol == ip_protocol::udp) return FlowHelper::tftp;
    return FlowHelper::none;
}

}  // namespace weft
