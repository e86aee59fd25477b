// What changes the flow table.
#include "dataplane/flow/table.hpp"

#include <algorithm>

namespace weft {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

/// 5.3 references a bucket of eight at capacity: every eleventh bucket has a second one.
std::uint32_t homes_for(std::uint32_t capacity) noexcept {
    return std::max<std::uint32_t>(8, static_cast<std::uint32_t>(std::uint64_t{capacity} * 3 / 8 + 1));
}
/// Twice as many overflow buckets as are needed at capacity; only address space.
std::uint32_t overflow_for(std::uint32_t homes) noexcept {
    return homes / 4 + 64;
}

}  // namespace

class FlowTable::Locked {
  public:
    Locked(FlowBucket& a, FlowBucket& b) noexcept : low_(std::min(&a, &b)), high_(std::max(&a, &b)) {
        low_->lock();
        if (high_ != low_) high_->lock();
    }
    ~Locked() {
        if (high_ != low_) high_->unlock();
        low_->unlock();
    }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

  private:
    FlowBucket* low_;
    FlowBucket* high_;
};

FlowTable::FlowTable(std::uint32_t capacity, unsigned workers, std::uint64_t secret_lo,
                     std::uint64_t secret_hi)
    : home_count_(homes_for(capacity)),
      bucket_count_(home_count_ + overflow_for(home_count_)),
      hash_(secret_lo, secret_hi),
      memory_(std::size_t{bucket_count_} * sizeof(FlowBucket)),
      buckets_(memory_.as<FlowBucket>()),
      pool_(capacity, workers),
      fresh_(home_count_) {}

std::uint64_t FlowTable::hash_of(FlowRef ref) const noexcept {
    const FlowDirection& direction = direction_of(ref);
    const FlowKind kind = direction.kind_now();
    const FlowZone hint = kind.flags & FlowKind::hinted ? kind.zone : FlowZone{0};
    return kind.flags & FlowKind::ipv6 ? hash(direction.tuple_now<Tuple6>(), kind.protocol, hint)
                                       : hash(direction.tuple_now<Tuple4>(), kind.protocol, hint);
}

/// The connection that has this direction's tuple; with the lock of its chain.
FlowRef FlowTable::taken(FlowRef ref, std::uint64_t hash) const noexcept {
    const FlowDirection& direction = direction_of(ref);
    const FlowKind kind = direction.kind_now();
    const FlowZones zones{direction_of(ref & ~1u).kind_now().zone, direction_of(ref | 1u).kind_now().zone};
    const FlowWay way = compared(zones, FlowTable::direction(ref));
    return kind.flags & FlowKind::ipv6 ? find(direction.tuple_now<Tuple6>(), kind, hash, way)
                                       : find(direction.tuple_now<Tuple4>(), kind, hash, way);
}

FlowInserted FlowTable::insert(std::uint32_t index) noexcept {
    const FlowRef refs[2] = {index << 1, index << 1 | 1};
    const std::uint64_t hashes[2] = {hash_of(refs[0]), hash_of(refs[1])};
    FlowBucket& first = buckets_[home(hashes[0])];
    FlowBucket& second = buckets_[home(hashes[1])];
    const Locked locked(first, second);
    for (unsigned d = 0; d < 2; ++d)
        if (const FlowRef other = taken(refs[d], hashes[d])) return {FlowInserted::clash, other};
    FlowState& state = pool_[index].state;
    state.set_unshared(FlowStatus::confirmed);
    const bool one = put(first, refs[0], signature(hashes[0]));
    if (!one || !put(second, refs[1], signature(hashes[1]))) {
        if (one) (void)take_out(first, refs[0]);
        state.status.fetch_and(static_cast<std::uint16_t>(~FlowStatus::confirmed), std::memory_order_acq_rel);
        return {FlowInserted::full, 0};
    }
    return {FlowInserted::done, 0};
}

bool FlowTable::remove(std::uint32_t index) noexcept {
    if (pool_[index].state.status.fetch_or(FlowStatus::dying, std::memory_order_acq_rel) & FlowStatus::dying)
        return false;
    take_out_both(index);
    return true;
}

bool FlowTable::remove_found(FlowRef ref, std::uint64_t hash, std::uint32_t version) noexcept {
    FlowBucket& first = buckets_[home(hash)];
    bool ours = false;
    {
        // While the chain is locked and has the reference, nobody frees the entry.
        const Locked locked(first, first);
        FlowBucket* bucket = &first;
        for (unsigned n = 0; n < chain_limit && !ours; ++n) {
            for (auto& slot : bucket->ref)
                ours |= slot.load(relaxed) == ref;
            const std::uint32_t next = bucket->overflow.load(relaxed);
            if (!next) break;
            bucket = &buckets_[next];
        }
        FlowState& state = pool_[index(ref)].state;
        ours = ours && state.version() == version &&
               !(state.status.fetch_or(FlowStatus::dying, std::memory_order_acq_rel) & FlowStatus::dying);
    }
    if (ours) take_out_both(index(ref));
    return ours;
}

void FlowTable::take_out_both(std::uint32_t index) noexcept {
    const FlowRef refs[2] = {index << 1, index << 1 | 1};
    FlowBucket& first = buckets_[home(hash_of(refs[0]))];
    FlowBucket& second = buckets_[home(hash_of(refs[1]))];
    const Locked locked(first, second);
    (void)take_out(first, refs[0]);
    (void)take_out(second, refs[1]);
}

/// False if the chain is full.
bool FlowTable::put(FlowBucket& first, FlowRef ref, std::uint16_t sign) noexcept {
    FlowBucket* bucket = &first;
    for (unsigned n = 1;; ++n) {
        if (const unsigned slot = bucket->free_slot(); slot < FlowBucket::slots) {
            if (bucket != &first)
                first.overflowed.store(first.overflowed.load(relaxed) | FlowBucket::filter_bit(sign),
                                       std::memory_order_release);
            bucket->fill(slot, sign, ref);
            return true;
        }
        std::uint32_t next = bucket->overflow.load(relaxed);
        if (!next) {
            if (n == chain_limit || !(next = add_bucket())) return false;
            bucket->overflow.store(next, std::memory_order_release);
        }
        bucket = &buckets_[next];
    }
}

bool FlowTable::take_out(FlowBucket& first, FlowRef ref) noexcept {
    FlowBucket* before = nullptr;
    FlowBucket* bucket = &first;
    for (;;) {
        for (auto& slot : bucket->ref) {
            if (slot.load(relaxed) != ref) continue;
            slot.store(0, std::memory_order_release);
            std::uint32_t gone = 0;
            if (before && bucket->empty()) {
                gone = before->overflow.load(relaxed);
                before->overflow.store(bucket->overflow.load(relaxed), std::memory_order_release);
                if (!first.overflow.load(relaxed)) first.overflowed.store(0, std::memory_order_release);
            }
            // After what readers must not miss, and before the entry or the bucket becomes another's.
            first.raise_version();
            if (gone) drop_bucket(gone);
            return true;
        }
        const std::uint32_t next = bucket->overflow.load(relaxed);
        if (!next) return false;
        before = bucket;
        bucket = &buckets_[next];
    }
}

std::uint32_t FlowTable::add_bucket() noexcept {
    while (spare_lock_.test_and_set(std::memory_order_acquire)) {
    }
    std::uint32_t bucket = spare_;
    if (bucket)
        spare_ = buckets_[bucket].overflow.load(relaxed);
    else if (fresh_ < bucket_count_)
        bucket = fresh_++;
    spare_lock_.clear(std::memory_order_release);
    if (bucket) buckets_[bucket].overflow.store(0, std::memory_order_release);
    return bucket;
}

void FlowTable::drop_bucket(std::uint32_t bucket) noexcept {
    while (spare_lock_.test_and_set(std::memory_order_acquire)) {
    }
    buckets_[bucket].overflow.store(spare_, std::memory_order_release);
    spare_ = bucket;
    spare_lock_.clear(std::memory_order_release);
}

FlowTable::Shape FlowTable::shape() const noexcept {
    Shape shape{};
    for (std::uint32_t home = 0; home < home_count_; ++home) {
        std::size_t chain = 0;
        for (std::uint32_t at = home;;) {
            ++chain;
            for (const auto& slot : buckets_[at].ref)
                shape.refs += slot.load(relaxed) != 0;
            at = buckets_[at].overflow.load(relaxed);
            if (!at) break;
        }
        shape.overflow_buckets += chain - 1;
        shape.longest_chain = std::max(shape.longest_chain, chain);
    }
    return shape;
}

}  // namespace weft
