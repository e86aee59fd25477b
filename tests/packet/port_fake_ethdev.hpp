// An ethdev that exists in a test only. It offers what `info` says, and fails the test at every call that
// goes beyond it: that is what is under test, as no card is here that refuses.
#pragma once

#include <deque>
#include <vector>

#include "dataplane/port/ethdev.hpp"
#include "tests/packet/port_bench.hpp"

namespace weft::test::port {

struct FakeEthdev {
    // what it can
    rte_eth_dev_info info{};
    std::uint32_t flags = 0;  ///< RTE_ETH_DEV_*
    int mac_error = 0, mtu_error = 0, promiscuous_error = 0, configure_error = 0, start_error = 0;
    std::uint64_t missed = 0;                 ///< frames that its receive ring had no room for
    std::uint16_t tx_room = UINT16_MAX;       ///< packets it takes before its ring is full
    std::uint16_t unpreparable = UINT16_MAX;  ///< index in the next tx_prepare that is refused
    bool link = true, unplugged = false;
    // what was asked of it
    rte_eth_conf conf{};
    std::uint16_t rx_queues = 0, tx_queues = 0, rx_set_up = 0, tx_set_up = 0;
    bool configured = false, started = false, removed = false, promiscuous = false;
    std::vector<std::uint16_t> reta;
    rte_ether_addr mac{{0x02, 0, 0, 0, 0, 0x77}};
    std::deque<rte_mbuf*> arriving;
    struct Sent {
        Bytes bytes;
        std::uint64_t flags;
        std::uint16_t vlan_tci, l2, l3, l4, segment_size, segments;
    };
    std::vector<Sent> sent;
    std::vector<const rte_mbuf*> prepared;

    static constexpr std::uint16_t id = 31;
    static constexpr std::uint32_t overhead = 26;

    FakeEthdev();
    ~FakeEthdev();
    FakeEthdev(const FakeEthdev&) = delete;
    FakeEthdev& operator=(const FakeEthdev&) = delete;

    void offer_everything();
    /// A packet as a driver hands it out.
    rte_mbuf* arrive(const Bytes& frame, std::uint64_t flags);
    Result<std::unique_ptr<Port>> open(const PortQueues& queues = {}, unsigned workers = 1);

  private:
    ports::EthdevApi api_;
};

}  // namespace weft::test::port
