// The FDB against rte_hash, on the same keys in the same random order: look-up, learning, ageing. The items
// are packets or entries; "clk" is TSC clocks an item. The FDB has the capacity that is configured, 1 M;
// rte_hash is made for just the entries it gets, without any of its concurrency flags, with its CRC as the
// hash.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/bridge/fdb.hpp"

namespace {

using namespace weft;

constexpr std::size_t batch = 64;
constexpr std::uint32_t capacity = 1'000'000;
constexpr FdbLimits unlimited{0, 0};

std::vector<FdbKey64> keys_of(std::size_t count, FdbDomain domain = 1) {
    std::mt19937_64 random(7);
    std::vector<FdbKey64> keys(count);
    for (auto& key : keys)
        key = fdb_key(random() & 0xffff'ffff'fffe, domain);
    return keys;
}

/// Queries: every key once in random order, then again, in whole batches; at least so many that they come
/// from memory in the same way for every table size.
class Queries {
  public:
    explicit Queries(std::vector<FdbKey64> keys) : order_(std::move(keys)) {
        std::shuffle(order_.begin(), order_.end(), std::mt19937_64(11));
        const auto whole = order_.size();
        for (std::size_t i = 0; order_.size() % batch; ++i)
            order_.push_back(order_[i % whole]);
    }
    const FdbKey64* next() {
        at_ = at_ + batch < order_.size() ? at_ + batch : 0;
        return &order_[at_];
    }

  private:
    std::vector<FdbKey64> order_;
    std::size_t at_ = 0;
};

std::unique_ptr<Fdb> filled(const std::vector<FdbKey64>& keys, std::uint32_t now = 100) {
    auto fdb = std::make_unique<Fdb>(capacity, 0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3210);
    for (const auto key : keys)
        fdb->learn(key, fdb->hash(key), static_cast<BridgePortIndex>(key & 63), 0, now, unlimited);
    return fdb;
}

/// TSC clocks of this thread's CPU time an item, so that other programs on the CPU count as little as can be.
class Clocks {
  public:
    explicit Clocks(benchmark::State& state) : state_(state) {}
    void start() { from_ = now(); }
    void stop(std::size_t items) {
        seconds_ += now() - from_;
        items_ += items;
    }
    ~Clocks() {
        const double items = static_cast<double>(std::max<std::size_t>(items_, 1));
        state_.SetItemsProcessed(static_cast<std::int64_t>(items_));
        state_.counters["clk"] = seconds_ * static_cast<double>(rte_get_tsc_hz()) / items;
    }

  private:
    static double now() {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
    }
    benchmark::State& state_;
    double from_ = 0, seconds_ = 0;
    std::size_t items_ = 0;
};

/// Runs use(keys of a batch) over and over.
template <class Use>
void over_batches(benchmark::State& state, std::vector<FdbKey64> keys, Use&& use) {
    Queries queries(std::move(keys));
    Clocks clocks(state);
    std::size_t items = 0;
    clocks.start();
    for (auto _ : state) {
        use(queries.next());
        items += batch;
    }
    clocks.stop(items);
}

template <class Decide>
void prepare_then(const Fdb& fdb, const FdbKey64* keys, Decide&& decide) {
    std::array<std::uint64_t, batch> hashes;
    for (std::size_t i = 0; i < batch; ++i) {
        hashes[i] = fdb.hash(keys[i]);
        fdb.prefetch(hashes[i]);
    }
    for (std::size_t i = 0; i < batch; ++i)
        decide(keys[i], hashes[i]);
}

void fdb_find(benchmark::State& state) {
    const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
    const auto fdb = filled(keys);
    unsigned sum = 0;
    over_batches(state, keys, [&](const FdbKey64* k) {
        prepare_then(*fdb, k, [&](FdbKey64 key, std::uint64_t hash) { sum += fdb->find(key, hash).port; });
    });
    benchmark::DoNotOptimize(sum);
    const auto shape = fdb->shape();
    state.counters["2nd_line%"] =
        100.0 * static_cast<double>(shape.in_alternate) / static_cast<double>(shape.entries);
    state.counters["B/entry"] = static_cast<double>(fdb->bytes()) / static_cast<double>(fdb->capacity());
}

void fdb_find_one_by_one(benchmark::State& state) {
    const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
    const auto fdb = filled(keys);
    unsigned sum = 0;
    over_batches(state, keys, [&](const FdbKey64* k) {
        for (std::size_t i = 0; i < batch; ++i)
            sum += fdb->find(k[i]).port;
    });
    benchmark::DoNotOptimize(sum);
}

void fdb_find_unknown(benchmark::State& state) {
    const auto fdb = filled(keys_of(static_cast<std::size_t>(state.range(0))));
    unsigned sum = 0;
    over_batches(state, keys_of(static_cast<std::size_t>(state.range(0)), 2), [&](const FdbKey64* k) {
        prepare_then(*fdb, k, [&](FdbKey64 key, std::uint64_t hash) { sum += fdb->find(key, hash).found; });
    });
    benchmark::DoNotOptimize(sum);
}

void fdb_learn_known(benchmark::State& state) {
    const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
    const auto fdb = filled(keys);
    unsigned sum = 0;
    over_batches(state, keys, [&](const FdbKey64* k) {
        prepare_then(*fdb, k, [&](FdbKey64 key, std::uint64_t hash) {
            sum += static_cast<unsigned>(
                fdb->learn(key, hash, static_cast<BridgePortIndex>(key & 63), 0, 100, unlimited));
        });
    });
    benchmark::DoNotOptimize(sum);
}

/// Both of what a bridge does with a frame: the source learned, another station found.
void fdb_learn_and_find(benchmark::State& state) {
    const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
    const auto fdb = filled(keys);
    auto shuffled = keys;
    std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937_64(13));
    Queries destinations(shuffled);
    unsigned sum = 0;
    over_batches(state, keys, [&](const FdbKey64* source) {
        const FdbKey64* destination = destinations.next();
        std::array<std::uint64_t, batch> from, to;
        for (std::size_t i = 0; i < batch; ++i) {
            fdb->prefetch(from[i] = fdb->hash(source[i]));
            fdb->prefetch(to[i] = fdb->hash(destination[i]));
        }
        for (std::size_t i = 0; i < batch; ++i) {
            const auto port = static_cast<BridgePortIndex>(source[i] & 63);
            sum += static_cast<unsigned>(fdb->learn(source[i], from[i], port, 0, 100, unlimited));
            sum += fdb->find(destination[i], to[i]).port;
        }
    });
    benchmark::DoNotOptimize(sum);
}

/// Every frame is the station's first in a new second: the entry is written.
void fdb_learn_refresh(benchmark::State& state) {
    const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
    const auto fdb = filled(keys);
    std::uint32_t now = 100;
    std::size_t seen = 0;
    over_batches(state, keys, [&](const FdbKey64* k) {
        prepare_then(*fdb, k, [&](FdbKey64 key, std::uint64_t hash) {
            fdb->learn(key, hash, static_cast<BridgePortIndex>(key & 63), 0, now, unlimited);
        });
        seen += batch;
        if (seen >= keys.size()) seen = 0, ++now;
    });
}

/// An empty table learns all stations; making and touching the table is not timed.
void fdb_learn_new(benchmark::State& state) {
    const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
    const auto fdb = filled(keys);
    Clocks clocks(state);
    for (auto _ : state) {
        state.PauseTiming();
        fdb->remove_if(100, [](const Fdb::Entry&) { return true; });
        state.ResumeTiming();
        clocks.start();
        std::size_t at = 0;
        for (; at + batch <= keys.size(); at += batch)
            prepare_then(*fdb, &keys[at], [&](FdbKey64 key, std::uint64_t hash) {
                fdb->learn(key, hash, static_cast<BridgePortIndex>(key & 63), 0, 100, unlimited);
            });
        clocks.stop(at);
    }
}

/// One round of the ager that finds nothing to remove.
void fdb_age(benchmark::State& state) {
    const auto fdb = filled(keys_of(static_cast<std::size_t>(state.range(0))));
    Clocks clocks(state);
    std::size_t items = 0;
    clocks.start();
    for (auto _ : state) {
        benchmark::DoNotOptimize(fdb->sweep(
            200, 0, fdb->region_count(), [](const Fdb::Entry& e) { return e.is_dynamic() && e.age >= 300; }));
        items += fdb->size();
    }
    clocks.stop(items);
}

/// One that removes all; filling is not timed.
void fdb_age_out(benchmark::State& state) {
    const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
    const auto fdb = filled({});
    Clocks clocks(state);
    for (auto _ : state) {
        state.PauseTiming();
        for (const auto key : keys)
            fdb->learn(key, fdb->hash(key), 1, 0, 100, unlimited);
        state.ResumeTiming();
        clocks.start();
        const auto removed = fdb->sweep(500, 0, fdb->region_count(),
                                        [](const Fdb::Entry& e) { return e.is_dynamic() && e.age >= 300; });
        clocks.stop(removed);
    }
}

struct FreeHash {
    void operator()(rte_hash* table) const { rte_hash_free(table); }
};
using HashTable = std::unique_ptr<rte_hash, FreeHash>;

HashTable empty_hash(std::size_t entries, std::uint8_t flags = 0) {
    rte_hash_parameters parameters{};
    parameters.name = "fdb_bench";
    parameters.entries = static_cast<std::uint32_t>(std::max<std::size_t>(entries, 1024));
    parameters.key_len = sizeof(FdbKey64);
    parameters.hash_func = rte_hash_crc;
    parameters.extra_flag = flags;
    return HashTable(rte_hash_create(&parameters));
}
HashTable filled_hash(const std::vector<FdbKey64>& keys) {
    auto table = empty_hash(keys.size());
    for (const auto key : keys)
        if (table) rte_hash_add_key_data(table.get(), &key, reinterpret_cast<void*>(key & 63));
    return table;
}

void rte_hash_lookup_bulk(benchmark::State& state) {
    const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
    const auto table = filled_hash(keys);
    if (!table) return state.SkipWithError("rte_hash_create failed: more EAL memory?");
    std::uintptr_t sum = 0;
    over_batches(state, keys, [&](const FdbKey64* k) {
        std::array<const void*, batch> pointers;
        std::array<void*, batch> data;
        for (std::size_t i = 0; i < batch; ++i)
            pointers[i] = &k[i];
        std::uint64_t hits = 0;
        rte_hash_lookup_bulk_data(table.get(), pointers.data(), batch, &hits, data.data());
        for (std::size_t i = 0; i < batch; ++i)
            sum += reinterpret_cast<std::uintptr_t>(data[i]);
    });
    benchmark::DoNotOptimize(sum);
}

void rte_hash_lookup_one_by_one(benchmark::State& state) {
    const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
    const auto table = filled_hash(keys);
    if (!table) return state.SkipWithError("rte_hash_create failed: more EAL memory?");
    std::uintptr_t sum = 0;
    over_batches(state, keys, [&](const FdbKey64* k) {
        for (std::size_t i = 0; i < batch; ++i) {
            void* data = nullptr;
            rte_hash_lookup_data(table.get(), &k[i], &data);
            sum += reinterpret_cast<std::uintptr_t>(data);
        }
    });
    benchmark::DoNotOptimize(sum);
}

void add_new(benchmark::State& state, std::uint8_t flags) {
    const auto keys = keys_of(static_cast<std::size_t>(state.range(0)));
    const auto table = empty_hash(keys.size(), flags);
    if (!table) return state.SkipWithError("rte_hash_create failed: more EAL memory?");
    Clocks clocks(state);
    for (auto _ : state) {
        state.PauseTiming();
        rte_hash_reset(table.get());
        state.ResumeTiming();
        clocks.start();
        for (const auto key : keys)
            rte_hash_add_key_data(table.get(), &key, reinterpret_cast<void*>(key & 63));
        clocks.stop(keys.size());
    }
}

/// With one writer that no reader disturbs: less than the FDB promises.
void rte_hash_add_new_alone(benchmark::State& state) {
    add_new(state, 0);
}

/// With several writers and readers that hold no lock, as the FDB.
void rte_hash_add_new(benchmark::State& state) {
    add_new(state, RTE_HASH_EXTRA_FLAGS_MULTI_WRITER_ADD | RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF);
}

void rte_hash_iterate_all(benchmark::State& state) {
    const auto table = filled_hash(keys_of(static_cast<std::size_t>(state.range(0))));
    if (!table) return state.SkipWithError("rte_hash_create failed: more EAL memory?");
    Clocks clocks(state);
    std::size_t items = 0;
    clocks.start();
    for (auto _ : state) {
        const void* key = nullptr;
        void* data = nullptr;
        for (std::uint32_t next = 0; rte_hash_iterate(table.get(), &key, &data, &next) >= 0;) {
            ++items;
            benchmark::DoNotOptimize(data);
        }
    }
    clocks.stop(items);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
    for (const int entries : {1'000, 100'000, 1'000'000})
        benchmark->Arg(entries);
}

BENCHMARK(fdb_find)->Apply(sizes);
BENCHMARK(rte_hash_lookup_bulk)->Apply(sizes);
BENCHMARK(fdb_find_one_by_one)->Apply(sizes);
BENCHMARK(rte_hash_lookup_one_by_one)->Apply(sizes);
BENCHMARK(fdb_find_unknown)->Apply(sizes);
BENCHMARK(fdb_learn_known)->Apply(sizes);
BENCHMARK(fdb_learn_and_find)->Apply(sizes);
BENCHMARK(fdb_learn_refresh)->Apply(sizes);
BENCHMARK(fdb_learn_new)->Apply(sizes);
BENCHMARK(rte_hash_add_new)->Apply(sizes);
BENCHMARK(rte_hash_add_new_alone)->Apply(sizes);
BENCHMARK(fdb_age)->Apply(sizes);
BENCHMARK(rte_hash_iterate_all)->Apply(sizes);
BENCHMARK(fdb_age_out)->Apply(sizes);

}  // namespace
