// A virtual machine's NIC: the back end of vhost-user (QEMU, DPDK's virtio-user), by the library rte_vhost.
//
// The library speaks the protocol on threads of its own and maps the guest's memory. The rings are weft's own
// (vhost_ring.hpp): the library's bursts write the checksum field of a frame that others share, and forget of
// a guest's header what weft has to know of it (which offsets, ECN, that it lied).
//
// A gate per queue and direction lets the library's threads stop a ring under a polling worker: all gates are
// closed before a message of the front end is handled, and those of whole rings open again behind it. What a
// guest does wrong breaks its ring, which stays so until it is set up anew, or ends its connection.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/port/gate.hpp"
#include "dataplane/port/software_port.hpp"
#include "dataplane/port/vhost_fault.hpp"
#include "dataplane/port/vhost_queue.hpp"

namespace weft::ports {

class Vhost final : public SoftwarePort {
  public:
    /// Nobody calls it before enlist_vhost() (vhost_open.cpp) made it known to the library.
    Vhost(std::string name, std::string path, PortInfo info, rte_mempool* pool);
    ~Vhost() override;

    std::uint16_t receive(std::uint16_t queue, Packet* out[], std::uint16_t n,
                          ReceiveLoss& loss) noexcept override;
    std::uint16_t transmit(std::uint16_t queue, Packet* in[], std::uint16_t n,
                           TransmitLoss& loss) noexcept override;

    /// offloads and tx_queues are the connected guest's; link: a guest is there and has a queue enabled.
    [[nodiscard]] PortInfo info() override;
    Result<> set_up(bool up) override;
    [[nodiscard]] std::vector<std::pair<std::string, std::uint64_t>> statistics() override;

    // --- the library's threads ---

    /// A front end is there, or gone. False: there is one already.
    [[nodiscard]] bool connected(int device);
    void disconnected(int device);
    /// Rings may be used from now on, or no more when this returns.
    void started(int device);
    void stopped(int device);
    void ring_is_ready(int device, unsigned ring, bool ready);
    /// Around each message. After before_message() no worker uses the guest's memory.
    void before_message(int device, unsigned request);
    /// False: what the front end shares is not what it says, the connection has to end.
    [[nodiscard]] bool after_message(int device, unsigned request);

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::uint16_t queue_pairs() const noexcept { return info_.rx_queues; }

  private:
    struct alignas(64) Direction : VhostQueue {
        using VhostQueue::VhostQueue;
        Gate gate;
        bool ready = false;  ///< says the front end
        bool whole = false;  ///< and the ring lies in the guest's memory: the gate is open
    };
    static constexpr int nobody = -1;

    // with lock_ held
    [[nodiscard]] Direction* direction(unsigned ring) noexcept;
    void close_gates() noexcept;
    /// Opens the gates of what may be used now.
    void settle() noexcept;
    /// False if the memory is not as large as the front end says.
    bool map_memory() noexcept;
    void forget_memory() noexcept;
    void tell() noexcept;
    [[nodiscard]] bool attach(unsigned number, Direction& direction) noexcept;

    const std::string path_;
    rte_mempool* const pool_;
    GuestMemory memory_;
    SurvivesFaults guard_;  ///< of memory_
    GuestFeatures guest_;   ///< workers read it within a gate
    std::vector<std::unique_ptr<Direction>> receivers_, senders_;

    std::mutex lock_;  ///< of control and the library's threads; workers never take it
    int device_ = nobody;
    bool started_ = false, in_message_ = false, up_ = false;
    std::uint64_t connections_ = 0;
    PortInfo told_;  ///< what info() says: as of the last time that no message was being handled
};

}  // namespace weft::ports
