// A kernel network device by name, asked and told by ioctl(2). Control thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/port/netns.hpp"
#include "weft/net/ethernet.hpp"
#include "weft/result.hpp"

struct ifreq;

namespace weft::ports {

/// Holds a socket of the namespace where the device was found. A device that is gone, or another of its name,
/// answers nullopt and refuses.
class KernelDevice {
  public:
    /// Looks in the calling thread's namespace. `port` is named in sentences.
    static Result<KernelDevice> find(const std::string& port, const std::string& device);

    [[nodiscard]] int index() const noexcept { return index_; }
    [[nodiscard]] const std::string& name() const noexcept { return device_; }
    /// IFF_* bits.
    [[nodiscard]] std::optional<unsigned> flags() const;
    /// Up with a carrier, at once: IFF_RUNNING follows the carrier by up to a second (net/core/link_watch.c).
    [[nodiscard]] bool link_up() const;
    [[nodiscard]] bool is_ethernet() const;
    [[nodiscard]] std::optional<std::uint32_t> mtu() const;
    [[nodiscard]] std::optional<MacAddress> mac() const;
    [[nodiscard]] std::uint32_t speed_mbps() const;  ///< 0 if unknown
    Result<> set_mtu(std::uint32_t mtu) const;
    Result<> set_mac(const MacAddress& mac) const;

  private:
    KernelDevice(Fd socket, std::string port, std::string device, int index)
        : socket_(std::move(socket)), port_(std::move(port)), device_(std::move(device)), index_(index) {}
    bool ask(unsigned long request, ifreq& question) const;
    [[nodiscard]] Result<> tell(unsigned long request, ifreq& order, const std::string& what) const;

    Fd socket_;
    std::string port_, device_;
    int index_;
};

}  // namespace weft::ports
