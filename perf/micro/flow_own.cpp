// The flow table's side of the comparison.
#include <array>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "dataplane/flow/tracker.hpp"
#include "perf/micro/flow_keys.hpp"

namespace weft::perf {

namespace {

constexpr std::uint64_t secret_lo = 0x0123'4567'89ab'cdef, secret_hi = 0xfedc'ba98'7654'3210;
using Table = std::shared_ptr<FlowTable>;

Table empty(std::size_t flows) {
    return std::make_shared<FlowTable>(static_cast<std::uint32_t>(std::max<std::size_t>(flows, 1024)), 1,
                                       secret_lo, secret_hi);
}
std::uint32_t insert(FlowTable& table, const Tuple4& tuple) {
    const auto index = table.pool().allocate(0);
    FlowEntry& entry = table.pool()[index];
    entry.direction[0].set(tuple, flow_kind);
    entry.direction[1].set(*inverted(tuple, flow_kind.protocol), flow_kind);
    entry.state.deadline.store(flow_now, std::memory_order_relaxed);
    if (table.insert(index).kind != FlowInserted::done) throw std::runtime_error("the flow table is full");
    return index;
}
Table filled(std::size_t flows) {
    auto table = empty(flows);
    for (const auto& tuple : tuples_of(flows))
        insert(*table, tuple);
    return table;
}

/// As a stage looks up a batch.
std::uint64_t look_up(const FlowTable& table, const Tuple4* tuples) {
    std::array<std::uint64_t, batch> hashes;
    std::array<FlowCandidate, batch> candidates;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < batch; ++i) {
        hashes[i] = table.hash(tuples[i], flow_kind.protocol);
        table.prefetch(hashes[i]);
    }
    for (std::size_t i = 0; i < batch; ++i) {
        candidates[i] = table.candidate(hashes[i]);
        table.prefetch_entry(candidates[i].ref);
    }
    for (std::size_t i = 0; i < batch; ++i) {
        FlowRef ref = candidates[i].ref;
        if (!table.matches(candidates[i], tuples[i], flow_kind)) [[unlikely]]
            ref = table.find(tuples[i], flow_kind, hashes[i]);
        sum += table.pool()[FlowTable::index(ref)].state.deadline.load(std::memory_order_relaxed) + ref;
    }
    return sum;
}

Round find_in(Table table, Queries<Tuple4> queries) {
    return [table, queries](Clocks& clocks) mutable {
        std::uint64_t sum = 0;
        over_batches(clocks, queries, [&](const Tuple4* t) { sum += look_up(*table, t); });
        consume(sum);
    };
}

}  // namespace

Round flow_find(std::size_t flows) {
    return find_in(filled(flows), flow_queries(tuples_of(flows)));
}
Round flow_find_unknown(std::size_t flows) {
    return find_in(filled(flows), flow_queries(tuples_of(flows, 81)));
}
Round flow_find_one_by_one(std::size_t flows) {
    return [table = filled(flows), queries = flow_queries(tuples_of(flows))](Clocks& clocks) mutable {
        std::uint64_t sum = 0;
        over_batches(clocks, queries, [&](const Tuple4* tuples) {
            for (std::size_t i = 0; i < batch; ++i) {
                const auto hash = table->hash(tuples[i], flow_kind.protocol);
                const FlowRef ref = table->find(tuples[i], flow_kind, hash);
                sum += table->pool()[FlowTable::index(ref)].state.deadline.load(std::memory_order_relaxed);
            }
        });
        consume(sum);
    };
}

Round flow_insert(std::size_t flows) {
    return [table = empty(flows), tuples = tuples_of(flows)](Clocks& clocks) {
        for (std::size_t done = 0; done < batches_a_round * batch; done += tuples.size()) {
            std::vector<std::uint32_t> made;
            made.reserve(tuples.size());
            clocks.start();
            for (const auto& tuple : tuples)
                made.push_back(insert(*table, tuple));
            clocks.stop(tuples.size());
            for (const auto index : made) {
                table->remove(index);
                table->pool().release(0, index);
            }
        }
    };
}

namespace {

/// A tracker with UDP flows, and the packets that make them.
struct Tracking {
    FlowConfig config;
    FlowTracker tracker;
    FlowTime now = flow_now;
    std::vector<std::array<std::byte, 32>> packets;

    Tracking(std::size_t flows, const std::vector<Tuple4>& tuples)
        : tracker(static_cast<std::uint32_t>(std::max<std::size_t>(flows, 1024)), 1, secret_lo, secret_hi) {
        config.max = 0;
        packets.reserve(tuples.size());
        for (const auto& tuple : tuples) {
            Ipv4Header ip{};
            ip.version_ihl = 0x45;
            ip.total_length = be16{32};
            ip.protocol = ip_protocol::udp;
            ip.source = tuple.source;
            ip.destination = tuple.destination;
            const UdpHeader udp{tuple.source_port, tuple.destination_port, be16{12}, be16{0}};
            auto& bytes = packets.emplace_back();
            std::memcpy(bytes.data(), &ip, sizeof ip);
            std::memcpy(bytes.data() + sizeof ip, &udp, sizeof udp);
        }
    }
    [[nodiscard]] FlowMoment moment() const { return {config, 0, now, 0}; }
    std::uint32_t pass(const std::array<std::byte, 32>& packet) {
        const Tracked t = tracker.in({packet.data(), 32, 32}, 0, 0, moment());
        if (t.fresh && tracker.confirm(t.ref, moment()) != Confirmed::done)
            throw std::runtime_error("the tracker is full");
        return t.ref;
    }
    void fill() {
        for (const auto& packet : packets)
            pass(packet);
    }
};

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t total = 0, resident = 0;
    statm >> total >> resident;
    return resident * 4096;
}

}  // namespace

double flow_bytes(std::size_t flows, bool accounting) {
    auto t = std::make_unique<Tracking>(flows, tuples_of(flows));
    t->config.acct = accounting;
    const std::size_t before = resident_bytes();
    t->fill();
    return static_cast<double>(resident_bytes() - before) / static_cast<double>(flows);
}

Round flow_age(std::size_t flows) {
    auto t = std::make_shared<Tracking>(flows, tuples_of(flows));
    t->fill();
    for (std::uint32_t i = 1; i <= flows; ++i)
        t->tracker.state_of(i << 1).deadline.store(flow_now + 2'000'000'000, std::memory_order_relaxed);
    return [t](Clocks& clocks) {
        // Each entry is looked at once in 300 s.
        for (std::size_t looked = 0; looked < batches_a_round * batch;) {
            t->now += 300'000;
            for (std::uint32_t i = 1; i <= t->packets.size(); ++i)
                t->tracker.state_of(i << 1).deadline.store(t->now + 2'000'000'000, std::memory_order_relaxed);
            clocks.start();
            while (t->tracker.age(t->moment(), 64) >= 64) {
            }
            clocks.stop(t->packets.size());
            looked += t->packets.size();
        }
    };
}

Round flow_age_out(std::size_t flows) {
    auto t = std::make_shared<Tracking>(flows, tuples_of(flows));
    return [t](Clocks& clocks) {
        for (std::size_t ended = 0; ended < batches_a_round * batch; ended += t->packets.size()) {
            t->fill();
            t->now += 40'000;
            clocks.start();
            while (t->tracker.count())
                (void)t->tracker.age(t->moment(), 64);
            clocks.stop(t->packets.size());
        }
    };
}

Round flow_track_known(std::size_t flows) {
    auto tuples = tuples_of(flows);
    std::shuffle(tuples.begin(), tuples.end(), std::mt19937_64(11));
    auto t = std::make_shared<Tracking>(flows, tuples);
    t->fill();
    return [t](Clocks& clocks) {
        std::uint64_t sum = 0;
        clocks.start();
        std::size_t done = 0;
        while (done < batches_a_round * batch)
            for (std::size_t i = 0; i < t->packets.size() && done < batches_a_round * batch; ++i, ++done)
                sum += t->pass(t->packets[i]);
        clocks.stop(done);
        consume(sum);
    };
}

Round flow_track_new(std::size_t flows) {
    auto t = std::make_shared<Tracking>(flows, tuples_of(flows));
    return [t](Clocks& clocks) {
        for (std::size_t made = 0; made < batches_a_round * batch; made += t->packets.size()) {
            clocks.start();
            t->fill();
            clocks.stop(t->packets.size());
            t->now += 40'000;
            while (t->tracker.count())
                (void)t->tracker.age(t->moment(), 64);
        }
    };
}

}  // namespace weft::perf
