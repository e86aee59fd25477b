#include <fmt/core.h>
#include <rte_cycles.h>
#include <sys/mman.h>

#include <cstdlib>
#include <numeric>

#include "dataplane/port/gen.hpp"

namespace weft {
namespace ports {

namespace {
constexpr std::uint32_t max_flows = 10'000'000, max_prepared = 1u << 20;
constexpr std::uint16_t min_size = 64, max_size = 9022;

/// A step through `flows` positions that visits each once and lands far from where it was.
std::uint32_t jumping_step(std::uint32_t flows) {
    auto step = static_cast<std::uint32_t>(flows * 0.6180339887);
    while (step > 1 && std::gcd(step, flows) != 1)
        --step;
    return step > 0 ? step : 1;
}
}  // namespace

Gen::Gen(std::string name, PortInfo info, const GenConfig& config, rte_mempool* pool)
    : SoftwarePort(std::move(name), std::move(info)),
      pool_(pool),
      frame_(config),
      head_room_(static_cast<std::uint16_t>(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM)),
      sources_(new Source[info_.rx_queues]),
      received_(new QueueCounters[info_.rx_queues]),
      sent_(new QueueCounters[info_.tx_queues]) {
    info_.offloads = every_offload;
    head_room_ = std::min(head_room_, frame_.length());
    share_out(config);
    if (config.flows <= max_prepared || config.rewrite) prepare(config);
}

Gen::~Gen() {
    if (prepared_) munmap(prepared_, prepared_bytes_);
}

void Gen::share_out(const GenConfig& config) {
    const std::uint64_t queues = info_.rx_queues;
    for (std::uint64_t q = 0; q < queues; ++q) {
        Source& source = sources_[q];
        source.first = static_cast<std::uint32_t>(config.flows * q / queues);
        source.flows = static_cast<std::uint32_t>(config.flows * (q + 1) / queues) - source.first;
        source.step = config.shuffled ? jumping_step(source.flows) : 1;
        if (source.flows == 0) continue;
        source.count =
            config.count ? config.count * (q + 1) / queues - config.count * q / queues : UINT64_MAX;
        source.per_tick = static_cast<double>(config.rate) / static_cast<double>(queues * rte_get_tsc_hz());
    }
}

void Gen::prepare(const GenConfig& config) {
    const auto flows = sources_[info_.rx_queues - 1].first + sources_[info_.rx_queues - 1].flows;
    prepared_bytes_ = flows * sizeof(GenHead);
    void* memory = mmap(nullptr, prepared_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return;  // headers are computed instead
    madvise(memory, prepared_bytes_, MADV_HUGEPAGE);
    prepared_ = static_cast<GenHead*>(memory);
    for (std::uint16_t q = 0; q < info_.rx_queues; ++q) {
        const Source& source = sources_[q];
        std::uint64_t flow = 0;
        for (std::uint32_t i = 0; i < source.flows; ++i, flow = (flow + source.step) % source.flows) {
            GenHead& head = prepared_[source.first + i];
            frame_.head(source.first + static_cast<std::uint32_t>(flow), head);
            if (config.rewrite)
                config.rewrite(source.first + static_cast<std::uint32_t>(flow),
                               reinterpret_cast<std::byte*>(head.bytes));
        }
    }
}

Result<> Gen::set_up(bool up) {
    if (up != info_.link_up) epoch_.fetch_add(1, std::memory_order_release);
    info_.link_up = up;
    return {};
}

std::vector<std::pair<std::string, std::uint64_t>> Gen::statistics() {
    Statistics all;
    append_receive(all, each(received_.get(), info_.rx_queues));
    append_transmit(all, each(sent_.get(), info_.tx_queues));
    return all;
}

}  // namespace ports

Result<std::unique_ptr<Port>> open_gen(const std::string& name, const GenConfig& config,
                                       const PortQueues& queues, const PortEnvironment& environment) {
    using namespace ports;
    if (config.size < min_size || config.size > max_size)
        return refuse(fmt::format("port {}: frame size {} is not possible: give {} to {}", name, config.size,
                                  min_size, max_size));
    if (config.flows < 1 || config.flows > max_flows)
        return refuse(
            fmt::format("port {}: {} flows are not possible: give 1 to {}", name, config.flows, max_flows));
    if (config.vid >= vid_mask)
        return refuse(fmt::format("port {}: VLAN {} is not possible: give 0 to 4094", name, config.vid));
    if (auto ok = check_mac(name, config.source); !ok) return std::move(ok).error();
    auto info = software_port(name, "gen", queues, environment, max_port_queues, max_port_queues);
    if (!info) return std::move(info).error();
    return std::unique_ptr<Port>{new Gen(name, *std::move(info), config, environment.pool)};
}

}  // namespace weft
