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
            if (!FdbBucket::may_overflow(before, tag.low)) return 0;
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
