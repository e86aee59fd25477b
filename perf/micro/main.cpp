// micro: Google Benchmark's options, then `--` and EAL's; or --fdb-table[=ROWS] instead of the former, which
// prints the table of perf/RESULTS.md (ROWS: only those whose FDB benchmark has this in its name), or
// --flow-table[=ROW] with --flows=N for other sizes than 1, 10,000 and 1,000,000. Without
// EAL options it runs on the CPU it was started on (taskset), and all tables are in memory that asks for
// transparent huge pages.
#include <benchmark/benchmark.h>
#include <fmt/core.h>
#include <rte_eal.h>
#include <rte_memory.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "perf/micro/fdb_cases.hpp"
#include "perf/micro/flow_cases.hpp"
#include "perf/micro/transparent_pages.hpp"

namespace {

/// The option's value, "" if it has none; null if it was not given. Takes it out of the arguments.
const char* take_option(int& argc, char** argv, std::string_view option) {
    if (argc < 2 || !std::string_view(argv[1]).starts_with(option)) return nullptr;
    const char* value = argv[1] + option.size();
    for (int i = 1; i < argc; ++i)
        argv[i] = argv[i + 1];
    --argc;
    return *value == '=' ? value + 1 : value;
}

}  // namespace

int main(int argc, char** argv) {
    const char* rows = take_option(argc, argv, "--fdb-table");
    const char* flow_rows = take_option(argc, argv, "--flow-table");
    const char* flows = take_option(argc, argv, "--flows");
    benchmark::Initialize(&argc, argv);
    const std::string core = fmt::format("--lcores=0@{}", sched_getcpu());
    std::vector<std::string> words{"micro",
                                   "--no-huge",
                                   "-m",
                                   "256",
                                   "--no-pci",
                                   "--no-shconf",
                                   "--no-telemetry",
                                   core,
                                   "--log-level=error",
                                   "--file-prefix=weft-micro"};
    if (argc > 1) words.assign(argv, argv + argc);
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) {
        std::fprintf(stderr, "micro: EAL did not start\n");
        return 1;
    }
    rmdir(rte_eal_get_runtime_dir());  // empty without shared configuration
    if (!rte_eal_has_hugepages()) rte_memseg_list_walk(weft::perf::onto_transparent_huge_pages, nullptr);
    int status = 0;
    if (rows || flow_rows) {
        try {
            std::vector<std::size_t> sizes{1, 10'000, 1'000'000};
            if (flows) sizes = {static_cast<std::size_t>(std::strtoull(flows, nullptr, 10))};
            if (rows) weft::perf::print_fdb_table(9, rows);
            if (flow_rows) weft::perf::print_flow_table(7, flow_rows, sizes.data(), sizes.size());
        } catch (const std::exception& error) {
            std::fprintf(stderr, "micro: %s\n", error.what());
            status = 1;
        }
    } else {
        weft::perf::register_fdb_benchmarks();
        benchmark::RunSpecifiedBenchmarks();
    }
    rte_eal_cleanup();
    return status;
}
