// The owner of a pool of packet buffers.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <memory>
#include <string>

#include "weft/result.hpp"

namespace weft {

/// Bytes of a frame that one buffer holds after its headroom.
inline constexpr std::uint16_t packet_data_room = 2048;
/// Memory that one buffer takes, for sizing: mbuf, metadata, headroom, data room, mempool header.
inline constexpr std::size_t packet_buffer_bytes = 2560;

/// Owns an rte_mempool of mbufs whose private area is weft's metadata. Move only. Buffers still out when it
/// is destroyed are lost: destroy ports and drain rings first.
class PacketPool {
  public:
    /// `name` unique in the process, at most 20 characters. Needs a started EAL.
    static Result<PacketPool> create(const std::string& name, unsigned buffers);

    [[nodiscard]] rte_mempool* get() const noexcept { return pool_.get(); }
    [[nodiscard]] unsigned capacity() const noexcept { return pool_->size; }
    /// Buffers in use, per-lcore caches counted as free. Not exact while workers run.
    [[nodiscard]] unsigned in_use() const noexcept { return rte_mempool_in_use_count(pool_.get()); }

  private:
    struct Free {
        void operator()(rte_mempool* p) const noexcept { rte_mempool_free(p); }
    };
    explicit PacketPool(rte_mempool* pool) noexcept : pool_(pool) {}
    std::unique_ptr<rte_mempool, Free> pool_;
};

}  // namespace weft
