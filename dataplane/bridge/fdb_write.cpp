// Writers of the FDB: locks, insertion with displacement, learning, control's changes.
#include <thread>

#include "dataplane/bridge/fdb.hpp"
#include "dataplane/bridge/fdb_locked.hpp"

namespace weft {

namespace {

constexpr auto relaxed = std::memory_order_relaxed;

bool reached(const std::atomic<std::uint32_t>& count, std::uint32_t max) noexcept {
    return max && count.load(relaxed) >= max;
}
/// Counts one more unless that would be more than `max`.
bool admit(std::atomic<std::uint32_t>& count, std::uint32_t max) noexcept {
    if (reached(count, max)) return false;
    if (count.fetch_add(1, relaxed) < max || !max) return true;
    count.fetch_sub(1, relaxed);
    return false;
}

}  // namespace

bool Fdb::lock_bucket(std::uint32_t bucket, bool patient) noexcept {
    constexpr unsigned spins = 256;
    for (unsigned tries = 1; !buckets_[bucket].try_lock(); ++tries) {
        if (tries % spins == 0) {
            if (!patient) return false;
            std::this_thread::yield();
        }
        __builtin_ia32_pause();
    }
    return true;
}

Fdb::Locked::Locked(Fdb& f, std::uint64_t hash, bool patient) noexcept
    : fdb(f),
      first(f.home(hash)),
      second(f.other(static_cast<std::uint32_t>(hash), first)),
      place{first, FdbBucket::slots},
      tag_(FdbTag::home_of(hash)),
      patient_(patient) {
    held_ = fdb.lock_bucket(first, patient_);
    if (!held_) return;
    place.slot = home().slot_of(tag_);
    if (!found() && home().may_overflow(tag_)) widen();
}

void Fdb::Locked::widen() noexcept {
    if (first == second) return;
    unlock();
    const std::uint32_t low = first < second ? first : second;
    const std::uint32_t high = first < second ? second : first;
    if (!fdb.lock_bucket(low, patient_)) return;
    if (!fdb.lock_bucket(high, patient_)) return fdb.buckets_[low].unlock();
    held_ = two = true;
    place = {first, home().slot_of(tag_)};
    if (!found()) place = {second, alternate().slot_of(tag_.other())};
}

void Fdb::Locked::unlock() noexcept {
    if (held_) home().unlock();
    if (two) alternate().unlock();
    held_ = two = false;
}

void Fdb::put(Place at, FdbTag tag, std::uint32_t word) noexcept {
    auto& bits = occupied_[at.bucket / 64];
    const std::uint64_t bit = std::uint64_t{1} << at.bucket % 64;
    if (!(bits.load(relaxed) & bit)) bits.fetch_or(bit, std::memory_order_release);
    buckets_[at.bucket].fill(at.slot, tag, word);
}

void Fdb::vacate(Place at) noexcept {
    FdbBucket& bucket = buckets_[at.bucket];
    const bool last = bucket.is_empty_but(at.slot);
    bucket.word[at.slot].store(0, std::memory_order_release);
    if (last)
        occupied_[at.bucket / 64].fetch_and(~(std::uint64_t{1} << at.bucket % 64), std::memory_order_release);
}

void Fdb::take(const Locked& locked, FdbKey64 key) noexcept {
    const std::uint32_t word = locked.word().load(relaxed);
    vacate(locked.place);
    if (locked.place.bucket != locked.first) locked.home().remove_overflow();
    size_.fetch_sub(1, relaxed);
    uncount_learned(key, word);
}

/// Ageing makes room in homes whose entries are in their alternates: without a way back every sixth look-up
/// in a full table would read a second line after some generations of stations, with it every tenth or so.
void Fdb::store_nearer_home(const Locked& locked, std::uint64_t hash, std::uint32_t word) noexcept {
    const unsigned slot = locked.place.bucket == locked.first ? FdbBucket::slots : locked.home().free_slot();
    if (slot < FdbBucket::slots) {
        displacing_.fetch_add(1, std::memory_order_seq_cst);
        const bool allowed = gates_.load(std::memory_order_seq_cst) == 0;
        if (allowed) {
            put({locked.first, slot}, FdbTag::home_of(hash), word);
            vacate(locked.place);
            locked.home().remove_overflow();
        }
        displacing_.fetch_sub(1, std::memory_order_seq_cst);
        if (allowed) return;
    }
    locked.word().store(word, std::memory_order_release);
}

void Fdb::uncount_learned(FdbKey64 key, std::uint32_t word) noexcept {
    if (FdbWord::kind(word) != FdbWord::learned) return;
    port_learned_[FdbWord::port(word)].fetch_sub(1, relaxed);
    bridge_learned_[load(bridge_of_[fdb_domain(key)])].fetch_sub(1, relaxed);
}

bool Fdb::insert(const Locked& locked, std::uint64_t hash, std::uint32_t word) noexcept {
    const FdbTag tag = FdbTag::home_of(hash);
    if (const unsigned slot = locked.home().free_slot(); slot < FdbBucket::slots) {
        put({locked.first, slot}, tag, word);
        return true;
    }
    unsigned slot = locked.two ? locked.alternate().free_slot() : FdbBucket::slots;
    if (slot == FdbBucket::slots && make_room(locked.first, locked.second, slot)) {
        put({locked.first, slot}, tag, word);
        return true;
    }
    if (slot == FdbBucket::slots && !(locked.two && make_room(locked.second, locked.first, slot)))
        return false;
    locked.home().add_overflow(tag);
    put({locked.second, slot}, tag.other(), word);
    return true;
}

bool Fdb::make_room(std::uint32_t bucket, std::uint32_t partner, unsigned& slot) noexcept {
    // Both sides first say what they are about to do and then look at the other: at least one sees the other.
    displacing_.fetch_add(1, std::memory_order_seq_cst);
    const bool done = gates_.load(std::memory_order_seq_cst) == 0 &&
                      (displace(bucket, partner, true, slot) || displace(bucket, partner, false, slot));
    displacing_.fetch_sub(1, std::memory_order_seq_cst);
    return done;
}

bool Fdb::displace(std::uint32_t bucket, std::uint32_t partner, bool homewards, unsigned& slot) noexcept {
    FdbBucket& from = buckets_[bucket];
    for (unsigned s = 0; s < FdbBucket::slots; ++s) {
        const FdbTag tag = from.tag(s);
        if (tag.is_alternate() != homewards) continue;
        const std::uint32_t target = other(tag.low, bucket);
        if (target == bucket || target == partner || !buckets_[target].try_lock()) continue;
        FdbBucket& to = buckets_[target];
        const unsigned free = to.free_slot();
        if (free < FdbBucket::slots) {
            put({target, free}, tag.other(), from.word[s].load(relaxed));
            if (!homewards) from.add_overflow(tag);
            from.word[s].store(0, std::memory_order_release);
            if (homewards) to.remove_overflow();
            slot = s;
        }
        to.unlock();
        if (free < FdbBucket::slots) return true;
    }
    return false;
}

Fdb::NoDisplacement::NoDisplacement(Fdb& fdb) noexcept : fdb_(fdb) {
    fdb_.gates_.fetch_add(1, std::memory_order_seq_cst);
    while (fdb_.displacing_.load(std::memory_order_seq_cst))
        std::this_thread::yield();
}
Fdb::NoDisplacement::~NoDisplacement() {
    fdb_.gates_.fetch_sub(1, std::memory_order_seq_cst);
}

Learned Fdb::learn_slow(FdbKey64 key, std::uint64_t hash, std::uint32_t word, const Source& source) noexcept {
    if (word) {
        const auto heard = FdbWord::heard_from(word, source.port, source.now);
        if (heard.word == word) return heard.result;
    } else {
        if (source.port > FdbWord::max_port || source.bridge >= max_bridges) return Learned::full;
        if (reached(port_learned_[source.port], source.limits.port_max)) return Learned::port_limit;
        if (reached(bridge_learned_[source.bridge], source.limits.bridge_max)) return Learned::bridge_limit;
        if (reached(size_, capacity_)) return Learned::full;
    }
    Locked locked(*this, hash, false);
    locked.widen_if_full();
    if (!locked.held()) return Learned::known;
    return locked.found() ? learn_known(locked, hash, source) : learn_new(locked, hash, key, source);
}

Learned Fdb::learn_known(const Locked& locked, std::uint64_t hash, const Source& source) noexcept {
    const std::uint32_t word = locked.word().load(relaxed);
    const auto heard = FdbWord::heard_from(word, source.port, source.now);
    if (heard.word == word) return heard.result;
    if (heard.result == Learned::held) holds_.fetch_add(1, relaxed);
    if (heard.result == Learned::moved && FdbWord::kind(word) == FdbWord::learned) {
        if (!admit(port_learned_[source.port], source.limits.port_max)) return Learned::port_limit;
        port_learned_[FdbWord::port(word)].fetch_sub(1, relaxed);
    }
    store_nearer_home(locked, hash, heard.word);
    return heard.result;
}

Learned Fdb::learn_new(const Locked& locked, std::uint64_t hash, FdbKey64 key,
                       const Source& source) noexcept {
    auto& on_port = port_learned_[source.port];
    auto& in_bridge = bridge_learned_[source.bridge];
    if (!admit(on_port, source.limits.port_max)) return Learned::port_limit;
    Learned result = Learned::bridge_limit;
    if (admit(in_bridge, source.limits.bridge_max)) {
        result = Learned::full;
        if (admit(size_, capacity_)) {
            own_domain(fdb_domain(key), source.bridge);
            if (insert(locked, hash, FdbWord::make(source.port, FdbFlags::learned, source.now)))
                return Learned::added;
            size_.fetch_sub(1, relaxed);
        }
        in_bridge.fetch_sub(1, relaxed);
    }
    on_port.fetch_sub(1, relaxed);
    return result;
}

void Fdb::own_domain(FdbDomain domain, BridgeIndex bridge) noexcept {
    if (load(bridge_of_[domain]) != bridge) bridge_of_[domain].store(bridge, relaxed);
}

bool Fdb::set(FdbKey64 key, BridgePortIndex port, BridgeIndex bridge, std::uint8_t flags,
              std::uint32_t now) noexcept {
    if ((port > FdbWord::max_port && port != no_index) || bridge >= max_bridges) return false;
    flags &= static_cast<std::uint8_t>(~FdbFlags::learned);
    const std::uint32_t word = FdbWord::make(port, flags, now);
    const std::uint64_t hash = hash_(key);
    for (;;) {
        {
            Locked locked(*this, hash, true);
            locked.widen_if_full();
            if (locked.found()) {
                uncount_learned(key, locked.word().load(relaxed));
                own_domain(fdb_domain(key), bridge);
                locked.word().store(word, std::memory_order_release);
                return true;
            }
            own_domain(fdb_domain(key), bridge);
            if (insert(locked, hash, word)) {
                size_.fetch_add(1, relaxed);
                return true;
            }
        }
        // A flush forbids displacements for some milliseconds.
        if (gates_.load(std::memory_order_seq_cst) == 0) return false;
        std::this_thread::yield();
    }
}

bool Fdb::remove(FdbKey64 key) noexcept {
    const Locked locked(*this, hash_(key), true);
    if (locked.found()) take(locked, key);
    return locked.found();
}

}  // namespace weft
