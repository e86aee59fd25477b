#include "control/sysctl/names.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "control/sysctl/own.hpp"

namespace weft {

namespace {

using std::string_view;

constexpr std::array neighbour_names{"anycast_delay",
                                     "app_solicit",
                                     "base_reachable_time",
                                     "base_reachable_time_ms",
                                     "delay_first_probe_time",
                                     "gc_stale_time",
                                     "locktime",
                                     "interval_probe_time_ms",
                                     "mcast_resolicit",
                                     "mcast_solicit",
                                     "proxy_delay",
                                     "proxy_qlen",
                                     "retrans_time",
                                     "retrans_time_ms",
                                     "ucast_solicit",
                                     "unres_qlen",
                                     "unres_qlen_bytes"};
constexpr std::array arp_names{"arp_accept", "arp_announce",        "arp_filter",
                               "arp_ignore", "arp_evict_nocarrier", "arp_notify"};

template <class Names>
bool contains(const Names& names, string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

/// "net.ipv4.neigh.DEVICE.NAME" taken apart; the device still with slashes.
struct Parts {
    string_view group, device, name;
};
std::optional<Parts> take_apart(string_view canonical) {
    for (const string_view group : {"net.ipv4.neigh.", "net.ipv6.neigh.", "net.ipv4.conf."}) {
        if (!canonical.starts_with(group)) continue;
        const auto rest = canonical.substr(group.size());
        const auto dot = rest.find('.');
        if (dot == string_view::npos || dot == 0) return std::nullopt;
        return Parts{group, rest.substr(0, dot), rest.substr(dot + 1)};
    }
    return std::nullopt;
}

}  // namespace

std::string canonical_sysctl(string_view name) {
    std::string canonical{name};
    const auto first = name.find_first_of("./");
    if (first != string_view::npos && name[first] == '/')
        for (char& c : canonical)
            c = c == '/' ? '.' : c == '.' ? '/' : c;
    return canonical;
}

const std::vector<std::string>& forwarding_sysctls() {
    static const std::vector<std::string> names{"net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"};
    return names;
}

SysctlKind sysctl_kind(const std::string& canonical) {
    if (contains(forwarding_sysctls(), canonical)) return SysctlKind::forwarding;
    if (own_sysctl(canonical)) return SysctlKind::own;
    const auto parts = take_apart(canonical);
    if (!parts || parts->device == "all" || parts->device == "default") return SysctlKind::unsupported;
    const bool known = parts->group.ends_with("neigh.") ? contains(neighbour_names, parts->name)
                                                        : contains(arp_names, parts->name);
    return known ? SysctlKind::of_link : SysctlKind::unsupported;
}

std::string sysctl_path(std::string canonical) {
    for (char& c : canonical)
        c = c == '.' ? '/' : c == '/' ? '.' : c;
    return canonical;
}

std::vector<std::string> link_sysctls(std::string device) {
    std::replace(device.begin(), device.end(), '.', '/');
    std::vector<std::string> names;
    for (const string_view name : arp_names)
        names.push_back(fmt::format("net.ipv4.conf.{}.{}", device, name));
    for (const string_view family : {"ipv4", "ipv6"})
        for (const string_view name : neighbour_names)
            if (name != "base_reachable_time" && name != "retrans_time")
                names.push_back(fmt::format("net.{}.neigh.{}.{}", family, device, name));
    return names;
}

std::string sysctl_device(const std::string& canonical) {
    const auto parts = take_apart(canonical);
    if (!parts || parts->device == "all") return {};
    std::string device{parts->device};
    std::replace(device.begin(), device.end(), '/', '.');
    return device;
}

}  // namespace weft
