#include "control/sysctl/own.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "weft/routing.hpp"

namespace weft {

namespace {

constexpr std::int64_t most_int = 2147483647;

struct Named {
    std::string_view name;
    OwnSysctl values;
};
constexpr IcmpLimits usual{};
constexpr std::array general{
    Named{"net.ipv4.fib_multipath_hash_policy", {0, 0, 1}},
    Named{"net.ipv4.icmp_msgs_burst", {usual.msgs_burst, 0, most_int}},
    Named{"net.ipv4.icmp_msgs_per_sec", {usual.msgs_per_sec, 0, most_int}},
    Named{"net.ipv4.icmp_ratelimit", {usual.ratelimit_ms, 0, most_int}},
    Named{"net.ipv4.icmp_ratemask", {usual.ratemask, 0, most_int}},
    Named{"net.ipv6.fib_multipath_hash_policy", {0, 0, 1}},
    Named{"net.ipv6.icmp.ratelimit", {usual.ratelimit6_ms, 0, most_int}},
};
/// Of net.ipv4.conf.DEVICE; `all` has a usual value of its own.
struct OfDevice {
    std::string_view name;
    OwnSysctl values;
    std::int64_t usual_of_all;
};
constexpr std::array of_device{
    OfDevice{"accept_source_route", {0, 0, 1}, 0},
    OfDevice{"rp_filter", {0, 0, 2}, 0},
    OfDevice{"send_redirects", {1, 0, 1}, 1},
};
constexpr std::string_view device_group = "net.ipv4.conf.", punt_group = "net.weft.punt.";

const OfDevice* find_of_device(std::string_view canonical) {
    if (!canonical.starts_with(device_group)) return nullptr;
    const auto dot = canonical.find('.', device_group.size());
    if (dot == std::string_view::npos || dot == device_group.size() ||
        canonical.substr(device_group.size(), dot - device_group.size()) == "default")
        return nullptr;
    const auto* found = std::find_if(of_device.begin(), of_device.end(), [&](const OfDevice& one) {
        return one.name == canonical.substr(dot + 1);
    });
    return found == of_device.end() ? nullptr : found;
}

std::string in_name(std::string device) {
    std::replace(device.begin(), device.end(), '.', '/');
    return device;
}

}  // namespace

std::optional<OwnSysctl> own_sysctl(const std::string& canonical) {
    if (const auto* found = std::find_if(general.begin(), general.end(),
                                         [&](const Named& one) { return one.name == canonical; });
        found != general.end())
        return found->values;
    if (const auto* found = find_of_device(canonical)) {
        OwnSysctl values = found->values;
        if (canonical.starts_with(fmt::format("{}all.", device_group))) values.usual = found->usual_of_all;
        return values;
    }
    for (std::size_t i = 0; i < punt_class_count; ++i)
        if (canonical == fmt::format("{}{}", punt_group, punt_class_names[i]))
            return OwnSysctl{default_punt_rates[i], 0, 1000000};
    return std::nullopt;
}

std::int64_t own_value(const std::map<std::string, std::string>& set, const std::string& canonical) {
    const auto found = set.find(canonical);
    return found == set.end() ? own_sysctl(canonical)->usual : std::stoll(found->second);
}

std::int64_t own_value_of(const std::map<std::string, std::string>& set, const std::string& device,
                          const std::string& name) {
    const auto of_all = own_value(set, fmt::format("{}all.{}", device_group, name));
    const auto own = own_value(set, fmt::format("{}{}.{}", device_group, in_name(device), name));
    return name == "accept_source_route" ? std::min(of_all, own) : std::max(of_all, own);
}

const std::vector<std::string>& own_sysctls() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all = own_sysctls_of("all");
        for (const auto& one : general)
            all.emplace_back(one.name);
        for (const auto name : punt_class_names)
            all.push_back(fmt::format("{}{}", punt_group, name));
        return all;
    }();
    return names;
}

std::vector<std::string> own_sysctls_of(std::string device) {
    std::vector<std::string> names;
    for (const auto& one : of_device)
        names.push_back(fmt::format("{}{}.{}", device_group, in_name(device), one.name));
    return names;
}

}  // namespace weft
