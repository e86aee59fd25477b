#include "dataplane/port/null.hpp"
#include "dataplane/port/open.hpp"

namespace weft {
namespace ports {

Null::Null(std::string name, PortInfo info)
    : SoftwarePort(std::move(name), std::move(info)), sent_(new QueueCounters[info_.tx_queues]) {
    info_.offloads = every_offload;
}

std::vector<std::pair<std::string, std::uint64_t>> Null::statistics() {
    Statistics all;
    append_transmit(all, each(sent_.get(), info_.tx_queues));
    return all;
}

}  // namespace ports

Result<std::unique_ptr<Port>> open_null(const std::string& name, const PortQueues& queues,
                                        const PortEnvironment& environment) {
    using namespace ports;
    auto info = software_port(name, "null", queues, environment, max_port_queues, max_port_queues);
    if (!info) return std::move(info).error();
    return std::unique_ptr<Port>{new Null(name, *std::move(info))};
}

}  // namespace weft
