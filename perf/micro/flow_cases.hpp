// The flow table against one built on rte_hash (perf/micro --flow-table).
//
// rte_hash is set up as a table that all workers share needs it: MULTI_WRITER_ADD, RW_CONCURRENCY_LF, CRC32c,
// a key for each direction (16 bytes: tuple, protocol, zone), its data the reference to an entry of the same
// 192 bytes in an array. Wherever it offers bulk calls they are used, and entries are prefetched after them.
// Both sides read the state's line of what they found, as a tracker does.
#pragma once

#include "perf/micro/fdb_cases.hpp"

namespace weft::perf {

/// A row of the table; the flow table's side alone where `hash` is null.
struct FlowRow {
    const char* what;
    const char* name;
    MakeRound own;
    MakeRound hash;
    std::size_t least = 1;  ///< flows below which the clock's own cost would be measured
};
/// Prints the rows whose name has `only` in it, for each of so many flows.
void print_flow_table(unsigned rounds, const char* only, const std::size_t* sizes, std::size_t size_count);

/// Resident bytes a connection of a tracker that is full, with accounting or without.
double flow_bytes(std::size_t flows, bool accounting);

Round flow_find(std::size_t flows);
Round flow_find_unknown(std::size_t flows);
Round flow_find_one_by_one(std::size_t flows);
Round flow_insert(std::size_t flows);
Round flow_age(std::size_t flows);
Round flow_age_out(std::size_t flows);
Round flow_track_known(std::size_t flows);
Round flow_track_new(std::size_t flows);

Round flow_hash_lookup(std::size_t flows);
Round flow_hash_lookup_unknown(std::size_t flows);
Round flow_hash_lookup_one_by_one(std::size_t flows);
Round flow_hash_add(std::size_t flows);
Round flow_hash_add_checked(std::size_t flows);
Round flow_hash_iterate(std::size_t flows);
Round flow_hash_age_out(std::size_t flows);

}  // namespace weft::perf
