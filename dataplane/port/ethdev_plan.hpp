// What we ask of an ethdev, decided from what it says it can. Pure: no call is made here.
#pragma once

#include <rte_ethdev.h>

#include <cstdint>
#include <string>

#include "dataplane/port/open.hpp"
#include "weft/result.hpp"

namespace weft::ports {

/// Everything that opening and starting the device needs; nothing in it goes beyond rte_eth_dev_info.
struct EthdevPlan {
    std::uint16_t rx_queues = 1, tx_queues = 1;
    std::uint16_t rx_descriptors = 0, tx_descriptors = 0;
    std::uint16_t mtu = 1500, max_mtu = 1500;  ///< L3 bytes
    rte_eth_conf conf{};
    rte_eth_rxconf rx_conf{};
    rte_eth_txconf tx_conf{};
    std::uint16_t reta_size = 0;              ///< of the table to be filled once started; 0: leave it alone
    std::uint8_t offloads = 0;                ///< Offload bits that the port may claim
    std::uint16_t max_segments = UINT16_MAX;  ///< of an ordinary frame
    std::uint16_t max_gso_segments = UINT16_MAX;  ///< of a TSO frame
};

/// buffer_room: bytes of a frame that one mbuf of the pool holds. Sentences begin with "port NAME:".
Result<EthdevPlan> plan_ethdev(const std::string& name, const rte_eth_dev_info& info,
                               const PortQueues& queues, unsigned workers, std::uint16_t buffer_room);

}  // namespace weft::ports
