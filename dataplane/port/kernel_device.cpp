#include "dataplane/port/kernel_device.hpp"

#include <fmt/core.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace weft::ports {

namespace {
ifreq named(const std::string& device) {
    ifreq request{};
    std::memcpy(request.ifr_name, device.data(), std::min<std::size_t>(device.size(), IFNAMSIZ - 1));
    return request;
}
}  // namespace

Result<KernelDevice> KernelDevice::find(const std::string& port, const std::string& device) {
    if (device.empty() || device.size() >= IFNAMSIZ)
        return refuse(
            fmt::format("port {}: \"{}\" is not a device name: give 1 to 15 characters", port, device));
    Fd socket{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (!socket) return refuse(fmt::format("port {}: no socket: {}", port, std::strerror(errno)));
    ifreq request = named(device);
    if (ioctl(socket.get(), SIOCGIFINDEX, &request) != 0)
        return refuse(
            fmt::format("port {}: {}: no such device in this namespace (see ip link)", port, device));
    return KernelDevice{std::move(socket), port, device, request.ifr_ifindex};
}

bool KernelDevice::ask(unsigned long request, ifreq& question) const {
    ifreq index = named(device_);
    if (ioctl(socket_.get(), SIOCGIFINDEX, &index) != 0 || index.ifr_ifindex != index_) {
        errno = ENODEV;
        return false;
    }
    return ioctl(socket_.get(), request, &question) == 0;
}

Result<> KernelDevice::tell(unsigned long request, ifreq& order, const std::string& what) const {
    if (ask(request, order)) return {};
    if (errno == ENODEV) return refuse(fmt::format("port {}: device {} is gone", port_, device_));
    if (errno == EBUSY)
        return refuse(fmt::format("port {}: {} does not take {} while it is up", port_, device_, what));
    return refuse(
        fmt::format("port {}: {} does not take {}: {}", port_, device_, what, std::strerror(errno)));
}

std::optional<unsigned> KernelDevice::flags() const {
    ifreq request = named(device_);
    if (!ask(SIOCGIFFLAGS, request)) return std::nullopt;
    return static_cast<unsigned short>(request.ifr_flags);
}

bool KernelDevice::is_ethernet() const {
    ifreq request = named(device_);
    return ask(SIOCGIFHWADDR, request) && request.ifr_hwaddr.sa_family == ARPHRD_ETHER;
}

std::optional<std::uint32_t> KernelDevice::mtu() const {
    ifreq request = named(device_);
    if (!ask(SIOCGIFMTU, request)) return std::nullopt;
    return static_cast<std::uint32_t>(request.ifr_mtu);
}

std::optional<MacAddress> KernelDevice::mac() const {
    ifreq request = named(device_);
    if (!ask(SIOCGIFHWADDR, request)) return std::nullopt;
    MacAddress mac{};
    std::memcpy(mac.bytes.data(), request.ifr_hwaddr.sa_data, mac.bytes.size());
    return mac;
}

bool KernelDevice::link_up() const {
    const auto now = flags();
    if (!now || !(*now & IFF_UP)) return false;
    ifreq request = named(device_);
    ethtool_value value{};
    value.cmd = ETHTOOL_GLINK;
    request.ifr_data = reinterpret_cast<char*>(&value);
    return ask(SIOCETHTOOL, request) ? value.data != 0 : (*now & IFF_RUNNING) != 0;
}

std::uint32_t KernelDevice::speed_mbps() const {
    ifreq request = named(device_);
    ethtool_cmd command{};
    command.cmd = ETHTOOL_GSET;
    request.ifr_data = reinterpret_cast<char*>(&command);
    if (!ask(SIOCETHTOOL, request)) return 0;
    const auto speed = ethtool_cmd_speed(&command);
    return speed == static_cast<std::uint32_t>(SPEED_UNKNOWN) ? 0 : speed;
}

Result<> KernelDevice::set_mtu(std::uint32_t mtu) const {
    ifreq request = named(device_);
    request.ifr_mtu = static_cast<int>(mtu);
    return tell(SIOCSIFMTU, request, fmt::format("MTU {}", mtu));
}

Result<> KernelDevice::set_mac(const MacAddress& mac) const {
    ifreq request = named(device_);
    request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    std::memcpy(request.ifr_hwaddr.sa_data, mac.bytes.data(), mac.bytes.size());
    return tell(SIOCSIFHWADDR, request, "address " + to_string(mac));
}

}  // namespace weft::ports
