// What `conntrack` and net.netfilter.nf_conntrack_* ask of the workers' connections.
#pragma once

#include <cstdint>

#include "control/flow/entry.hpp"

namespace weft::conntrack {

struct Totals {
    std::uint64_t count = 0;    ///< connections, also those that are not confirmed yet
    std::uint64_t buckets = 0;  ///< of the hash table
};

/// Called on the control thread only, while workers go on. All of it is empty while no rule asks for
/// connections.
class Connections {
  public:
    virtual ~Connections() = default;
    [[nodiscard]] virtual Totals totals() = 0;
};

}  // namespace weft::conntrack
