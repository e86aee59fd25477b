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
/// forward by what was known. Dumps for what the kernel forgets silently keep their distance (dump_pace.hpp),
/// and nobody is made to wait for one that has not begun.
///
/// All may be called by any thread but this one. The data is behind one lock, held for a datagram's messages
/// at a time.
class RouteMirror {
  public:
    struct Wiring {
        Routes::Wiring routes;
        /// Neighbours whose MAC addresses the kernel is to find out, asked for after ask() by the thread.
        std::function<std::vector<NextHop>()> wanted;
        std::vector<unsigned> cpus;      ///< the thread may run on; empty: where its maker may
        std::size_t buffer = 64u << 20;  ///< of the socket, bytes
    };
    static Result<std::unique_ptr<RouteMirror>> start(const Netns& netns, Wiring wiring);
    ~RouteMirror();
    RouteMirror(const RouteMirror&) = delete;
    RouteMirror& operator=(const RouteMirror&) = delete;

    /// Returns when workers see it.
    void set(const RoutingSettings& settings);
    /// Has the kernel resolve what is wanted (RTM_NEWNEIGH with NTF_USE), as packets there would. What comes
    /// of it, also what is known by then, is told by Routes::Wiring::on_neighbour. Neither waits nor locks.
    void ask() noexcept;
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
    explicit RouteMirror(Routes::Wiring routes);

    std::mutex mutex_;
    std::unique_ptr<Routes> routes_;
    std::unique_ptr<Loop> loop_;
};

}  // namespace weft
