#include "dataplane/dpdk/pool.hpp"

#include <fmt/core.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "weft/packet.hpp"

namespace weft {

Result<PacketPool> PacketPool::create(const std::string& name, unsigned buffers) {
    constexpr unsigned cache = 256;
    rte_mempool* pool =
        rte_pktmbuf_pool_create(name.c_str(), buffers, buffers >= 2 * cache ? cache : 0, packet_private_size,
                                packet_data_room + RTE_PKTMBUF_HEADROOM, static_cast<int>(rte_socket_id()));
    if (!pool)
        return Error{ErrorCode::unreachable,
                     fmt::format("no memory for {} packet buffers ({} MB): {}", buffers,
                                 buffers * packet_buffer_bytes >> 20, rte_strerror(rte_errno))};
    return PacketPool{pool};
}

}  // namespace weft
