#include "control/port/validate.hpp"

#include <fmt/format.h>

#include <map>

#include "control/command/types.hpp"
#include "control/link/edit.hpp"

namespace weft {

namespace {

/// What a port takes for itself alone, by a text that tells kinds apart; with what to call it.
struct Taken {
    std::string key, what;
};

std::vector<Taken> taken_by(const std::string&, const DevargsPort& port) {
    return {{"devargs " + port.devargs.substr(0, port.devargs.find(',')), "the device " + port.devargs}};
}
std::vector<Taken> taken_by(const std::string&, const AfPacketPort& port) {
    return {{"device " + port.device, "the device " + port.device}};
}
std::vector<Taken> taken_by(const std::string& name, const TapPort& port) {
    const auto end = far_end(name, port);
    return {{"tap " + port.netns + " " + end, "the far end " + end}};
}
std::vector<Taken> taken_by(const std::string&, const PcapPort& port) {
    if (port.tx_file.empty()) return {};
    return {{"file " + port.tx_file, "the file " + port.tx_file}};
}
std::vector<Taken> taken_by(const std::string&, const NullPort&) {
    return {};
}
std::vector<Taken> taken_by(const std::string&, const GenPort&) {
    return {};
}
std::vector<Taken> taken_by(const std::string&, const TuntapPort&) {
    return {};
}

std::vector<Taken> taken_by(const std::string&, const VhostPort& port) {
    return {{"socket " + port.path, "the socket " + port.path}};
}
std::vector<Taken> taken_by(const std::string&, const AfXdpPort& port) {
    return {{"device " + port.device, "the device " + port.device}};
}
std::vector<Taken> taken_by(const std::string&, const MemifPort& port) {
    const auto place = fmt::format("{} id {}", port.path, port.id);
    return {{"memif " + place, place}};
}

Result<> check_far_end(const Model& model, const std::string& name, const TapPort& tap) {
    const auto end = far_end(name, tap);
    if (!command::is_interface_name(end))
        return refuse(fmt::format("port {}: \"{}\" is too long for the far end's name: choose one with dev",
                                  name, end));
    if (tap.netns.empty() && model.find(end))
        return refuse(
            fmt::format("port {}: the far end {} has the name of another interface of weft", name, end));
    return {};
}

Result<> check_port(const Model& model, const std::string& name, const LinkSpec& link, const PortSpec& port) {
    if (port.rx_queues == 0 || (port.tx_queues && *port.tx_queues == 0))
        return refuse(fmt::format("port {}: it needs a queue each way", name));
    if (!port.placement.empty() && port.placement.rbegin()->first >= port.rx_queues)
        return refuse(
            fmt::format("port {}: receive queue {} does not exist", name, port.placement.rbegin()->first));
    if (const auto* tap = std::get_if<TapPort>(&port.kind)) return check_far_end(model, name, *tap);
    if (const auto* pcap = std::get_if<PcapPort>(&port.kind))
        if (!pcap->rx_file.empty() && pcap->rx_file == pcap->tx_file)
            return refuse(fmt::format("port {}: it cannot receive from the file it sends to", name));
    if (const auto* gen = std::get_if<GenPort>(&port.kind)) {
        const unsigned mtu = link.mtu.value_or(1500), largest = mtu + 14 + 4 + (gen->vid ? 4 : 0);
        if (gen->size > largest)
            return refuse(fmt::format("port {}: frames of {} bytes do not fit MTU {}", name, gen->size, mtu));
    }
    return {};
}

}  // namespace

std::string far_end(const std::string& port, const TapPort& tap) {
    return tap.device.empty() ? port + "-k" : tap.device;
}

Result<> validate_ports(const Model& model) {
    std::map<std::string, std::string> owners;
    for (const auto& [name, link] : model.links) {
        const auto* port = port_of(link);
        if (!port) continue;
        if (auto checked = check_port(model, name, link, *port); !checked) return checked;
        for (const auto& taken : std::visit(
                 [&port_name = name](const auto& kind) { return taken_by(port_name, kind); }, port->kind)) {
            const auto [owner, first] = owners.emplace(taken.key, name);
            if (!first)
                return refuse(
                    fmt::format("port {}: {} belongs to port {} already", name, taken.what, owner->second));
        }
    }
    return {};
}

}  // namespace weft
