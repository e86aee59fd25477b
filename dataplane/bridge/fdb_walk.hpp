// Walking the whole FDB. Included by fdb.hpp only: the loops are compiled with the caller's test in them, so
// that what it does not ask of an entry (the key costs two multiplications) is not computed.
#pragma once

#include "dataplane/bridge/fdb.hpp"

namespace weft {

/// A bucket's entries at one moment. Tags are read before words: a word that is not 0 then belongs to the tag
/// unless the version has changed (fdb_bucket.hpp).
struct Fdb::Snapshot {
    explicit Snapshot(const FdbBucket& bucket) noexcept {
        for (std::uint32_t before = bucket.state(), after = ~before;
             !FdbBucket::same_version(before, after);) {
            before = bucket.state();
            bucket.copy(low, high, word);
            after = bucket.state();
        }
        for (unsigned s = 0; s < FdbBucket::slots; ++s)
            used |= static_cast<unsigned>(word[s] != 0) << s;
    }
    unsigned used = 0;  ///< a bit for each slot; the others' word and tag mean nothing
    alignas(32) std::uint32_t low[FdbBucket::copied];
    alignas(32) std::uint32_t word[FdbBucket::copied];
    alignas(32) std::uint16_t high[FdbBucket::copied];
};

/// Calls use(bucket, tag, word) for the entries of the regions from begin to end. Which regions of the next
/// 64 have entries is found without branches, as their order is random; the next one's lines are asked for
/// while those of this one are used.
template <class Use>
void Fdb::for_occupied(std::size_t begin, std::size_t end, Use&& use) const {
    const auto occupied = [this](std::size_t region) {
        return occupied_[region].load(std::memory_order_acquire);
    };
    const auto prefetch = [&](std::size_t region) {
        for (auto bits = occupied(region); bits; bits &= bits - 1)
            __builtin_prefetch(&buckets_[region * 64 + static_cast<unsigned>(__builtin_ctzll(bits))]);
    };
    constexpr std::size_t block = 64;
    std::size_t found[block + 1];
    for (; begin < end; begin += block) {
        const std::size_t block_end = end - begin < block ? end : begin + block;
        std::size_t count = 0;
        for (std::size_t region = begin; region < block_end; ++region) {
            found[count] = region;
            count += occupied(region) != 0;
        }
        if (count) prefetch(found[0]);
        for (std::size_t i = 0; i < count; ++i) {
            if (i + 1 < count) prefetch(found[i + 1]);
            for (auto bits = occupied(found[i]); bits; bits &= bits - 1) {
                const auto bucket =
                    static_cast<std::uint32_t>(found[i] * 64 + static_cast<unsigned>(__builtin_ctzll(bits)));
                const Snapshot now(buckets_[bucket]);
                for (unsigned left = now.used; left; left &= left - 1) {
                    const auto slot = static_cast<unsigned>(__builtin_ctz(left));
                    use(bucket, FdbTag{now.low[slot], now.high[slot]}, now.word[slot]);
                }
            }
        }
    }
}

inline std::uint64_t Fdb::hash_at(std::uint32_t bucket, FdbTag tag) const noexcept {
    const std::uint64_t at_home = tag.is_alternate() ? other(tag.low, bucket) : bucket;
    // The bucket's hashes begin here or a little later, and there are at most 2^47 of them.
    constexpr std::uint64_t kept = (std::uint64_t{1} << 47) - 1;
    const std::uint64_t begin = at_home * (~std::uint64_t{0} / bucket_count_);
    const std::uint64_t first = begin + ((tag.kept() - begin) & kept);
    return home(first) == at_home ? first : first + kept + 1;
}

inline Fdb::Entry Fdb::entry(std::uint64_t hash, std::uint32_t word, std::uint32_t now) const noexcept {
    return {hash_.undo(hash), FdbWord::port(word), FdbWord::flags(word), FdbWord::age(word, now)};
}

template <class Visit>
void Fdb::visit_regions(std::uint32_t now, std::size_t begin, std::size_t end, Visit& visit) const {
    for_occupied(begin, end, [&](std::uint32_t bucket, FdbTag tag, std::uint32_t word) {
        visit(entry(hash_at(bucket, tag), word, now));
    });
}

template <class Predicate>
std::size_t Fdb::sweep_regions(std::uint32_t now, std::size_t begin, std::size_t end, Predicate& predicate) {
    std::size_t removed = 0;
    for_occupied(begin, end, [&](std::uint32_t bucket, FdbTag tag, std::uint32_t word) {
        const bool unwanted = predicate(entry(hash_at(bucket, tag), word, now));
        if (!unwanted && FdbWord::kept(word, now) == word) return;
        const Test test(predicate);
        removed += settle(hash_at(bucket, tag), now, unwanted ? &test : nullptr);
    });
    return removed;
}

}  // namespace weft
