// The forwarding database: which bridge port a station (MAC address in a bridge and VLAN) is behind.
//
// Promise
//   One table for all bridges and workers. A look-up reads one cache line, and in a full table a second one
//   for every fourteenth known station and every fortieth unknown; never a third, whatever keys somebody
//   sends: the hash is keyed by a secret. An entry that is in the table is found at every moment, also while
//   it goes to its other bucket. learn() writes nothing when the station was heard on the same port within
//   the same second.
// Thread safety
//   find, hash, prefetch, for_each and the counts: any thread, never wait. learn: any worker; it does not
//   wait either, if a bucket stays locked it gives up and the next frame teaches. set, remove, remove_if,
//   sweep: any control thread, may spin on a bucket's lock for as long as a writer needs for it (some 20 ns).
// Memory
//   Two choices of buckets of six slots in one line (fdb_bucket.hpp), 4.1 entries a bucket at capacity: 15.6
//   bytes an entry, with all that goes with it (bytes()) under 16 at 1 M entries. Anonymous memory, huge
//   pages where the kernel gives them, touched when used. Under a capacity of 537,000 the table stays as
//   large as for that, 8 MiB.
// Full
//   learn() refuses at `capacity` entries; what is known stays known until it ages. set() goes beyond it, so
//   that strangers cannot keep control from adding an entry. A third of the slots is free at capacity; that a
//   new entry then finds no place, after one displacement, happens less than once in a million.
// Time
//   Seconds of any coarse monotonic clock, the same for all callers; workers may be up to a minute apart.
//   Somebody must pass the whole table by sweep() or remove_if() at least every 1000 s, also where nothing
//   ages, or ages wrap. Ages up to 2048 s are exact, up to 54 hours to 64 s; a greater one reads as 54 hours.
//
//     Fdb fdb(1'000'000, random_lo, random_hi);
//
//     const auto key = fdb_key(frame.source.raw(), domain);  // prepare, for each of a batch
//     const auto hash = fdb.hash(key);
//     fdb.prefetch(hash);
//
//     fdb.learn(key, hash, port, bridge, now, {0, 0});       // decide, for each of the batch
//     if (const auto hit = fdb.find(key, hash); hit.found) send(hit.port);
//
//     fdb.remove_if(now, [](const auto& e) { return e.is_dynamic() && e.age >= 300; });  // control
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "dataplane/bridge/fdb_bucket.hpp"
#include "dataplane/bridge/fdb_hash.hpp"
#include "dataplane/bridge/fdb_word.hpp"
#include "weft/topology.hpp"

namespace weft {

/// MAC in the low 48 bits (MacAddress::raw()), FdbDomain above.
using FdbKey64 = std::uint64_t;
constexpr FdbKey64 fdb_key(std::uint64_t mac_raw, FdbDomain domain) noexcept {
    return mac_raw | std::uint64_t{domain} << 48;
}
inline MacAddress fdb_mac(FdbKey64 key) noexcept {
    return MacAddress::from_raw(key);
}
constexpr FdbDomain fdb_domain(FdbKey64 key) noexcept {
    return static_cast<FdbDomain>(key >> 48);
}

/// Where a key is looked for: its hash, and the line that is read first.
struct FdbProbe {
    const FdbBucket* bucket;
    std::uint64_t hash;
};

/// Computes probes, and starts loading the lines. A copy of what a table never changes, so that a loop over
/// packets need not load it again for each.
struct FdbProber {
    const FdbBucket* buckets;
    std::uint64_t bucket_count;
    FdbHash hash;

    /// What the keys of a domain have in common; `domain` as in an FdbKey64, with a MAC of 0.
    [[nodiscard]] std::uint64_t salt(FdbKey64 domain) const noexcept { return hash.salt(domain); }
    [[nodiscard]] FdbProbe operator()(std::uint64_t mac_raw, std::uint64_t salt) const noexcept {
        const std::uint64_t h = hash.salted(mac_raw, salt);
        const FdbBucket* bucket = &buckets[home(h, bucket_count)];
        __builtin_prefetch(bucket);
        return {bucket, h};
    }
    /// Shares the hashes out evenly, in their order.
    [[nodiscard]] static std::uint64_t home(std::uint64_t hash, std::uint64_t bucket_count) noexcept {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::uint64_t>(Wide{hash} * bucket_count >> 64);
    }
};

struct FdbHit {
    bool found;
    std::uint8_t flags;    ///< FdbFlags
    BridgePortIndex port;  ///< no_index: the bridge itself
};

/// Greatest numbers of learned entries; 0: no limit. Entries made by set() do not count (Linux:
/// fdb_n_learned).
struct FdbLimits {
    std::uint32_t port_max;
    std::uint32_t bridge_max;
};

class Fdb {
  public:
    struct Entry {
        FdbKey64 key;
        BridgePortIndex port;  ///< no_index: the bridge itself
        std::uint8_t flags;    ///< FdbFlags
        std::uint32_t age;     ///< seconds since last heard; 0 unless dynamic

        /// Ageing may take it. Linux ages what is neither static nor local; a blackhole stays too.
        [[nodiscard]] bool is_dynamic() const noexcept {
            return !(flags & (FdbFlags::local | FdbFlags::stationary | FdbFlags::blackhole));
        }
    };
    /// How the entries lie; made by reading the whole table.
    struct Shape {
        std::size_t entries;
        std::size_t in_alternate;  ///< found by a second line
        std::size_t full_buckets;
        std::size_t most_overflow;  ///< entries at home in one bucket that are in their alternate
    };

    static constexpr std::size_t max_ports = FdbWord::max_port + 1;
    static constexpr std::size_t max_bridges = max_interfaces;
    static constexpr std::size_t domain_count = 65536;

    /// Aborts after one sentence on stderr if the address space for the table cannot be had.
    explicit Fdb(std::uint32_t capacity, std::uint64_t secret_lo, std::uint64_t secret_hi);
    ~Fdb();
    Fdb(const Fdb&) = delete;
    Fdb& operator=(const Fdb&) = delete;

    /// Different keys have different hashes, so the hash alone would do for the key.
    [[nodiscard]] std::uint64_t hash(FdbKey64 key) const noexcept { return hash_(key); }
    /// Starts loading the line that find() and learn() read first.
    [[gnu::always_inline]] void prefetch(std::uint64_t hash) const noexcept {
        __builtin_prefetch(&buckets_[home(hash)]);
    }

    [[nodiscard]] FdbProber prober() const noexcept { return {buckets_, bucket_count_, hash_}; }
    /// The FdbWord of the key if it is where nearly all are; 0 says nothing, then word_anywhere() knows.
    [[nodiscard]] std::uint32_t word_at_home(const FdbProbe& at) const noexcept {
        const FdbBucket& bucket = *at.bucket;
        const std::uint32_t before = bucket.header_now();
        const FdbTag tag = FdbTag::home_in(at.hash);  // here, so that it is an operand where it is used
        const unsigned found = bucket.match(tag.low);
        if (!found) [[unlikely]]
            return 0;
        const auto seen = bucket.look(static_cast<unsigned>(__builtin_ctz(found)));
        return seen.high == tag.high && seen.header == before ? seen.word : 0;
    }
    /// The FdbWord of the key with this hash, 0 if there is none. Not inlined: for what is seldom.
    [[nodiscard]] std::uint32_t word_anywhere(std::uint64_t hash) const noexcept;
    [[nodiscard]] FdbHit find(FdbKey64, std::uint64_t hash) const noexcept {
        const std::uint32_t word = lookup(hash);
        return {word != 0, FdbWord::flags(word), FdbWord::port(word)};
    }
    [[nodiscard]] FdbHit find(FdbKey64 key) const noexcept { return find(key, hash(key)); }

    /// A frame with this source arrived on `from`, at most FdbWord::max_port, of `bridge`, below max_bridges.
    /// A domain belongs to one bridge until all its entries are removed.
    Learned learn(FdbKey64 key, std::uint64_t hash, BridgePortIndex from, BridgeIndex bridge,
                  std::uint32_t now_seconds, const FdbLimits& limits) noexcept {
        FdbBucket& bucket = buckets_[home(hash)];
        const AtHome seen = look_at_home(bucket, hash);
        const std::uint32_t word = seen.settled ? seen.word : word_anywhere(hash);
        const std::uint32_t heard = FdbWord::heard(from, now_seconds);
        if (((word ^ heard) & FdbWord::heard_mask) == 0) [[likely]]
            return Learned::known;
        if (seen.settled && word && FdbWord::only_older(word, heard) &&
            bucket.refresh(seen.slot, word, FdbWord::refreshed(word, heard)))
            return Learned::refreshed;
        return learn_slow(key, hash, word, {from, bridge, now_seconds, limits});
    }

    /// Adds an entry or replaces whatever there is. `flags` without `learned` (ignored): 0 makes a dynamic
    /// entry that does not count as learned. False if there is no place, or the port is above
    /// FdbWord::max_port.
    bool set(FdbKey64 key, BridgePortIndex port, BridgeIndex bridge, std::uint8_t flags,
             std::uint32_t now) noexcept;
    /// Removes an entry of any kind; false if there was none.
    bool remove(FdbKey64 key) noexcept;

    /// Visits entries one by one, without locks: what is added, removed or displaced meanwhile may be missed
    /// or come twice. Order is meaningless.
    template <class Visit>
    void for_each(std::uint32_t now, Visit&& visit) const {
        visit_regions(now, 0, region_count(), visit);
    }

    /// Removes each entry that the predicate accepts; returns how many. Complete: an entry that was there
    /// before and is accepted is gone, even if others are displaced meanwhile. (What a worker learns
    /// meanwhile stays: to flush a port, publish first that it does not learn, wait for quiescence, then
    /// flush.) The predicate may see an entry twice. 1 M entries take some milliseconds, in which a learn()
    /// that needs a displacement fails.
    template <class Predicate>
    std::size_t remove_if(std::uint32_t now, Predicate&& predicate) {
        const NoDisplacement gate(*this);
        return sweep_regions(now, 0, region_count(), predicate);
    }
    /// The same for `regions` regions from `first` on, wrapping around: for ageing in small steps. One region
    /// is 4 KiB of table; empty ones cost next to nothing. Not complete: a displaced entry may escape until
    /// the next round.
    template <class Predicate>
    std::size_t sweep(std::uint32_t now, std::size_t first, std::size_t regions, Predicate&& predicate) {
        const std::size_t count = region_count(), begin = first % count;
        const std::size_t before_end = regions < count - begin ? regions : count - begin;
        const std::size_t wrapped = regions < count ? regions - before_end : begin;
        return sweep_regions(now, begin, begin + before_end, predicate) +
               sweep_regions(now, 0, wrapped, predicate);
    }
    [[nodiscard]] std::size_t region_count() const noexcept { return (bucket_count_ + 63) / 64; }

    /// Learned entries on a port, in a bridge.
    [[nodiscard]] std::uint32_t learned_on(BridgePortIndex port) const noexcept {
        return load(port_learned_[port]);
    }
    [[nodiscard]] std::uint32_t learned_in(BridgeIndex bridge) const noexcept {
        return load(bridge_learned_[bridge]);
    }
    /// Entries of all kinds.
    [[nodiscard]] std::uint32_t size() const noexcept { return load(size_); }
    [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
    /// Memory of the whole table when all of it has been touched.
    [[nodiscard]] std::size_t bytes() const noexcept;
    /// How often a station was put on hold (once for each second that it was held).
    [[nodiscard]] std::uint64_t holds() const noexcept { return load(holds_); }
    [[nodiscard]] Shape shape() const;

  private:
    /// A predicate of somebody else's, called through one pointer where speed does not matter.
    class Test {
      public:
        template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, Test>) explicit Test(F& f)
            : object_(const_cast<void*>(static_cast<const void*>(std::addressof(f)))),
              call_([](void* object, const Entry& e) -> bool { return (*static_cast<F*>(object))(e); }) {}
        bool operator()(const Entry& e) const { return call_(object_, e); }

      private:
        void* object_;
        bool (*call_)(void*, const Entry&);
    };
    struct Snapshot;

    /// While one exists no entry changes its bucket.
    class NoDisplacement {
      public:
        explicit NoDisplacement(Fdb&) noexcept;
        ~NoDisplacement();
        NoDisplacement(const NoDisplacement&) = delete;
        NoDisplacement& operator=(const NoDisplacement&) = delete;

      private:
        Fdb& fdb_;
    };

    struct Place {
        std::uint32_t bucket;
        unsigned slot;
    };

    template <class T>
    static T load(const std::atomic<T>& value) noexcept {
        return value.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint32_t home(std::uint64_t hash) const noexcept {
        return static_cast<std::uint32_t>(FdbProber::home(hash, bucket_count_));
    }
    /// The other of an entry's two buckets, from either.
    [[nodiscard]] std::uint32_t other(std::uint32_t low, std::uint32_t bucket) const noexcept {
        const std::uint32_t sum = scale(static_cast<std::uint32_t>(low * 0x9e37'79b1U));
        return sum >= bucket ? sum - bucket : sum + bucket_count_ - bucket;
    }
    [[nodiscard]] std::uint32_t scale(std::uint64_t value) const noexcept {
        return static_cast<std::uint32_t>(value * bucket_count_ >> 32);
    }

    /// What the home bucket says of a key.
    struct AtHome {
        std::uint32_t word;
        unsigned slot;  ///< of the word, if that is not 0
        bool settled;   ///< the key has this word or, with 0, none; otherwise only word_anywhere() knows
    };
    [[nodiscard]] static AtHome look_at_home(const FdbBucket& bucket, std::uint64_t hash) noexcept {
        const FdbTag tag = FdbTag::home_of(hash);
        const std::uint32_t before = bucket.header_now();
        if (const unsigned found = bucket.match(tag.low)) [[likely]] {
            const auto slot = static_cast<unsigned>(__builtin_ctz(found));
            const auto seen = bucket.look(slot);
            return {seen.word, slot, seen.word && seen.high == tag.high && seen.header == before};
        }
        return {0, 0, !FdbBucket::may_overflow(before, tag.low) && bucket.header_now() == before};
    }
    [[nodiscard]] std::uint32_t lookup(std::uint64_t hash) const noexcept {
        const AtHome seen = look_at_home(buckets_[home(hash)], hash);
        return seen.settled ? seen.word : word_anywhere(hash);
    }
    struct Alternate {
        bool settled;
        std::uint32_t word;
    };
    [[nodiscard]] Alternate lookup_alternate(std::uint64_t hash, std::uint32_t first,
                                             std::uint32_t before) const noexcept;

    struct Source {
        BridgePortIndex port;
        BridgeIndex bridge;
        std::uint32_t now;
        const FdbLimits& limits;
    };
    struct Locked;
    Learned learn_slow(FdbKey64, std::uint64_t hash, std::uint32_t word, const Source&) noexcept;
    Learned learn_known(const Locked&, std::uint64_t hash, const Source&) noexcept;
    Learned learn_new(const Locked&, std::uint64_t hash, FdbKey64, const Source&) noexcept;
    void own_domain(FdbDomain, BridgeIndex) noexcept;
    void uncount_learned(FdbKey64, std::uint32_t word) noexcept;

    [[nodiscard]] bool lock_bucket(std::uint32_t bucket, bool patient) noexcept;
    [[nodiscard]] bool insert(const Locked&, std::uint64_t hash, std::uint32_t word) noexcept;
    [[nodiscard]] bool make_room(std::uint32_t bucket, std::uint32_t partner, unsigned& slot) noexcept;
    [[nodiscard]] bool displace(std::uint32_t bucket, std::uint32_t partner, bool homewards,
                                unsigned& slot) noexcept;
    void put(Place, FdbTag, std::uint32_t word) noexcept;
    void vacate(Place) noexcept;
    void take(const Locked&, FdbKey64) noexcept;
    void store_nearer_home(const Locked&, std::uint64_t hash, std::uint32_t word) noexcept;

    template <class Visit>
    void visit_regions(std::uint32_t now, std::size_t begin, std::size_t end, Visit&) const;
    template <class Predicate>
    std::size_t sweep_regions(std::uint32_t now, std::size_t begin, std::size_t end, Predicate&);
    bool settle(std::uint64_t hash, std::uint32_t now, const Test*);
    template <class Use>
    void for_occupied(std::size_t begin, std::size_t end, Use&&) const;
    [[nodiscard]] std::uint64_t hash_at(std::uint32_t bucket, FdbTag) const noexcept;
    [[nodiscard]] Entry entry(std::uint64_t hash, std::uint32_t word, std::uint32_t now) const noexcept;

    // read by every look-up
    FdbBucket* buckets_;
    std::uint32_t bucket_count_;
    std::uint32_t capacity_;
    FdbHash hash_;
    // side tables, in the same mapping
    std::atomic<std::uint64_t>* occupied_;        ///< a bit for each bucket that is not empty
    std::atomic<std::uint32_t>* port_learned_;    ///< by port
    std::atomic<std::uint32_t>* bridge_learned_;  ///< by bridge
    std::atomic<BridgeIndex>* bridge_of_;         ///< by domain
    void* mapping_;
    // written on insert and removal
    alignas(64) std::atomic<std::uint32_t> size_{0};
    std::atomic<std::uint64_t> holds_{0};
    alignas(64) std::atomic<std::uint32_t> displacing_{0};
    std::atomic<std::uint32_t> gates_{0};
};

}  // namespace weft

#include "dataplane/bridge/fdb_walk.hpp"
