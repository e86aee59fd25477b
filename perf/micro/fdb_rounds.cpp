// The FDB's side of the comparison.
#include "perf/micro/fdb_rounds.hpp"

#include <array>
#include <memory>

#include "perf/micro/fdb_keys.hpp"

namespace weft::perf {

namespace {

constexpr std::uint32_t capacity = 1'000'000;
constexpr FdbLimits unlimited{0, 0};
constexpr std::uint32_t ageing_time = 300;

using Table = std::shared_ptr<Fdb>;

Table filled(const std::vector<FdbKey64>& keys) {
    auto fdb = std::make_shared<Fdb>(capacity, 0x0123'4567'89ab'cdef, 0xfedc'ba98'7654'3210);
    for (const auto key : keys)
        fdb->learn(key, fdb->hash(key), port_of(key), 0, 100, unlimited);
    return fdb;
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

unsigned learn(Fdb& fdb, FdbKey64 key, std::uint64_t hash, std::uint32_t now) {
    return static_cast<unsigned>(fdb.learn(key, hash, port_of(key), 0, now, unlimited));
}

Round find_these(std::size_t entries, FdbDomain domain) {
    const auto fdb = filled(keys_of(entries));
    return [fdb, queries = Queries(keys_of(entries, domain))](Clocks& clocks) mutable {
        std::uint64_t sum = 0;
        over_batches(clocks, queries, [&](const FdbKey64* k) {
            prepare_then(*fdb, k,
                         [&](FdbKey64 key, std::uint64_t hash) { sum += fdb->find(key, hash).port; });
        });
        consume(sum);
    };
}

}  // namespace

Round fdb_find(std::size_t entries) {
    return find_these(entries, 1);
}
Round fdb_find_unknown(std::size_t entries) {
    return find_these(entries, 2);
}

Round fdb_find_one_by_one(std::size_t entries) {
    const auto keys = keys_of(entries);
    return [fdb = filled(keys), queries = Queries(keys)](Clocks& clocks) mutable {
        std::uint64_t sum = 0;
        over_batches(clocks, queries, [&](const FdbKey64* k) {
            for (std::size_t i = 0; i < batch; ++i)
                sum += fdb->find(k[i]).port;
        });
        consume(sum);
    };
}

Round fdb_learn_known(std::size_t entries) {
    const auto keys = keys_of(entries);
    return [fdb = filled(keys), queries = Queries(keys)](Clocks& clocks) mutable {
        std::uint64_t sum = 0;
        over_batches(clocks, queries, [&](const FdbKey64* k) {
            prepare_then(*fdb, k,
                         [&](FdbKey64 key, std::uint64_t hash) { sum += learn(*fdb, key, hash, 100); });
        });
        consume(sum);
    };
}

Round fdb_learn_and_find(std::size_t entries) {
    const auto keys = keys_of(entries);
    return [fdb = filled(keys), sources = Queries(keys),
            destinations = Queries(keys, 13)](Clocks& clocks) mutable {
        std::uint64_t sum = 0;
        over_batches(clocks, sources, [&](const FdbKey64* source) {
            const FdbKey64* destination = destinations.next();
            std::array<std::uint64_t, batch> from, to;
            for (std::size_t i = 0; i < batch; ++i) {
                fdb->prefetch(from[i] = fdb->hash(source[i]));
                fdb->prefetch(to[i] = fdb->hash(destination[i]));
            }
            for (std::size_t i = 0; i < batch; ++i) {
                sum += learn(*fdb, source[i], from[i], 100);
                sum += fdb->find(destination[i], to[i]).port;
            }
        });
        consume(sum);
    };
}

Round fdb_learn_refresh(std::size_t entries) {
    const auto keys = keys_of(entries);
    return [fdb = filled(keys), queries = Queries(keys), now = std::uint32_t{100}, seen = std::size_t{0},
            entries](Clocks& clocks) mutable {
        over_batches(clocks, queries, [&](const FdbKey64* k) {
            if (seen == 0) ++now;
            prepare_then(*fdb, k, [&](FdbKey64 key, std::uint64_t hash) { learn(*fdb, key, hash, now); });
            seen += batch;
            if (seen >= entries) seen = 0;
        });
    };
}

Round fdb_learn_new(std::size_t entries) {
    const auto keys = keys_of(entries);
    return [fdb = filled(keys), keys](Clocks& clocks) {
        for (std::size_t done = 0; done < batches_a_round * batch; done += keys.size()) {
            fdb->remove_if(100, [](const Fdb::Entry&) { return true; });
            clocks.start();
            std::size_t at = 0;
            for (; at + batch <= keys.size(); at += batch)
                prepare_then(*fdb, &keys[at],
                             [&](FdbKey64 key, std::uint64_t hash) { learn(*fdb, key, hash, 100); });
            clocks.stop(at);
        }
    };
}

namespace {

std::size_t age(Fdb& fdb, std::uint32_t now) {
    return fdb.sweep(now, 0, fdb.region_count(),
                     [](const Fdb::Entry& e) { return e.is_dynamic() && e.age >= ageing_time; });
}

}  // namespace

Round fdb_age(std::size_t entries) {
    return [fdb = filled(keys_of(entries))](Clocks& clocks) {
        clocks.start();
        std::size_t items = 0;
        for (; items < batches_a_round * batch; items += fdb->size())
            consume(age(*fdb, 200));
        clocks.stop(items);
    };
}

Round fdb_age_by_domain(std::size_t entries) {
    const auto limits = std::make_shared<std::vector<std::uint32_t>>(Fdb::domain_count, ageing_time);
    return [fdb = filled(keys_of(entries)), limits](Clocks& clocks) {
        clocks.start();
        std::size_t items = 0;
        for (; items < batches_a_round * batch; items += fdb->size())
            consume(fdb->sweep(200, 0, fdb->region_count(), [&](const Fdb::Entry& e) {
                const std::uint32_t limit = (*limits)[fdb_domain(e.key)];
                return limit != 0 && e.is_dynamic() && e.age >= limit;
            }));
        clocks.stop(items);
    };
}

Round fdb_age_out(std::size_t entries) {
    const auto keys = keys_of(entries);
    return [fdb = filled({}), keys](Clocks& clocks) {
        for (std::size_t done = 0; done < batches_a_round * batch; done += keys.size()) {
            for (const auto key : keys)
                learn(*fdb, key, fdb->hash(key), 100);
            clocks.start();
            clocks.stop(age(*fdb, 500));
        }
    };
}

}  // namespace weft::perf
