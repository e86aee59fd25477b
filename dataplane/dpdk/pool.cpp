#include "dataplane/dpdk/pool.hpp"

#include <fmt/core.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>

#include "weft/packet.hpp"

namespace weft {

namespace {

/// As rte_pktmbuf_pool_create, but for the flag: without hugepages nothing does DMA, and buffers that may
/// cross a 4 KiB page take 2.5 KiB each instead of 4.
rte_mempool* make(const char* name, unsigned buffers, unsigned cache) {
    constexpr rte_pktmbuf_pool_private sizes{packet_data_room + RTE_PKTMBUF_HEADROOM, packet_private_size, 0};
    constexpr unsigned size =
        sizeof(rte_mbuf) + packet_private_size + packet_data_room + RTE_PKTMBUF_HEADROOM;
    rte_mempool* pool =
        rte_mempool_create_empty(name, buffers, size, cache, sizeof sizes, static_cast<int>(rte_socket_id()),
                                 rte_eal_has_hugepages() ? 0 : RTE_MEMPOOL_F_NO_IOVA_CONTIG);
    if (!pool) return nullptr;
    if (const int error = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), nullptr);
        error != 0) {
        rte_errno = -error;
    } else {
        auto given = sizes;
        rte_pktmbuf_pool_init(pool, &given);
        const int populated = rte_mempool_populate_default(pool);
        if (populated >= 0) {
            rte_mempool_obj_iter(pool, rte_pktmbuf_init, nullptr);
            return pool;
        }
        rte_errno = -populated;
    }
    rte_mempool_free(pool);
    return nullptr;
}

}  // namespace

Result<PacketPool> PacketPool::create(const std::string& name, unsigned buffers) {
    constexpr unsigned cache = 256;
    rte_mempool* pool = make(name.c_str(), buffers, buffers >= 2 * cache ? cache : 0);
    if (!pool)
        return Error{ErrorCode::unreachable,
                     fmt::format("no memory for {} packet buffers ({} MB): {}", buffers,
                                 buffers * packet_buffer_bytes >> 20, rte_strerror(rte_errno))};
    return PacketPool{pool};
}

}  // namespace weft
