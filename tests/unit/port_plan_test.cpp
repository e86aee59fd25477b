// What is asked of an ethdev, decided from its device info alone.
#include <gtest/gtest.h>

#include "dataplane/port/ethdev_plan.hpp"

namespace weft::ports {
namespace {

constexpr std::uint16_t room = 2048;

rte_eth_dev_info card() {
    rte_eth_dev_info info{};
    info.driver_name = "net_card";
    info.min_mtu = 68;
    info.max_mtu = 9702;
    info.max_rx_pktlen = info.max_mtu + 26;
    info.max_rx_queues = 16;
    info.max_tx_queues = 8;
    info.rx_desc_lim = {4096, 64, 32, 0, 0};
    info.tx_desc_lim = {4096, 64, 32, 255, 8};
    return info;
}

EthdevPlan plan(const rte_eth_dev_info& info, const PortQueues& queues = {}, unsigned workers = 1) {
    auto result = plan_ethdev("p0", info, queues, workers, room);
    EXPECT_TRUE(result) << result.error().message;
    return result ? *result : EthdevPlan{};
}

std::string error(const rte_eth_dev_info& info, const PortQueues& queues) {
    auto result = plan_ethdev("p0", info, queues, 1, room);
    return result ? std::string{} : result.error().message;
}

TEST(EthdevPlan, OneTransmitQueueAWorkerAsFarAsThereAre) {
    EXPECT_EQ(plan(card(), {}, 1).tx_queues, 1);
    EXPECT_EQ(plan(card(), {}, 6).tx_queues, 6);
    EXPECT_EQ(plan(card(), {}, 20).tx_queues, 8);
    EXPECT_EQ(plan(card(), {.rx = 4, .tx = 2}, 6).tx_queues, 2);
    EXPECT_EQ(plan(card(), {.rx = 4}, 6).rx_queues, 4);
    EXPECT_EQ(error(card(), {.rx = 17}), "port p0: 17 receive queues asked, net_card has 16");
    EXPECT_EQ(error(card(), {.rx = 0}), "port p0: 0 receive queues asked, net_card has 16");
    EXPECT_EQ(error(card(), {.rx = 1, .tx = 9}), "port p0: 9 transmit queues asked, net_card has 8");
}

TEST(EthdevPlan, DescriptorsWithinLimitsAndSteps) {
    EXPECT_EQ(plan(card()).rx_descriptors, 1024);
    EXPECT_EQ(plan(card(), {.rx = 1, .descriptors = 100}).rx_descriptors, 128);
    EXPECT_EQ(plan(card(), {.rx = 1, .descriptors = 4096}).tx_descriptors, 4096);
    EXPECT_EQ(error(card(), {.rx = 1, .descriptors = 4097}),
              "port p0: 4097 descriptors asked, a receive queue takes 64 to 4096");
    EXPECT_EQ(error(card(), {.rx = 1, .descriptors = 63}),
              "port p0: 63 descriptors asked, a receive queue takes 64 to 4096");
    auto small = card();
    small.tx_desc_lim = {500, 10, 16, 0, 0};
    EXPECT_EQ(plan(small).tx_descriptors, 496);
    EXPECT_EQ(plan(small, {.rx = 1, .descriptors = 64}).tx_descriptors, 64);
    small.rx_desc_lim = small.tx_desc_lim = {};
    EXPECT_EQ(plan(small).rx_descriptors, 1024);
}

TEST(EthdevPlan, ScatterOnlyWhereAFrameNeedsIt) {
    auto info = card();
    EXPECT_EQ(plan(info).max_mtu, room - 26) << "a frame fits a buffer";
    EXPECT_EQ(error(info, {.rx = 1, .mtu = 9000}),
              "port p0: MTU 9000 is not possible: net_card takes 68 to 2022 (it cannot scatter a frame over "
              "buffers)");
    info.rx_offload_capa = RTE_ETH_RX_OFFLOAD_SCATTER;
    EXPECT_EQ(plan(info).max_mtu, 9216);
    EXPECT_EQ(plan(info).conf.rxmode.offloads, 0u);
    EXPECT_EQ(plan(info, {.rx = 1, .mtu = 2022}).conf.rxmode.offloads, 0u);
    EXPECT_EQ(plan(info, {.rx = 1, .mtu = 2023}).conf.rxmode.offloads, RTE_ETH_RX_OFFLOAD_SCATTER);
    EXPECT_EQ(plan(info, {.rx = 1, .mtu = 9000}).conf.rxmode.mtu, 9000u);
    EXPECT_EQ(error(info, {.rx = 1, .mtu = 67}),
              "port p0: MTU 67 is not possible: net_card takes 68 to 9216");
    info.max_mtu = 1400;
    EXPECT_EQ(plan(info).mtu, 1400);
    // A driver that knows no limit (net_null).
    info.max_mtu = UINT16_MAX;
    info.max_rx_pktlen = UINT32_MAX;
    EXPECT_EQ(plan(info).max_mtu, 9216);
}

TEST(EthdevPlan, SpreadsFlowsOnlyOverSeveralQueues) {
    auto info = card();
    info.flow_type_rss_offloads = RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_ESP;
    info.reta_size = 128;
    EXPECT_EQ(plan(info).conf.rxmode.mq_mode, RTE_ETH_MQ_RX_NONE);
    EXPECT_EQ(plan(info).reta_size, 0);
    const auto two = plan(info, {.rx = 2});
    EXPECT_EQ(two.conf.rxmode.mq_mode, RTE_ETH_MQ_RX_RSS);
    EXPECT_EQ(two.conf.rx_adv_conf.rss_conf.rss_hf, RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP);
    EXPECT_EQ(two.reta_size, 128);
    info.reta_size = 2048;
    EXPECT_EQ(plan(info, {.rx = 2}).reta_size, 0) << "larger than the call takes";
    info.flow_type_rss_offloads = RTE_ETH_RSS_ESP;
    EXPECT_EQ(plan(info, {.rx = 2}).conf.rxmode.mq_mode, RTE_ETH_MQ_RX_NONE);
}

TEST(EthdevPlan, SegmentationNeedsAllItsParts) {
    auto info = card();
    EXPECT_EQ(plan(info).offloads, 0);
    EXPECT_EQ(plan(info).conf.txmode.offloads, 0u);
    info.tx_offload_capa = RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
    EXPECT_EQ(plan(info).conf.txmode.offloads, 0u) << "half a checksum offload is none";
    info.tx_offload_capa |=
        RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
    EXPECT_EQ(plan(info).offloads, Offload::checksum | Offload::multi_segment);
    info.tx_offload_capa |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
    EXPECT_EQ(plan(info).offloads,
              Offload::checksum | Offload::multi_segment | Offload::tcp4_gso | Offload::tcp6_gso);
    EXPECT_EQ(plan(info).max_segments, 8);
    EXPECT_EQ(plan(info).max_gso_segments, 255);
    info.tx_desc_lim.nb_seg_max = 33;
    EXPECT_EQ(plan(info).offloads, Offload::checksum | Offload::multi_segment);
    EXPECT_FALSE(plan(info).conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_TCP_TSO);
}

TEST(EthdevPlan, LinkInterruptAndAddress) {
    auto info = card();
    std::uint32_t flags = 0;
    info.dev_flags = &flags;
    EXPECT_FALSE(plan(info).conf.intr_conf.lsc);
    flags = RTE_ETH_DEV_INTR_LSC;
    EXPECT_TRUE(plan(info).conf.intr_conf.lsc);
    EXPECT_EQ(error(info, {.rx = 1, .mac = MacAddress{{1, 0, 0, 0, 0, 1}}}),
              "port p0: 01:00:00:00:00:01 is a group address or zero: an interface needs a station address");
}

}  // namespace
}  // namespace weft::ports
