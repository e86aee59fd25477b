#include <fmt/core.h>

#include <chrono>
#include <string>
#include <thread>

#include "dataplane/dpdk/pool.hpp"
#include "dataplane/port/af_xdp.hpp"
#include "dataplane/port/netns.hpp"
#include "dataplane/port/open.hpp"

namespace weft {

namespace {

/// net_af_xdp 22.11 keeps 2048 buffers of the pool in the kernel's ring and 1024 in each of its own two, and
/// gives none back when it ends: from a pool of its own it takes them from nobody else.
constexpr unsigned buffers_per_queue = 4608;

/// With what the driver forgot in it, so never freed.
Result<rte_mempool*> own_pool(std::uint16_t queues) {
    static unsigned number = 0;
    auto pool = PacketPool::create(fmt::format("af_xdp_{}", number++), queues * buffers_per_queue);
    if (!pool) return std::move(pool).error();
    auto* kept = new PacketPool{*std::move(pool)};  // NOLINT: it outlives every mbuf of it
    return kept->get();
}

/// The kernel lets go of a queue by deferred work (xp_release_deferred); until then who binds it gets EBUSY.
constexpr auto release_time = std::chrono::milliseconds{100};

}  // namespace

ports::AfXdp::~AfXdp() {
    ethdev_.reset();
    close_xdp_sockets(sockets_);
    std::this_thread::sleep_for(release_time);
}

Result<> ports::AfXdp::set_mtu(std::uint16_t mtu) {
    if (mtu == info().mtu) return {};
    return refuse(fmt::format("port {}: net_af_xdp cannot change the MTU: leave \"mtu\" out", name_));
}

Result<std::unique_ptr<Port>> open_af_xdp(const std::string& name, const std::string& device,
                                          const PortQueues& queues, const PortEnvironment& environment) {
    if (device.find(',') != std::string::npos)
        return refuse(fmt::format("port {}: DPDK cannot name the device {}", name, device));
    // The sockets belong to the namespace where the driver makes them.
    const auto scope = ports::InNamespace::enter(environment.host_netns);
    if (!scope) return scope.error();
    auto pool = own_pool(queues.rx);
    if (!pool) return refuse(fmt::format("port {}: {}", name, pool.error().message));
    PortEnvironment own = environment;
    own.pool = *pool;
    const auto devargs =
        fmt::format("net_af_xdp_{},iface={},start_queue=0,queue_count={}", name, device, queues.rx);
    const auto before = ports::xdp_sockets();
    auto ethdev = open_ethdev(name, devargs, queues, own);
    auto sockets = ports::xdp_sockets();
    for (const auto inode : before)
        sockets.erase(inode);
    if (!ethdev) {
        ports::close_xdp_sockets(sockets);
        return ethdev;
    }
    return std::unique_ptr<Port>{
        std::make_unique<ports::AfXdp>(name, *std::move(ethdev), std::move(sockets))};
}

}  // namespace weft
