// A kernel device by AF_XDP sockets: DPDK's net_af_xdp, and what it leaves to do.
//
// XDP loses what the kernel knew of a frame. A tag that the device stripped is lost to every XDP program. A
// veth peer's checksum that was left unfinished arrives as it is, so receive() recognizes it by its value.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/port/ethdev_offload.hpp"
#include "dataplane/port/xdp_sockets.hpp"
#include "weft/port.hpp"

namespace weft::ports {

class AfXdp final : public Port {
  public:
    /// ethdev: the port of net_af_xdp.
    AfXdp(std::string name, std::unique_ptr<Port> ethdev, std::set<ino_t> sockets)
        : name_(std::move(name)), ethdev_(std::move(ethdev)), sockets_(std::move(sockets)) {}
    ~AfXdp() override;

    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept override {
        const auto count = ethdev_->receive(queue, out, n, loss);
        for (std::uint16_t i = 0; i < count; ++i)
            find_left_unfinished(*out[i]);
        return count;
    }
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept override {
        return ethdev_->transmit(queue, in, n, loss);
    }
    [[nodiscard]] PortInfo info() override { return ethdev_->info(); }
    [[nodiscard]] std::uint64_t missed() override { return ethdev_->missed(); }
    Result<> set_up(bool up) override { return ethdev_->set_up(up); }
    /// Refused: its queues cannot be made anew under it.
    Result<> set_mtu(std::uint16_t mtu) override;
    Result<> set_mac(const MacAddress& mac) override { return ethdev_->set_mac(mac); }
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override {
        return ethdev_->statistics();
    }

  private:
    std::string name_;
    std::unique_ptr<Port> ethdev_;
    std::set<ino_t> sockets_;
};

}  // namespace weft::ports
