// The rounds of both sides, made with so many entries.
#pragma once

#include "perf/micro/fdb_cases.hpp"

namespace weft::perf {

Round fdb_find(std::size_t entries);
Round fdb_find_unknown(std::size_t entries);
Round fdb_find_one_by_one(std::size_t entries);
Round fdb_learn_known(std::size_t entries);
/// Both of what a bridge does with a frame: the source learned, another station found.
Round fdb_learn_and_find(std::size_t entries);
/// Every frame is the station's first in a new second: the entry is written.
Round fdb_learn_refresh(std::size_t entries);
/// An empty table learns all stations; making, touching and emptying it is not timed.
Round fdb_learn_new(std::size_t entries);
/// One round of an ager that finds nothing to remove.
Round fdb_age(std::size_t entries);
/// The same as control does it: the ageing time is that of the entry's domain.
Round fdb_age_by_domain(std::size_t entries);
/// One that removes all; filling is not timed.
Round fdb_age_out(std::size_t entries);

Round hash_lookup_bulk(std::size_t entries);
Round hash_lookup_bulk_unknown(std::size_t entries);
Round hash_lookup_one_by_one(std::size_t entries);
/// Source and destination by one bulk look-up each.
Round hash_lookup_both(std::size_t entries);
/// Bulk look-up of the positions, then a store to an array beside the table.
Round hash_refresh(std::size_t entries);
Round hash_add_new(std::size_t entries);
/// By one writer that no reader disturbs, without flags: less than the FDB promises.
Round hash_add_new_alone(std::size_t entries);
Round hash_iterate(std::size_t entries);
/// The same of a table made for 1 M, as the FDB is.
Round hash_iterate_large(std::size_t entries);
/// Iterate, delete the key and free its position.
Round hash_age_out(std::size_t entries);

}  // namespace weft::perf
