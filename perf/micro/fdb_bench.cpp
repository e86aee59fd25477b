// Every round of the FDB's table as a benchmark of its own; "clk" is TSC clocks an item.
#include <benchmark/benchmark.h>

#include <exception>
#include <set>
#include <string>

#include "perf/micro/fdb_cases.hpp"

namespace weft::perf {

namespace {

void run(benchmark::State& state, MakeRound make) {
    try {
        const Round round = make(static_cast<std::size_t>(state.range(0)));
        Clocks all;
        for (auto _ : state) {
            Clocks clocks = all;
            round(all);
            state.SetIterationTime(all.seconds() - clocks.seconds());
        }
        state.SetItemsProcessed(static_cast<std::int64_t>(all.items()));
        state.counters["clk"] = all.per_item();
    } catch (const std::exception& error) {
        state.SkipWithError(error.what());
    }
}

}  // namespace

void register_fdb_benchmarks() {
    std::set<std::string> known;
    const auto add = [&](const char* name, MakeRound make) {
        if (!known.insert(name).second) return;
        auto* benchmark = benchmark::RegisterBenchmark(name, run, make)->UseManualTime();
        for (const std::size_t entries : fdb_sizes)
            benchmark->Arg(static_cast<std::int64_t>(entries));
    };
    for (std::size_t i = 0; i < fdb_row_count; ++i) {
        add(fdb_rows[i].fdb_name, fdb_rows[i].fdb);
        add(fdb_rows[i].hash_name, fdb_rows[i].hash);
    }
}

}  // namespace weft::perf
