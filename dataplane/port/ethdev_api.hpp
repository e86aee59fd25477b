// The DPDK calls that an ethdev port makes. A test puts a device of its own behind them: DPDK's headers for
// drivers are not installed, and no network card is at hand that refuses what we want to see refused.
#pragma once

#include <rte_ethdev.h>

#include <cstdint>

namespace weft::ports {

/// Signatures and meaning as the rte_eth_* function of that name; none is null.
struct EthdevApi {
    int (*info_get)(std::uint16_t port, rte_eth_dev_info* info);
    int (*socket_id)(std::uint16_t port);
    int (*configure)(std::uint16_t port, std::uint16_t rx, std::uint16_t tx, const rte_eth_conf* conf);
    int (*rx_queue_setup)(std::uint16_t port, std::uint16_t queue, std::uint16_t descriptors, unsigned socket,
                          const rte_eth_rxconf* conf, rte_mempool* pool);
    int (*tx_queue_setup)(std::uint16_t port, std::uint16_t queue, std::uint16_t descriptors, unsigned socket,
                          const rte_eth_txconf* conf);
    int (*start)(std::uint16_t port);
    int (*stop)(std::uint16_t port);
    /// Closes the port and removes its device from its bus.
    void (*remove)(std::uint16_t port);
    int (*reta_update)(std::uint16_t port, rte_eth_rss_reta_entry64* table, std::uint16_t size);
    int (*set_mtu)(std::uint16_t port, std::uint16_t mtu);
    int (*macaddr_get)(std::uint16_t port, rte_ether_addr* mac);
    int (*default_mac_addr_set)(std::uint16_t port, rte_ether_addr* mac);
    int (*promiscuous_enable)(std::uint16_t port);
    int (*link_get_nowait)(std::uint16_t port, rte_eth_link* link);
    int (*is_removed)(std::uint16_t port);
    int (*stats_get)(std::uint16_t port, rte_eth_stats* stats);
    int (*xstats_get_names)(std::uint16_t port, rte_eth_xstat_name* names, unsigned size);
    int (*xstats_get)(std::uint16_t port, rte_eth_xstat* values, unsigned size);
    // worker side
    std::uint16_t (*rx_burst)(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets, std::uint16_t n);
    std::uint16_t (*tx_prepare)(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets, std::uint16_t n);
    std::uint16_t (*tx_burst)(std::uint16_t port, std::uint16_t queue, rte_mbuf** packets, std::uint16_t n);
};

/// DPDK itself.
extern const EthdevApi dpdk_ethdev;

}  // namespace weft::ports
