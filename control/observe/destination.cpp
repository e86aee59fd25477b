#include "control/observe/destination.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "control/command/types.hpp"

namespace weft {

namespace {

std::optional<AssumedDestination> group_destination(const command::IpPrefix& to) {
    const auto& b = to.bytes;
    if (to.v6 && b[0] == 0xff)
        return AssumedDestination{{{0x33, 0x33, b[12], b[13], b[14], b[15]}}, "a multicast address"};
    if (!to.v6 && (b[0] & 0xf0) == 0xe0)
        return AssumedDestination{{{0x01, 0x00, 0x5e, static_cast<std::uint8_t>(b[1] & 0x7f), b[2], b[3]}},
                                  "a multicast address"};
    return std::nullopt;
}

/// Of all hosts, or of a network that the interface is in.
bool is_broadcast(Session& session, const std::string& device, const command::IpPrefix& to) {
    if (to.v6) return false;
    const auto text = command::to_string(to, true);
    const auto all = session.live->addresses();
    return text == "255.255.255.255" || std::any_of(all.begin(), all.end(), [&](const AddressState& address) {
               return address.device == device && address.broadcast == text;
           });
}

/// The bridge and its sub-interfaces: the host's interfaces behind a port of it.
std::vector<std::string> host_interfaces(const Model& model, const std::string& bridge) {
    std::vector<std::string> names{bridge};
    for (const auto& name : model.order) {
        const LinkSpec* link = model.find(name);
        const auto* vlan = link ? std::get_if<VlanSpec>(&link->kind) : nullptr;
        if (vlan && vlan->parent == bridge) names.push_back(name);
    }
    return names;
}

}  // namespace

AssumedDestination assume_destination(Session& session, const std::string& name,
                                      const command::Match& match) {
    const auto* word = match.argument(match.has("ip6") ? "DST6" : "DST");
    const auto to = command::parse_address(word->value);
    if (auto group = group_destination(*to)) return *group;
    const LinkSpec& link = *session.model.find(name);
    const std::string device = link.member ? link.member->bridge : name;
    if (is_broadcast(session, device, *to))
        return {{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, "a broadcast address"};
    if (link.member)
        for (const auto& of : host_interfaces(session.model, device))
            if (const auto mac = session.live->neighbour_mac(of, *to))
                return {*mac, fmt::format("as {} knows the neighbour {}", of, word->value)};
    const auto state = session.live->link(device);
    return {state ? state->mac : MacAddress{},
            link.member
                ? fmt::format("{}'s own, as to a router: it knows no neighbour {}", device, word->value)
                : fmt::format("{}'s own, as to a router", device)};
}

}  // namespace weft
