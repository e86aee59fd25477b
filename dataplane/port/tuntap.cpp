// Devices whose far end is a program with a descriptor of /dev/net/tun.
#include <fmt/core.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "dataplane/port/free_burst.hpp"
#include "dataplane/port/kernel_device.hpp"
#include "dataplane/port/open.hpp"
#include "dataplane/port/software_port.hpp"

namespace weft {
namespace ports {
namespace {

/// A device without Ethernet header: packets go between its program and the kernel's stack, which has the
/// routes. It has a link while a program has it open.
class Tun final : public SoftwarePort {
  public:
    Tun(std::string name, KernelDevice device, Fd never_readable, PortInfo info)
        : SoftwarePort(std::move(name), std::move(info)),
          device_(std::move(device)),
          never_readable_(std::move(never_readable)) {}

    std::uint16_t receive(std::uint16_t, Packet**, std::uint16_t, ReceiveLoss&) noexcept override {
        return 0;
    }
    std::uint16_t transmit(std::uint16_t, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept override {
        loss.packets += n;
        loss.bytes += free_burst(in, n);
        return n;
    }
    [[nodiscard]] int wait_descriptor(std::uint16_t) const noexcept override { return never_readable_.get(); }
    [[nodiscard]] PortInfo info() override {
        info_.link_up = device_.link_up();
        if (const auto mtu = device_.mtu())
            info_.mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(*mtu, max_port_mtu));
        return info_;
    }
    Result<> set_up(bool) override { return {}; }
    Result<> set_mtu(std::uint16_t mtu) override {
        if (auto ok = check_mtu(name_, mtu, info_.max_mtu); !ok) return ok;
        return device_.set_mtu(mtu);
    }
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override { return {}; }

  private:
    KernelDevice device_;
    Fd never_readable_;  ///< a timer that is not set, so that workers may sleep
};

Result<std::unique_ptr<Port>> open_tun(const std::string& name, const PortQueues& queues,
                                       const PortEnvironment& environment) {
    auto info = software_port(name, "tun", queues, environment, 1, max_port_queues);
    if (!info) return std::move(info).error();
    info->mac = {};
    auto scope = InNamespace::enter(environment.host_netns);
    if (!scope) return std::move(scope).error();
    auto device = KernelDevice::find(name, name);
    if (!device) return std::move(device).error();
    Fd timer{timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC)};
    if (!timer) return refuse(fmt::format("port {}: no timer: {}", name, std::strerror(errno)));
    return std::unique_ptr<Port>{
        std::make_unique<Tun>(name, *std::move(device), std::move(timer), *std::move(info))};
}

}  // namespace
}  // namespace ports

Result<std::unique_ptr<Port>> open_tuntap(const std::string& name, bool tun, const PortQueues& queues,
                                          const PortEnvironment& environment) {
    PortEnvironment there = environment;
    there.host_netns = environment.tap_netns;
    return tun ? ports::open_tun(name, queues, there) : open_af_packet(name, name, queues, there);
}

}  // namespace weft
