// micro --flow-table: the flow table against rte_hash, in turns.
#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "perf/micro/flow_cases.hpp"

namespace weft::perf {

namespace {

constexpr FlowRow rows[] = {
    {"look up, both directions, batches of 64", "find", flow_find, flow_hash_lookup},
    {"look up what is not there, batches of 64", "unknown", flow_find_unknown, flow_hash_lookup_unknown},
    {"look up, one by one", "one_by_one", flow_find_one_by_one, flow_hash_lookup_one_by_one},
    {"enter a connection unless taken", "insert", flow_insert, flow_hash_add_checked, 1000},
    {"the same, rte_hash without asking", "insert_unchecked", flow_insert, flow_hash_add, 1000},
    {"age, nothing over", "age", flow_age, flow_hash_iterate, 1000},
    {"age, all over", "age_out", flow_age_out, flow_hash_age_out, 1000},
    {"a UDP packet of a known flow through the tracker", "track_known", flow_track_known, nullptr},
    {"a new UDP flow through the tracker, confirmed", "track_new", flow_track_new, nullptr, 1000},
};

double median_of(std::vector<double> values, double part = 0.5) {
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(part * static_cast<double>(values.size() - 1) + 0.5)];
}
double clocks_of(const Round& round) {
    Clocks clocks;
    round(clocks);
    return clocks.per_item();
}

std::string cell(const FlowRow& row, std::size_t flows, unsigned rounds) {
    if (flows < row.least) return "-";
    const Round own = row.own(flows), hash = row.hash ? row.hash(flows) : Round{};
    std::vector<double> ours, theirs, ratios;
    for (unsigned i = 0; i <= rounds; ++i) {
        ours.push_back(clocks_of(own));
        if (!hash) continue;
        theirs.push_back(clocks_of(hash));
        ratios.push_back(theirs.back() / ours.back());
    }
    // The first warmed up.
    for (auto* values : {&ours, &theirs, &ratios})
        if (!values->empty()) values->erase(values->begin());
    if (!hash) return fmt::format("{:.1f}", median_of(ours));
    return fmt::format("{:.1f} : {:.1f} = {:.2f} [{:.2f} .. {:.2f}]", median_of(ours), median_of(theirs),
                       median_of(ratios), median_of(ratios, 0.25), median_of(ratios, 0.75));
}

}  // namespace

void print_flow_table(unsigned rounds, const char* only, const std::size_t* sizes, std::size_t size_count) {
    fmt::print(
        "TSC clocks an item, flow table : rte_hash = how many times faster the flow table is [quartiles of "
        "the "
        "pairs]; medians of {} pairs of rounds in turns, TSC {:.2f} GHz; both made for the flows they "
        "get\n\n",
        rounds, static_cast<double>(rte_get_tsc_hz()) * 1e-9);
    std::string head = "| |", line = "|---|";
    for (std::size_t i = 0; i < size_count; ++i) {
        head += fmt::format(" {} |", sizes[i]);
        line += "---|";
    }
    fmt::print("{}\n{}\n", head, line);
    for (const FlowRow& row : rows) {
        if (*only && std::strcmp(row.name, only) != 0) continue;
        fmt::print("| {} |", row.what);
        for (std::size_t i = 0; i < size_count; ++i) {
            fmt::print(" {} |", cell(row, sizes[i], rounds));
            std::fflush(stdout);
        }
        fmt::print("\n");
    }
    if (*only && std::strcmp("bytes", only) != 0) return;
    for (const bool accounting : {false, true}) {
        fmt::print("| resident bytes a connection{} |", accounting ? ", accounted" : "");
        for (std::size_t i = 0; i < size_count; ++i)
            fmt::print(" {} |",
                       sizes[i] < 1'000'000 ? "-" : fmt::format("{:.0f}", flow_bytes(sizes[i], accounting)));
        fmt::print("\n");
    }
}

}  // namespace weft::perf
