// Ports that are open: how each kind of PortSpec becomes a Port.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "control/kernel/capture.hpp"
#include "control/kernel/netlink.hpp"
#include "control/kernel/netns.hpp"
#include "control/model/model.hpp"
#include "dataplane/port/open.hpp"
#include "weft/port.hpp"
#include "weft/result.hpp"

namespace weft {

/// A port with what it was opened as. The device, if it has one of the kernel, is captured as long as this
/// lives.
struct LivePort {
    PortSpec spec;
    std::optional<DeviceCapture> capture;  ///< released after the port is closed
    std::unique_ptr<Port> port;
    PortInfo info;                 ///< as last asked
    std::uint16_t own_mtu = 1500;  ///< before anybody set one
    MacAddress own_mac{};
    std::uint64_t missed = 0;  ///< of port->missed(), as counted
    bool up = false;           ///< as last told
    bool paused = false;       ///< no worker may touch it
    bool lost = false;         ///< its kernel device is gone: waits for one of that name
    std::string complaint;     ///< why the device that came back was not taken, as last logged

    /// In force: the device's, or the one made up for a device that has none.
    [[nodiscard]] MacAddress mac() const { return info.mac.is_station() ? info.mac : own_mac; }

    LivePort() = default;
    LivePort(LivePort&&) = default;
    LivePort& operator=(LivePort&&) = default;
    ~LivePort() { port.reset(); }
};

/// Where ports are opened.
struct PortPlace {
    PortEnvironment environment;
    const Netns& host;  ///< in which weftd was started
    Netlink& host_netlink;
    std::string socket;                     ///< the daemon's; marks captures
    const std::set<std::string>& leftover;  ///< devices that a dead daemon on the socket took: to be adopted
};

/// Opens it, down. `link` must hold a PortSpec.
Result<LivePort> open_port(const std::string& name, const LinkSpec& link, const PortPlace& place);

/// The device of the kernel that has to be taken from its stack; empty if none.
[[nodiscard]] std::string captured_device(const PortSpec& spec);

/// The kernel device (or file, or DPDK device) that only one port may have; empty if none.
[[nodiscard]] std::string exclusive_device(const PortSpec& spec);

/// Whether a port opened as `a` has to be closed and opened again to be `b`.
[[nodiscard]] bool needs_reopening(const PortSpec& a, const PortSpec& b);

/// "af_packet", "tap", "devargs", …: the word of `port add … type`.
[[nodiscard]] std::string kind_word(const PortSpec& spec);
/// Packet buffers that its receive rings hold, as far as that is known before it is opened.
[[nodiscard]] std::size_t buffers_held(const PortSpec& spec);

}  // namespace weft
