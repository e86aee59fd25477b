#include <arpa/inet.h>
#include <fmt/core.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "control/kernel/netlink.hpp"

namespace weft {
namespace {

std::string string_of(const nlattr* attribute) {
    const auto* text = static_cast<const char*>(nla_data(attribute));
    return {text, strnlen(text, static_cast<std::size_t>(nla_len(attribute)))};
}

std::string ip_text(std::uint8_t family, const nlattr* attribute) {
    const int size = family == AF_INET ? 4 : 16;
    if (nla_len(attribute) < size) return {};
    char text[INET6_ADDRSTRLEN];
    return inet_ntop(family, nla_data(attribute), text, sizeof text) ? text : "";
}

std::string scope_text(std::uint8_t scope) {
    switch (scope) {
        case RT_SCOPE_UNIVERSE:
            return "global";
        case RT_SCOPE_SITE:
            return "site";
        case RT_SCOPE_LINK:
            return "link";
        case RT_SCOPE_HOST:
            return "host";
        default:
            return std::to_string(scope);
    }
}

KernelTraffic traffic_of(const nlattr* data) {
    rtnl_link_stats64 all{};
    std::memcpy(&all, nla_data(data), std::min(sizeof all, static_cast<std::size_t>(nla_len(data))));
    return {.rx_packets = all.rx_packets,
            .rx_bytes = all.rx_bytes,
            .rx_errors = all.rx_errors,
            .rx_dropped = all.rx_dropped,
            .multicast = all.multicast,
            .tx_packets = all.tx_packets,
            .tx_bytes = all.tx_bytes,
            .tx_errors = all.tx_errors,
            .tx_dropped = all.tx_dropped};
}

KernelTun tun_of(nlattr* data) {
    std::array<nlattr*, IFLA_TUN_MAX + 1> nested{};
    KernelTun tun;
    if (nla_parse_nested(nested.data(), IFLA_TUN_MAX, data, nullptr) != 0) return tun;
    if (nested[IFLA_TUN_TYPE]) tun.tun = nla_get_u8(nested[IFLA_TUN_TYPE]) == IFF_TUN;
    if (nested[IFLA_TUN_MULTI_QUEUE]) tun.multi_queue = nla_get_u8(nested[IFLA_TUN_MULTI_QUEUE]);
    if (nested[IFLA_TUN_OWNER]) tun.owner = nla_get_u32(nested[IFLA_TUN_OWNER]);
    if (nested[IFLA_TUN_GROUP]) tun.group = nla_get_u32(nested[IFLA_TUN_GROUP]);
    return tun;
}

}  // namespace

std::optional<KernelLink> parse_link(const nlmsghdr* message) {
    auto* header = const_cast<nlmsghdr*>(message);
    std::array<nlattr*, IFLA_MAX + 1> attributes{};
    if (nlmsg_parse(header, sizeof(ifinfomsg), attributes.data(), IFLA_MAX, nullptr) < 0) return {};
    const auto* info = static_cast<const ifinfomsg*>(nlmsg_data(header));
    KernelLink link;
    link.index = info->ifi_index;
    link.flags = info->ifi_flags;
    if (const auto* a = attributes[IFLA_IFNAME]) link.name = string_of(a);
    if (const auto* a = attributes[IFLA_IFALIAS]) link.alias = string_of(a);
    if (const auto* a = attributes[IFLA_MTU]; a && nla_len(a) >= 4) link.mtu = nla_get_u32(a);
    if (const auto* a = attributes[IFLA_MASTER]; a && nla_len(a) >= 4)
        link.master = static_cast<int>(nla_get_u32(a));
    if (const auto* a = attributes[IFLA_CARRIER]; a && nla_len(a) >= 1) link.carrier = nla_get_u8(a);
    if (const auto* a = attributes[IFLA_ADDRESS]; a && nla_len(a) == 6)
        std::memcpy(link.mac.bytes.data(), nla_data(a), 6);
    if (const auto* a = attributes[IFLA_STATS64]) link.traffic = traffic_of(a);
    if (auto* a = attributes[IFLA_LINKINFO]) {
        std::array<nlattr*, IFLA_INFO_MAX + 1> nested{};
        if (nla_parse_nested(nested.data(), IFLA_INFO_MAX, a, nullptr) == 0 && nested[IFLA_INFO_KIND])
            link.kind = string_of(nested[IFLA_INFO_KIND]);
        if (link.kind == "tun" && nested[IFLA_INFO_DATA]) link.tun = tun_of(nested[IFLA_INFO_DATA]);
    }
    return link;
}

std::optional<KernelAddress> parse_address(const nlmsghdr* message) {
    auto* header = const_cast<nlmsghdr*>(message);
    std::array<nlattr*, IFA_MAX + 1> attributes{};
    if (nlmsg_parse(header, sizeof(ifaddrmsg), attributes.data(), IFA_MAX, nullptr) < 0) return {};
    const auto* info = static_cast<const ifaddrmsg*>(nlmsg_data(header));
    if (info->ifa_family != AF_INET && info->ifa_family != AF_INET6) return {};
    KernelAddress address;
    address.index = static_cast<int>(info->ifa_index);
    address.family = info->ifa_family;
    address.scope = scope_text(info->ifa_scope);
    address.flags = info->ifa_flags;
    const auto* local = attributes[IFA_LOCAL];
    const auto* remote = attributes[IFA_ADDRESS];
    if (!local) local = remote;
    if (!local) return {};
    address.address = fmt::format("{}/{}", ip_text(info->ifa_family, local), info->ifa_prefixlen);
    // With a peer, IFA_ADDRESS is the peer's, and the prefix length belongs to it.
    if (remote &&
        (nla_len(remote) != nla_len(local) ||
         std::memcmp(nla_data(remote), nla_data(local), static_cast<std::size_t>(nla_len(local))) != 0)) {
        address.address = ip_text(info->ifa_family, local);
        address.peer = fmt::format("{}/{}", ip_text(info->ifa_family, remote), info->ifa_prefixlen);
    }
    if (const auto* a = attributes[IFA_BROADCAST]) address.broadcast = ip_text(info->ifa_family, a);
    if (const auto* a = attributes[IFA_LABEL]) address.label = string_of(a);
    if (const auto* a = attributes[IFA_FLAGS]; a && nla_len(a) >= 4) address.flags = nla_get_u32(a);
    if (const auto* a = attributes[IFA_CACHEINFO];
        a && nla_len(a) >= static_cast<int>(sizeof(ifa_cacheinfo))) {
        const auto* left = static_cast<const ifa_cacheinfo*>(nla_data(a));
        address.valid = left->ifa_valid;
        address.preferred = left->ifa_prefered;
    }
    if (const auto* a = attributes[IFA_PROTO]; a && nla_len(a) >= 1) address.protocol = nla_get_u8(a);
    return address;
}

}  // namespace weft
