// One cache line of the FDB: six slots of ten bytes and a header.
//
// A key's hash (fdb_hash.hpp) names two buckets, its home and its alternate. Which bucket a slot is in gives
// the upper 17 bits of the hash or more; the slot keeps the other 47 and one bit that says "I am in my
// alternate".
//
// Writers hold the bucket's lock. Readers hold nothing: they read the header, the slots, then the header
// again.
// - A slot's word changes by one store; 0 means free.
// - The key of a slot is written only while its word is 0. The version is raised before the word is stored,
// so a
//   reader that took the key of one entry and the word of the next finds another version.
// - An entry that goes to its other bucket is stored there, and its home's overflow count is raised, before
// it is
//   taken from where it was. A reader that finds it nowhere finds another header, and looks again.
// All stores are releases and all loads acquires, which costs nothing on x86.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SANITIZE_THREAD__)
#define WEFT_FDB_SCALAR 1
#elif defined(__AVX2__)
#include <immintrin.h>
#else
#define WEFT_FDB_SCALAR 1
#endif

namespace weft {

/// What a slot keeps of a hash: bits 0-31, and bits 32-46 with the alternate bit above them.
struct FdbTag {
    std::uint32_t low;
    std::uint16_t high;
    static constexpr std::uint16_t alternate = 0x8000;

    static constexpr FdbTag home_of(std::uint64_t hash) noexcept {
        return {static_cast<std::uint32_t>(hash), static_cast<std::uint16_t>(hash >> 32 & 0x7fff)};
    }
    /// The same of a hash that lies in memory, each part loaded from there.
    static FdbTag home_in(const std::uint64_t& hash) noexcept {
        static_assert(std::endian::native == std::endian::little);
        FdbTag tag;
        std::memcpy(&tag.low, &hash, sizeof tag.low);
        std::memcpy(&tag.high, reinterpret_cast<const std::byte*>(&hash) + sizeof tag.low, sizeof tag.high);
        return {tag.low, static_cast<std::uint16_t>(tag.high & 0x7fff)};
    }
    /// The same entry as its other bucket keeps it.
    [[nodiscard]] constexpr FdbTag other() const noexcept {
        return {low, static_cast<std::uint16_t>(high ^ alternate)};
    }
    /// The 47 bits of the hash.
    [[nodiscard]] constexpr std::uint64_t kept() const noexcept {
        return std::uint64_t{high & 0x7fffU} << 32 | low;
    }
    [[nodiscard]] constexpr bool is_alternate() const noexcept { return high & alternate; }
};

struct alignas(64) FdbBucket {
    static constexpr unsigned slots = 6;
    /// Header from above: lock, how many entries at home here are in their alternate, version, and a filter
    /// of those entries, which has one of 16 bits set for each.
    static constexpr std::uint32_t lock_bit = 1U << 31, overflow_one = 1U << 27, overflow_mask = 0xfU << 27,
                                   version_one = 1U << 16, version_mask = overflow_one - version_one,
                                   filter_mask = version_one - 1;
    /// The bit of the filter that stands for hashes with this low word.
    [[nodiscard]] static constexpr std::uint32_t filter_bit(std::uint32_t low) noexcept {
        return 1U << (low & 15);
    }

    std::atomic<std::uint32_t> low[slots];
    std::atomic<std::uint32_t> word[slots];
    std::atomic<std::uint16_t> high[slots];
    std::atomic<std::uint32_t> header;

    /// The header without the lock, which is no reader's business.
    [[nodiscard]] std::uint32_t state() const noexcept { return header_now() & ~lock_bit; }
    [[nodiscard]] std::uint32_t header_now() const noexcept { return header.load(std::memory_order_acquire); }
    [[nodiscard]] static bool same_version(std::uint32_t a, std::uint32_t b) noexcept {
        return ((a ^ b) & version_mask) == 0;
    }
    /// False if no entry at home here whose hash has this low word is in its alternate.
    [[nodiscard]] static bool may_overflow(std::uint32_t header, std::uint32_t low) noexcept {
        return header & filter_bit(low);
    }
    /// A bit for each slot whose low word is this.
    [[nodiscard]] unsigned match(std::uint32_t wanted) const noexcept {
#ifdef WEFT_FDB_SCALAR
        unsigned found = 0;
        for (unsigned s = 0; s < slots; ++s)
            found |= static_cast<unsigned>(low[s].load(std::memory_order_acquire) == wanted) << s;
        return found;
#else
        // The eight lanes are the six low words and two others. x86 neither tears an aligned 4-byte lane nor
        // lets a later load pass this one; the signal fence keeps the compiler to that order.
        const __m256i line = _mm256_load_si256(reinterpret_cast<const __m256i*>(low));
        const __m256i equal = _mm256_cmpeq_epi32(line, broadcast(wanted));
        std::atomic_signal_fence(std::memory_order_acquire);
        return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(equal))) & ((1U << slots) - 1);
#endif
    }
    /// Room that copy() needs in each array.
    static constexpr unsigned copied = 8;
    /// Tags first, then words; what is beyond `slots` means nothing.
    void copy(std::uint32_t* lows, std::uint16_t* highs, std::uint32_t* words) const noexcept {
#ifdef WEFT_FDB_SCALAR
        for (unsigned s = 0; s < slots; ++s) {
            lows[s] = low[s].load(std::memory_order_acquire);
            highs[s] = high[s].load(std::memory_order_acquire);
        }
        for (unsigned s = 0; s < slots; ++s)
            words[s] = word[s].load(std::memory_order_acquire);
#else
        const __m256i low_lanes = _mm256_load_si256(reinterpret_cast<const __m256i*>(low));
        const __m128i high_lanes = _mm_load_si128(reinterpret_cast<const __m128i*>(high));
        std::atomic_signal_fence(std::memory_order_acquire);
        const __m256i word_lanes = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(word));
        std::atomic_signal_fence(std::memory_order_acquire);
        _mm256_store_si256(reinterpret_cast<__m256i*>(lows), low_lanes);
        _mm_store_si128(reinterpret_cast<__m128i*>(highs), high_lanes);
        _mm256_store_si256(reinterpret_cast<__m256i*>(words), word_lanes);
#endif
    }
    struct Look {
        std::uint16_t high;
        std::uint32_t word;
        std::uint32_t header;
    };
    /// What is in a slot, read in this order.
    [[nodiscard]] Look look(unsigned slot) const noexcept {
#ifdef WEFT_FDB_SCALAR
        return {high[slot].load(std::memory_order_acquire), word[slot].load(std::memory_order_acquire),
                header_now()};
#else
        // As in match(); the compiler does not make these operands of other instructions if they are atomic.
        Look seen;
        seen.high = plain(high[slot]);
        std::atomic_signal_fence(std::memory_order_acquire);
        seen.word = plain(word[slot]);
        std::atomic_signal_fence(std::memory_order_acquire);
        seen.header = plain(header);
        return seen;
#endif
    }
    /// The word of the entry with this tag, 0 if it is not here. Valid only if the version has not changed.
    [[nodiscard]] std::uint32_t probe(FdbTag tag) const noexcept {
        for (unsigned found = match(tag.low); found; found &= found - 1) {
            const auto slot = static_cast<unsigned>(__builtin_ctz(found));
            if (high[slot].load(std::memory_order_acquire) != tag.high) continue;
            if (const auto w = word[slot].load(std::memory_order_acquire)) return w;
        }
        return 0;
    }
    /// Stores a slot's word if it is still `old`. Without the lock: a writer that has it stores words of its
    /// own, and whichever store comes last stands, which is what it would be with it. If another entry with
    /// the same word took the slot meanwhile, that one, which was heard just now, gets the time.
    bool refresh(unsigned slot, std::uint32_t old, std::uint32_t fresh) noexcept {
        return word[slot].compare_exchange_strong(old, fresh, std::memory_order_acq_rel,
                                                  std::memory_order_relaxed);
    }

    // Below: with the lock held.

    // One by one and not by vectors: these follow the lock's atomic operation, behind which only predicted
    // branches, no chain of loads, cost nothing.

    /// The slot with this tag, `slots` if none.
    [[nodiscard]] unsigned slot_of(FdbTag tag) const noexcept {
        for (unsigned s = 0; s < slots; ++s)
            if (get(word[s]) && get(low[s]) == tag.low && get(high[s]) == tag.high) return s;
        return slots;
    }
    /// The first, which keeps an old tag of a free slot from hiding a used one behind it; `slots` if none.
    [[nodiscard]] unsigned free_slot() const noexcept {
        unsigned s = 0;
        while (s < slots && get(word[s]))
            ++s;
        return s;
    }
    /// Has no entry but perhaps in this slot.
    [[nodiscard]] bool is_empty_but(unsigned slot) const noexcept {
        std::uint32_t any = 0;
        for (unsigned s = 0; s < slots; ++s)
            any |= s == slot ? 0 : get(word[s]);
        return any == 0;
    }
    [[nodiscard]] FdbTag tag(unsigned slot) const noexcept {
        return {get(low[slot]), get(high[slot])};
    }
    [[nodiscard]] bool may_overflow(FdbTag tag) const noexcept {
        return may_overflow(get(header), tag.low);
    }
    void fill(unsigned slot, FdbTag tag, std::uint32_t value) noexcept {
        low[slot].store(tag.low, std::memory_order_release);
        high[slot].store(tag.high, std::memory_order_release);
        const auto old = get(header);
        header.store((old & ~version_mask) | ((old + version_one) & version_mask), std::memory_order_release);
        word[slot].store(value, std::memory_order_release);
    }
    /// An entry with this tag goes to its alternate. A count that reached its greatest value stays there.
    void add_overflow(FdbTag tag) noexcept {
        const auto old = get(header);
        const auto count = (old & overflow_mask) == overflow_mask ? 0 : overflow_one;
        header.store((old + count) | filter_bit(tag.low), std::memory_order_release);
    }
    /// One has left its alternate. The filter forgets once all have.
    void remove_overflow() noexcept {
        const auto old = get(header);
        if ((old & overflow_mask) == overflow_mask) return;
        const auto now = old - overflow_one;
        header.store(now & overflow_mask ? now : now & ~filter_mask, std::memory_order_release);
    }

    [[nodiscard]] bool try_lock() noexcept {
        auto old = header.load(std::memory_order_relaxed);
        return !(old & lock_bit) &&
               header.compare_exchange_strong(old, old | lock_bit, std::memory_order_acquire,
                                              std::memory_order_relaxed);
    }
    void unlock() noexcept {
        header.store(get(header) & ~lock_bit, std::memory_order_release);
    }

  private:
#ifndef WEFT_FDB_SCALAR
    static __m256i broadcast(std::uint32_t value) noexcept {
        return _mm256_set1_epi32(static_cast<int>(value));
    }
#endif
    template <class T>
    static T plain(const std::atomic<T>& value) noexcept {
        T copy;
        std::memcpy(&copy, &value, sizeof copy);
        return copy;
    }
    template <class T>
    static T get(const std::atomic<T>& value) noexcept {
        return value.load(std::memory_order_relaxed);
    }
};
static_assert(sizeof(FdbBucket) == 64);

}  // namespace weft
