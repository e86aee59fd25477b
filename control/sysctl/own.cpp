#include "control/sysctl/own.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "weft/routing.hpp"

namespace weft {

namespace {

constexpr std::int64_t most_int = 2147483647;
/// Seconds: proc_dointvec_jiffies takes INT_MAX jiffies, here of a millisecond.
constexpr std::int64_t most_seconds = most_int / 1000;

/// What ExpectationTable has room for.
constexpr std::int64_t most_expectations = 65'535;

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
/// Of net.netfilter.nf_conntrack_: net/netfilter/nf_conntrack_standalone.c of Linux 6.1.
constexpr std::array of_conntrack{
    Named{"acct", {0, 0, 1}},
    Named{"buckets", {0, 0, 0, true}},
    Named{"checksum", {1, 0, 1}},
    Named{"count", {0, 0, 0, true}},
    Named{"expect_max", {4096, 1, most_expectations}},
    Named{"generic_timeout", {600, 0, most_seconds}},
    Named{"gre_timeout", {30, 0, most_seconds}},
    Named{"gre_timeout_stream", {180, 0, most_seconds}},
    Named{"icmp_timeout", {30, 0, most_seconds}},
    Named{"icmpv6_timeout", {30, 0, most_seconds}},
    Named{"max", {262'144, 0, most_int}},
    Named{"sctp_timeout_closed", {10, 0, most_seconds}},
    Named{"sctp_timeout_cookie_echoed", {3, 0, most_seconds}},
    Named{"sctp_timeout_cookie_wait", {3, 0, most_seconds}},
    Named{"sctp_timeout_established", {210, 0, most_seconds}},
    Named{"sctp_timeout_heartbeat_sent", {30, 0, most_seconds}},
    Named{"sctp_timeout_shutdown_ack_sent", {3, 0, most_seconds}},
    Named{"sctp_timeout_shutdown_recd", {3, 0, most_seconds}},
    Named{"sctp_timeout_shutdown_sent", {3, 0, most_seconds}},
    Named{"tcp_be_liberal", {0, 0, 1}},
    Named{"tcp_ignore_invalid_rst", {0, 0, 1}},
    Named{"tcp_loose", {1, 0, 1}},
    Named{"tcp_max_retrans", {3, 0, 255}},
    Named{"tcp_timeout_close", {10, 0, most_seconds}},
    Named{"tcp_timeout_close_wait", {60, 0, most_seconds}},
    Named{"tcp_timeout_established", {432'000, 0, most_seconds}},
    Named{"tcp_timeout_fin_wait", {120, 0, most_seconds}},
    Named{"tcp_timeout_last_ack", {30, 0, most_seconds}},
    Named{"tcp_timeout_max_retrans", {300, 0, most_seconds}},
    Named{"tcp_timeout_syn_recv", {60, 0, most_seconds}},
    Named{"tcp_timeout_syn_sent", {120, 0, most_seconds}},
    Named{"tcp_timeout_time_wait", {120, 0, most_seconds}},
    Named{"tcp_timeout_unacknowledged", {300, 0, most_seconds}},
    Named{"timestamp", {0, 0, 1}},
    Named{"udp_timeout", {30, 0, most_seconds}},
    Named{"udp_timeout_stream", {120, 0, most_seconds}},
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
constexpr std::string_view device_group = "net.ipv4.conf.", punt_group = "net.weft.punt.",
                           conntrack_group = "net.netfilter.nf_conntrack_", old_max = "net.nf_conntrack_max";

template <class Table>
const Named* find_in(const Table& table, std::string_view name) {
    const auto* found =
        std::find_if(table.begin(), table.end(), [&](const Named& one) { return one.name == name; });
    return found == table.end() ? nullptr : found;
}

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
    if (const auto* found = find_in(general, canonical)) return found->values;
    if (const auto kept = kept_name(canonical); kept.starts_with(conntrack_group))
        if (const auto* found = find_in(of_conntrack, std::string_view(kept).substr(conntrack_group.size())))
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

std::string kept_name(std::string canonical) {
    return canonical == old_max ? fmt::format("{}max", conntrack_group) : std::move(canonical);
}

std::int64_t own_value(const std::map<std::string, std::string>& set, const std::string& canonical) {
    const auto found = set.find(kept_name(canonical));
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
        for (const auto& one : of_conntrack)
            all.push_back(fmt::format("{}{}", conntrack_group, one.name));
        all.emplace_back(old_max);
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
