#include <fmt/core.h>
#include <sys/eventfd.h>

#include <bit>

#include "dataplane/port/memif.hpp"
#include "dataplane/port/open.hpp"

namespace weft {
namespace ports {

PortInfo Memif::info() {
    info_.link_up = exchange_->with(link_, [](const MemifLink& link) { return link.connected(); });
    return info_;
}

Result<> Memif::set_up(bool up) {
    exchange_->with(link_, [&](MemifLink& link) { link.enable(up); });
    eventfd_write(exchange_->wake(), 1);
    return {};
}

std::vector<std::pair<std::string, std::uint64_t>> Memif::statistics() {
    auto all = queues_.statistics();
    exchange_->with(link_, [&](const MemifLink& link) {
        all.emplace_back("connections", link.connections());
        all.emplace_back("peers_refused", link.refusals());
    });
    return all;
}

}  // namespace ports

Result<std::unique_ptr<Port>> open_memif(const std::string& name, const MemifAddress& address,
                                         const PortQueues& queues, const PortEnvironment& environment) {
    using namespace ports;
    // A peer has one ring each way unless told otherwise.
    PortQueues asked = queues;
    if (!asked.tx) asked.tx = 1;
    auto info = software_port(name, "memif", asked, environment, memif::max_rings, memif::max_rings);
    if (!info) return std::move(info).error();
    const std::uint16_t slots = queues.descriptors.value_or(1024);
    if (!std::has_single_bit(slots) || slots < 2 || slots > 1u << memif::max_log2_ring_size)
        return refuse(fmt::format("port {}: {} descriptors asked, a memif ring takes a power of two, 2 to {}",
                                  name, slots, 1u << memif::max_log2_ring_size));
    info->offloads = Offload::multi_segment;
    auto port =
        std::make_unique<Memif>(name, address, static_cast<std::uint8_t>(std::countr_zero(slots)),
                                environment.host_netns, *info, environment.pool, MemifExchange::get());
    if (auto ok = port->announce(environment.host_netns); !ok)
        return refuse(fmt::format("port {}: {}", name, ok.error().message));
    return std::unique_ptr<Port>{std::move(port)};
}

}  // namespace weft
