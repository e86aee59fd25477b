// A memif: frames through memory shared with another process (VPP, DPDK's net_memif, libmemif, another weft).
//
// Not DPDK's net_memif: that follows what the peer writes into shared memory without a look (a descriptor
// that names a region that was not added ends the process), and unmaps it under a running burst when the peer
// dies; tests/smoke/test_memif.py has both. Memif carries no offload state: frames come and leave finished.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/port/memif_exchange.hpp"
#include "dataplane/port/software_port.hpp"

namespace weft::ports {

class Memif final : public SoftwarePort {
  public:
    Memif(const std::string& name, MemifAddress address, std::uint8_t log2, int netns, PortInfo info,
          rte_mempool* pool, std::shared_ptr<MemifExchange> exchange)
        : SoftwarePort(name, std::move(info)),
          exchange_(std::move(exchange)),
          queues_(info_.rx_queues, info_.tx_queues, pool, exchange_->wake()),
          link_(name, std::move(address), log2, netns, queues_) {}
    ~Memif() override { exchange_->remove(link_); }
    /// Meets the peer from now on, when up.
    Result<> announce(int netns) { return exchange_->add(link_, netns); }

    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept override {
        return queues_.receive(queue, out, n, loss);
    }
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                           TransmitLoss&) noexcept override {
        return queues_.transmit(queue, in, n);
    }
    [[nodiscard]] int wait_descriptor(std::uint16_t queue) const noexcept override {
        return queues_.wait_descriptor(queue);
    }

    /// The link is whether a peer is connected.
    [[nodiscard]] PortInfo info() override;
    Result<> set_up(bool up) override;
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override;

  private:
    std::shared_ptr<MemifExchange> exchange_;
    MemifQueues queues_;
    MemifLink link_;
};

}  // namespace weft::ports
