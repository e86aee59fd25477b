#include <fmt/core.h>
#include <rte_errno.h>

#include <algorithm>
#include <cstring>

#include "dataplane/port/ethdev.hpp"
#include "dataplane/port/software_port.hpp"

namespace weft::ports {

Error Ethdev::failed(const char* what, int error) const {
    return refuse(fmt::format("port {}: {} {}: {}", name_,
                              device_.driver_name ? device_.driver_name : "the device", what,
                              rte_strerror(error < 0 ? -error : error)));
}

Result<std::unique_ptr<Port>> Ethdev::open(const std::string& name, std::uint16_t id,
                                           const PortQueues& queues, const PortEnvironment& environment,
                                           const EthdevApi& api) {
    std::unique_ptr<Ethdev> port{new Ethdev(name, id, environment.pool, api)};
    if (const int error = api.info_get(id, &port->device_))
        return port->failed("does not say what it can", error);
    const auto room =
        static_cast<std::uint16_t>(rte_pktmbuf_data_room_size(environment.pool) - RTE_PKTMBUF_HEADROOM);
    auto plan = plan_ethdev(name, port->device_, queues, environment.workers, room);
    if (!plan) return std::move(plan).error();
    port->plan_ = *std::move(plan);
    port->asked_ = queues;
    port->workers_ = environment.workers;
    port->receivers_.reset(new Gate[port->plan_.rx_queues]);
    port->senders_.reset(new Sender[port->plan_.tx_queues]);
    if (auto ok = port->configure(); !ok) return std::move(ok).error();
    if (queues.mac)
        if (auto ok = port->set_mac(*queues.mac); !ok) return std::move(ok).error();
    return std::unique_ptr<Port>{std::move(port)};
}

Ethdev::~Ethdev() {
    if (up_) stop();
    api_.remove(id_);
}

Result<> Ethdev::configure() {
    const int where = api_.socket_id(id_);
    const unsigned socket = where < 0 ? static_cast<unsigned>(SOCKET_ID_ANY) : static_cast<unsigned>(where);
    if (const int error = api_.configure(id_, plan_.rx_queues, plan_.tx_queues, &plan_.conf))
        return failed("does not take its configuration", error);
    for (std::uint16_t q = 0; q < plan_.rx_queues; ++q)
        if (const int error =
                api_.rx_queue_setup(id_, q, plan_.rx_descriptors, socket, &plan_.rx_conf, pool_))
            return failed("does not set up a receive queue", error);
    for (std::uint16_t q = 0; q < plan_.tx_queues; ++q)
        if (const int error = api_.tx_queue_setup(id_, q, plan_.tx_descriptors, socket, &plan_.tx_conf))
            return failed("does not set up a transmit queue", error);
    // Drivers of kernel devices learn of it by this call only; others have taken it with the configuration.
    if (asked_.mtu)
        if (const int error = api_.set_mtu(id_, plan_.mtu); error && error != -ENOTSUP)
            return failed("does not take the MTU", error);
    const int error = api_.promiscuous_enable(id_);
    if (error && error != -ENOTSUP) return failed("does not become promiscuous", error);
    return {};
}

Result<> Ethdev::start() {
    if (const int error = api_.start(id_)) return failed("does not start", error);
    if (plan_.reta_size) {
        rte_eth_rss_reta_entry64 table[RTE_ETH_RSS_RETA_SIZE_512 / RTE_ETH_RETA_GROUP_SIZE]{};
        for (std::uint16_t i = 0; i < plan_.reta_size; ++i) {
            auto& group = table[i / RTE_ETH_RETA_GROUP_SIZE];
            group.mask |= std::uint64_t{1} << i % RTE_ETH_RETA_GROUP_SIZE;
            group.reta[i % RTE_ETH_RETA_GROUP_SIZE] = static_cast<std::uint16_t>(i % plan_.rx_queues);
        }
        const int error = api_.reta_update(id_, table, plan_.reta_size);
        if (error && error != -ENOTSUP) {
            api_.stop(id_);
            return failed("does not take its RSS table", error);
        }
    }
    up_ = true;
    for (std::uint16_t q = 0; q < plan_.rx_queues; ++q)
        receivers_[q].open();
    for (std::uint16_t q = 0; q < plan_.tx_queues; ++q)
        senders_[q].gate.open();
    return {};
}

void Ethdev::stop() {
    for (std::uint16_t q = 0; q < plan_.rx_queues; ++q)
        receivers_[q].close();
    for (std::uint16_t q = 0; q < plan_.tx_queues; ++q)
        senders_[q].gate.close();
    api_.stop(id_);
    up_ = false;
}

Result<> Ethdev::set_up(bool up) {
    if (up == up_) return {};
    if (up) return start();
    stop();
    return {};
}

PortInfo Ethdev::info() {
    PortInfo info;
    info.driver = device_.driver_name;
    rte_ether_addr mac{};
    if (api_.macaddr_get(id_, &mac) == 0)
        std::memcpy(info.mac.bytes.data(), mac.addr_bytes, info.mac.bytes.size());
    info.mtu = plan_.mtu;
    info.max_mtu = plan_.max_mtu;
    info.rx_queues = plan_.rx_queues;
    info.tx_queues = plan_.tx_queues;
    info.offloads = plan_.offloads;
    rte_eth_link link{};
    if (up_ && api_.link_get_nowait(id_, &link) == 0 && api_.is_removed(id_) == 0) {
        info.link_up = link.link_status == RTE_ETH_LINK_UP;
        if (info.link_up && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN) info.speed_mbps = link.link_speed;
    }
    return info;
}

Result<> Ethdev::set_mtu(std::uint16_t mtu) {
    PortQueues asked = asked_;
    asked.mtu = mtu;
    const auto room = static_cast<std::uint16_t>(rte_pktmbuf_data_room_size(pool_) - RTE_PKTMBUF_HEADROOM);
    auto plan = plan_ethdev(name_, device_, asked, workers_, room);
    if (!plan) return std::move(plan).error();
    // Scattering is set up with the queues, so the device is made anew; if it refuses, it becomes what it
    // was.
    const bool was_up = up_;
    if (was_up) stop();
    const EthdevPlan former = std::exchange(plan_, *std::move(plan));
    std::swap(asked_, asked);
    auto changed = configure();
    if (!changed) {
        plan_ = former;
        asked_ = asked;
        if (auto ok = configure(); !ok) return ok;
    }
    if (was_up)
        if (auto ok = start(); !ok) return ok;
    return changed;
}

Result<> Ethdev::set_mac(const MacAddress& mac) {
    if (auto ok = check_mac(name_, mac); !ok) return ok;
    rte_ether_addr address{};
    std::memcpy(address.addr_bytes, mac.bytes.data(), mac.bytes.size());
    const int error = api_.default_mac_addr_set(id_, &address);
    if (error == -ENOTSUP)
        return refuse(fmt::format("port {}: {} cannot change its address: leave \"mac\" out", name_,
                                  device_.driver_name));
    if (error) return failed(fmt::format("does not take address {}", to_string(mac)).c_str(), error);
    return {};
}

std::uint64_t Ethdev::missed() {
    rte_eth_stats stats{};
    return api_.stats_get(id_, &stats) == 0 ? stats.imissed : 0;
}

std::vector<std::pair<std::string, std::uint64_t>> Ethdev::statistics() {
    std::vector<std::pair<std::string, std::uint64_t>> all;
    const int n = api_.xstats_get_names(id_, nullptr, 0);
    if (n > 0) {
        std::vector<rte_eth_xstat_name> names(static_cast<std::size_t>(n));
        std::vector<rte_eth_xstat> values(static_cast<std::size_t>(n));
        const int known = api_.xstats_get_names(id_, names.data(), static_cast<unsigned>(n));
        const int read = api_.xstats_get(id_, values.data(), static_cast<unsigned>(n));
        for (int i = 0; i < std::min({n, known, read}); ++i)
            all.emplace_back(names[static_cast<std::size_t>(values[static_cast<std::size_t>(i)].id)].name,
                             values[static_cast<std::size_t>(i)].value);
    }
    std::uint64_t refused = 0;
    for (std::uint16_t q = 0; q < plan_.tx_queues; ++q)
        refused += senders_[q].refused.get();
    all.emplace_back("tx_refused", refused);
    return all;
}

}  // namespace weft::ports
