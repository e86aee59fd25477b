#include "control/route/commands/names.hpp"

#include <linux/rtnetlink.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>

#include "control/command/types.hpp"

namespace weft {

namespace {

constexpr std::pair<std::uint8_t, std::string_view> types[] = {
    {RTN_UNICAST, "unicast"},         {RTN_LOCAL, "local"},
    {RTN_BROADCAST, "broadcast"},     {RTN_ANYCAST, "anycast"},
    {RTN_MULTICAST, "multicast"},     {RTN_BLACKHOLE, "blackhole"},
    {RTN_PROHIBIT, "prohibit"},       {RTN_THROW, "throw"},
    {RTN_UNREACHABLE, "unreachable"}, {RTN_NAT, "nat"}};

constexpr std::pair<std::uint8_t, std::string_view> metrics[] = {
    {RTAX_MTU, "mtu"},           {RTAX_WINDOW, "window"},
    {RTAX_RTT, "rtt"},           {RTAX_RTTVAR, "rttvar"},
    {RTAX_SSTHRESH, "ssthresh"}, {RTAX_CWND, "cwnd"},
    {RTAX_ADVMSS, "advmss"},     {RTAX_REORDERING, "reordering"},
    {RTAX_HOPLIMIT, "hoplimit"}, {RTAX_INITCWND, "initcwnd"},
    {RTAX_RTO_MIN, "rto_min"},   {RTAX_INITRWND, "initrwnd"},
    {RTAX_QUICKACK, "quickack"}, {RTAX_FASTOPEN_NO_COOKIE, "fastopen_no_cookie"}};

}  // namespace

RoutingNames::RoutingNames(const std::string& folder)
    : tables_{{RT_TABLE_DEFAULT, "default"}, {RT_TABLE_MAIN, "main"}, {RT_TABLE_LOCAL, "local"}},
      protocols_{{RTPROT_UNSPEC, "unspec"}, {RTPROT_REDIRECT, "redirect"}, {RTPROT_KERNEL, "kernel"},
                 {RTPROT_BOOT, "boot"},     {RTPROT_STATIC, "static"},     {RTPROT_GATED, "gated"},
                 {RTPROT_RA, "ra"},         {RTPROT_MRT, "mrt"},           {RTPROT_ZEBRA, "zebra"},
                 {RTPROT_BIRD, "bird"},     {RTPROT_DNROUTED, "dnrouted"}, {RTPROT_XORP, "xorp"},
                 {RTPROT_NTK, "ntk"},       {RTPROT_DHCP, "dhcp"},         {RTPROT_KEEPALIVED, "keepalived"},
                 {RTPROT_BABEL, "babel"},   {RTPROT_BGP, "bgp"},           {RTPROT_ISIS, "isis"},
                 {RTPROT_OSPF, "ospf"},     {RTPROT_RIP, "rip"},           {RTPROT_EIGRP, "eigrp"}},
      scopes_{{RT_SCOPE_UNIVERSE, "global"},
              {RT_SCOPE_SITE, "site"},
              {RT_SCOPE_LINK, "link"},
              {RT_SCOPE_HOST, "host"},
              {RT_SCOPE_NOWHERE, "nowhere"}} {
    if (folder.empty()) return;
    read(folder + "/rt_tables", tables_);
    read(folder + "/rt_protos", protocols_);
    read(folder + "/rt_scopes", scopes_);
    for (auto [directory, names] : {std::pair{"/rt_tables.d", &tables_}, {"/rt_protos.d", &protocols_}}) {
        std::error_code none;
        for (const auto& entry : std::filesystem::directory_iterator(folder + directory, none))
            if (entry.path().extension() == ".conf") read(entry.path().string(), *names);
    }
}

/// Lines "NUMBER NAME"; of one number the last name counts.
void RoutingNames::read(const std::string& path, Names& names) {
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string number, name;
        if (!(words >> number >> name)) continue;
        const auto value = command::parse_unsigned(number);
        if (value && *value <= UINT32_MAX) names[static_cast<std::uint32_t>(*value)] = name;
    }
}

std::string RoutingNames::name(const Names& names, std::uint32_t number) {
    const auto it = names.find(number);
    return it == names.end() ? std::to_string(number) : it->second;
}

std::optional<std::uint32_t> RoutingNames::number(const Names& names, std::string_view text,
                                                  std::uint32_t most) {
    for (const auto& [number, name] : names)
        if (name == text) return number;
    const auto number = command::parse_unsigned(text);
    if (!number || *number > most) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

std::string route_type_name(std::uint8_t type) {
    for (const auto& [number, word] : types)
        if (number == type) return std::string(word);
    return std::to_string(type);
}

std::optional<std::uint8_t> route_type(std::string_view word) {
    for (const auto& [number, name] : types)
        if (name == word) return number;
    return std::nullopt;
}

std::uint8_t metric_number(std::string_view word) {
    for (const auto& [number, name] : metrics)
        if (name == word) return number;
    return 0;
}

std::string_view metric_name(std::uint8_t number) {
    for (const auto& [other, name] : metrics)
        if (other == number) return name;
    return {};
}

}  // namespace weft
