#include "control/route/commands/words.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "control/kernel/netlink.hpp"
#include "control/model/refusal.hpp"
#include "control/route/commands/edit.hpp"
#include "control/route/commands/tos.hpp"

namespace weft {

namespace {

Error no_prefix(std::string_view word, std::string_view family) {
    return exit_with(1, fmt::format("Error: {} prefix is expected rather than \"{}\".", family, word));
}

Error no_address(std::string_view word, std::string_view family) {
    return exit_with(1, fmt::format("Error: {} address is expected rather than \"{}\".", family, word));
}

std::string_view family_word(bool v6) {
    return v6 ? "inet6" : "inet";
}

/// A way out while its words are read.
struct Way {
    KernelVia via;
    std::string device;
};

Result<> set_gateway(Way& way, const command::Item& item, bool v6) {
    const auto address = command::parse_address(item.value);
    if (!address || address->v6 != v6) return no_address(item.value, family_word(v6));
    way.via.has_gateway = true;
    way.via.gateway_v6 = v6;
    way.via.gateway = bytes_of(*address);
    return {};
}

/// The words behind `nexthop`: via [inet|inet6] ADDRESS, dev NAME, weight N, onlink.
class NexthopReader {
  public:
    NexthopReader(const Model& model, const command::Match& match) : model_(model) {
        bool behind = false;
        for (const auto& item : match.items) {
            if (!item.argument && item.name == "nexthop") behind = true;
            if (behind && item.argument) words_.push_back(&item);
        }
    }

    /// Whether one of the gateways can only be IPv6: the family of a default route that names none.
    [[nodiscard]] bool looks_v6() const {
        return std::any_of(words_.begin(), words_.end(),
                           [](const auto* word) { return word->value.find(':') != std::string::npos; });
    }

    Result<std::vector<Way>> read(bool v6) {
        std::vector<Way> ways(words_.empty() ? 0 : 1);
        for (std::size_t at = 0; at < words_.size(); ++at) {
            const auto& word = words_[at]->value;
            if (word == "nexthop") {
                ways.emplace_back();
            } else if (word == "onlink") {
                ways.back().via.flags = RTNH_F_ONLINK;
            } else if (word == "via" || word == "dev" || word == "weight") {
                if (++at == words_.size())
                    return exit_with(255, "Command line is not complete. Try option \"help\"");
                if (auto r = value(ways.back(), word, at, v6); !r) return r.error();
            } else {
                return exit_with(255, "Error: cannot parse nexthop", words_[at]->column);
            }
        }
        return ways;
    }

  private:
    Result<> value(Way& way, std::string_view word, std::size_t& at, bool v6) {
        const auto* item = words_[at];
        if (word == "via") {
            const bool named = (item->value == "inet" || item->value == "inet6") && at + 1 < words_.size();
            if (!named) return set_gateway(way, *item, v6);
            return set_gateway(way, *words_[++at], item->value == "inet6");
        }
        if (word == "dev") {
            if (!model_.find(item->value)) return ip::no_device(*item);
            way.device = item->value;
            return {};
        }
        const auto weight = command::parse_unsigned(item->value);
        if (!weight || *weight == 0 || *weight > 256) return ip::wrong(*item, "\"weight\" is invalid");
        way.via.weight = static_cast<std::uint16_t>(*weight);
        return {};
    }

    const Model& model_;
    std::vector<const command::Item*> words_;
};

/// What the kernel makes of a value (net/ipv4/metrics.c, ip_metrics_convert).
std::uint32_t largest(int metric, std::uint32_t value) {
    const std::uint32_t most = metric == RTAX_MTU        ? 65535 - 15
                               : metric == RTAX_ADVMSS   ? 65535 - 40
                               : metric == RTAX_HOPLIMIT ? 255
                                                         : UINT32_MAX;
    return std::min(value, most);
}

Result<> read_metrics(const command::Match& match, KernelRoute& route) {
    for (const auto& [name, number] :
         {std::pair{"MTU", RTAX_MTU}, std::pair{"ADVMSS", RTAX_ADVMSS}, std::pair{"HOPLIMIT", RTAX_HOPLIMIT},
          std::pair{"WINDOW", RTAX_WINDOW}, std::pair{"INITCWND", RTAX_INITCWND},
          std::pair{"INITRWND", RTAX_INITRWND}}) {
        const auto* item = match.argument(name);
        if (!item) continue;
        const auto value = command::parse_unsigned(item->value);
        if (!value || *value > UINT32_MAX)
            return ip::wrong(*item, fmt::format("\"{}\" value is invalid",
                                                metric_name(static_cast<std::uint8_t>(number))));
        if (*value == 0) continue;  // as if it were not there (rtnetlink_put_metrics)
        route.metrics[static_cast<std::size_t>(number)] = largest(number, static_cast<std::uint32_t>(*value));
        route.metrics_set |= 1u << number;
        if ((item - 1)->name == "lock") route.metrics_locked |= 1u << number;
    }
    return {};
}

/// What iproute2 sends if no scope is named (iproute_modify).
std::uint8_t default_scope(const KernelRoute& route, bool for_delete) {
    if (route.v6) return RT_SCOPE_UNIVERSE;
    switch (route.type) {
        case RTN_LOCAL:
        case RTN_NAT:
            return RT_SCOPE_HOST;
        case RTN_BROADCAST:
        case RTN_MULTICAST:
        case RTN_ANYCAST:
            return RT_SCOPE_LINK;
        case RTN_UNICAST: {
            if (for_delete) return RT_SCOPE_NOWHERE;
            const bool direct = route.vias.size() == 1 && !route.vias.front().has_gateway;
            return direct && !route.nexthop ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
        }
        default:
            return RT_SCOPE_UNIVERSE;
    }
}

Result<> read_preference(const command::Match& match, KernelRoute& route) {
    const auto* item = match.argument("PREF");
    if (!item) return {};
    if (item->value == "medium")
        route.preference = 0;
    else if (item->value == "high")
        route.preference = 1;
    else if (item->value == "low")
        route.preference = 3;
    else
        return ip::wrong(*item, "\"pref\" value is invalid");
    return {};
}

/// What the kernel would say of words that each are right (fib_create_info, ip6_route_info_create).
Result<> judge(const KernelRoute& route) {
    const bool rejects = leads_nowhere(route.type);
    if (route.type == RTN_NAT || route.type == RTN_ANYCAST)
        return refuse(fmt::format("routes of type {} are not supported", route_type_name(route.type)));
    if (rejects && !route.vias.empty())
        return refuse("Error: Gateway, device and multipath can not be specified for this route type.");
    if (!rejects && route.vias.empty() && !route.nexthop) return ip::kernel("No such device");
    if (route.nexthop && !route.vias.empty()) return ip::kernel("Invalid argument");
    if (route.vias.size() > 128) return refuse("more than 128 next hops of one route are not supported");
    return {};
}

}  // namespace

const RoutingNames& names_of(Session& session) {
    if (!session.names) session.names = std::make_shared<const RoutingNames>();
    return *session.names;
}

IpAddress bytes_of(const command::IpPrefix& prefix) {
    return {prefix.bytes};
}

command::IpPrefix prefix_of(bool v6, const IpAddress& address, unsigned length) {
    return {.v6 = v6, .bytes = address.bytes, .length = length, .length_given = true};
}

std::string ip_text(bool v6, const IpAddress& address) {
    return to_string(prefix_of(v6, address, 0), true);
}

std::string destination_text(bool v6, const IpAddress& address, unsigned length) {
    if (length == 0) return "default";
    return length == (v6 ? 128u : 32u) ? ip_text(v6, address) : to_string(prefix_of(v6, address, length));
}

Result<Destination> read_destination(const command::Item& item, bool v6) {
    if (item.value == "default" || item.value == "any" || item.value == "all")
        return Destination{prefix_of(v6, {}, 0), true};
    const auto prefix = command::parse_prefix(item.value);
    if (!prefix) return no_prefix(item.value, "any valid");
    return Destination{*prefix, false};
}

Result<command::IpPrefix> read_ip(const command::Item& item, bool any_family, bool v6) {
    const auto address = command::parse_address(item.value);
    if (!address || (!any_family && address->v6 != v6))
        return no_address(item.value, any_family ? "any valid" : family_word(v6));
    return *address;
}

Result<std::uint32_t> read_table(const command::Item& item, const RoutingNames& names, std::string_view why) {
    const auto table = names.table(item.value);
    if (!table) return ip::wrong(item, why);
    return *table;
}

Result<> check_protocol(const command::Match& match, const RoutingNames& names) {
    const auto* item = match.argument("PROTOCOL");
    if (!item) return {};
    const auto number = names.protocol(item->value);
    if (!number) return ip::wrong(*item, "\"protocol\" value is invalid");
    if (*number != weft_protocol)
        return exit_with(
            2,
            fmt::format("protocol {}: what weft writes to the kernel carries protocol {}, by which "
                        "it knows its own: leave the word out",
                        item->value, weft_protocol),
            item->column);
    return {};
}

namespace {

/// "any" is a type to iproute2 (rtnl_rtntype_a2n): the beginning of "anycast", behind which it looks for the
/// destination.
Result<> check_any(const command::Match& match) {
    const auto any = std::find_if(match.items.begin(), match.items.end(), [](const command::Item& item) {
        return item.value == "any" && (item.name == "any" || item.name == "TO");
    });
    if (any == match.items.end() || (any->name == "any" && match.argument("TO"))) return {};
    if (std::next(any) == match.items.end())
        return exit_with(255, "Command line is not complete. Try option \"help\"", any->column);
    return no_prefix(std::next(any)->value, match.option("-4")   ? "inet"
                                            : match.option("-6") ? "inet6"
                                                                 : "any valid");
}

/// `tos` of IPv4 and `from` of IPv6 (rtm_to_fib_config, rtm_to_fib6_config).
Result<> read_packets(const command::Match& match, KernelRoute& route) {
    if (const auto* item = match.argument("TOS")) {
        const auto tos = read_tos(item->value);
        if (!tos) return ip::wrong(*item, "\"tos\" value is invalid\n");
        if (*tos && route.v6) return refuse("Error: Invalid dsfield (tos): option not available for IPv6.");
        if (*tos & 3) return refuse("Error: Invalid dsfield (tos): ECN bits must be 0.");
        route.tos = *tos;
    }
    const auto* item = match.argument("FROM");
    if (!item) return {};
    const auto from = read_destination(*item, route.v6);
    if (!from) return from.error();
    if (from->prefix.v6 != route.v6) return no_prefix(item->value, family_word(route.v6));
    if (from->prefix.length == 0) return {};
    if (!route.v6)
        return exit_with(2, "from is not supported in IPv4, whose routes the kernel does not choose by it",
                         item->column);
    const auto prefix = first_of(from->prefix);
    route.source_length = static_cast<std::uint8_t>(prefix.length);
    route.source = bytes_of(prefix);
    return {};
}

}  // namespace

Result<RouteWords> read_route(const Model& model, const command::Match& match, const RoutingNames& names,
                              bool for_delete) {
    if (auto r = check_protocol(match, names); !r) return r.error();
    if (auto r = check_any(match); !r) return r.error();
    RouteWords words;
    KernelRoute& route = words.spec.route;
    route.type = RTN_UNICAST;
    route.table = RT_TABLE_MAIN;
    for (const auto& item : match.items) {
        if (item.argument) continue;
        if (item.name == "nexthop") break;
        if (const auto type = route_type(item.name == "any" ? "anycast" : item.name)) {
            route.type = *type;
            words.has_type = true;
        }
    }
    const auto *to = match.argument("TO"), *via = match.argument("VIA"), *device = match.argument("DEVICE");
    if (!to) return no_prefix("", "any valid");
    NexthopReader more(model, match);
    const auto gateway = via ? command::parse_address(via->value) : std::nullopt;
    const bool seems_v6 = !match.option("-4") && (more.looks_v6() || (gateway && gateway->v6));
    const auto destination = read_destination(*to, match.option("-6") || seems_v6);
    if (!destination) return destination.error();
    auto prefix = destination->prefix;
    if (auto r = ip::check_family(match, *to, prefix.v6); !r) return r.error();
    auto ways = more.read(prefix.v6);
    if (!ways) return ways.error();
    route.v6 = prefix.v6;
    const auto network = first_of(prefix);
    if (!route.v6 && network.bytes != prefix.bytes)
        return refuse("Error: Invalid prefix for given prefix length.");
    prefix = network;
    route.length = static_cast<std::uint8_t>(prefix.length);
    route.destination = bytes_of(prefix);

    if (auto r = read_packets(match, route); !r) return r.error();
    if (via || device) {
        if (!ways->empty()) return ip::kernel("Invalid argument");
        Way way;
        if (device && !model.find(device->value)) return ip::no_device(*device);
        if (device) way.device = device->value;
        if (via) {
            const bool named = (via - 1)->name == "inet" || (via - 1)->name == "inet6";
            if (auto r = set_gateway(way, *via, named ? (via - 1)->name == "inet6" : route.v6); !r)
                return r.error();
        }
        if (match.has("onlink")) way.via.flags = RTNH_F_ONLINK;
        ways->push_back(std::move(way));
    }
    for (auto& way : *ways) {
        words.spec.devices.push_back(way.device);
        route.vias.push_back(way.via);
    }
    if (leads_nowhere(route.type) && route.v6) {  // of IPv6 the kernel takes the words and forgets them
        route.vias.clear();
        words.spec.devices.clear();
    }
    if (route.vias.size() == 1) route.vias.front().weight = 1;  // the kernel keeps none of a single one

    if (route.type == RTN_LOCAL || route.type == RTN_BROADCAST || route.type == RTN_NAT ||
        route.type == RTN_ANYCAST)
        route.table = RT_TABLE_LOCAL;
    if (const auto* item = match.argument("TABLE")) {
        const auto table = read_table(*item, names, "\"table\" value is invalid");
        if (!table) return table.error();
        route.table = *table ? *table : std::uint32_t{RT_TABLE_MAIN};
    }
    if (const auto* item = match.argument("METRIC")) {
        const auto number = command::parse_unsigned(item->value);
        if (!number || *number > UINT32_MAX) return ip::wrong(*item, "\"metric\" value is invalid");
        route.priority = static_cast<std::uint32_t>(*number);
        words.has_priority = true;
    }
    if (route.v6 && route.priority == 0 && !for_delete) route.priority = 1024;  // IP6_RT_PRIO_USER
    if (const auto* item = match.argument("NHID"))
        route.nexthop = static_cast<std::uint32_t>(*command::parse_unsigned(item->value));
    if (const auto* item = match.argument("SRC")) {
        const auto source = read_ip(*item, false, route.v6);
        if (!source) return source.error();
        route.has_preferred = true;
        route.preferred = bytes_of(*source);
    }
    if (auto r = read_metrics(match, route); !r) return r.error();
    if (auto r = read_preference(match, route); !r) return r.error();
    if (route.preference && !route.v6) return ip::kernel("Invalid argument");
    route.scope = default_scope(route, for_delete);
    if (const auto* item = match.argument("SCOPE")) {
        const auto scope = names.scope(item->value);
        if (!scope) return ip::wrong(*item, "invalid \"scope\" value\n");
        if (!route.v6) route.scope = static_cast<std::uint8_t>(*scope);
        words.has_scope = true;
    }
    if (!for_delete)
        if (auto r = judge(route); !r) return r.error();
    return words;
}

}  // namespace weft
