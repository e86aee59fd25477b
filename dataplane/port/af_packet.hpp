// A kernel device by packet sockets (packet(7)), one for each queue.
//
// PACKET_VNET_HDR carries unfinished checksums and GSO frames as such, auxiliary data the tag with its TPID,
// PACKET_FANOUT_HASH spreads flows over receive queues, PACKET_IGNORE_OUTGOING keeps out what the kernel and
// we send. While the port is down a filter on the sockets refuses everything, so that nothing queues up.
// The device may vanish at any time: no link, receive returns nothing, sent frames are counted as errors.
#pragma once

#include <linux/if_packet.h>
#include <sys/socket.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/port/kernel_device.hpp"
#include "dataplane/port/kernel_frame.hpp"
#include "dataplane/port/open.hpp"
#include "dataplane/port/queue_counters.hpp"
#include "weft/port.hpp"

namespace weft::ports {

class AfPacket final : public Port {
  public:
    struct Receiver;
    struct Sender;
    /// Sockets: one for each of max(rx_queues, tx_queues) queues; those past rx_queues only send.
    AfPacket(std::string name, KernelDevice device, std::vector<Fd> sockets, PortInfo info,
             rte_mempool* pool);
    ~AfPacket() override;

    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept override;
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept override;
    [[nodiscard]] int wait_descriptor(std::uint16_t queue) const noexcept override {
        return sockets_[queue].get();
    }

    [[nodiscard]] PortInfo info() override;
    [[nodiscard]] std::uint64_t missed() override;
    Result<> set_up(bool up) override;
    Result<> set_mtu(std::uint16_t mtu) override;
    Result<> set_mac(const MacAddress& mac) override;
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override;

  private:
    std::string name_;
    KernelDevice device_;
    std::vector<Fd> sockets_;
    PortInfo info_;
    std::atomic<std::uint16_t> mtu_{0};  ///< of the device when last asked
    bool up_ = false;
    std::optional<std::uint32_t> former_mtu_;  ///< of the device, if we changed it
    std::optional<MacAddress> former_mac_;
    std::vector<std::unique_ptr<Receiver>> receivers_;
    std::vector<std::unique_ptr<Sender>> senders_;
    std::uint64_t kernel_drops_ = 0;  ///< the kernel clears its own count when read
};

/// open_af_packet(), and the same for a device without Ethernet header: its packets then are what the port
/// receives and sends.
Result<std::unique_ptr<Port>> open_packet_sockets(const std::string& name, const std::string& device,
                                                  bool ethernet, const PortQueues& queues,
                                                  const PortEnvironment& environment);

}  // namespace weft::ports
