// The keys of the FDB's benchmarks.
#pragma once

#include <random>
#include <vector>

#include "dataplane/bridge/fdb.hpp"
#include "perf/micro/queries.hpp"

namespace weft::perf {

inline std::vector<FdbKey64> keys_of(std::size_t count, FdbDomain domain = 1) {
    std::mt19937_64 random(7);
    std::vector<FdbKey64> keys(count);
    for (auto& key : keys)
        key = fdb_key(random() & 0xffff'ffff'fffe, domain);
    return keys;
}
inline BridgePortIndex port_of(FdbKey64 key) {
    return static_cast<BridgePortIndex>(key & 63);
}

}  // namespace weft::perf
