// One cache line of the flow table: eight slots, each a signature and a reference.
//
// Writers hold the lock of the first bucket of a chain; readers hold nothing.
// - A slot's reference changes by one store; 0 means free. Its signature is written only while it is 0. A
//   connection never changes its slot, so a reader finds what is in the table at every moment.
// - The version in the header of the chain's first bucket is raised when a reference is taken out and when a
//   bucket leaves the chain. So a reader who compared an entry's bytes, or walked a chain in vain, and finds
//   the version unchanged, saw what was there.
// - The filter of later buckets has a connection's bit before its reference is there and until it is gone.
// All stores are releases and all loads acquires, which costs nothing on x86.
#pragma once

#include <atomic>
#include <cstdint>

#if defined(__SSE2__) && !defined(__SANITIZE_THREAD__)
#include <emmintrin.h>
#define WEFT_FLOW_VECTOR 1
#endif

namespace weft {

/// An entry's index, times two, plus the direction: 0 original, 1 reply. 0 is no entry.
using FlowRef = std::uint32_t;

struct alignas(64) FlowBucket {
    static constexpr unsigned slots = 8;
    static constexpr std::uint32_t lock_bit = 1U << 31, version_mask = lock_bit - 1;

    std::atomic<std::uint32_t> header;    ///< lock and version
    std::atomic<std::uint32_t> overflow;  ///< index of the chain's next bucket; 0: none
    std::atomic<std::uint16_t> signature[slots];
    std::atomic<FlowRef> ref[slots];
    /// Of a chain's first bucket: a bit of 64 for each connection that is in a later one. Some may stand for
    /// what has left, until all have.
    std::atomic<std::uint64_t> overflowed;

    [[nodiscard]] static constexpr std::uint64_t filter_bit(std::uint16_t sign) noexcept {
        return std::uint64_t{1} << (sign >> 10);
    }
    /// The later bucket to look into for this signature; 0: none.
    [[nodiscard]] std::uint32_t next_for(std::uint16_t sign) const noexcept {
        if (!(overflowed.load(std::memory_order_acquire) & filter_bit(sign))) return 0;
        return overflow.load(std::memory_order_acquire);
    }
    [[nodiscard]] std::uint32_t header_now() const noexcept { return header.load(std::memory_order_acquire); }
    [[nodiscard]] static bool same_version(std::uint32_t a, std::uint32_t b) noexcept {
        return ((a ^ b) & version_mask) == 0;
    }
    /// A bit for each slot with this signature, free ones too.
    [[nodiscard]] unsigned match(std::uint16_t wanted) const noexcept {
#ifdef WEFT_FLOW_VECTOR
        // x86 neither tears an aligned lane nor lets a later load pass this one; the fence is for the
        // compiler.
        const __m128i lanes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(signature));
        const __m128i equal = _mm_cmpeq_epi16(lanes, _mm_set1_epi16(static_cast<short>(wanted)));
        std::atomic_signal_fence(std::memory_order_acquire);
        return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(equal, _mm_setzero_si128())));
#else
        unsigned found = 0;
        for (unsigned s = 0; s < slots; ++s)
            found |= static_cast<unsigned>(signature[s].load(std::memory_order_acquire) == wanted) << s;
        return found;
#endif
    }

    // Below: with the lock of the chain's first bucket held.

    /// The first; `slots` if none.
    [[nodiscard]] unsigned free_slot() const noexcept {
        unsigned s = 0;
        while (s < slots && ref[s].load(std::memory_order_relaxed))
            ++s;
        return s;
    }
    [[nodiscard]] bool empty() const noexcept {
        FlowRef any = 0;
        for (const auto& r : ref)
            any |= r.load(std::memory_order_relaxed);
        return any == 0;
    }
    void fill(unsigned slot, std::uint16_t sign, FlowRef value) noexcept {
        signature[slot].store(sign, std::memory_order_release);
        ref[slot].store(value, std::memory_order_release);
    }
    void raise_version() noexcept {
        const auto old = header.load(std::memory_order_relaxed);
        header.store(lock_bit | ((old + 1) & version_mask), std::memory_order_release);
    }
    void lock() noexcept {
        for (;;) {
            auto old = header.load(std::memory_order_relaxed) & version_mask;
            if (header.compare_exchange_weak(old, old | lock_bit, std::memory_order_acquire,
                                             std::memory_order_relaxed))
                return;
#ifdef __SSE2__
            __builtin_ia32_pause();
#endif
        }
    }
    void unlock() noexcept {
        header.store(header.load(std::memory_order_relaxed) & version_mask, std::memory_order_release);
    }
};
static_assert(sizeof(FlowBucket) == 64);

}  // namespace weft
