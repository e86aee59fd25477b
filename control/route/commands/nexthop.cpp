// `ip nexthop`.
#include "control/kernel/netlink.hpp"
#include "control/model/refusal.hpp"
#include "control/route/commands/edit.hpp"
#include "control/route/commands/handlers.hpp"
#include "control/route/commands/text.hpp"
#include "control/route/commands/words.hpp"

namespace weft {

namespace {

/// "1,3/2": ids and their weights.
Result<std::vector<KernelNexthop::Member>> read_group(const command::Item& item) {
    std::vector<KernelNexthop::Member> group;
    std::string_view rest = item.value;
    while (true) {
        const auto one = rest.substr(0, rest.find('/'));
        const auto comma = one.find(',');
        const auto id = command::parse_unsigned(one.substr(0, comma));
        const auto wrong = [&](std::string_view word, std::string_view why) {
            return exit_with(255, fmt::format("Error: argument \"{}\" is wrong: {}", word, why), item.column);
        };
        if (!id || *id == 0 || *id > UINT32_MAX) return wrong(one.substr(0, comma), "\"id\" is invalid\n");
        std::uint64_t weight = 1;
        if (comma != std::string_view::npos) {
            const auto number = command::parse_unsigned(one.substr(comma + 1));
            if (!number || *number == 0 || *number > 256)
                return wrong(one.substr(comma + 1), "\"weight\" is invalid\n");
            weight = *number;
        }
        group.push_back({static_cast<std::uint32_t>(*id), static_cast<std::uint16_t>(weight)});
        if (one.size() == rest.size()) return group;
        rest.remove_prefix(one.size() + 1);
    }
}

Result<NexthopSpec> read_nexthop(Session& session, const command::Match& match, const RoutingNames& names) {
    if (auto r = check_protocol(match, names); !r) return r.error();
    NexthopSpec spec;
    KernelNexthop& nexthop = spec.nexthop;
    if (const auto* item = match.argument("ID"))
        nexthop.id = static_cast<std::uint32_t>(*command::parse_unsigned(item->value));
    if (nexthop.id == 0)  // the kernel would choose one, and the file would not say which
        return refuse("an id is needed: ip nexthop add id NUMBER …");
    const auto *via = match.argument("VIA"), *device = match.argument("DEVICE"),
               *group = match.argument("GROUP");
    nexthop.blackhole = match.has("blackhole");
    const int ways = (group != nullptr) + nexthop.blackhole + (via || device);
    if (ways == 0) return refuse("Error: Invalid address family.");
    if (ways > 1) return ip::kernel("Invalid argument");
    nexthop.family = match.option("-6") ? AF_INET6 : AF_INET;
    if (group) {
        auto members = read_group(*group);
        if (!members) return members.error();
        nexthop.group = std::move(*members);
        nexthop.family = AF_UNSPEC;
    }
    if (device) {
        if (!session.model.find(device->value)) return ip::wrong(*device, "Device does not exist\n");
        spec.device = device->value;
    }
    if (via) {
        const auto address = *command::parse_address(via->value);
        if (!device)
            return refuse("Error: Device attribute required for non-blackhole and non-fdb nexthops.");
        nexthop.family = address.v6 ? AF_INET6 : AF_INET;
        nexthop.via.has_gateway = true;
        nexthop.via.gateway_v6 = address.v6;
        nexthop.via.gateway = bytes_of(address);
    }
    if (match.has("onlink")) nexthop.flags = RTNH_F_ONLINK;
    return spec;
}

/// As the kernel judges groups (nh_check_attr_group): members exist, each once, and are no groups.
Result<> check_group(Session& session, const NexthopSpec& spec) {
    std::map<std::uint32_t, bool> known;  // is it a group
    for (const auto& [id, other] : session.model.routing.nexthops)
        known[id] = !other.nexthop.group.empty();
    if (session.live)
        if (auto there = session.live->nexthops())
            for (const auto& nexthop : *there)
                known.emplace(nexthop.id, !nexthop.group.empty());
    const auto& group = spec.nexthop.group;
    for (auto it = group.begin(); it != group.end(); ++it) {
        const auto member = known.find(it->id);
        if (member == known.end() || it->id == spec.nexthop.id) return refuse("Error: Invalid nexthop id.");
        if (member->second) return refuse("Error: Hash-threshold group can not be a nexthop within a group.");
        if (std::any_of(group.begin(), it, [&](const auto& other) { return other.id == it->id; }))
            return refuse("Error: Nexthop id can not be used twice in a group.");
    }
    return {};
}

Result<Reply> put(Session& session, const command::Match& match, bool replace) {
    auto spec = read_nexthop(session, match, names_of(session));
    if (!spec) return spec.error();
    if (auto r = check_group(session, *spec); !r) return r.error();
    if (session.live && !spec->device.empty() && !session.model.find(spec->device)->up)
        return refuse("Error: Carrier for nexthop device is down.");
    auto& nexthops = session.model.routing.nexthops;
    const auto id = spec->nexthop.id;
    const auto it = nexthops.find(id);
    if (it != nexthops.end() && !replace) return ip::kernel("File exists");
    if (it != nexthops.end() && it->second.nexthop.group.empty() != spec->nexthop.group.empty())
        return refuse(spec->nexthop.group.empty() ? "Error: Can not replace a nexthop group with a nexthop."
                                                  : "Error: Can not replace a nexthop with a nexthop group.");
    nexthops[id] = std::move(*spec);
    return Reply{};
}

struct NexthopSelector {
    std::optional<std::uint32_t> id, protocol;
    std::string device;
    bool groups = false, only4 = false, only6 = false;

    [[nodiscard]] bool fits(const KernelNexthop& nexthop, const std::string& on) const {
        if (id && nexthop.id != *id) return false;
        if (protocol && nexthop.protocol != *protocol) return false;
        if (groups && nexthop.group.empty()) return false;
        if (only4 && nexthop.family != AF_INET) return false;
        if (only6 && nexthop.family != AF_INET6) return false;
        return device.empty() || device == on;
    }
};

Result<NexthopSelector> selector_of(Session& session, const command::Match& match) {
    NexthopSelector selector;
    selector.only4 = match.option("-4");
    selector.only6 = match.option("-6");
    selector.groups = match.has("groups");
    if (const auto* item = match.argument("ID"))
        selector.id = static_cast<std::uint32_t>(*command::parse_unsigned(item->value));
    if (const auto* item = match.argument("PROTOCOL"))
        if (!(selector.protocol = names_of(session).protocol(item->value)))
            return ip::wrong(*item, "\"protocol\" value is invalid\n");
    if (const auto* item = match.argument("DEVICE")) {
        if (!session.model.find(item->value)) return ip::wrong(*item, "Device does not exist\n");
        selector.device = item->value;
    }
    return selector;
}

}  // namespace

Result<Reply> ip_nexthop_add(Session& session, const command::Match& match, const std::string&) {
    return put(session, match, false);
}

Result<Reply> ip_nexthop_replace(Session& session, const command::Match& match, const std::string&) {
    return put(session, match, true);
}

Result<Reply> ip_nexthop_del(Session& session, const command::Match& match, const std::string&) {
    const auto id = static_cast<std::uint32_t>(*command::parse_unsigned(match.argument("ID")->value));
    if (!session.model.routing.nexthops.contains(id)) return ip::kernel("No such file or directory");
    forget_nexthop(session.model.routing, id);
    return Reply{};
}

Result<Reply> ip_nexthop_flush(Session& session, const command::Match& match, const std::string&) {
    const auto selector = selector_of(session, match);
    if (!selector) return selector.error();
    auto wanted = *selector;
    if (wanted.protocol == std::uint32_t{weft_protocol}) wanted.protocol = 0;
    std::vector<std::uint32_t> gone;
    for (const auto& [id, spec] : session.model.routing.nexthops)
        if (wanted.fits(spec.nexthop, spec.device)) gone.push_back(id);
    for (const auto id : gone)
        forget_nexthop(session.model.routing, id);
    if (gone.empty()) return Reply{.text = "Nothing to flush\n"};
    return Reply{.text = fmt::format("Flushed {} nexthops\n", gone.size())};
}

Result<Reply> ip_nexthop_show(Session& session, const command::Match& match, const std::string&) {
    const auto selector = selector_of(session, match);
    if (!selector) return selector.error();
    auto there = session.live->nexthops();
    if (!there) return there.error();
    const RoutingNames& names = names_of(session);
    const bool details = match.option("-d");
    Reply reply;
    bool some = false;
    if (session.json) reply.data = std::make_shared<Json>(Json::array());
    for (const auto& nexthop : *there) {
        const auto device =
            nexthop.via.interface ? session.live->device_name(nexthop.via.interface) : std::string{};
        if (!selector->fits(nexthop, device)) continue;
        some = true;
        if (session.json)
            reply.data->push_back(nexthop_json(nexthop, device, names, details));
        else
            reply.text += nexthop_text(nexthop, device, names, details) + "\n";
    }
    if (!some && selector->id) return ip::kernel("No such file or directory");
    return reply;
}

}  // namespace weft
