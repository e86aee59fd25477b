// micro: Google Benchmark's options, then `--` and EAL's. Without EAL options it runs on one core without
// huge pages, which is the same for all tables that are compared.
#include <benchmark/benchmark.h>
#include <rte_eal.h>

#include <cstdio>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    std::string name = "micro", prefix = "--file-prefix=weft-micro";
    std::vector<std::string> words{
        name, "--no-huge", "-m",  "512", "--no-pci", "--no-shconf", "--no-telemetry", "--log-level=error",
        "-l", "0",         prefix};
    if (argc > 1) words.assign(argv, argv + argc);
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) {
        std::fprintf(stderr, "micro: EAL did not start\n");
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
    rte_eal_cleanup();
}
