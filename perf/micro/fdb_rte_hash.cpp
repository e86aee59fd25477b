// rte_hash's side of the comparison.
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "perf/micro/fdb_keys.hpp"
#include "perf/micro/fdb_rounds.hpp"

namespace weft::perf {

namespace {

using Table = std::shared_ptr<rte_hash>;
constexpr std::uint8_t shared_by_workers =
    RTE_HASH_EXTRA_FLAGS_MULTI_WRITER_ADD | RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF;

int compare_keys(const void* a, const void* b, std::size_t) {
    FdbKey64 left, right;
    std::memcpy(&left, a, sizeof left);
    std::memcpy(&right, b, sizeof right);
    return left != right;
}

Table empty(std::size_t entries, std::uint8_t flags = shared_by_workers) {
    static unsigned made = 0;
    const std::string name = "fdb" + std::to_string(made++);
    rte_hash_parameters parameters{};
    parameters.name = name.c_str();
    parameters.entries = static_cast<std::uint32_t>(std::max<std::size_t>(entries, 1024));
    parameters.key_len = sizeof(FdbKey64);
    parameters.hash_func = rte_hash_crc;
    parameters.extra_flag = flags;
    Table table(rte_hash_create(&parameters), rte_hash_free);
    if (!table) throw std::runtime_error("rte_hash_create failed: more EAL memory?");
    rte_hash_set_cmp_func(table.get(), compare_keys);
    return table;
}

void* data_of(FdbKey64 key, std::uint32_t seen) {
    return reinterpret_cast<void*>(std::uintptr_t{port_of(key)} | std::uintptr_t{seen} << 16);
}
void add(rte_hash& table, FdbKey64 key) {
    if (rte_hash_add_key_data(&table, &key, data_of(key, 100))) throw std::runtime_error("rte_hash is full");
}
void fill(rte_hash& table, const std::vector<FdbKey64>& keys) {
    for (const auto key : keys)
        add(table, key);
}
Table filled(const std::vector<FdbKey64>& keys, std::size_t made_for) {
    auto table = empty(made_for);
    fill(*table, keys);
    return table;
}

using Pointers = std::array<const void*, batch>;
Pointers pointers_to(const FdbKey64* keys) {
    Pointers pointers;
    for (std::size_t i = 0; i < batch; ++i)
        pointers[i] = &keys[i];
    return pointers;
}
/// Look-up of a batch; the sum of what is known.
std::uint64_t look_up(const rte_hash& table, const FdbKey64* keys) {
    Pointers pointers = pointers_to(keys);
    std::array<void*, batch> data;
    std::uint64_t hits = 0, sum = 0;
    rte_hash_lookup_bulk_data(&table, pointers.data(), batch, &hits, data.data());
    for (std::size_t i = 0; i < batch; ++i)
        sum += hits >> i & 1 ? reinterpret_cast<std::uintptr_t>(data[i]) : 0;
    return sum;
}

Round look_up_these(std::size_t entries, FdbDomain domain) {
    const auto table = filled(keys_of(entries), entries);
    return [table, queries = Queries(keys_of(entries, domain))](Clocks& clocks) mutable {
        std::uint64_t sum = 0;
        over_batches(clocks, queries, [&](const FdbKey64* k) { sum += look_up(*table, k); });
        consume(sum);
    };
}

}  // namespace

Round hash_lookup_bulk(std::size_t entries) {
    return look_up_these(entries, 1);
}
Round hash_lookup_bulk_unknown(std::size_t entries) {
    return look_up_these(entries, 2);
}

Round hash_lookup_one_by_one(std::size_t entries) {
    const auto keys = keys_of(entries);
    return [table = filled(keys, entries), queries = Queries(keys)](Clocks& clocks) mutable {
        std::uint64_t sum = 0;
        over_batches(clocks, queries, [&](const FdbKey64* k) {
            for (std::size_t i = 0; i < batch; ++i) {
                void* data = nullptr;
                rte_hash_lookup_data(table.get(), &k[i], &data);
                sum += reinterpret_cast<std::uintptr_t>(data);
            }
        });
        consume(sum);
    };
}

Round hash_lookup_both(std::size_t entries) {
    const auto keys = keys_of(entries);
    return [table = filled(keys, entries), sources = Queries(keys),
            destinations = Queries(keys, 13)](Clocks& clocks) mutable {
        std::uint64_t sum = 0;
        over_batches(clocks, sources, [&](const FdbKey64* source) {
            sum += look_up(*table, source);
            sum += look_up(*table, destinations.next());
        });
        consume(sum);
    };
}

Round hash_refresh(std::size_t entries) {
    const auto keys = keys_of(entries);
    const auto table = filled(keys, entries);
    std::vector<std::uint64_t> seen(static_cast<std::size_t>(rte_hash_max_key_id(table.get())) + 1);
    return [table, seen, queries = Queries(keys), now = std::uint32_t{100}](Clocks& clocks) mutable {
        ++now;
        over_batches(clocks, queries, [&](const FdbKey64* k) {
            Pointers pointers = pointers_to(k);
            std::array<std::int32_t, batch> positions;
            rte_hash_lookup_bulk(table.get(), pointers.data(), batch, positions.data());
            for (std::size_t i = 0; i < batch; ++i)
                if (positions[i] >= 0)
                    seen[static_cast<std::size_t>(positions[i])] =
                        reinterpret_cast<std::uintptr_t>(data_of(k[i], now));
        });
    };
}

namespace {

Round add_new(std::size_t entries, std::uint8_t flags) {
    return [table = empty(entries, flags), keys = keys_of(entries)](Clocks& clocks) {
        for (std::size_t done = 0; done < batches_a_round * batch; done += keys.size()) {
            rte_hash_reset(table.get());
            clocks.start();
            fill(*table, keys);
            clocks.stop(keys.size());
        }
    };
}

/// Ages once; calls old(key) for what is to go.
template <class Old>
std::size_t age(const rte_hash& table, std::uint32_t now, Old&& old) {
    const void* key = nullptr;
    void* data = nullptr;
    std::size_t seen = 0;
    for (std::uint32_t next = 0; rte_hash_iterate(&table, &key, &data, &next) >= 0; ++seen)
        if (now - (reinterpret_cast<std::uintptr_t>(data) >> 16) >= 300) old(key);
    return seen;
}

Round iterate(std::size_t entries, std::size_t made_for) {
    return [table = filled(keys_of(entries), made_for)](Clocks& clocks) {
        clocks.start();
        std::size_t items = 0, aged = 0;
        while (items < batches_a_round * batch)
            items += age(*table, 200, [&](const void*) { ++aged; });
        clocks.stop(items);
        consume(aged);
    };
}

}  // namespace

Round hash_add_new(std::size_t entries) {
    return add_new(entries, shared_by_workers);
}
Round hash_add_new_alone(std::size_t entries) {
    return add_new(entries, 0);
}
Round hash_iterate(std::size_t entries) {
    return iterate(entries, entries);
}
Round hash_iterate_large(std::size_t entries) {
    return iterate(entries, 1'000'000);
}

Round hash_age_out(std::size_t entries) {
    return [table = empty(entries), keys = keys_of(entries)](Clocks& clocks) {
        for (std::size_t done = 0; done < batches_a_round * batch; done += keys.size()) {
            rte_hash_reset(table.get());
            fill(*table, keys);
            clocks.start();
            clocks.stop(age(*table, 500, [&](const void* key) {
                rte_hash_free_key_with_position(table.get(), rte_hash_del_key(table.get(), key));
            }));
        }
    };
}

}  // namespace weft::perf
