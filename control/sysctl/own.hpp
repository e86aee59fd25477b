// Kernel variables that weft implements itself: its workers do what the kernel's forwarding would. They live
// in the model; the kernel's own of the same name are not touched.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace weft {

/// What values a variable may have, and has unless it is set. As in Linux, but for net.weft.punt.CLASS:
/// packets/s of the class that one interface may send to the kernel by one worker, 0 for no limit.
struct OwnSysctl {
    std::int64_t usual, least, most;
    bool read_only = false;  ///< the running switch knows it
};
/// Nothing if weft does not implement it. Canonical names; those of an interface,
/// "net.ipv4.conf.DEVICE.rp_filter", also with "all" for the device.
[[nodiscard]] std::optional<OwnSysctl> own_sysctl(const std::string& canonical);

/// The name under which the model keeps it: net.nf_conntrack_max is net.netfilter.nf_conntrack_max.
[[nodiscard]] std::string kept_name(std::string canonical);

/// The value in force of a variable that own_sysctl() knows and that may be written.
[[nodiscard]] std::int64_t own_value(const std::map<std::string, std::string>& set,
                                     const std::string& canonical);
/// The same of an interface's, joined with that of "all" as the kernel does (include/linux/inetdevice.h):
/// rp_filter the greater, send_redirects either, accept_source_route both.
[[nodiscard]] std::int64_t own_value_of(const std::map<std::string, std::string>& set,
                                        const std::string& device, const std::string& name);

/// Canonical names of all that belong to no interface, or to "all".
[[nodiscard]] const std::vector<std::string>& own_sysctls();
/// Canonical names of an interface's.
[[nodiscard]] std::vector<std::string> own_sysctls_of(std::string device);

}  // namespace weft
