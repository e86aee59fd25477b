// Taking a device that is a port away from the kernel's stack, and giving it back.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "control/kernel/device_lock.hpp"
#include "control/kernel/netlink.hpp"
#include "control/kernel/netns.hpp"
#include "weft/result.hpp"

namespace weft {

struct CaptureRecord;

/// Where the undo records of the daemon on this socket are kept: SOCKET.state.
[[nodiscard]] std::string capture_state_path(const std::string& socket);

/// A kernel device taken from the kernel's stack while this lives: up, NOARP, disable_ipv6=1, and an nftables
/// `netdev` ingress chain that drops what arrives (packet sockets see a frame before that hook). Promiscuity
/// is the port's own PACKET_MR_PROMISC membership. What to undo is written to SOCKET.state before anything is
/// changed, so that undo_leftover_captures() can do it after a crash. Move-only; control thread only; `netns`
/// and `netlink` (of that namespace) outlive it.
class DeviceCapture {
  public:
    /// Refused if the device is missing, has an address other than an IPv6 link-local one, has a master, or
    /// is a weft TAP or the device of a port of another live weftd. With `adopt`, a device that a dead weftd
    /// on this socket took is taken over, without a moment in which the kernel's stack has it; its MTU and
    /// MAC are put back first.
    static Result<DeviceCapture> take(const Netns& netns, Netlink& netlink, const std::string& device,
                                      const std::string& socket, bool adopt = false);
    DeviceCapture(DeviceCapture&& other) noexcept;
    DeviceCapture& operator=(DeviceCapture&& other) noexcept;
    /// As release(), errors ignored.
    ~DeviceCapture();

    [[nodiscard]] int index() const noexcept { return index_; }
    /// To be called before the device's MTU or MAC is changed: writes down what it had, once.
    Result<> remember_mtu();
    Result<> remember_mac();
    /// Leaves the device taken: the next weftd on this socket adopts it or gives it back.
    void leave() noexcept {
        index_ = 0;
        lock_.release();
    }
    /// Gives the device back as it was. Gone meanwhile is fine. Later calls do nothing.
    Result<> release();

  private:
    DeviceCapture(const Netns& netns, Netlink& netlink, std::string socket, int index, DeviceLock lock)
        : netns_(&netns),
          netlink_(&netlink),
          socket_(std::move(socket)),
          index_(index),
          lock_(std::move(lock)) {}
    Result<> remember(void (*note)(CaptureRecord&, const KernelLink&));
    const Netns* netns_;
    Netlink* netlink_;
    std::string socket_;
    int index_ = 0;    ///< 0: released
    DeviceLock lock_;  ///< outlives the giving back
};

/// Gives back what a dead weftd on this socket took in this namespace, but for the devices in `keep` (indexes
/// of captures that live) and those that another live weftd holds; with the last record go the nftables table
/// and the state file. To be called at start when the ports are open, and by --clean. Returns the devices
/// given back.
Result<std::vector<std::string>> undo_leftover_captures(const Netns& netns, Netlink& netlink,
                                                        const std::string& socket,
                                                        const std::set<int>& keep = {});

/// Refused if a live weftd holds one of the devices that are written down for this socket and namespace: its
/// socket was removed, and nothing of what it has is left over.
Result<> check_captures_are_left(const Netns& netns, const std::string& socket);

}  // namespace weft
