// Neighbours, rules, links, their settings and addresses out of netlink messages, as far as routing asks.
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>

#include "control/kernel/route_message.hpp"

#ifndef NTF_EXT_MANAGED
#define NTF_EXT_MANAGED (1 << 0)
#endif

namespace weft {
namespace {

bool take_address(Bytes payload, bool v6, IpAddress& address) noexcept {
    const std::size_t size = v6 ? 16 : 4;
    if (payload.size() < size) return false;
    address = {};
    std::memcpy(address.bytes.data(), payload.data(), size);
    return true;
}

bool take_mac(Bytes payload, MacAddress& mac) noexcept {
    if (payload.size() != 6) return false;
    std::memcpy(mac.bytes.data(), payload.data(), 6);
    return true;
}

template <class T>
bool take(Bytes payload, T& value) noexcept {
    const auto read = read_plain<T>(payload);
    if (read) value = *read;
    return read.has_value();
}

std::string text_of(Bytes payload) {
    const auto* text = reinterpret_cast<const char*>(payload.data());
    return {text, strnlen(text, payload.size())};
}

void not_supported(KernelRule& rule, std::string_view what) {
    if (rule.unsupported.empty()) rule.unsupported = what;
}

bool read_rule_attribute(KernelRule& rule, std::uint16_t type, Bytes value) {
    switch (type) {
        case FRA_DST:
            return take_address(value, rule.v6, rule.to);
        case FRA_SRC:
            return take_address(value, rule.v6, rule.from);
        case FRA_PRIORITY:
            return take(value, rule.priority);
        case FRA_TABLE:
            return take(value, rule.table);
        case FRA_FWMARK:
            rule.has_mark = true;
            return take(value, rule.mark);
        case FRA_FWMASK:  // alone if the mark is 0 (fib_nl_fill_rule)
            rule.has_mark = true;
            return take(value, rule.mask);
        case FRA_PROTOCOL:
            return take(value, rule.protocol);
        case FRA_IIFNAME:
            rule.iif = text_of(value);
            return true;
        case FRA_OIFNAME:
            rule.oif = text_of(value);
            not_supported(rule, "oif");
            return true;
        case FRA_SUPPRESS_PREFIXLEN:
            // (u32)-1 is none; so for the group
            if (read_plain<std::uint32_t>(value) != 0xffffffffu) not_supported(rule, "suppress_prefixlength");
            return true;
        case FRA_SUPPRESS_IFGROUP:
            if (read_plain<std::uint32_t>(value) != 0xffffffffu) not_supported(rule, "suppress_ifgroup");
            return true;
        case FRA_GOTO:
            not_supported(rule, "goto");
            return true;
        case FRA_FLOW:
            return true;  // realms: of tc's route classifier, the route is the same
        case FRA_TUN_ID:
            not_supported(rule, "tun_id");
            return true;
        case FRA_L3MDEV:
            if (value.empty() || value[0] != std::byte{0}) not_supported(rule, "l3mdev");
            return true;
        case FRA_UID_RANGE:
            not_supported(rule, "uidrange");
            return true;
        case FRA_IP_PROTO:
            not_supported(rule, "ipproto");
            return true;
        case FRA_SPORT_RANGE:
            not_supported(rule, "sport");
            return true;
        case FRA_DPORT_RANGE:
            not_supported(rule, "dport");
            return true;
        case FRA_UNSPEC:
        case FRA_PAD:
            return true;
        default:
            not_supported(rule, "a selector of a newer kernel");
            return true;
    }
}

}  // namespace

std::optional<KernelNeighbour> parse_neighbour(Bytes body) {
    const auto header = read_plain<ndmsg>(body);
    if (!header || (header->ndm_family != AF_INET && header->ndm_family != AF_INET6)) return std::nullopt;
    if (header->ndm_flags & NTF_PROXY) return std::nullopt;
    KernelNeighbour neighbour;
    neighbour.interface = header->ndm_ifindex;
    neighbour.v6 = header->ndm_family == AF_INET6;
    neighbour.state = header->ndm_state;
    neighbour.flags = header->ndm_flags;
    neighbour.type = header->ndm_type;
    bool has_address = false;
    const bool whole =
        for_each_attribute(body.subspan(NLMSG_ALIGN(sizeof(ndmsg))), [&](std::uint16_t type, Bytes value) {
            switch (type) {
                case NDA_DST:
                    return has_address = take_address(value, neighbour.v6, neighbour.address);
                case NDA_LLADDR:
                    // of a device with other addresses (a tunnel) it is no MAC
                    neighbour.has_mac = take_mac(value, neighbour.mac);
                    return true;
                case NDA_PROBES:
                    return take(value, neighbour.probes);
                case NDA_PROTOCOL:
                    return take(value, neighbour.protocol);
                case NDA_FLAGS_EXT:
                    return take(value, neighbour.extended_flags);
                case NDA_CACHEINFO:
                    if (const auto info = read_plain<nda_cacheinfo>(value)) {
                        neighbour.used = info->ndm_used / 100;  // USER_HZ
                        neighbour.confirmed = info->ndm_confirmed / 100;
                        neighbour.updated = info->ndm_updated / 100;
                    }
                    return true;
                default:
                    return true;
            }
        });
    if (!whole || !has_address) return std::nullopt;
    return neighbour;
}

std::optional<KernelRule> parse_rule(Bytes body) {
    const auto header = read_plain<fib_rule_hdr>(body);
    if (!header || (header->family != AF_INET && header->family != AF_INET6)) return std::nullopt;
    KernelRule rule;
    rule.v6 = header->family == AF_INET6;
    const unsigned bits = rule.v6 ? 128 : 32;
    if (header->src_len > bits || header->dst_len > bits) return std::nullopt;
    rule.from_length = header->src_len;
    rule.to_length = header->dst_len;
    rule.tos = header->tos;
    rule.table = header->table;
    rule.action = header->action;
    rule.invert = header->flags & FIB_RULE_INVERT;
    rule.mask = 0xffffffff;
    if (!for_each_attribute(
            body.subspan(NLMSG_ALIGN(sizeof(fib_rule_hdr))),
            [&](std::uint16_t type, Bytes value) { return read_rule_attribute(rule, type, value); }))
        return std::nullopt;
    if (!rule.has_mark) rule.mask = 0;
    switch (rule.action) {
        case FR_ACT_TO_TBL:
        case FR_ACT_BLACKHOLE:
        case FR_ACT_UNREACHABLE:
        case FR_ACT_PROHIBIT:
        case FR_ACT_NOP:
            break;
        default:
            not_supported(rule, "goto");
    }
    return rule;
}

std::optional<KernelLinkFacts> parse_link_facts(Bytes body) {
    const auto header = read_plain<ifinfomsg>(body);
    if (!header || header->ifi_family != AF_UNSPEC || header->ifi_index <= 0) return std::nullopt;
    KernelLinkFacts link;
    link.index = header->ifi_index;
    link.flags = header->ifi_flags;
    bool elsewhere = false;
    const bool whole = for_each_attribute(
        body.subspan(NLMSG_ALIGN(sizeof(ifinfomsg))), [&](std::uint16_t type, Bytes value) {
            switch (type) {
                case IFLA_IFNAME:
                    link.name = text_of(value);
                    return true;
                case IFLA_MTU:
                    return take(value, link.mtu);
                case IFLA_LINK:
                    return take(value, link.below);
                case IFLA_LINK_NETNSID:
                    return elsewhere = true;
                case IFLA_ADDRESS:
                    link.has_mac = take_mac(value, link.mac);
                    return true;
                case IFLA_LINKINFO:
                    return for_each_attribute(value, [&](std::uint16_t inner, Bytes text) {
                        if (inner == IFLA_INFO_KIND) link.macvlan = text_of(text) == "macvlan";
                        return true;
                    });
                default:
                    return true;
            }
        });
    if (!whole) return std::nullopt;
    if (elsewhere) link.below = 0;
    return link;
}

std::optional<KernelNetconf> parse_netconf(Bytes body) {
    const auto header = read_plain<netconfmsg>(body);
    if (!header || (header->ncm_family != AF_INET && header->ncm_family != AF_INET6)) return std::nullopt;
    KernelNetconf netconf;
    netconf.v6 = header->ncm_family == AF_INET6;
    bool has_index = false, says = false;
    const bool whole = body.size() >= NLMSG_ALIGN(sizeof(netconfmsg)) &&
                       for_each_attribute(body.subspan(NLMSG_ALIGN(sizeof(netconfmsg))),
                                          [&](std::uint16_t type, Bytes value) {
                                              int number = 0;
                                              switch (type) {
                                                  case NETCONFA_IFINDEX:
                                                      return has_index = take(value, netconf.index);
                                                  case NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN:
                                                      says = take(value, number);
                                                      netconf.ignores_linkdown = number != 0;
                                                      return says;
                                                  default:
                                                      return true;
                                              }
                                          });
    if (!whole || !has_index || !says) return std::nullopt;
    return netconf;
}

std::optional<KernelAddressFacts> parse_address_facts(Bytes body) {
    const auto header = read_plain<ifaddrmsg>(body);
    if (!header || (header->ifa_family != AF_INET && header->ifa_family != AF_INET6)) return std::nullopt;
    KernelAddressFacts address;
    address.index = static_cast<int>(header->ifa_index);
    address.v6 = header->ifa_family == AF_INET6;
    if (header->ifa_prefixlen > (address.v6 ? 128 : 32)) return std::nullopt;
    address.length = header->ifa_prefixlen;
    address.scope = header->ifa_scope;
    address.flags = header->ifa_flags;
    bool has_local = false, has_address = false;
    const bool whole = for_each_attribute(
        body.subspan(NLMSG_ALIGN(sizeof(ifaddrmsg))), [&](std::uint16_t type, Bytes value) {
            switch (type) {
                case IFA_LOCAL:
                    return has_local = take_address(value, address.v6, address.local);
                case IFA_ADDRESS:
                    return has_address = take_address(value, address.v6, address.network);
                case IFA_FLAGS:
                    return take(value, address.flags);
                default:
                    return true;
            }
        });
    if (!whole || (!has_local && !has_address)) return std::nullopt;
    if (!has_local) address.local = address.network;
    if (!has_address) address.network = address.local;
    return address;
}

}  // namespace weft
