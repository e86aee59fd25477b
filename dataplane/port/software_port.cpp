#include "dataplane/port/software_port.hpp"

#include <fmt/core.h>
#include <sys/random.h>

#include <algorithm>

namespace weft::ports {

MacAddress random_mac() {
    MacAddress mac{};
    while (getrandom(mac.bytes.data(), mac.bytes.size(), 0) != static_cast<ssize_t>(mac.bytes.size())) {
    }
    mac.bytes[0] = static_cast<std::uint8_t>((mac.bytes[0] & 0xfc) | 0x02);
    return mac;
}

Result<> check_mtu(const std::string& name, std::uint16_t mtu, std::uint16_t max) {
    if (mtu >= min_port_mtu && mtu <= max) return {};
    return refuse(
        fmt::format("port {}: MTU {} is not possible: give {} to {}", name, mtu, min_port_mtu, max));
}

Result<> check_mac(const std::string& name, const MacAddress& mac) {
    if (mac.is_station()) return {};
    return refuse(fmt::format("port {}: {} is a group address or zero: an interface needs a station address",
                              name, to_string(mac)));
}

Result<> SoftwarePort::set_up(bool up) {
    info_.link_up = up;
    return {};
}

Result<> SoftwarePort::set_mtu(std::uint16_t mtu) {
    if (auto ok = check_mtu(name_, mtu, info_.max_mtu); !ok) return ok;
    info_.mtu = mtu;
    return {};
}

Result<> SoftwarePort::set_mac(const MacAddress& mac) {
    if (auto ok = check_mac(name_, mac); !ok) return ok;
    info_.mac = mac;
    return {};
}

Result<PortInfo> software_port(const std::string& name, const char* driver, const PortQueues& queues,
                               const PortEnvironment& environment, std::uint16_t max_rx,
                               std::uint16_t max_tx) {
    if (queues.rx < 1 || queues.rx > max_rx)
        return refuse(
            fmt::format("port {}: {} receive queues asked, {} has {}", name, queues.rx, driver, max_rx));
    if (queues.tx && (*queues.tx < 1 || *queues.tx > max_tx))
        return refuse(
            fmt::format("port {}: {} transmit queues asked, {} has {}", name, *queues.tx, driver, max_tx));
    if (queues.mtu)
        if (auto ok = check_mtu(name, *queues.mtu, max_port_mtu); !ok) return ok.error();
    if (queues.mac)
        if (auto ok = check_mac(name, *queues.mac); !ok) return ok.error();

    PortInfo info;
    info.driver = driver;
    info.mac = queues.mac ? *queues.mac : random_mac();
    info.mtu = queues.mtu.value_or(default_port_mtu);
    info.max_mtu = max_port_mtu;
    info.rx_queues = queues.rx;
    info.tx_queues =
        queues.tx.value_or(static_cast<std::uint16_t>(std::clamp<unsigned>(environment.workers, 1, max_tx)));
    return info;
}

}  // namespace weft::ports
