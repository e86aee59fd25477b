#include <fmt/format.h>

#include "control/config/file.hpp"
#include "control/model/lines.hpp"

namespace weft {

namespace {

void save_placement(std::string& text, const std::string& name, const PortSpec& port) {
    for (const auto& [queue, cpu] : port.placement)
        text += fmt::format("port set {} rxq {} worker {}\n", config::quote(name), queue, cpu);
}

std::string kind_words(const DevargsPort& port) {
    return " devargs " + config::quote(port.devargs);
}
std::string kind_words(const AfPacketPort& port) {
    return " type af_packet dev " + config::quote(port.device);
}
std::string kind_words(const TapPort& port) {
    std::string words = " type tap";
    if (!port.device.empty()) words += " dev " + config::quote(port.device);
    if (!port.netns.empty()) words += " netns " + config::quote(port.netns);
    return words;
}
std::string kind_words(const PcapPort& port) {
    std::string words = " type pcap";
    if (!port.rx_file.empty()) words += " rx " + config::quote(port.rx_file);
    if (!port.tx_file.empty()) words += " tx " + config::quote(port.tx_file);
    if (port.infinite) words += " infinite";
    return words;
}
std::string kind_words(const NullPort&) {
    return " type null";
}
std::string kind_words(const GenPort& port) {
    const GenPort usual;
    std::string words = " type gen";
    const auto add = [&](std::string_view word, auto value, auto default_value) {
        if (value != default_value) words += fmt::format(" {} {}", word, value);
    };
    add("size", port.size, usual.size);
    add("flows", port.flows, usual.flows);
    add("rate", port.rate, usual.rate);
    add("count", port.count, usual.count);
    if (port.source != usual.source) words += " src " + to_string(port.source);
    if (port.destination != usual.destination) words += " dst " + to_string(port.destination);
    add("vlan", port.vid, usual.vid);
    return words;
}
std::string kind_words(const VhostPort& port) {
    return " type vhost-user path " + config::quote(port.path) + (port.server ? " server" : "");
}

/// What the kind calls the number of its receive queues.
std::string_view queue_word(const PortSpec& port) {
    return std::holds_alternative<VhostPort>(port.kind) ? "queues" : "rxq";
}

// by lines of its own
std::string kind_words(const TuntapPort&) {
    return {};
}
std::string kind_words(const MemifPort& port) {
    return fmt::format(" type memif path {}{}{}", config::quote(port.path), port.server ? "" : " role client",
                       port.id ? fmt::format(" id {}", port.id) : "");
}
std::string kind_words(const AfXdpPort& port) {
    return " type af_xdp dev " + config::quote(port.device);
}

}  // namespace

void save_port(std::string& text, const std::string& name, const LinkSpec& link, const PortSpec& port) {
    if (const auto* tuntap = std::get_if<TuntapPort>(&port.kind)) {
        save_tuntap(text, name, link, *tuntap);
        return save_placement(text, name, port);
    }
    text += fmt::format("port add {}{}", config::quote(name), link.up ? " up" : "");
    text += std::visit([](const auto& kind) { return kind_words(kind); }, port.kind);
    if (port.rx_queues != 1) text += fmt::format(" {} {}", queue_word(port), port.rx_queues);
    if (port.tx_queues) text += fmt::format(" txq {}", *port.tx_queues);
    if (port.descriptors) text += fmt::format(" desc {}", *port.descriptors);
    if (link.mtu) text += fmt::format(" mtu {}", *link.mtu);
    if (link.address) text += " mac " + to_string(*link.address);
    text += '\n';
    save_placement(text, name, port);
}

}  // namespace weft
