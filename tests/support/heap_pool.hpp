// An rte_mempool whose mbufs are single malloc blocks, for tests and fuzzers without EAL. AddressSanitizer
// sees every write past a buffer, use after free and leak; a limit makes the pool run out when a test wants
// it to.
#pragma once

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>

#include "weft/packet.hpp"

namespace weft::test {

/// Any thread may take and give back. Not movable: mbufs point to it. All mbufs must be back before it ends;
/// live() says how many are out.
class HeapPool {
  public:
    /// data_room: bytes behind the private area of each mbuf, headroom included.
    explicit HeapPool(std::uint16_t data_room = RTE_MBUF_DEFAULT_BUF_SIZE)
        : pool_(static_cast<rte_mempool*>(std::aligned_alloc(64, pool_bytes))) {
        std::memset(static_cast<void*>(pool_), 0, pool_bytes);
        pool_->pool_data = this;
        pool_->elt_size = sizeof(Packet) + data_room;
        pool_->private_data_size = sizeof(rte_pktmbuf_pool_private);
        pool_->ops_index = operations();
        auto* room = static_cast<rte_pktmbuf_pool_private*>(rte_mempool_get_priv(pool_));
        room->mbuf_data_room_size = data_room;
        room->mbuf_priv_size = packet_private_size;
    }
    ~HeapPool() { std::free(pool_); }
    HeapPool(const HeapPool&) = delete;
    HeapPool& operator=(const HeapPool&) = delete;

    [[nodiscard]] rte_mempool* get() noexcept { return pool_; }
    [[nodiscard]] unsigned live() const noexcept { return live_; }
    /// From now on at most n mbufs are out at once.
    void set_limit(unsigned n) noexcept { limit_ = n; }

  private:
    static constexpr std::size_t object_offset = 64;
    static constexpr std::size_t pool_bytes =
        (sizeof(rte_mempool) + sizeof(rte_pktmbuf_pool_private) + 63) / 64 * 64;

    static HeapPool& self(rte_mempool* pool) noexcept { return *static_cast<HeapPool*>(pool->pool_data); }

    static int enqueue(rte_mempool* pool, void* const* objects, unsigned n) noexcept {
        for (unsigned i = 0; i < n; ++i)
            std::free(static_cast<std::byte*>(objects[i]) - object_offset);
        self(pool).live_ -= n;
        return 0;
    }
    static int dequeue(rte_mempool* pool, void** objects, unsigned n) noexcept {
        HeapPool& heap = self(pool);
        if (heap.live_ + n > heap.limit_) return -ENOBUFS;
        for (unsigned i = 0; i < n; ++i)
            objects[i] = make_mbuf(pool);
        heap.live_ += n;
        return 0;
    }
    // The mempool's object header stands in the 64 bytes before the mbuf. What nobody wrote reads 0xa5.
    static rte_mbuf* make_mbuf(rte_mempool* pool) noexcept {
        auto* block =
            static_cast<std::byte*>(std::aligned_alloc(64, (object_offset + pool->elt_size + 63u) / 64 * 64));
        std::memset(block, 0, object_offset);
        auto* m = reinterpret_cast<rte_mbuf*>(block + object_offset);
        std::memset(static_cast<void*>(m), 0xa5, pool->elt_size);
        rte_pktmbuf_init(pool, nullptr, m, 0);
        std::memset(static_cast<void*>(&Packet::from(m)->meta), 0xa5, sizeof(Metadata));
        return m;
    }
    static unsigned available(const rte_mempool* pool) noexcept {
        const HeapPool& heap = self(const_cast<rte_mempool*>(pool));
        return heap.limit_ - heap.live_;
    }
    static int operations() {
        static const int index = [] {
            rte_mempool_ops ops{};
            std::strcpy(ops.name, "weft_heap");
            ops.alloc = [](rte_mempool*) { return 0; };
            ops.enqueue = enqueue;
            ops.dequeue = dequeue;
            ops.get_count = available;
            return rte_mempool_register_ops(&ops);
        }();
        return index;
    }

    rte_mempool* pool_;
    std::atomic<unsigned> live_ = 0;
    unsigned limit_ = 1u << 20;
};

/// A packet from `pool` holding `frame` in segments of the given sizes, the rest in a last one; metadata as
/// make_packet's (mbuf.hpp). Freed by Packet::free.
inline Packet* make_chain(rte_mempool* pool, std::span<const std::uint8_t> frame,
                          std::span<const std::size_t> sizes = {}) {
    rte_mbuf* head = nullptr;
    rte_mbuf* tail = nullptr;
    std::size_t at = 0;
    std::uint16_t count = 0;
    const std::size_t room = rte_pktmbuf_data_room_size(pool) - std::size_t{RTE_PKTMBUF_HEADROOM};
    do {
        const std::size_t wanted = count < sizes.size() ? sizes[count] : room;
        const std::size_t n = std::min({wanted, room, frame.size() - at});
        rte_mbuf* m = rte_pktmbuf_alloc(pool);
        if (n) std::memcpy(rte_pktmbuf_mtod(m, void*), frame.data() + at, n);
        m->data_len = static_cast<std::uint16_t>(n);
        (head ? tail->next : head) = m;
        tail = m;
        at += n;
        ++count;
    } while (at < frame.size());
    head->nb_segs = count;
    head->pkt_len = static_cast<std::uint32_t>(frame.size());
    Packet* p = Packet::from(head);
    std::memset(static_cast<void*>(&p->meta), 0xa5, sizeof(Metadata));
    p->meta.tag_place = TagPlace::none;
    p->meta.checksum = ChecksumState::unknown;
    p->meta.gso_type = GsoType::none;
    p->meta.gso_ecn = 0;
    return p;
}

}  // namespace weft::test
