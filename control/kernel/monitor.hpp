// What changes in a namespace: links and addresses, as the kernel tells of them.
#pragma once

#include <functional>
#include <memory>

#include "control/kernel/netlink.hpp"
#include "control/kernel/netns.hpp"
#include "weft/result.hpp"

struct nl_sock;

namespace weft {

/// A netlink subscription (RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR) on a non-blocking socket.
/// The event loop waits for descriptor() and calls on_readable(). Control thread only.
class KernelMonitor {
  public:
    struct Callbacks {
        /// A link is new or anything of it changed: flags, MTU, MAC, carrier, name. Also for changes that
        /// weft itself made.
        std::function<void(const KernelLink&)> link;
        std::function<void(const KernelLink&)> link_gone;
        std::function<void(const KernelAddress&, bool added)> address;
        /// Notifications were lost (ENOBUFS): ask for everything again.
        std::function<void()> resync;
    };
    /// An empty callback is not called.
    static Result<KernelMonitor> open(const Netns& netns, Callbacks callbacks);
    KernelMonitor(KernelMonitor&&) noexcept;
    KernelMonitor& operator=(KernelMonitor&&) noexcept;
    ~KernelMonitor();

    [[nodiscard]] int descriptor() const noexcept;
    /// Reads all that is there and calls back; never blocks.
    void on_readable();

  private:
    struct State;
    explicit KernelMonitor(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace weft
