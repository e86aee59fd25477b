// Longest-prefix match: clocks and ns an address in bursts of 64, changes a second, bytes a route; weft's
// beside DPDK's, in turns in one run, on the same kind of pages. Addresses are 2^20 random ones within the
// routes.
//
//     lpm_bench [4|6 [TURNS]]
#include <fmt/format.h>
#include <rte_cycles.h>
#include <rte_eal.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <map>

#include "perf/fib/lpm_tables.hpp"
#include "perf/micro/transparent_pages.hpp"

namespace weft::perf {
namespace {

constexpr std::size_t address_count = 1 << 20, addresses_a_turn = 1 << 17;
volatile std::uint64_t sink;

HopIndex hop_of(std::size_t route) {
    return 1 + static_cast<HopIndex>(route * 2654435761U % 200);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

double seconds(std::uint64_t clocks) {
    return static_cast<double>(clocks) / static_cast<double>(rte_get_tsc_hz());
}

/// The longest prefix that covers each of the routes, for those who have to be told.
template <unsigned bytes>
class Covering {
  public:
    explicit Covering(const std::vector<TestRoute<bytes>>& routes) {
        for (std::size_t i = 0; i < routes.size(); ++i)
            by_length_[routes[i].length][routes[i].prefix] = hop_of(i);
    }
    [[nodiscard]] std::pair<HopIndex, unsigned> of(const TestRoute<bytes>& route) const {
        for (auto at = by_length_.lower_bound(route.length); at != by_length_.begin();) {
            --at;
            auto key = route.prefix;
            keep_bits<bytes>(key, at->first);
            if (const auto found = at->second.find(key); found != at->second.end())
                return {found->second, at->first};
        }
        return {no_hop, 0};
    }

  private:
    std::map<unsigned, std::map<typename Lpm<bytes>::Key, HopIndex>> by_length_;
};

template <unsigned bytes>
struct Contestant {
    std::unique_ptr<LpmTable<bytes>> table;
    double adds = 0, changes = 0, bytes_a_route = 0;
    std::vector<double> clocks{};
};

/// Enters all; then every eighth, at most 50,000, goes and comes again.
template <unsigned bytes>
void fill(Contestant<bytes>& one, const std::vector<TestRoute<bytes>>& routes) {
    std::uint64_t start = rte_rdtsc();
    for (std::size_t i = 0; i < routes.size(); ++i)
        one.table->add(routes[i], hop_of(i));
    one.adds = static_cast<double>(routes.size()) / seconds(rte_rdtsc() - start);
    one.bytes_a_route = static_cast<double>(one.table->bytes_used()) / static_cast<double>(routes.size());
    const Covering<bytes> covering(routes);
    std::vector<std::size_t> chosen;
    for (std::size_t i = 0; i < routes.size() && chosen.size() < 50'000; i += 8)
        chosen.push_back(i);
    std::vector<std::pair<HopIndex, unsigned>> covers;
    for (const std::size_t i : chosen)
        covers.push_back(covering.of(routes[i]));
    start = rte_rdtsc();
    for (std::size_t k = 0; k < chosen.size(); ++k) {
        one.table->remove(routes[chosen[k]], covers[k].first, covers[k].second);
        one.table->add(routes[chosen[k]], hop_of(chosen[k]));
    }
    one.changes = 2 * static_cast<double>(chosen.size()) / seconds(rte_rdtsc() - start);
}

template <unsigned bytes>
void compare(std::size_t route_count, unsigned turns) {
    auto routes = random_routes<bytes>(route_count);
    if (route_count == 1)
        routes[0] = {bytes == 4 ? typename Lpm<bytes>::Key{10} : typename Lpm<bytes>::Key{0x20, 1}, 8};
    const auto keys = random_destinations<bytes>(routes, address_count);
    std::vector<Contestant<bytes>> all;
    for (const auto kind : {LpmKind::weft_scalar, LpmKind::weft, LpmKind::rte_scalar, LpmKind::rte_avx512}) {
        auto table = make_table<bytes>(kind, static_cast<std::uint32_t>(route_count));
        if (!table) continue;
        all.push_back({std::move(table)});
        fill<bytes>(all.back(), routes);
    }
    for (unsigned turn = 0; turn < turns; ++turn)
        for (auto& one : all) {
            const std::size_t from = turn * addresses_a_turn % address_count;
            const std::uint64_t start = rte_rdtsc();
            sink = one.table->look_up(keys.data() + from, addresses_a_turn);
            one.clocks.push_back(static_cast<double>(rte_rdtsc() - start) / addresses_a_turn);
        }
    const double ghz = static_cast<double>(rte_get_tsc_hz()) / 1e9;
    for (const auto& one : all) {
        const double clocks = median(one.clocks);
        fmt::print("| IPv{} | {} | {} | {:.1f} | {:.2f} | {:.2f} | {:.2f} | {:.0f} |\n", bytes == 4 ? 4 : 6,
                   route_count, one.table->name, clocks, clocks / ghz, one.adds / 1e6, one.changes / 1e6,
                   one.bytes_a_route);
        std::fflush(stdout);
    }
}

}  // namespace
}  // namespace weft::perf

int main(int argc, char** argv) {
    using namespace weft::perf;
    const std::string family = argc > 1 ? argv[1] : "both";
    const unsigned turns = argc > 2 ? static_cast<unsigned>(std::stoul(argv[2])) : 60;
    std::string core = fmt::format("--lcores=0@{}", sched_getcpu());
    const std::string memory = family == "4" ? "1600" : "3400";  // what two rte_fib, two rte_fib6 need
    std::vector<std::string> words{"lpm_bench",
                                   "--no-huge",
                                   "-m",
                                   memory,
                                   "--no-pci",
                                   "--no-shconf",
                                   "--no-telemetry",
                                   core,
                                   "--log-level=error",
                                   "--force-max-simd-bitwidth=512",
                                   "--file-prefix=weft-lpm"};
    std::vector<char*> arguments;
    for (auto& word : words)
        arguments.push_back(word.data());
    if (rte_eal_init(static_cast<int>(arguments.size()), arguments.data()) < 0) return 1;
    rmdir(rte_eal_get_runtime_dir());  // empty without shared configuration
    rte_memseg_list_walk(onto_transparent_huge_pages, nullptr);
    fmt::print(
        "| family | routes | table | clocks an address | ns | M adds a second | M changes a second | bytes a "
        "route |\n|---|---|---|---|---|---|---|---|\n");
    for (const std::size_t routes : {1, 10'000, 1'000'000})
        if (family != "6") compare<4>(routes, turns);
    for (const std::size_t routes : {1, 10'000, 200'000})
        if (family != "4") compare<16>(routes, turns);
    rte_eal_cleanup();
    return 0;
}
