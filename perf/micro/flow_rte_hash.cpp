// The side of a table built on rte_hash.
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include <array>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>

#include "perf/micro/flow_keys.hpp"

namespace weft::perf {

namespace {

struct alignas(16) Key {
    Tuple4 tuple;
    FlowKind kind;
};
static_assert(sizeof(Key) == 16);

Key key_of(const Tuple4& tuple) {
    return {tuple, flow_kind};
}
int compare_keys(const void* a, const void* b, std::size_t) {
    std::uint64_t left[2], right[2];
    std::memcpy(left, a, sizeof left);
    std::memcpy(right, b, sizeof right);
    return ((left[0] ^ right[0]) | (left[1] ^ right[1])) != 0;
}

/// Entries as the flow table has them; index 0 is none.
struct Table {
    std::shared_ptr<rte_hash> hash;
    FlowMemory memory;
    FlowEntry* entries = memory.as<FlowEntry>();
    std::uint32_t used = 0;

    explicit Table(std::size_t flows) : memory((flows + 1) * sizeof(FlowEntry)) {
        static unsigned made = 0;
        const std::string name = "flow" + std::to_string(made++);
        rte_hash_parameters parameters{};
        parameters.name = name.c_str();
        parameters.entries = static_cast<std::uint32_t>(std::max<std::size_t>(2 * flows, 2048));
        parameters.key_len = sizeof(Key);
        parameters.hash_func = rte_hash_crc;
        parameters.extra_flag =
            RTE_HASH_EXTRA_FLAGS_MULTI_WRITER_ADD | RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF;
        hash.reset(rte_hash_create(&parameters), rte_hash_free);
        if (!hash) throw std::runtime_error("rte_hash_create failed: more EAL memory?");
        rte_hash_set_cmp_func(hash.get(), compare_keys);
    }
    void add(const Tuple4& tuple, bool check) {
        const Key keys[2] = {key_of(tuple), key_of(*inverted(tuple, flow_kind.protocol))};
        const std::uint32_t index = ++used;
        FlowEntry& entry = entries[index];
        entry.direction[0].set(keys[0].tuple, flow_kind);
        entry.direction[1].set(keys[1].tuple, flow_kind);
        entry.state.deadline.store(flow_now, std::memory_order_relaxed);
        for (std::uintptr_t d = 0; d < 2; ++d) {
            if (check && rte_hash_lookup(hash.get(), &keys[d]) >= 0) throw std::runtime_error("taken");
            if (rte_hash_add_key_data(hash.get(), &keys[d],
                                      reinterpret_cast<void*>(std::uintptr_t{index} << 1 | d)))
                throw std::runtime_error("rte_hash is full");
        }
    }
    void reset() {
        rte_hash_reset(hash.get());
        used = 0;
    }
};

std::shared_ptr<Table> filled(std::size_t flows) {
    auto table = std::make_shared<Table>(flows);
    for (const auto& tuple : tuples_of(flows))
        table->add(tuple, false);
    return table;
}

std::uint64_t look_up(const Table& table, const Tuple4* tuples) {
    std::array<Key, batch> keys;
    std::array<const void*, batch> pointers;
    std::array<void*, batch> data;
    std::uint64_t hits = 0, sum = 0;
    for (std::size_t i = 0; i < batch; ++i) {
        keys[i] = key_of(tuples[i]);
        pointers[i] = &keys[i];
    }
    rte_hash_lookup_bulk_data(table.hash.get(), pointers.data(), batch, &hits, data.data());
    for (std::size_t i = 0; i < batch; ++i) {
        if (!(hits >> i & 1)) data[i] = nullptr;
        const auto ref = reinterpret_cast<std::uintptr_t>(data[i]);
        __builtin_prefetch(&table.entries[ref >> 1].direction[ref & 1]);
        __builtin_prefetch(&table.entries[ref >> 1].state);
    }
    for (std::size_t i = 0; i < batch; ++i) {
        const auto ref = reinterpret_cast<std::uintptr_t>(data[i]);
        sum += table.entries[ref >> 1].state.deadline.load(std::memory_order_relaxed) + ref;
    }
    return sum;
}

Round look_up_these(std::size_t flows, std::uint16_t port) {
    return [table = filled(flows), queries = flow_queries(tuples_of(flows, port))](Clocks& clocks) mutable {
        std::uint64_t sum = 0;
        over_batches(clocks, queries, [&](const Tuple4* t) { sum += look_up(*table, t); });
        consume(sum);
    };
}

Round add(std::size_t flows, bool check) {
    return [table = std::make_shared<Table>(flows), tuples = tuples_of(flows), check](Clocks& clocks) {
        for (std::size_t done = 0; done < batches_a_round * batch; done += tuples.size()) {
            table->reset();
            clocks.start();
            for (const auto& tuple : tuples)
                table->add(tuple, check);
            clocks.stop(tuples.size());
        }
    };
}

/// Ages once by walking the table, as rte_hash has no other way: calls old(key, index).
template <class Old>
void age(const Table& table, FlowTime now, Old&& old) {
    const void* key = nullptr;
    void* data = nullptr;
    for (std::uint32_t next = 0; rte_hash_iterate(table.hash.get(), &key, &data, &next) >= 0;) {
        const auto ref = reinterpret_cast<std::uintptr_t>(data);
        if (ref & 1) continue;
        if (milliseconds_until(table.entries[ref >> 1].state.deadline.load(std::memory_order_relaxed), now) <=
            0)
            old(key, ref >> 1);
    }
}

}  // namespace

Round flow_hash_lookup(std::size_t flows) {
    return look_up_these(flows, 80);
}
Round flow_hash_lookup_unknown(std::size_t flows) {
    return look_up_these(flows, 81);
}
Round flow_hash_lookup_one_by_one(std::size_t flows) {
    return [table = filled(flows), queries = flow_queries(tuples_of(flows))](Clocks& clocks) mutable {
        std::uint64_t sum = 0;
        over_batches(clocks, queries, [&](const Tuple4* tuples) {
            for (std::size_t i = 0; i < batch; ++i) {
                const Key key = key_of(tuples[i]);
                void* data = nullptr;
                rte_hash_lookup_data(table->hash.get(), &key, &data);
                const auto ref = reinterpret_cast<std::uintptr_t>(data);
                sum += table->entries[ref >> 1].state.deadline.load(std::memory_order_relaxed);
            }
        });
        consume(sum);
    };
}
Round flow_hash_add(std::size_t flows) {
    return add(flows, false);
}
Round flow_hash_add_checked(std::size_t flows) {
    return add(flows, true);
}

Round flow_hash_iterate(std::size_t flows) {
    return [table = filled(flows), flows](Clocks& clocks) {
        std::size_t items = 0, old = 0;
        clocks.start();
        for (; items < batches_a_round * batch; items += flows)
            age(*table, flow_now - 1, [&](const void*, std::uintptr_t) { ++old; });
        clocks.stop(items);
        consume(old);
    };
}
Round flow_hash_age_out(std::size_t flows) {
    return [table = std::make_shared<Table>(flows), tuples = tuples_of(flows)](Clocks& clocks) {
        const auto remove = [&](const Key& key) {
            rte_hash_free_key_with_position(table->hash.get(), rte_hash_del_key(table->hash.get(), &key));
        };
        for (std::size_t done = 0; done < batches_a_round * batch; done += tuples.size()) {
            table->reset();
            for (const auto& tuple : tuples)
                table->add(tuple, false);
            clocks.start();
            age(*table, flow_now + 1, [&](const void*, std::uintptr_t index) {
                for (const auto& direction : table->entries[index].direction)
                    remove(key_of(direction.v4.tuple));
            });
            clocks.stop(tuples.size());
        }
    };
}

}  // namespace weft::perf
