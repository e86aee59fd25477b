// Sums of the per-worker counters, counted from when an interface index was given to its present owner.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "weft/counters.hpp"

namespace weft {

/// One interface's counters as plain numbers.
struct InterfaceTotals {
    std::uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0, multicast = 0;
    std::uint64_t own_source = 0, move_held = 0, learn_limited = 0, fdb_full = 0;
    std::array<std::uint64_t, drop_reason_count> drop_packets{}, drop_bytes{};

    InterfaceTotals& operator+=(const InterfaceCounters& c);
    InterfaceTotals& operator-=(const InterfaceTotals& other);
};

/// Control thread only; tables outlive it.
class Tally {
  public:
    void add(const CounterTable* table) { tables_.push_back(table); }
    /// The index has a new owner: counts from here.
    void restart(IfIndex interface) { base_[interface] = raw(interface); }
    [[nodiscard]] InterfaceTotals of(IfIndex interface) const;

  private:
    [[nodiscard]] InterfaceTotals raw(IfIndex interface) const;
    std::vector<const CounterTable*> tables_;
    std::map<IfIndex, InterfaceTotals> base_;
};

}  // namespace weft
