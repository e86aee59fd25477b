#include "dataplane/port/ethdev_plan.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "dataplane/port/software_port.hpp"

namespace weft::ports {

namespace {

constexpr std::uint16_t usual_descriptors = 1024;
/// A GSO frame of 64 KiB in buffers of 2 KiB, and a header of its own.
constexpr std::uint16_t gso_segments = 34;

/// What the user asked, or what is usual, within the device's limits and a multiple of its step.
Result<std::uint16_t> descriptors(const std::string& name, const char* which, const rte_eth_desc_lim& limit,
                                  std::optional<std::uint16_t> asked) {
    const std::uint32_t step = std::max<std::uint32_t>(limit.nb_align, 1);
    const std::uint32_t most = (limit.nb_max ? limit.nb_max : UINT16_MAX) / step * step;
    const std::uint32_t least =
        std::min((std::max<std::uint32_t>(limit.nb_min, 1) + step - 1) / step * step, most);
    if (asked && (*asked < least || *asked > most))
        return refuse(fmt::format("port {}: {} descriptors asked, {} takes {} to {}", name, *asked, which,
                                  least, most));
    const std::uint32_t wanted = (asked.value_or(usual_descriptors) + step - 1) / step * step;
    return static_cast<std::uint16_t>(std::clamp(wanted, least, most));
}

/// What a frame has around its L3 bytes, as the driver counts it: Ethernet header, FCS, perhaps tags.
std::uint32_t overhead(const rte_eth_dev_info& info) {
    if (info.max_mtu != UINT16_MAX && info.max_rx_pktlen > info.max_mtu)
        return info.max_rx_pktlen - info.max_mtu;
    return RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
}

Result<> plan_queues(const std::string& name, const rte_eth_dev_info& info, const PortQueues& queues,
                     unsigned workers, EthdevPlan& plan) {
    if (queues.rx < 1 || queues.rx > info.max_rx_queues)
        return refuse(fmt::format("port {}: {} receive queues asked, {} has {}", name, queues.rx,
                                  info.driver_name, info.max_rx_queues));
    if (queues.tx && (*queues.tx < 1 || *queues.tx > info.max_tx_queues))
        return refuse(fmt::format("port {}: {} transmit queues asked, {} has {}", name, *queues.tx,
                                  info.driver_name, info.max_tx_queues));
    if (info.max_tx_queues < 1) return refuse(fmt::format("port {}: {} cannot send", name, info.driver_name));
    plan.rx_queues = queues.rx;
    plan.tx_queues =
        queues.tx.value_or(static_cast<std::uint16_t>(std::clamp<unsigned>(workers, 1, info.max_tx_queues)));

    auto rx = descriptors(name, "a receive queue", info.rx_desc_lim, queues.descriptors);
    if (!rx) return std::move(rx).error();
    auto tx = descriptors(name, "a transmit queue", info.tx_desc_lim, queues.descriptors);
    if (!tx) return std::move(tx).error();
    plan.rx_descriptors = *rx;
    plan.tx_descriptors = *tx;
    return {};
}

Result<> plan_mtu(const std::string& name, const rte_eth_dev_info& info, const PortQueues& queues,
                  std::uint16_t buffer_room, EthdevPlan& plan) {
    const std::uint32_t around = overhead(info);
    const bool scatters = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
    std::uint32_t most =
        std::min<std::uint32_t>(info.max_mtu ? info.max_mtu : default_port_mtu, max_port_mtu);
    if (!scatters) most = std::min<std::uint32_t>(most, buffer_room - around);
    plan.max_mtu = static_cast<std::uint16_t>(most);
    plan.mtu = queues.mtu.value_or(std::min(default_port_mtu, plan.max_mtu));
    const std::uint16_t least = std::max(info.min_mtu, min_port_mtu);
    if (plan.mtu < least || plan.mtu > most)
        return refuse(fmt::format(
            "port {}: MTU {} is not possible: {} takes {} to {}{}", name, plan.mtu, info.driver_name, least,
            most, !scatters && plan.mtu <= info.max_mtu ? " (it cannot scatter a frame over buffers)" : ""));
    plan.conf.rxmode.mtu = plan.mtu;
    if (plan.mtu + around > buffer_room) plan.conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_SCATTER;
    return {};
}

void plan_receive(const rte_eth_dev_info& info, EthdevPlan& plan) {
    plan.conf.rxmode.offloads |=
        info.rx_offload_capa &
        (RTE_ETH_RX_OFFLOAD_VLAN_STRIP | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
    const auto spread = info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
    if (plan.rx_queues > 1 && spread) {
        plan.conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        plan.conf.rx_adv_conf.rss_conf.rss_hf = spread;
        if (info.reta_size <= RTE_ETH_RSS_RETA_SIZE_512) plan.reta_size = info.reta_size;
    }
    plan.conf.intr_conf.lsc = info.dev_flags && (*info.dev_flags & RTE_ETH_DEV_INTR_LSC);
    plan.rx_conf = info.default_rxconf;
    plan.rx_conf.offloads = plan.conf.rxmode.offloads;
}

void plan_transmit(const rte_eth_dev_info& info, EthdevPlan& plan) {
    constexpr std::uint64_t l4 = RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
    constexpr std::uint64_t tso =
        RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS | l4;
    const auto can = [&](std::uint64_t wanted) { return (info.tx_offload_capa & wanted) == wanted; };
    auto& asked = plan.conf.txmode.offloads;
    if (info.tx_desc_lim.nb_seg_max) plan.max_gso_segments = info.tx_desc_lim.nb_seg_max;
    if (info.tx_desc_lim.nb_mtu_seg_max) plan.max_segments = info.tx_desc_lim.nb_mtu_seg_max;
    if (can(RTE_ETH_TX_OFFLOAD_MULTI_SEGS)) {
        asked |= RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
        plan.offloads |= Offload::multi_segment;
    }
    if (can(RTE_ETH_TX_OFFLOAD_VLAN_INSERT)) {
        asked |= RTE_ETH_TX_OFFLOAD_VLAN_INSERT;
        plan.offloads |= Offload::vlan_insert;
    }
    if (can(l4)) {
        asked |= l4;
        plan.offloads |= Offload::checksum;
    }
    if (can(tso) && plan.max_gso_segments >= gso_segments) {
        asked |= tso;
        plan.offloads |= Offload::tcp4_gso | Offload::tcp6_gso;
    }
    plan.tx_conf = info.default_txconf;
    plan.tx_conf.offloads = asked;
}

}  // namespace

Result<EthdevPlan> plan_ethdev(const std::string& name, const rte_eth_dev_info& info,
                               const PortQueues& queues, unsigned workers, std::uint16_t buffer_room) {
    EthdevPlan plan;
    if (auto ok = plan_queues(name, info, queues, workers, plan); !ok) return std::move(ok).error();
    if (auto ok = plan_mtu(name, info, queues, buffer_room, plan); !ok) return std::move(ok).error();
    if (queues.mac)
        if (auto ok = check_mac(name, *queues.mac); !ok) return std::move(ok).error();
    plan_receive(info, plan);
    plan_transmit(info, plan);
    return plan;
}

}  // namespace weft::ports
