// Follows the kernel's links, addresses, neighbours, next hops, routes and rules of one namespace.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "control/kernel/netns.hpp"
#include "control/route/routes.hpp"
#include "weft/result.hpp"

namespace weft {

/// A thread of its own ("weft-routes") with one netlink socket for notifications and dumps alike: so what a
/// dump says and what changes meanwhile come in the order they happened. When notifications are lost
/// (ENOBUFS) everything is dumped again; what a dump does not name goes at its end, and until then workers
/// forward by what was known.
///
/// All may be called by any thread but this one. The data is behind one lock, held for a datagram's messages
/// at a time.
class RouteMirror {
  public:
    struct Wiring {
        Routes::Wiring routes;
        std::vector<unsigned> cpus;      ///< the thread may run on; empty: where its maker may
        std::size_t buffer = 64u << 20;  ///< of the socket, bytes
    };
    static Result<std::unique_ptr<RouteMirror>> start(const Netns& netns, Wiring wiring);
    ~RouteMirror();
    RouteMirror(const RouteMirror&) = delete;
    RouteMirror& operator=(const RouteMirror&) = delete;

    /// Returns when workers see it.
    void set(const RoutingSettings& settings);
    /// Has the kernel find out a neighbour's MAC address (RTM_NEWNEIGH with NTF_USE), as a packet to it
    /// would. Its outcome comes by Routes::Wiring::on_neighbour.
    void resolve(IfIndex interface, bool v6, const IpAddress& address);
    /// Whether a neighbour's MAC address is known.
    [[nodiscard]] bool is_resolved(IfIndex interface, bool v6, const IpAddress& address);
    /// Returns when all that the kernel had said at the call is in the tables. False after the time.
    bool wait_until_in_step(unsigned milliseconds);
    /// work(routes) under the lock.
    template <class F>
    auto with(F&& work) {
        const std::lock_guard lock(mutex_);
        return work(*routes_);
    }

    struct Counts {
        std::uint64_t messages = 0, malformed = 0, overflows = 0, dumps = 0;
    };
    [[nodiscard]] Counts counts() const;

  private:
    class Loop;
    RouteMirror(Wiring wiring);

    std::mutex mutex_;
    std::unique_ptr<Routes> routes_;
    std::unique_ptr<Loop> loop_;
};

}  // namespace weft
