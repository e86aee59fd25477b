// Routes, next-hop objects, neighbours and rules: told to the kernel and asked of it.
#include <linux/fib_rules.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

#include <cerrno>

#include "control/kernel/netlink.hpp"
#include "control/kernel/netlink_message.hpp"
#include "control/kernel/route_message.hpp"

namespace weft {
namespace {

Bytes body_of(const nlmsghdr* header) {
    const auto* bytes = reinterpret_cast<const std::byte*>(header);
    if (header->nlmsg_len < NLMSG_HDRLEN) return {};
    return {bytes + NLMSG_HDRLEN, header->nlmsg_len - NLMSG_HDRLEN};
}

std::uint8_t family_of(bool v6) {
    return v6 ? AF_INET6 : AF_INET;
}

void put_address(nl_msg* m, int type, bool v6, const IpAddress& address) {
    nla_put(m, type, v6 ? 16 : 4, address.bytes.data());
}

/// RTA_GATEWAY, or RTA_VIA for one of the other family.
void put_gateway(nl_msg* m, bool v6, const KernelVia& via) {
    if (!via.has_gateway) return;
    if (via.gateway_v6 == v6) return put_address(m, RTA_GATEWAY, v6, via.gateway);
    const std::uint16_t family = family_of(via.gateway_v6);
    std::array<std::byte, 18> bytes{};
    std::memcpy(bytes.data(), &family, 2);
    std::memcpy(bytes.data() + 2, via.gateway.bytes.data(), 16);
    nla_put(m, RTA_VIA, via.gateway_v6 ? 18 : 6, bytes.data());
}

void put_multipath(nl_msg* m, const KernelRoute& route) {
    auto* all = nla_nest_start(m, RTA_MULTIPATH);
    for (const auto& via : route.vias) {
        auto* at = static_cast<rtnexthop*>(nlmsg_reserve(m, sizeof(rtnexthop), NLMSG_ALIGNTO));
        if (!at) return;
        at->rtnh_flags = via.flags & RTNH_F_ONLINK;
        at->rtnh_hops = static_cast<std::uint8_t>(via.weight - 1);
        at->rtnh_ifindex = via.interface;
        put_gateway(m, route.v6, via);
        at->rtnh_len = static_cast<std::uint16_t>(static_cast<char*>(nlmsg_tail(nlmsg_hdr(m))) -
                                                  reinterpret_cast<char*>(at));
    }
    nla_nest_end(m, all);
}

void put_metrics(nl_msg* m, const KernelRoute& route) {
    if (!route.metrics_set && !route.metrics_locked) return;
    auto* all = nla_nest_start(m, RTA_METRICS);
    if (route.metrics_locked) nla_put_u32(m, RTAX_LOCK, route.metrics_locked);
    for (int i = 1; i <= RTAX_MAX; ++i)
        if (route.metrics_set >> i & 1) nla_put_u32(m, i, route.metrics[static_cast<std::size_t>(i)]);
    nla_nest_end(m, all);
}

Message route_message(const KernelRoute& route, int type, int flags) {
    rtmsg body{};
    body.rtm_family = family_of(route.v6);
    body.rtm_dst_len = route.length;
    body.rtm_src_len = route.source_length;
    body.rtm_tos = route.tos;
    body.rtm_table = static_cast<std::uint8_t>(route.table < 256 ? route.table : RT_TABLE_COMPAT);
    body.rtm_protocol = route.protocol;
    body.rtm_scope = route.scope;
    body.rtm_type = route.type;
    body.rtm_flags = route.flags & RTNH_F_ONLINK;
    auto message = make_message(type, flags, body);
    nl_msg* m = message.get();
    if (route.length) put_address(m, RTA_DST, route.v6, route.destination);
    if (route.source_length) put_address(m, RTA_SRC, route.v6, route.source);
    if (route.table >= 256) nla_put_u32(m, RTA_TABLE, route.table);
    if (route.priority) nla_put_u32(m, RTA_PRIORITY, route.priority);
    if (route.has_preferred) put_address(m, RTA_PREFSRC, route.v6, route.preferred);
    if (route.preference) nla_put_u8(m, RTA_PREF, route.preference);
    if (route.nexthop) {  // a route that was read says the object's next hops, too
        nla_put_u32(m, RTA_NH_ID, route.nexthop);
    } else if (route.vias.size() == 1) {
        const auto& via = route.vias.front();
        put_gateway(m, route.v6, via);
        if (via.interface) nla_put_u32(m, RTA_OIF, static_cast<std::uint32_t>(via.interface));
    } else if (!route.vias.empty()) {
        put_multipath(m, route);
    }
    put_metrics(m, route);
    return message;
}

int flags_of(RouteVerb verb) {
    switch (verb) {
        case RouteVerb::add:
            return NLM_F_CREATE | NLM_F_EXCL;
        case RouteVerb::append:
            return NLM_F_CREATE | NLM_F_APPEND;
        case RouteVerb::replace:
            return NLM_F_CREATE | NLM_F_REPLACE;
        case RouteVerb::change:
            return NLM_F_REPLACE;
        case RouteVerb::del:
            break;
    }
    return 0;
}

}  // namespace

Result<> Netlink::change_route(const KernelRoute& route, RouteVerb verb) {
    const int type = verb == RouteVerb::del ? RTM_DELROUTE : RTM_NEWROUTE;
    return exchange(route_message(route, type, flags_of(verb)).get(), {});
}

Result<> Netlink::change_nexthop(const KernelNexthop& nexthop, RouteVerb verb) {
    nhmsg body{};
    body.nh_family = nexthop.group.empty() && !nexthop.blackhole ? nexthop.family : std::uint8_t{AF_UNSPEC};
    if (nexthop.blackhole) body.nh_family = nexthop.family;
    body.nh_protocol = nexthop.protocol;
    body.nh_flags = nexthop.flags & RTNH_F_ONLINK;
    if (verb == RouteVerb::del) body = {};
    const auto message =
        make_message(verb == RouteVerb::del ? RTM_DELNEXTHOP : RTM_NEWNEXTHOP, flags_of(verb), body);
    nl_msg* m = message.get();
    nla_put_u32(m, NHA_ID, nexthop.id);
    if (verb == RouteVerb::del) return exchange(m, {});
    if (!nexthop.group.empty()) {
        std::vector<NexthopMember> members;
        for (const auto& member : nexthop.group) {
            const auto weight = static_cast<std::uint16_t>(member.weight - 1);
            members.push_back({.id = member.id,
                               .weight_low = static_cast<std::uint8_t>(weight),
                               .weight_high = static_cast<std::uint8_t>(weight >> 8),
                               .reserved = 0});
        }
        nla_put(m, NHA_GROUP, static_cast<int>(members.size() * sizeof(NexthopMember)), members.data());
    } else if (nexthop.blackhole) {
        nla_put_flag(m, NHA_BLACKHOLE);
    } else {
        nla_put_u32(m, NHA_OIF, static_cast<std::uint32_t>(nexthop.via.interface));
        if (nexthop.via.has_gateway) put_address(m, NHA_GATEWAY, nexthop.via.gateway_v6, nexthop.via.gateway);
    }
    return exchange(m, {});
}

Result<> Netlink::change_neighbour(const KernelNeighbour& neighbour, RouteVerb verb) {
    ndmsg body{};
    body.ndm_family = family_of(neighbour.v6);
    body.ndm_ifindex = neighbour.interface;
    body.ndm_state = neighbour.state;
    body.ndm_flags = neighbour.flags;
    const auto message =
        make_message(verb == RouteVerb::del ? RTM_DELNEIGH : RTM_NEWNEIGH, flags_of(verb), body);
    put_address(message.get(), NDA_DST, neighbour.v6, neighbour.address);
    if (neighbour.has_mac) nla_put(message.get(), NDA_LLADDR, 6, neighbour.mac.bytes.data());
    if (neighbour.extended_flags) nla_put_u32(message.get(), NDA_FLAGS_EXT, neighbour.extended_flags);
    if (neighbour.protocol) nla_put_u8(message.get(), NDA_PROTOCOL, neighbour.protocol);
    return exchange(message.get(), {});
}

Result<> Netlink::change_rule(const KernelRule& rule, RouteVerb verb) {
    fib_rule_hdr body{};
    body.family = family_of(rule.v6);
    body.src_len = rule.from_length;
    body.dst_len = rule.to_length;
    body.tos = rule.tos;
    body.action = rule.action;
    body.table = static_cast<std::uint8_t>(rule.table < 256 ? rule.table : RT_TABLE_UNSPEC);
    body.flags = rule.invert ? FIB_RULE_INVERT : 0;
    const auto message =
        make_message(verb == RouteVerb::del ? RTM_DELRULE : RTM_NEWRULE, flags_of(verb), body);
    nl_msg* m = message.get();
    if (rule.from_length) put_address(m, FRA_SRC, rule.v6, rule.from);
    if (rule.to_length) put_address(m, FRA_DST, rule.v6, rule.to);
    nla_put_u32(m, FRA_PRIORITY, rule.priority);  // without it the kernel chooses one
    if (rule.table >= 256) nla_put_u32(m, FRA_TABLE, rule.table);
    if (rule.has_mark) nla_put_u32(m, FRA_FWMARK, rule.mark);
    if (rule.has_mark && (rule.mask != 0xffffffff || !rule.mark)) nla_put_u32(m, FRA_FWMASK, rule.mask);
    if (!rule.iif.empty()) nla_put_string(m, FRA_IIFNAME, rule.iif.c_str());
    if (rule.protocol) nla_put_u8(m, FRA_PROTOCOL, rule.protocol);
    return exchange(m, {});
}

Result<> Netlink::visit_routes(bool v6, const std::function<void()>& on_start,
                               const std::function<void(const KernelRoute&)>& visit, std::uint8_t protocol) {
    rtmsg body{};
    body.rtm_protocol = protocol;
    body.rtm_family = family_of(v6);
    KernelRoute route;
    return dump(make_message(RTM_GETROUTE, NLM_F_DUMP, body).get(), "routes", on_start,
                [&](const nlmsghdr* header) {
                    if (parse_route(body_of(header), route)) visit(route);
                });
}

Result<KernelRoute> Netlink::route_to(const KernelRouteQuestion& question) {
    rtmsg body{};
    body.rtm_family = family_of(question.v6);
    body.rtm_dst_len = question.v6 ? 128 : 32;
    body.rtm_src_len = question.from ? body.rtm_dst_len : std::uint8_t{0};
    body.rtm_tos = question.tos;
    if (!question.v6) body.rtm_flags = RTM_F_LOOKUP_TABLE;  // of IPv6 it is always said
    const auto message = make_message(RTM_GETROUTE, 0, body);
    nl_msg* m = message.get();
    put_address(m, RTA_DST, question.v6, question.to);
    if (question.from) put_address(m, RTA_SRC, question.v6, *question.from);
    if (question.iif) nla_put_u32(m, RTA_IIF, static_cast<std::uint32_t>(question.iif));
    if (question.oif) nla_put_u32(m, RTA_OIF, static_cast<std::uint32_t>(question.oif));
    if (question.mark) nla_put_u32(m, RTA_MARK, question.mark);
    KernelRoute route;
    bool whole = false;
    auto done =
        exchange(m, {}, [&](const nlmsghdr* header) { whole = parse_route_answer(body_of(header), route); });
    if (!done) return std::move(done).error();
    if (!whole) return refuse("the kernel's answer is not a route");
    return route;
}

Result<std::vector<KernelNexthop>> Netlink::nexthops() {
    std::vector<KernelNexthop> all;
    auto done = dump(
        make_message(RTM_GETNEXTHOP, NLM_F_DUMP, nhmsg{}).get(), "next hops", [&] { all.clear(); },
        [&](const nlmsghdr* header) {
            if (auto nexthop = parse_nexthop(body_of(header))) all.push_back(std::move(*nexthop));
        });
    if (!done) return std::move(done).error();
    return all;
}

Result<std::vector<KernelNeighbour>> Netlink::neighbours() {
    std::vector<KernelNeighbour> all;
    auto done = dump(
        make_message(RTM_GETNEIGH, NLM_F_DUMP, ndmsg{}).get(), "neighbours", [&] { all.clear(); },
        [&](const nlmsghdr* header) {
            if (auto neighbour = parse_neighbour(body_of(header))) all.push_back(std::move(*neighbour));
        });
    if (!done) return std::move(done).error();
    return all;
}

Result<std::vector<KernelRule>> Netlink::policy_rules(bool v6) {
    fib_rule_hdr body{};
    body.family = family_of(v6);
    std::vector<KernelRule> all;
    auto done = dump(
        make_message(RTM_GETRULE, NLM_F_DUMP, body).get(), "rules", [&] { all.clear(); },
        [&](const nlmsghdr* header) {
            if (auto rule = parse_rule(body_of(header))) all.push_back(std::move(*rule));
        });
    if (!done) return std::move(done).error();
    return all;
}

}  // namespace weft
