// The locks a writer of one FDB key holds: the key's home bucket, and its alternate where the key may be or
// go.
#pragma once

#include "dataplane/bridge/fdb.hpp"

namespace weft {

/// Scope of a writer. While it lives nobody else adds, changes or removes this key. Two buckets are locked in
/// the order of their indexes; a displacement only tries a third one's lock.
struct Fdb::Locked {
    /// `patient`: wait for as long as it takes; otherwise give up soon, then held() is false.
    Locked(Fdb& fdb, std::uint64_t hash, bool patient) noexcept;
    ~Locked() { unlock(); }
    Locked(const Locked&) = delete;
    Locked& operator=(const Locked&) = delete;

    [[nodiscard]] bool held() const noexcept { return held_; }
    [[nodiscard]] bool found() const noexcept { return place.slot < FdbBucket::slots; }
    [[nodiscard]] FdbBucket& home() const noexcept { return fdb.buckets_[first]; }
    [[nodiscard]] FdbBucket& alternate() const noexcept { return fdb.buckets_[second]; }
    [[nodiscard]] std::atomic<std::uint32_t>& word() const noexcept {
        return fdb.buckets_[place.bucket].word[place.slot];
    }
    /// Locks both buckets. Nothing was held for a moment: another may have added the key.
    void widen() noexcept;
    /// A new key that finds its home full needs both buckets.
    void widen_if_full() noexcept {
        if (held_ && !found() && !two && home().free_slot() == FdbBucket::slots) widen();
    }

    Fdb& fdb;
    const std::uint32_t first;
    const std::uint32_t second;  ///< may be the first
    Place place;                 ///< of the key; slot is FdbBucket::slots if it is nowhere
    bool two = false;            ///< both are held

  private:
    void unlock() noexcept;
    const FdbTag tag_;
    const bool patient_;
    bool held_ = false;
};

}  // namespace weft
