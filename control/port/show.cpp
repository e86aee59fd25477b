#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "control/link/edit.hpp"
#include "control/model/refusal.hpp"
#include "control/port/handlers.hpp"
#include "control/show/columns.hpp"

namespace weft {

namespace {

Json json_of(Session& session, const PortLive& port) {
    const auto state = session.live->link(port.name).value_or(LinkState{});
    Json statistics{{"rx_packets", state.rx_packets},      {"rx_bytes", state.rx_bytes},
                    {"rx_errors", state.rx_errors},        {"rx_dropped", state.rx_dropped},
                    {"rx_missed_errors", state.rx_missed}, {"tx_packets", state.tx_packets},
                    {"tx_bytes", state.tx_bytes},          {"tx_errors", state.tx_errors},
                    {"tx_dropped", state.tx_dropped}};
    return {{"ifname", port.name},
            {"type", port.type},
            {"driver", port.driver},
            {"mtu", port.mtu},
            {"address", to_string(port.mac)},
            {"link", port.link ? "up" : "down"},
            {"rxq", port.rx_queues},
            {"txq", port.tx_queues},
            {"stats64", std::move(statistics)}};
}

std::string speed_of(const PortLive& port) {
    if (!port.link) return "down";
    return port.speed_mbps ? fmt::format("up {}Mb/s", port.speed_mbps) : "up";
}

}  // namespace

Result<Reply> port_show(Session& session, const command::Match& match, const std::string&) {
    const auto* name = match.argument("NAME");
    if (name) {
        const auto* link = session.model.find(name->value);
        if (!link || !port_of(*link))
            return refuse_at(fmt::format("there is no port {}", name->value), name->column);
    }
    std::vector<std::vector<std::string>> rows{
        {"port", "type", "driver", "mtu", "address", "rxq", "txq", "link"}};
    auto json = Json::array();
    for (const auto& other : session.model.order) {
        if (!port_of(*session.model.find(other)) || (name && name->value != other)) continue;
        const auto port = session.live->port(other);
        if (!port) continue;
        rows.push_back({port->name, port->type, port->driver, std::to_string(port->mtu), to_string(port->mac),
                        std::to_string(port->rx_queues), std::to_string(port->tx_queues), speed_of(*port)});
        json.push_back(json_of(session, *port));
    }
    if (session.json) return Reply{.data = std::make_shared<Json>(std::move(json))};
    return Reply{.text = columns(rows, rows.front().size())};
}

}  // namespace weft
