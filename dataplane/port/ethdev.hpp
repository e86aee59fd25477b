// Any DPDK device as a port.
//
// Every call stays within what the device's rte_eth_dev_info allows (ethdev_plan.hpp). A stopped device is
// not touched by a worker: each queue has a gate. Frames whose offload state contradicts them, and such as
// the driver refuses in rte_eth_tx_prepare, are freed and counted as tx_refused.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/port/ethdev_api.hpp"
#include "dataplane/port/ethdev_plan.hpp"
#include "dataplane/port/gate.hpp"
#include "weft/counters.hpp"
#include "weft/port.hpp"

namespace weft::ports {

class Ethdev final : public Port {
  public:
    /// Configures the device, which is removed when this fails and when the port ends. `api` outlives the
    /// port.
    static Result<std::unique_ptr<Port>> open(const std::string& name, std::uint16_t id,
                                              const PortQueues& queues, const PortEnvironment& environment,
                                              const EthdevApi& api = dpdk_ethdev);
    ~Ethdev() override;

    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept override;
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept override;

    [[nodiscard]] PortInfo info() override;
    [[nodiscard]] std::uint64_t missed() override;
    Result<> set_up(bool up) override;
    Result<> set_mtu(std::uint16_t mtu) override;
    Result<> set_mac(const MacAddress& mac) override;
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override;

  private:
    struct Sender {
        Gate gate;
        Counter refused;
    };
    Ethdev(std::string name, std::uint16_t id, rte_mempool* pool, const EthdevApi& api)
        : name_(std::move(name)), id_(id), pool_(pool), api_(api) {}
    Result<> configure();
    Result<> start();
    void stop();
    [[nodiscard]] Error failed(const char* what, int error) const;
    [[nodiscard]] bool fits(const Packet& packet) const noexcept {
        return packet.nb_segs <=
               (packet.meta.gso_type == GsoType::none ? plan_.max_segments : plan_.max_gso_segments);
    }

    std::string name_;
    std::uint16_t id_;
    rte_mempool* pool_;
    const EthdevApi& api_;
    rte_eth_dev_info device_{};
    PortQueues asked_;
    unsigned workers_ = 1;
    EthdevPlan plan_;
    bool up_ = false;
    std::unique_ptr<Gate[]> receivers_;
    std::unique_ptr<Sender[]> senders_;
};

}  // namespace weft::ports
