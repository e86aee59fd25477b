#include "dataplane/port/ethdev_api.hpp"

#include <rte_dev.h>

namespace weft::ports {

namespace {

void remove_device(std::uint16_t port) {
    rte_eth_dev_info info{};
    rte_eth_dev_info_get(port, &info);
    rte_eth_dev_close(port);
    // Some devices have several ports: the last one takes the device away.
    std::uint16_t other;
    RTE_ETH_FOREACH_DEV(other) {
        rte_eth_dev_info of_other{};
        if (rte_eth_dev_info_get(other, &of_other) == 0 && of_other.device == info.device) return;
    }
    if (info.device) rte_dev_remove(info.device);
}

}  // namespace

const EthdevApi dpdk_ethdev{
    .info_get = rte_eth_dev_info_get,
    .socket_id = rte_eth_dev_socket_id,
    .configure = rte_eth_dev_configure,
    .rx_queue_setup = rte_eth_rx_queue_setup,
    .tx_queue_setup = rte_eth_tx_queue_setup,
    .start = rte_eth_dev_start,
    .stop = rte_eth_dev_stop,
    .remove = remove_device,
    .reta_update = rte_eth_dev_rss_reta_update,
    .set_mtu = rte_eth_dev_set_mtu,
    .macaddr_get = rte_eth_macaddr_get,
    .default_mac_addr_set = rte_eth_dev_default_mac_addr_set,
    .promiscuous_enable = rte_eth_promiscuous_enable,
    .link_get_nowait = rte_eth_link_get_nowait,
    .is_removed = rte_eth_dev_is_removed,
    .stats_get = rte_eth_stats_get,
    .xstats_get_names = rte_eth_xstats_get_names,
    .xstats_get = rte_eth_xstats_get,
    .rx_burst = rte_eth_rx_burst,
    .tx_prepare = rte_eth_tx_prepare,
    .tx_burst = rte_eth_tx_burst,
};

}  // namespace weft::ports
