// A TAP whose descriptor weft holds; its far end is a device for a host or a container.
//
// Checksums and segmentation are left to whoever is last (IFF_VNET_HDR, TUNSETOFFLOAD); tags stand in the
// frame. The far end's carrier is whether the port is up, the port's link whether the far end is. The far end
// goes with the port. It may be renamed, moved to another namespace or deleted under us.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/port/kernel_frame.hpp"
#include "dataplane/port/netns.hpp"
#include "dataplane/port/queue_counters.hpp"
#include "dataplane/port/software_port.hpp"

namespace weft::ports {

class Tap final : public SoftwarePort {
  public:
    /// descriptors: one for each receive queue; transmit queues share them.
    Tap(std::string name, std::vector<Fd> descriptors, bool udp_gso, PortInfo info, rte_mempool* pool);
    ~Tap() override;

    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept override;
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept override;
    [[nodiscard]] int wait_descriptor(std::uint16_t queue) const noexcept override {
        return descriptors_[queue].get();
    }

    [[nodiscard]] PortInfo info() override;
    Result<> set_up(bool up) override;
    /// Sets the far end's too.
    Result<> set_mtu(std::uint16_t mtu) override;
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override;

  private:
    struct Receiver;
    struct Sender;
    struct FarEnd;

    void far_end_is_gone(std::uint16_t queue) noexcept;
    /// Asks the far end wherever it is now, by ioctl on a socket there. False if it is gone.
    bool ask_far_end(unsigned long request, FarEnd& far_end);

    std::vector<Fd> descriptors_;
    Fd never_readable_;  ///< a timer that is not set; takes the place of a dead descriptor, which poll(2)
                         ///< would report for ever
    std::atomic<bool> gone_{false};
    Fd far_socket_;            ///< of the namespace where the far end was last seen
    ino_t far_namespace_ = 0;  ///< and its inode
    std::vector<std::unique_ptr<Receiver>> receivers_;
    std::vector<std::unique_ptr<Sender>> senders_;
};

}  // namespace weft::ports
