// Gives a burst back to its pool.
#pragma once

#include <rte_mempool.h>

#include "weft/packet.hpp"

namespace weft::ports {

/// Frees n <= batch_size packets and returns the sum of their lengths. Packets of one segment that nobody
/// shares and that come from one pool, nearly all of them, go back in one call.
inline std::uint64_t free_burst(Packet* in[], std::uint16_t n) noexcept {
    void* whole[batch_size];
    unsigned count = 0;
    rte_mempool* pool = nullptr;
    std::uint64_t bytes = 0;
    for (std::uint16_t i = 0; i < n; ++i) {
        rte_mbuf* m = in[i];
        bytes += m->pkt_len;
        if (m->nb_segs != 1) [[unlikely]] {
            rte_pktmbuf_free(m);
            continue;
        }
        m = rte_pktmbuf_prefree_seg(m);
        if (!m) [[unlikely]]
            continue;
        if (m->pool != pool) [[unlikely]] {
            if (count > 0) rte_mempool_put_bulk(pool, whole, count);
            pool = m->pool;
            count = 0;
        }
        whole[count++] = m;
    }
    if (count > 0) rte_mempool_put_bulk(pool, whole, count);
    return bytes;
}

}  // namespace weft::ports
