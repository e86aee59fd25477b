// micro --fdb-table: the FDB against rte_hash, in turns.
#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "perf/micro/fdb_rounds.hpp"

namespace weft::perf {

const FdbRow fdb_rows[] = {
    {"find a known station, batches of 64", "fdb_find", fdb_find, "rte_hash_lookup_bulk_data",
     hash_lookup_bulk},
    {"find an unknown one, batches of 64", "fdb_find_unknown", fdb_find_unknown,
     "rte_hash_lookup_bulk_data_unknown", hash_lookup_bulk_unknown},
    {"find, one by one", "fdb_find_one_by_one", fdb_find_one_by_one, "rte_hash_lookup_data",
     hash_lookup_one_by_one},
    {"learn a known source", "fdb_learn_known", fdb_learn_known, "rte_hash_lookup_bulk_data",
     hash_lookup_bulk},
    {"learn a source and find a destination", "fdb_learn_and_find", fdb_learn_and_find,
     "rte_hash_lookup_bulk_data_both", hash_lookup_both},
    {"refresh (first frame in a new second)", "fdb_learn_refresh", fdb_learn_refresh,
     "rte_hash_lookup_bulk_and_store", hash_refresh},
    {"learn a new source", "fdb_learn_new", fdb_learn_new, "rte_hash_add_key_data", hash_add_new},
    {"the same, rte_hash without flags", "fdb_learn_new", fdb_learn_new, "rte_hash_add_key_data_alone",
     hash_add_new_alone},
    {"age, nothing expired", "fdb_age", fdb_age, "rte_hash_iterate", hash_iterate},
    {"the same, ageing time by domain", "fdb_age_by_domain", fdb_age_by_domain, "rte_hash_iterate",
     hash_iterate},
    {"the same, rte_hash made for 1 M too", "fdb_age", fdb_age, "rte_hash_iterate_large", hash_iterate_large},
    {"age, all expired", "fdb_age_out", fdb_age_out, "rte_hash_iterate_del_key", hash_age_out},
};
const std::size_t fdb_row_count = std::size(fdb_rows);

namespace {

double at(const std::vector<double>& sorted, double part) {
    return sorted[static_cast<std::size_t>(part * static_cast<double>(sorted.size() - 1) + 0.5)];
}
double clocks_of(Round& round) {
    Clocks clocks;
    round(clocks);
    return clocks.per_item();
}

std::string cell(const FdbRow& row, std::size_t entries, unsigned rounds) {
    Round fdb = row.fdb(entries), hash = row.hash(entries);
    clocks_of(fdb), clocks_of(hash);  // warm up
    std::vector<double> ours, theirs, ratios;
    for (unsigned i = 0; i < rounds; ++i) {
        ours.push_back(clocks_of(fdb));
        theirs.push_back(clocks_of(hash));
        ratios.push_back(theirs.back() / ours.back());
    }
    for (auto* values : {&ours, &theirs, &ratios})
        std::sort(values->begin(), values->end());
    return fmt::format("{:.1f} : {:.1f} = {:.2f} [{:.2f} .. {:.2f}]", at(ours, 0.5), at(theirs, 0.5),
                       at(ratios, 0.5), at(ratios, 0.25), at(ratios, 0.75));
}

}  // namespace

void print_fdb_table(unsigned rounds, const char* only) {
    fmt::print(
        "TSC clocks an item, FDB : rte_hash = how many times faster the FDB is [quartiles of the pairs]; "
        "medians of {} pairs of rounds in turns, TSC {:.2f} GHz\n"
        "rte_hash: MULTI_WRITER_ADD | RW_CONCURRENCY_LF, CRC32c, made for the entries it gets; FDB: "
        "capacity 1 M\n\n"
        "| | 1 k | 100 k | 1 M |\n|---|---|---|---|\n",
        rounds, static_cast<double>(rte_get_tsc_hz()) * 1e-9);
    for (const FdbRow& row : fdb_rows) {
        if (only && !std::strstr(row.fdb_name, only)) continue;
        std::string line = fmt::format("| {} |", row.what);
        for (const std::size_t entries : fdb_sizes)
            line += ' ' + cell(row, entries, rounds) + " |";
        fmt::print("{}\n", line);
        std::fflush(stdout);
    }
}

}  // namespace weft::perf
