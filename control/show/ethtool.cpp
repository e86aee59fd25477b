#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "control/link/edit.hpp"
#include "control/model/commands.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

Reply answer(const Session& session, std::string text, Json json) {
    if (!session.json) return {.text = std::move(text)};
    return {.data = std::make_shared<Json>(Json::array({std::move(json)}))};
}

/// The link, or what ethtool says of a missing device. `status` is its exit status, a place in its source.
Result<const LinkSpec*> link_named(Session& session, const command::Match& match, std::string_view error,
                                   int status) {
    const auto* link = session.model.find(match.argument("NAME")->value);
    if (!link) return exit_with(status, fmt::format("{}: No such device", error));
    return link;
}

Result<Reply> statistics(Session& session, const command::Match& match, const std::string&) {
    const auto link = link_named(session, match, "Cannot get stats strings information", 96);
    if (!link) return link.error();
    const auto port = session.live->port(match.argument("NAME")->value);
    if (!port) return exit_with(94, "no stats available");
    std::string text = "NIC statistics:\n";
    Json json{{"ifname", port->name}};
    for (const auto& [name, value] : port->statistics) {
        text += fmt::format("     {}: {}\n", name, value);
        json[name] = value;
    }
    return answer(session, std::move(text), std::move(json));
}

/// Other interfaces name the kernel's drivers of theirs.
Result<Reply> driver(Session& session, const command::Match& match, const std::string&) {
    const auto link = link_named(session, match, "Cannot get driver information", 71);
    if (!link) return link.error();
    const auto port = session.live->port(match.argument("NAME")->value);
    const std::string name = port                ? port->driver
                             : bridge_of(**link) ? "bridge"
                             : veth_of(**link)   ? "veth"
                             : is_dummy(**link)  ? "dummy"
                                                 : "802.1Q VLAN Support";
    const std::string_view statistics = port && !port->statistics.empty() ? "yes" : "no";
    return answer(
        session,
        fmt::format("driver: {}\nversion: \nfirmware-version: \nexpansion-rom-version: \nbus-info: \n"
                    "supports-statistics: {}\nsupports-test: no\nsupports-eeprom-access: no\n"
                    "supports-register-dump: no\nsupports-priv-flags: no\n",
                    name, statistics),
        {{"ifname", match.argument("NAME")->value}, {"driver", name}});
}

Result<Reply> features(Session& session, const command::Match& match, const std::string&) {
    const auto link = link_named(session, match, "netlink error", 1);
    if (!link) return link.error();
    const auto port = session.live->port(match.argument("NAME")->value);
    if (!port) return exit_with(75, "Cannot get device features: Operation not supported");
    const auto has = [&](std::string_view name) {
        return std::find(port->offloads.begin(), port->offloads.end(), name) != port->offloads.end();
    };
    std::string text = fmt::format("Features for {}:\n", port->name);
    Json json{{"ifname", port->name}};
    const auto line = [&](std::string_view name, bool on, bool group = false) {
        text += fmt::format("{}: {} [fixed]\n", name, on ? "on" : "off");
        if (name.starts_with('\t')) name.remove_prefix(1);
        // ethtool has nothing to say of a group's own switch.
        json[std::string{name}] = {
            {"active", on}, {"fixed", group ? Json() : Json(true)}, {"requested", group ? Json() : Json(on)}};
    };
    const bool tcp4 = has("tcp4_gso"), tcp6 = has("tcp6_gso");
    line("tx-checksumming", has("checksum"), true);
    line("\ttx-checksum-ip-generic", has("checksum"));
    line("scatter-gather", has("multi_segment"), true);
    line("\ttx-scatter-gather", has("multi_segment"));
    line("tcp-segmentation-offload", tcp4 || tcp6, true);
    line("\ttx-tcp-segmentation", tcp4);
    line("\ttx-tcp-ecn-segmentation", has("tcp_ecn"));
    line("\ttx-tcp6-segmentation", tcp6);
    line("tx-vlan-offload", has("vlan_insert"));
    line("tx-udp-segmentation", has("udp_gso"));
    return answer(session, std::move(text), std::move(json));
}

}  // namespace

std::span<const Handler> ethtool_handlers() {
    static constexpr Handler table[] = {
        {"ethtool -S", statistics},
        {"ethtool -i", driver},
        {"ethtool -k", features},
    };
    return table;
}

}  // namespace weft
