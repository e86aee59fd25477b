#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include <algorithm>

#include "control/link/edit.hpp"
#include "control/model/commands.hpp"
#include "control/model/refusal.hpp"

namespace weft {

namespace {

/// The port, or ethtool's error. Sub-interfaces and bridges have no device of their own to ask.
/// `status` is that of the program's question, which is a place in its source.
Result<PortLive> port_named(Session& session, const command::Match& match, std::string_view question,
                            int status) {
    const auto& item = *match.argument("NAME");
    const auto* link = session.model.find(item.value);
    if (!link) return exit_with(status, fmt::format("Cannot get {}: No such device", question));
    if (!port_of(*link))
        return exit_with(status, fmt::format("Cannot get {}: Operation not supported", question));
    auto port = session.live->port(item.value);
    if (!port) return exit_with(status, fmt::format("Cannot get {}: No such device", question));
    return *port;
}

Result<Reply> statistics(Session& session, const command::Match& match, const std::string&) {
    const auto port = port_named(session, match, "stats strings information", 96);
    if (!port) return port.error();
    Reply reply{.text = "NIC statistics:\n"};
    Json json{{"ifname", port->name}};
    for (const auto& [name, value] : port->statistics) {
        reply.text += fmt::format("     {}: {}\n", name, value);
        json[name] = value;
    }
    if (session.json) reply.data = std::make_shared<Json>(Json::array({std::move(json)}));
    return reply;
}

Result<Reply> driver(Session& session, const command::Match& match, const std::string&) {
    const auto port = port_named(session, match, "driver information", 71);
    if (!port) return port.error();
    return Reply{
        .text = fmt::format("driver: {}\nversion: \nfirmware-version: \nexpansion-rom-version: \nbus-info: \n"
                            "supports-statistics: {}\nsupports-test: no\nsupports-eeprom-access: no\n"
                            "supports-register-dump: no\nsupports-priv-flags: no\n",
                            port->driver, port->statistics.empty() ? "no" : "yes")};
}

Result<Reply> features(Session& session, const command::Match& match, const std::string&) {
    const auto port = port_named(session, match, "device features", 75);
    if (!port) return port.error();
    const auto has = [&](std::string_view name) {
        return std::find(port->offloads.begin(), port->offloads.end(), name) != port->offloads.end();
    };
    const auto line = [](std::string_view name, bool on) {
        return fmt::format("{}: {} [fixed]\n", name, on ? "on" : "off");
    };
    const bool tcp4 = has("tcp4_gso"), tcp6 = has("tcp6_gso");
    Reply reply{.text = fmt::format("Features for {}:\n", port->name)};
    reply.text += line("tx-checksumming", has("checksum"));
    reply.text += line("\ttx-checksum-ip-generic", has("checksum"));
    reply.text += line("scatter-gather", has("multi_segment"));
    reply.text += line("\ttx-scatter-gather", has("multi_segment"));
    reply.text += line("tcp-segmentation-offload", tcp4 || tcp6);
    reply.text += line("\ttx-tcp-segmentation", tcp4);
    reply.text += line("\ttx-tcp6-segmentation", tcp6);
    reply.text += line("tx-vlan-offload", has("vlan_insert"));
    reply.text += line("tx-udp-segmentation", has("udp_gso"));
    return reply;
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
