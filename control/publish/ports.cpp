#include "control/publish/ports.hpp"

namespace weft {

namespace {

template <class... F>
struct Overloaded : F... {
    using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

// MTU and MAC are set afterwards, so that info() first tells what the device had.
PortQueues queues_of(const PortSpec& spec) {
    return {
        .rx = spec.rx_queues, .tx = spec.tx_queues, .descriptors = spec.descriptors, .mtu = {}, .mac = {}};
}

GenConfig config_of(const GenPort& gen) {
    return {.size = gen.size,
            .flows = gen.flows,
            .rate = gen.rate,
            .count = gen.count,
            .source = gen.source,
            .destination = gen.destination,
            .vid = gen.vid};
}

}  // namespace

Result<LivePort> open_port(const std::string& name, const LinkSpec& link, const PortPlace& place) {
    LivePort live;
    live.spec = std::get<PortSpec>(link.kind);
    if (const auto device = captured_device(live.spec); !device.empty()) {
        auto capture = DeviceCapture::take(place.host, place.host_netlink, device, place.socket,
                                           place.leftover.contains(device));
        if (!capture) return refuse("port " + name + ": " + capture.error().message);
        live.capture.emplace(std::move(*capture));
    }
    const PortQueues queues = queues_of(live.spec);
    const PortEnvironment& env = place.environment;
    auto port = std::visit(
        Overloaded{
            [&](const DevargsPort& p) { return open_ethdev(name, p.devargs, queues, env); },
            [&](const AfPacketPort& p) { return open_af_packet(name, p.device, queues, env); },
            [&](const TapPort& p) { return open_tap(name, p.device, p.netns, queues, env); },
            [&](const PcapPort& p) { return open_pcap(name, p.rx_file, p.tx_file, p.infinite, queues, env); },
            [&](const NullPort&) { return open_null(name, queues, env); },
            [&](const GenPort& p) { return open_gen(name, config_of(p), queues, env); },
            [&](const TuntapPort& p) { return open_tuntap(name, p.tun, queues, env); },
            [&](const VhostPort& p) { return open_vhost(name, p.path, p.server, queues, env); },
            [&](const AfXdpPort& p) { return open_af_xdp(name, p.device, queues, env); },
            [&](const MemifPort& p) {
                return open_memif(name, {p.path, p.server, p.id}, queues, env);
            },
        },
        live.spec.kind);
    if (!port) return std::move(port).error();
    live.port = std::move(*port);
    live.info = live.port->info();
    live.own_mtu = live.info.mtu;
    live.own_mac = live.info.mac;
    return live;
}

std::string captured_device(const PortSpec& spec) {
    if (const auto* port = std::get_if<AfPacketPort>(&spec.kind)) return port->device;
    if (const auto* port = std::get_if<AfXdpPort>(&spec.kind)) return port->device;
    return {};
}

std::string exclusive_device(const PortSpec& spec) {
    return std::visit(
        Overloaded{
            [](const DevargsPort& p) { return "devargs " + p.devargs.substr(0, p.devargs.find(',')); },
            [](const AfPacketPort& p) { return "device " + p.device; },
            [](const AfXdpPort& p) { return "device " + p.device; },
            [](const TapPort& p) { return p.device.empty() ? "" : "tap " + p.netns + "/" + p.device; },
            [](const PcapPort& p) { return p.tx_file.empty() ? "" : "pcap " + p.tx_file; },
            [](const VhostPort& p) { return "vhost-user " + p.path; },
            [](const MemifPort& p) { return "memif " + std::to_string(p.id) + " " + p.path; },
            [](const auto&) { return std::string{}; },
        },
        spec.kind);
}

bool needs_reopening(const PortSpec& a, const PortSpec& b) {
    return a.kind != b.kind || a.rx_queues != b.rx_queues || a.tx_queues != b.tx_queues ||
           a.descriptors != b.descriptors;
}

std::string kind_word(const PortSpec& spec) {
    static constexpr const char* words[] = {"devargs", "af_packet", "tap",        "pcap",  "null",
                                            "gen",     "tuntap",    "vhost-user", "memif", "af_xdp"};
    return words[spec.kind.index()];
}

std::size_t buffers_held(const PortSpec& spec) {
    if (std::holds_alternative<AfPacketPort>(spec.kind)) return std::size_t{spec.rx_queues} * batch_size;
    if (std::holds_alternative<DevargsPort>(spec.kind))
        return std::size_t{spec.rx_queues} * spec.descriptors.value_or(0);
    return 0;
}

}  // namespace weft
