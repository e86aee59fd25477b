// Routes and next-hop objects out of netlink messages.
#include <linux/nexthop.h>

#include <algorithm>
#include <functional>
#include <string_view>

#include "control/kernel/route_message.hpp"

namespace weft {
namespace {

constexpr std::size_t address_size(bool v6) noexcept {
    return v6 ? 16 : 4;
}

/// False unless the payload is at least an address of the family.
bool read_address(Bytes payload, bool v6, IpAddress& address) noexcept {
    if (payload.size() < address_size(v6)) return false;
    address = {};
    std::memcpy(address.bytes.data(), payload.data(), address_size(v6));
    return true;
}

template <class T>
bool read_into(Bytes payload, T& value) noexcept {
    const auto read = read_plain<T>(payload);
    if (read) value = *read;
    return read.has_value();
}

bool read_gateway(Bytes payload, bool v6, KernelVia& via) noexcept {
    via.has_gateway = true;
    via.gateway_v6 = v6;
    return read_address(payload, v6, via.gateway);
}

/// RTA_VIA: struct rtvia, a family and an address.
bool read_via(Bytes payload, KernelVia& via) noexcept {
    const auto family = read_plain<std::uint16_t>(payload);
    if (!family || (*family != AF_INET && *family != AF_INET6)) return false;
    return read_gateway(payload.subspan(2), *family == AF_INET6, via);
}

/// Into KernelRoute::other: routes that differ nowhere else are two all the same.
bool read_other(std::uint16_t type, Bytes value, KernelRoute& route) noexcept {
    const std::string_view text{reinterpret_cast<const char*>(value.data()), value.size()};
    route.other = (route.other ^ type) * 0x9e3779b97f4a7c15 ^ std::hash<std::string_view>{}(text);
    return true;
}

/// RTA_MULTIPATH: struct rtnexthop, each with attributes of its own.
bool read_multipath(Bytes payload, KernelRoute& route) {
    while (payload.size() >= sizeof(rtnexthop)) {
        const auto hop = *read_plain<rtnexthop>(payload);
        if (hop.rtnh_len < sizeof(rtnexthop) || hop.rtnh_len > payload.size()) return false;
        KernelVia via;
        via.interface = hop.rtnh_ifindex;
        via.weight = static_cast<std::uint16_t>(hop.rtnh_hops + 1);
        via.flags = hop.rtnh_flags;
        const auto rest = payload.subspan(sizeof(rtnexthop), hop.rtnh_len - sizeof(rtnexthop));
        if (!for_each_attribute(rest, [&](std::uint16_t type, Bytes value) {
                if (type == RTA_GATEWAY) return read_gateway(value, route.v6, via);
                if (type == RTA_VIA) return read_via(value, via);
                if (type == RTA_ENCAP_TYPE) via.encapsulates = true;
                return read_other(type, value, route);
            }))
            return false;
        route.vias.push_back(via);
        const std::size_t whole = RTNH_ALIGN(hop.rtnh_len);
        payload = payload.subspan(std::min(whole, payload.size()));
    }
    return true;
}

bool read_metrics(Bytes payload, KernelRoute& route) {
    return for_each_attribute(payload, [&](std::uint16_t type, Bytes value) {
        const auto number = read_plain<std::uint32_t>(value);
        if (!number || type > RTAX_MAX || type == RTAX_CC_ALGO) return read_other(type, value, route);
        if (type == RTAX_LOCK) {
            route.metrics_locked = *number;
        } else {
            route.metrics_set |= 1u << type;
            route.metrics[type] = *number;
        }
        return true;
    });
}

bool read_lifetime(Bytes payload, KernelRoute& route) {
    const auto info = read_plain<rta_cacheinfo>(payload);
    if (!info || !info->rta_expires) return true;
    route.has_lifetime = true;
    route.expires = info->rta_expires;  // of USER_HZ
    return true;
}

bool read_group(Bytes value, std::vector<KernelNexthop::Member>& group) {
    for (; value.size() >= sizeof(NexthopMember); value = value.subspan(sizeof(NexthopMember))) {
        const auto member = *read_plain<NexthopMember>(value);
        const auto weight = static_cast<std::uint16_t>((member.weight_high << 8 | member.weight_low) + 1);
        if (weight == 0) return false;  // 65536, which the kernel refuses as well
        group.push_back({.id = member.id, .weight = weight});
    }
    return value.empty() && !group.empty();
}

}  // namespace

bool parse_route(Bytes body, KernelRoute& route) {
    const auto header = read_plain<rtmsg>(body);
    return header && !(header->rtm_flags & RTM_F_CLONED) && parse_route_answer(body, route);
}

bool parse_route_answer(Bytes body, KernelRoute& route) {
    const auto header = read_plain<rtmsg>(body);
    if (!header || (header->rtm_family != AF_INET && header->rtm_family != AF_INET6)) return false;
    auto vias = std::move(route.vias);
    vias.clear();
    route = {};
    route.vias = std::move(vias);
    route.v6 = header->rtm_family == AF_INET6;
    const auto bits = address_size(route.v6) * 8;
    if (header->rtm_dst_len > bits || header->rtm_src_len > bits) return false;
    route.length = header->rtm_dst_len;
    route.source_length = header->rtm_src_len;
    route.tos = header->rtm_tos;
    route.scope = header->rtm_scope;
    route.type = header->rtm_type;
    route.protocol = header->rtm_protocol;
    route.flags = header->rtm_flags;
    route.table = header->rtm_table;

    KernelVia single;
    bool is_single = false;
    const bool whole =
        for_each_attribute(body.subspan(NLMSG_ALIGN(sizeof(rtmsg))), [&](std::uint16_t type, Bytes value) {
            switch (type) {
                case RTA_DST:
                    return read_address(value, route.v6, route.destination);
                case RTA_SRC:
                    return read_address(value, route.v6, route.source);
                case RTA_PREFSRC:
                    route.has_preferred = true;
                    return read_address(value, route.v6, route.preferred);
                case RTA_GATEWAY:
                    is_single = true;
                    return read_gateway(value, route.v6, single);
                case RTA_VIA:
                    is_single = true;
                    return read_via(value, single);
                case RTA_OIF:
                    is_single = true;
                    return read_into(value, single.interface);
                case RTA_ENCAP_TYPE:
                    return single.encapsulates = true;
                case RTA_MULTIPATH:
                    return read_multipath(value, route);
                case RTA_PRIORITY:
                    return read_into(value, route.priority);
                case RTA_TABLE:
                    return read_into(value, route.table);
                case RTA_NH_ID:
                    return read_into(value, route.nexthop);
                case RTA_PREF:
                    return read_into(value, route.preference);
                case RTA_METRICS:
                    return read_metrics(value, route);
                case RTA_CACHEINFO:
                    return read_lifetime(value, route);
                default:
                    return read_other(type, value, route);
            }
        });
    if (!whole) return false;
    if (is_single && route.vias.empty()) {
        single.flags = static_cast<std::uint8_t>(route.flags & 0xff);
        route.vias.push_back(single);
    }
    return true;
}

std::optional<KernelNexthop> parse_nexthop(Bytes body) {
    const auto header = read_plain<nhmsg>(body);
    if (!header) return std::nullopt;
    KernelNexthop nexthop;
    nexthop.family = header->nh_family;
    nexthop.protocol = header->nh_protocol;
    nexthop.scope = header->nh_scope;
    nexthop.flags = header->nh_flags;
    nexthop.via.flags = static_cast<std::uint8_t>(header->nh_flags & 0xff);
    const bool whole =
        for_each_attribute(body.subspan(NLMSG_ALIGN(sizeof(nhmsg))), [&](std::uint16_t type, Bytes value) {
            switch (type) {
                case NHA_ID:
                    return read_into(value, nexthop.id);
                case NHA_OIF:
                    return read_into(value, nexthop.via.interface);
                case NHA_GATEWAY:
                    return read_gateway(value, nexthop.family == AF_INET6, nexthop.via);
                case NHA_BLACKHOLE:
                    return nexthop.blackhole = true;
                case NHA_ENCAP_TYPE:
                    return nexthop.via.encapsulates = true;
                case NHA_FDB:
                    return nexthop.fdb = true;
                case NHA_GROUP_TYPE:
                    nexthop.resilient = read_plain<std::uint16_t>(value).value_or(NEXTHOP_GRP_TYPE_MPATH) ==
                                        NEXTHOP_GRP_TYPE_RES;
                    return true;
                case NHA_GROUP:
                    return read_group(value, nexthop.group);
                default:
                    return true;
            }
        });
    if (!whole || nexthop.id == 0) return std::nullopt;
    return nexthop;
}

}  // namespace weft
