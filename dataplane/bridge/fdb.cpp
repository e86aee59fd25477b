// The FDB's memory, a look-up's second bucket, and everything that walks the whole table.
#include "dataplane/bridge/fdb.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "dataplane/bridge/fdb_locked.hpp"

namespace weft {

namespace {

constexpr std::size_t huge_page = std::size_t{2} << 20;
/// With fewer the 47 bits that a slot keeps of the hash would not tell all keys of a bucket apart.
constexpr std::uint32_t least_buckets = 1U << 17;

/// 4.1 entries a bucket of six: at this load a new entry always finds a place with one displacement.
constexpr std::uint32_t buckets_for(std::uint32_t capacity) noexcept {
    return std::max(least_buckets, static_cast<std::uint32_t>((std::uint64_t{capacity} * 10 + 40) / 41));
}

/// Zeroed memory at a huge page's start, nothing of it touched.
void* map_zeroed(std::size_t bytes) noexcept {
    const std::size_t with_slack = bytes + huge_page;
    void* raw =
        mmap(nullptr, with_slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (raw == MAP_FAILED) {
        std::fprintf(stderr, "fdb: cannot reserve %zu MiB of address space: %s; ask for a smaller table\n",
                     with_slack >> 20, std::strerror(errno));
        std::abort();
    }
    const auto start = reinterpret_cast<std::uintptr_t>(raw);
    const auto aligned = (start + huge_page - 1) & ~(huge_page - 1);
    if (aligned > start) munmap(raw, aligned - start);
    const auto page_end = (aligned + bytes + 4095) & ~std::uintptr_t{4095};
    if (page_end < start + with_slack)
        munmap(reinterpret_cast<void*>(page_end), start + with_slack - page_end);
    void* memory = reinterpret_cast<void*>(aligned);
    madvise(memory, bytes, MADV_HUGEPAGE);  // only speed depends on it
    return memory;
}

}  // namespace

Fdb::Fdb(std::uint32_t capacity, std::uint64_t secret_lo, std::uint64_t secret_hi)
    : bucket_count_(buckets_for(capacity)), capacity_(std::max(capacity, 1U)), hash_(secret_lo, secret_hi) {
    mapping_ = map_zeroed(bytes());
    auto* at = static_cast<std::byte*>(mapping_);
    const auto next = [&at]<class T>(T*& table, std::size_t count) {
        table = reinterpret_cast<T*>(at);
        at += count * sizeof(T);
    };
    next(buckets_, bucket_count_);
    next(occupied_, region_count());
    next(port_learned_, max_ports);
    next(bridge_learned_, max_bridges);
    next(bridge_of_, domain_count);
}

Fdb::~Fdb() {
    munmap(mapping_, bytes());
}

std::size_t Fdb::bytes() const noexcept {
    return bucket_count_ * sizeof(*buckets_) + region_count() * sizeof(*occupied_) +
           max_ports * sizeof(*port_learned_) + max_bridges * sizeof(*bridge_learned_) +
           domain_count * sizeof(*bridge_of_);
}

std::uint32_t Fdb::word_anywhere(std::uint64_t hash) const noexcept {
    const FdbTag tag = FdbTag::home_of(hash);
    const std::uint32_t first = home(hash);
    const FdbBucket& bucket = buckets_[first];
    for (;;) {
        const std::uint32_t before = bucket.state();
        const std::uint32_t word = bucket.probe(tag);
        const std::uint32_t after = bucket.state();
        if (word) {
            if (FdbBucket::same_version(before, after)) return word;
        } else if (before == after) {
            if (!(before & FdbBucket::overflow_mask)) return 0;
            if (const auto found = lookup_alternate(hash, first, before); found.settled) return found.word;
        }
    }
}

Fdb::Alternate Fdb::lookup_alternate(std::uint64_t hash, std::uint32_t first,
                                     std::uint32_t before) const noexcept {
    const FdbTag tag = FdbTag::home_of(hash);
    const FdbBucket& bucket = buckets_[other(tag.low, first)];
    const std::uint32_t start = bucket.state();
    const std::uint32_t word = bucket.probe(tag.other());
    const std::uint32_t end = bucket.state();
    if (word) return {FdbBucket::same_version(start, end), word};
    return {start == end && buckets_[first].state() == before, 0};
}

std::uint64_t Fdb::hash_at(std::uint32_t bucket, FdbTag tag) const noexcept {
    const std::uint64_t at_home = tag.is_alternate() ? other(tag.low, bucket) : bucket;
    // The bucket's hashes begin here in their upper half, and there are at most 2^15 of these halves.
    const std::uint64_t begin = ((at_home << 32) + bucket_count_ - 1) / bucket_count_;
    const std::uint64_t upper = begin + ((tag.high - begin) & 0x7fff);
    return upper << 32 | tag.low;
}

Fdb::Entry Fdb::entry(std::uint64_t hash, std::uint32_t word, std::uint32_t now) const noexcept {
    return {hash_.undo(hash), FdbWord::port(word), FdbWord::flags(word), FdbWord::age(word, now)};
}

namespace {

/// A bucket's entries at one moment.
struct Snapshot {
    explicit Snapshot(const FdbBucket& bucket) noexcept {
        for (std::uint32_t before = bucket.state(), after = ~before;
             !FdbBucket::same_version(before, after);) {
            before = bucket.state();
            used = 0;
            for (unsigned s = 0; s < FdbBucket::slots; ++s) {
                word[s] = bucket.word[s].load(std::memory_order_acquire);
                used |= static_cast<unsigned>(word[s] != 0) << s;
            }
            for (unsigned left = used; left; left &= left - 1) {
                const auto s = static_cast<unsigned>(__builtin_ctz(left));
                tag[s] = {bucket.low[s].load(std::memory_order_acquire),
                          bucket.high[s].load(std::memory_order_acquire)};
            }
            after = bucket.state();
        }
    }
    unsigned used;  ///< a bit for each slot; the others' word and tag mean nothing
    std::uint32_t word[FdbBucket::slots];
    FdbTag tag[FdbBucket::slots];
};

}  // namespace

/// Calls use(bucket, tag, word) for the entries of the regions from begin to end. The next occupied region's
/// lines are asked for while those of this one are used.
template <class Use>
void Fdb::for_occupied(std::size_t begin, std::size_t end, Use&& use) const {
    const auto occupied = [this](std::size_t region) {
        return occupied_[region].load(std::memory_order_acquire);
    };
    const auto prefetch = [this](std::size_t region, std::uint64_t bits) {
        for (; bits; bits &= bits - 1)
            __builtin_prefetch(&buckets_[region * 64 + static_cast<unsigned>(__builtin_ctzll(bits))]);
    };
    std::size_t next = begin;
    std::uint64_t next_bits = 0;
    const auto advance = [&] {
        while (next < end && !(next_bits = occupied(next)))
            ++next;
        if (next < end) prefetch(next, next_bits);
    };
    for (advance(); next < end;) {
        const std::size_t region = next++;
        auto bits = next_bits;
        advance();
        for (; bits; bits &= bits - 1) {
            const auto bucket =
                static_cast<std::uint32_t>(region * 64 + static_cast<unsigned>(__builtin_ctzll(bits)));
            const Snapshot now(buckets_[bucket]);
            for (unsigned left = now.used; left; left &= left - 1) {
                const auto slot = static_cast<unsigned>(__builtin_ctz(left));
                use(bucket, now.tag[slot], now.word[slot]);
            }
        }
    }
}

void Fdb::visit_regions(std::uint32_t now, std::size_t begin, std::size_t end, const Visitor& visit) const {
    for_occupied(begin, end, [&](std::uint32_t bucket, FdbTag tag, std::uint32_t word) {
        visit(entry(hash_at(bucket, tag), word, now));
    });
}

std::size_t Fdb::sweep_regions(std::uint32_t now, std::size_t begin, std::size_t end, const Test& test) {
    std::size_t removed = 0;
    for_occupied(begin, end, [&](std::uint32_t bucket, FdbTag tag, std::uint32_t word) {
        const std::uint64_t hash = hash_at(bucket, tag);
        const bool unwanted = test(entry(hash, word, now));
        if (unwanted || FdbWord::kept(word, now) != word)
            removed += settle(hash, now, unwanted ? &test : nullptr);
    });
    return removed;
}

/// Removes the entry if the test, where given, still accepts it; otherwise keeps its age from wrapping.
bool Fdb::settle(std::uint64_t hash, std::uint32_t now, const Test* test) {
    const Locked locked(*this, hash, true);
    if (!locked.found()) return false;
    const std::uint32_t word = locked.word().load(std::memory_order_relaxed);
    const Entry current = entry(hash, word, now);
    if (test && (*test)(current)) {
        take(locked, current.key);
        return true;
    }
    locked.word().store(FdbWord::kept(word, now), std::memory_order_release);
    return false;
}

Fdb::Shape Fdb::shape() const {
    Shape shape{};
    std::uint32_t current = bucket_count_;
    unsigned in_bucket = 0;
    for_occupied(0, region_count(), [&](std::uint32_t bucket, FdbTag tag, std::uint32_t) {
        in_bucket = bucket == current ? in_bucket + 1 : 1;
        current = bucket;
        const std::size_t overflow =
            (buckets_[bucket].state() & FdbBucket::overflow_mask) / FdbBucket::overflow_one;
        shape.full_buckets += in_bucket == FdbBucket::slots;
        shape.most_overflow = std::max(shape.most_overflow, overflow);
        shape.in_alternate += tag.is_alternate();
        ++shape.entries;
    });
    return shape;
}

}  // namespace weft
