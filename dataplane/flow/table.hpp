// The table of connections: from the tuple of either direction to the entry.
//
// Promise
//   One table for all workers and both families. A look-up reads the line of a bucket and the line of an
//   entry's direction; chains end after three buckets, whatever tuples somebody sends (the hash is keyed). A
//   connection that is in the table is found at every moment. insert() enters both directions at once, or
//   says which connection has one of the tuples already.
// Thread safety
//   hash, prefetch, candidate, matches, find: any thread, never wait. insert, remove: any worker or control
//   thread, under the locks of the two chains concerned, in the order of addresses. What a look-up found
//   stays what it is as long as its owner wants (FlowPool); another worker has to compare its version when it
//   uses it.
// Memory
//   192 bytes a connection, 32 more if accounted, and 26.2 for its share of the buckets when the table is as
//   full as it was made for. Anonymous memory, touched when used.
//
//     const auto hash = table.hash(tuple, protocol);        // prepare, for each of a batch
//     table.prefetch(hash);
//
//     const auto candidate = table.candidate(hash);         // a second loop
//     table.prefetch_entry(candidate.ref);
//
//     FlowRef ref = candidate.ref;                          // decide
//     if (!table.matches(candidate, tuple, kind)) ref = table.find(tuple, kind, hash);
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dataplane/flow/bucket.hpp"
#include "dataplane/flow/entry.hpp"
#include "dataplane/flow/hash.hpp"
#include "dataplane/flow/pool.hpp"

namespace weft {

/// What the first bucket says of a hash: an entry worth a comparison. ref 0: it says nothing, find() knows.
struct FlowCandidate {
    FlowRef ref;
    std::uint32_t header;
    const FlowBucket* bucket;
};

struct FlowInserted {
    enum Kind : std::uint8_t { done, clash, full } kind;
    FlowRef other;  ///< clash: the connection that has one of the tuples, and which of its directions
};

/// Which direction of a connection may have a tuple that is looked for.
enum class FlowWay : std::uint8_t { original, reply, either };

class FlowTable {
  public:
    static constexpr unsigned chain_limit = 3;

    /// For `capacity` connections. Secrets: 128 bits drawn anew at each start.
    FlowTable(std::uint32_t capacity, unsigned workers, std::uint64_t secret_lo, std::uint64_t secret_hi);

    [[nodiscard]] static constexpr std::uint32_t index(FlowRef ref) noexcept { return ref >> 1; }
    [[nodiscard]] static constexpr unsigned direction(FlowRef ref) noexcept { return ref & 1; }
    /// What the tuple of a direction is compared with: a zone is compared with that of the same direction, so
    /// one that differs from the other direction's can only be the same direction's (nf_ct_key_equal, with
    /// the zone in the hash).
    [[nodiscard]] static constexpr FlowWay compared(FlowZones zones, unsigned direction) noexcept {
        return zones.original == zones.reply ? FlowWay::either : static_cast<FlowWay>(direction);
    }
    [[nodiscard]] FlowPool& pool() noexcept { return pool_; }
    [[nodiscard]] const FlowPool& pool() const noexcept { return pool_; }
    [[nodiscard]] FlowDirection& direction_of(FlowRef ref) const noexcept {
        return pool_[ref >> 1].direction[ref & 1];
    }

    template <class Tuple>
    [[nodiscard]] std::uint64_t hash(const Tuple& tuple, std::uint8_t protocol,
                                     FlowZone hint = 0) const noexcept {
        return hash_(tuple, protocol, hint);
    }
    /// Starts loading the line that candidate() reads. Always inline, as all that does nothing else: g++
    /// takes a call of it for one without effect.
    [[gnu::always_inline]] void prefetch(std::uint64_t hash) const noexcept {
        __builtin_prefetch(&first_bucket(hash));
    }
    [[nodiscard]] FlowCandidate candidate(std::uint64_t hash) const noexcept {
        return candidate(first_bucket(hash), signature(hash));
    }
    /// For those who keep both rather than the hash.
    [[nodiscard]] const FlowBucket& first_bucket(std::uint64_t hash) const noexcept {
        return buckets_[home(hash)];
    }
    [[nodiscard]] static std::uint16_t signature(std::uint64_t hash) noexcept {
        return static_cast<std::uint16_t>(hash);
    }
    [[nodiscard]] FlowCandidate candidate(const FlowBucket& bucket, std::uint16_t sign) const noexcept {
        const std::uint32_t header = bucket.header_now();
        const unsigned found = bucket.match(sign);
        if (!found) [[unlikely]] {
            if (const auto next = bucket.next_for(sign)) __builtin_prefetch(&buckets_[next]);
            return {0, header, &bucket};
        }
        return {bucket.ref[__builtin_ctz(found)].load(std::memory_order_acquire), header, &bucket};
    }
    /// Starts loading what a packet of this direction needs.
    [[gnu::always_inline]] void prefetch_entry(FlowRef ref) const noexcept {
        const FlowEntry& entry = pool_[ref >> 1];
        __builtin_prefetch(&entry.direction[ref & 1]);
        __builtin_prefetch(&entry.state);
    }
    /// The candidate is this connection. False says nothing.
    template <class Tuple>
    [[nodiscard]] bool matches(const FlowCandidate& candidate, const Tuple& tuple,
                               FlowKind kind) const noexcept {
        return candidate.ref && direction_of(candidate.ref).matches(tuple, kind.word()) &&
               FlowBucket::same_version(candidate.header, candidate.bucket->header_now());
    }
    /// 0 if there is none. Also finds what is dying but not yet removed.
    template <class Tuple>
    [[nodiscard]] FlowRef find(const Tuple& tuple, FlowKind kind, std::uint64_t hash,
                               FlowWay way = FlowWay::either) const noexcept {
        const FlowBucket& first = buckets_[home(hash)];
        const std::uint32_t kind_word = kind.word();
        const std::uint16_t sign = signature(hash);
        for (;;) {
            const std::uint32_t before = first.header_now();
            FlowRef ref = search(first, tuple, kind_word, sign, way);
            std::uint32_t next = ref ? 0 : first.next_for(sign);
            if (!ref && !next) return 0;
            for (unsigned n = 1; next && n < chain_limit; ++n) {
                if ((ref = search(buckets_[next], tuple, kind_word, sign, way))) break;
                next = buckets_[next].overflow.load(std::memory_order_acquire);
            }
            if (FlowBucket::same_version(before, first.header_now())) return ref;
        }
    }

    /// Enters both directions of an entry whose lines are filled; confirmed is set in its status before
    /// anybody can find it. With `clash` and `full` nothing has changed.
    [[nodiscard]] FlowInserted insert(std::uint32_t index) noexcept;
    /// Sets the status bit dying and takes the entry out, if nobody else did already. The caller must know
    /// that the entry is not freed meanwhile: it is its owner.
    bool remove(std::uint32_t index) noexcept;
    /// The same for anybody: false too if this incarnation is not in the chain of this hash any more. If true
    /// the caller has to bury it.
    bool remove_found(FlowRef ref, std::uint64_t hash, std::uint32_t version) noexcept;

    /// Calls visit(ref) for what is in up to `buckets` first buckets and their chains from that of `hash` on,
    /// without a lock, until it says false.
    template <class Visit>
    void near(std::uint64_t hash, unsigned buckets, Visit&& visit) const {
        std::uint32_t at = home(hash);
        for (unsigned i = 0; i < buckets && i < home_count_; ++i, at = at + 1 == home_count_ ? 0 : at + 1) {
            const FlowBucket* bucket = &buckets_[at];
            for (unsigned n = 0; n < chain_limit; ++n) {
                for (const auto& slot : bucket->ref)
                    if (const FlowRef ref = slot.load(std::memory_order_acquire))
                        if (!visit(ref)) return;
                const std::uint32_t next = bucket->overflow.load(std::memory_order_acquire);
                if (!next) break;
                bucket = &buckets_[next];
            }
        }
    }
    /// The hash under which this direction was entered. Valid if the entry's version did not change
    /// meanwhile.
    [[nodiscard]] std::uint64_t hash_of(FlowRef ref) const noexcept;

    /// Has the memory of the buckets there, which connections touch in no order.
    void populate() const noexcept { memory_.populate(); }
    /// First buckets; more are added where one is full.
    [[nodiscard]] std::uint32_t buckets() const noexcept { return home_count_; }
    /// Memory of the buckets when all are touched.
    [[nodiscard]] std::size_t bucket_bytes() const noexcept { return memory_.bytes(); }
    struct Shape {
        std::size_t refs, overflow_buckets, longest_chain;
    };
    /// Reads the whole table; for tests and `show`.
    [[nodiscard]] Shape shape() const noexcept;

  private:
    [[nodiscard]] std::uint32_t home(std::uint64_t hash) const noexcept {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::uint32_t>(Wide{hash} * home_count_ >> 64);
    }
    [[nodiscard]] static bool fits(FlowRef ref, FlowWay way) noexcept {
        return way == FlowWay::either || direction(ref) == static_cast<unsigned>(way);
    }
    template <class Tuple>
    [[nodiscard]] FlowRef search(const FlowBucket& bucket, const Tuple& tuple, std::uint32_t kind,
                                 std::uint16_t sign, FlowWay way) const noexcept {
        for (unsigned found = bucket.match(sign); found; found &= found - 1) {
            const FlowRef ref =
                bucket.ref[static_cast<unsigned>(__builtin_ctz(found))].load(std::memory_order_acquire);
            if (ref && fits(ref, way) && direction_of(ref).matches(tuple, kind)) return ref;
        }
        return 0;
    }
    /// Of both chains of an entry, or of one twice.
    class Locked;
    [[nodiscard]] FlowRef taken(FlowRef ref, std::uint64_t hash) const noexcept;
    [[nodiscard]] bool put(FlowBucket& first, FlowRef ref, std::uint16_t sign) noexcept;
    [[nodiscard]] bool take_out(FlowBucket& first, FlowRef ref) noexcept;
    void take_out_both(std::uint32_t index) noexcept;
    [[nodiscard]] std::uint32_t add_bucket() noexcept;
    void drop_bucket(std::uint32_t bucket) noexcept;

    std::uint32_t home_count_, bucket_count_;
    FlowHash hash_;
    FlowMemory memory_;
    FlowBucket* buckets_;
    FlowPool pool_;
    alignas(64) std::atomic_flag spare_lock_ = ATOMIC_FLAG_INIT;
    std::uint32_t spare_ = 0, fresh_;  ///< overflow buckets: those given back, and the first never used
};

}  // namespace weft
