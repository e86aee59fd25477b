// Names of kernel variables, as sysctl(8) takes them: dots or slashes between the parts, whichever comes
// first; the other one then stands for itself inside a part ("net.ipv4.neigh.lan0/8.locktime").
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft {

/// The name with dots between its parts, and slashes for dots inside them.
[[nodiscard]] std::string canonical_sysctl(std::string_view name);

/// What a variable is to weft.
enum class SysctlKind {
    forwarding,  ///< weft's own and always 1
    own,         ///< weft's own, see own.hpp
    of_link,     ///< neighbour and ARP settings of a weft link, the kernel's
    unsupported,
};
[[nodiscard]] SysctlKind sysctl_kind(const std::string& canonical);

/// The interface that a canonical name speaks of; empty if it is none, or "all".
[[nodiscard]] std::string sysctl_device(const std::string& canonical);

/// The file of a canonical name below /proc/sys: "net/ipv4/neigh/lan0.8/locktime".
[[nodiscard]] std::string sysctl_path(std::string canonical);

/// The canonical names of SysctlKind::of_link of one interface, without those that sysctl(8) lists only with
/// --deprecated.
[[nodiscard]] std::vector<std::string> link_sysctls(std::string device);

/// The names of SysctlKind::forwarding.
[[nodiscard]] const std::vector<std::string>& forwarding_sysctls();

}  // namespace weft
