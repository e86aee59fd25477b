#include "tests/packet/port_fake_ethdev.hpp"

namespace weft::test::port {

namespace {

FakeEthdev* the = nullptr;

int info_get(std::uint16_t id, rte_eth_dev_info* info) {
    EXPECT_EQ(id, FakeEthdev::id);
    *info = the->info;
    info->dev_flags = &the->flags;
    info->driver_name = "net_fake";
    return 0;
}

int socket_id(std::uint16_t) {
    return -1;
}

int configure(std::uint16_t, std::uint16_t rx, std::uint16_t tx, const rte_eth_conf* conf) {
    EXPECT_FALSE(the->started) << "configured while running";
    if (the->configure_error) return the->configure_error;
    EXPECT_LE(rx, the->info.max_rx_queues);
    EXPECT_LE(tx, the->info.max_tx_queues);
    EXPECT_EQ(conf->rxmode.offloads & ~the->info.rx_offload_capa, 0u) << "receive offload not offered";
    EXPECT_EQ(conf->txmode.offloads & ~the->info.tx_offload_capa, 0u) << "transmit offload not offered";
    if (conf->rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG) {
        EXPECT_GT(rx, 1);
        EXPECT_NE(conf->rx_adv_conf.rss_conf.rss_hf, 0u);
    }
    EXPECT_EQ(conf->rx_adv_conf.rss_conf.rss_hf & ~the->info.flow_type_rss_offloads, 0u)
        << "RSS type not offered";
    EXPECT_TRUE(!conf->intr_conf.lsc || (the->flags & RTE_ETH_DEV_INTR_LSC)) << "link interrupt not offered";
    EXPECT_FALSE(conf->intr_conf.rxq);
    EXPECT_GE(conf->rxmode.mtu, the->info.min_mtu);
    EXPECT_LE(conf->rxmode.mtu, the->info.max_mtu);
    if (conf->rxmode.mtu + FakeEthdev::overhead > packet_room) {
        EXPECT_TRUE(conf->rxmode.offloads & RTE_ETH_RX_OFFLOAD_SCATTER) << "frame does not fit a buffer";
    }
    the->conf = *conf;
    the->rx_queues = rx;
    the->tx_queues = tx;
    the->rx_set_up = the->tx_set_up = 0;
    the->configured = true;
    return 0;
}

void expect_within(std::uint16_t n, const rte_eth_desc_lim& limit) {
    EXPECT_GE(n, limit.nb_min);
    EXPECT_LE(n, limit.nb_max);
    EXPECT_EQ(n % limit.nb_align, 0);
}

int rx_queue_setup(std::uint16_t, std::uint16_t queue, std::uint16_t n, unsigned, const rte_eth_rxconf* conf,
                   rte_mempool* mbufs) {
    EXPECT_LT(queue, the->rx_queues);
    expect_within(n, the->info.rx_desc_lim);
    EXPECT_EQ(conf->offloads & ~(the->conf.rxmode.offloads | the->info.rx_queue_offload_capa), 0u);
    EXPECT_EQ(mbufs, pool());
    ++the->rx_set_up;
    return 0;
}

int tx_queue_setup(std::uint16_t, std::uint16_t queue, std::uint16_t n, unsigned,
                   const rte_eth_txconf* conf) {
    EXPECT_LT(queue, the->tx_queues);
    expect_within(n, the->info.tx_desc_lim);
    EXPECT_EQ(conf->offloads & ~(the->conf.txmode.offloads | the->info.tx_queue_offload_capa), 0u);
    ++the->tx_set_up;
    return 0;
}

int start(std::uint16_t) {
    EXPECT_TRUE(the->configured);
    EXPECT_EQ(the->rx_set_up, the->rx_queues);
    EXPECT_EQ(the->tx_set_up, the->tx_queues);
    if (the->start_error) return the->start_error;
    the->started = true;
    return 0;
}

int stop(std::uint16_t) {
    the->started = false;
    return 0;
}

void remove(std::uint16_t) {
    EXPECT_FALSE(the->started) << "removed while running";
    the->removed = true;
}

int reta_update(std::uint16_t, rte_eth_rss_reta_entry64* table, std::uint16_t size) {
    EXPECT_TRUE(the->started);
    EXPECT_NE(the->info.reta_size, 0) << "RETA not offered";
    EXPECT_EQ(size, the->info.reta_size);
    EXPECT_TRUE(the->conf.rxmode.mq_mode & RTE_ETH_MQ_RX_RSS_FLAG) << "RETA without RSS";
    the->reta.clear();
    for (std::uint16_t i = 0; i < size; ++i) {
        EXPECT_TRUE(table[i / 64].mask >> i % 64 & 1);
        the->reta.push_back(table[i / 64].reta[i % 64]);
        EXPECT_LT(the->reta.back(), the->rx_queues);
    }
    return 0;
}

int set_mtu(std::uint16_t, std::uint16_t mtu) {
    EXPECT_TRUE(the->configured);
    EXPECT_GE(mtu, the->info.min_mtu);
    EXPECT_LE(mtu, the->info.max_mtu);
    return the->mtu_error;
}

int macaddr_get(std::uint16_t, rte_ether_addr* mac) {
    *mac = the->mac;
    return 0;
}

int default_mac_addr_set(std::uint16_t, rte_ether_addr* mac) {
    if (the->mac_error == 0) the->mac = *mac;
    return the->mac_error;
}

int promiscuous_enable(std::uint16_t) {
    the->promiscuous = the->promiscuous_error == 0;
    return the->promiscuous_error;
}

int link_get_nowait(std::uint16_t, rte_eth_link* link) {
    *link = {};
    link->link_status = the->link;
    link->link_speed = 25000;
    return 0;
}

int is_removed(std::uint16_t) {
    return the->unplugged;
}

int stats_get(std::uint16_t, rte_eth_stats* stats) {
    *stats = {};
    stats->imissed = the->missed;
    return 0;
}

int xstats_get_names(std::uint16_t, rte_eth_xstat_name* names, unsigned size) {
    if (size >= 1) std::strcpy(names[0].name, "rx_good_packets");
    return 1;
}

int xstats_get(std::uint16_t, rte_eth_xstat* values, unsigned size) {
    if (size >= 1) values[0] = {0, 42};
    return 1;
}

std::uint16_t rx_burst(std::uint16_t, std::uint16_t queue, rte_mbuf** packets, std::uint16_t n) {
    EXPECT_TRUE(the->started) << "polled while stopped";
    EXPECT_LT(queue, the->rx_queues);
    std::uint16_t count = 0;
    for (; count < n && !the->arriving.empty(); ++count) {
        packets[count] = the->arriving.front();
        the->arriving.pop_front();
    }
    return count;
}

std::uint16_t tx_prepare(std::uint16_t, std::uint16_t, rte_mbuf** packets, std::uint16_t n) {
    std::uint16_t good = 0;
    for (; good < n && good != the->unpreparable; ++good)
        the->prepared.push_back(packets[good]);
    if (good < n) the->unpreparable = UINT16_MAX;
    return good;
}

std::uint16_t tx_burst(std::uint16_t, std::uint16_t queue, rte_mbuf** packets, std::uint16_t n) {
    EXPECT_TRUE(the->started) << "sent while stopped";
    EXPECT_LT(queue, the->tx_queues);
    const auto asked = the->conf.txmode.offloads;
    const auto needs = [&](std::uint64_t flags, std::uint64_t flag, std::uint64_t mask,
                           std::uint64_t offload) {
        EXPECT_TRUE((flags & mask) != flag || (asked & offload))
            << "offload " << offload << " was not configured";
    };
    std::uint16_t count = 0;
    for (; count < n && the->tx_room > 0; ++count, --the->tx_room) {
        rte_mbuf* m = packets[count];
        const auto flags = m->ol_flags;
        needs(flags, RTE_MBUF_F_TX_VLAN, RTE_MBUF_F_TX_VLAN, RTE_ETH_TX_OFFLOAD_VLAN_INSERT);
        needs(flags, RTE_MBUF_F_TX_TCP_CKSUM, RTE_MBUF_F_TX_L4_MASK, RTE_ETH_TX_OFFLOAD_TCP_CKSUM);
        needs(flags, RTE_MBUF_F_TX_UDP_CKSUM, RTE_MBUF_F_TX_L4_MASK, RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
        needs(flags, RTE_MBUF_F_TX_IP_CKSUM, RTE_MBUF_F_TX_IP_CKSUM, RTE_ETH_TX_OFFLOAD_IPV4_CKSUM);
        needs(flags, RTE_MBUF_F_TX_TCP_SEG, RTE_MBUF_F_TX_TCP_SEG, RTE_ETH_TX_OFFLOAD_TCP_TSO);
        if (m->nb_segs > 1) {
            EXPECT_TRUE(asked & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) << "segments were not configured";
        }
        const auto most = flags & RTE_MBUF_F_TX_TCP_SEG ? the->info.tx_desc_lim.nb_seg_max
                                                        : the->info.tx_desc_lim.nb_mtu_seg_max;
        EXPECT_TRUE(most == 0 || m->nb_segs <= most) << "more segments than the device takes";
        if (flags & (RTE_MBUF_F_TX_L4_MASK | RTE_MBUF_F_TX_TCP_SEG)) {
            EXPECT_NE(std::find(the->prepared.begin(), the->prepared.end(), m), the->prepared.end());
        }
        the->sent.push_back({bytes_of(*Packet::from(m)), flags & RTE_MBUF_F_TX_OFFLOAD_MASK, m->vlan_tci,
                             static_cast<std::uint16_t>(m->l2_len), static_cast<std::uint16_t>(m->l3_len),
                             static_cast<std::uint16_t>(m->l4_len), static_cast<std::uint16_t>(m->tso_segsz),
                             m->nb_segs});
        rte_pktmbuf_free(m);
    }
    return count;
}

}  // namespace

FakeEthdev::FakeEthdev()
    : api_{info_get,
           socket_id,
           configure,
           rx_queue_setup,
           tx_queue_setup,
           start,
           stop,
           remove,
           reta_update,
           set_mtu,
           macaddr_get,
           default_mac_addr_set,
           promiscuous_enable,
           link_get_nowait,
           is_removed,
           stats_get,
           xstats_get_names,
           xstats_get,
           rx_burst,
           tx_prepare,
           tx_burst} {
    the = this;
    info.min_mtu = 68;
    info.max_mtu = 9600;
    info.max_rx_pktlen = info.max_mtu + overhead;
    info.max_rx_queues = 8;
    info.max_tx_queues = 4;
    info.rx_desc_lim = {4096, 64, 32, 0, 0};
    info.tx_desc_lim = {512, 64, 32, 0, 0};
}

FakeEthdev::~FakeEthdev() {
    for (auto* m : arriving)
        rte_pktmbuf_free(m);
    the = nullptr;
}

void FakeEthdev::offer_everything() {
    info.rx_offload_capa = ~std::uint64_t{0};
    info.tx_offload_capa = ~std::uint64_t{0};
    info.flow_type_rss_offloads = ~std::uint64_t{0};
    info.reta_size = 128;
    flags = RTE_ETH_DEV_INTR_LSC;
}

rte_mbuf* FakeEthdev::arrive(const Bytes& frame, std::uint64_t received) {
    Packet* packet = pooled(frame);
    packet->meta = {};
    packet->ol_flags = received;
    arriving.push_back(packet);
    return packet;
}

Result<std::unique_ptr<Port>> FakeEthdev::open(const PortQueues& queues, unsigned workers) {
    return ports::Ethdev::open("p0", id, queues, environment(workers), api_);
}

}  // namespace weft::test::port
