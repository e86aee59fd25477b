#include "control/publish/tally.hpp"

namespace weft {

InterfaceTotals& InterfaceTotals::operator+=(const InterfaceCounters& c) {
    rx_packets += c.received.packets.get();
    rx_bytes += c.received.bytes.get();
    tx_packets += c.sent.packets.get();
    tx_bytes += c.sent.bytes.get();
    multicast += c.multicast.get();
    own_source += c.own_source.get();
    move_held += c.move_held.get();
    learn_limited += c.learn_limited.get();
    fdb_full += c.fdb_full.get();
    for (std::size_t r = 0; r < drop_reason_count; ++r) {
        drop_packets[r] += c.dropped[r].packets.get();
        drop_bytes[r] += c.dropped[r].bytes.get();
    }
    return *this;
}

InterfaceTotals& InterfaceTotals::operator-=(const InterfaceTotals& other) {
    rx_packets -= other.rx_packets;
    rx_bytes -= other.rx_bytes;
    tx_packets -= other.tx_packets;
    tx_bytes -= other.tx_bytes;
    multicast -= other.multicast;
    own_source -= other.own_source;
    move_held -= other.move_held;
    learn_limited -= other.learn_limited;
    fdb_full -= other.fdb_full;
    for (std::size_t r = 0; r < drop_reason_count; ++r) {
        drop_packets[r] -= other.drop_packets[r];
        drop_bytes[r] -= other.drop_bytes[r];
    }
    return *this;
}

InterfaceTotals Tally::raw(IfIndex interface) const {
    InterfaceTotals sum;
    for (const auto* table : tables_)
        sum += (*table)[interface];
    return sum;
}

InterfaceTotals Tally::of(IfIndex interface) const {
    InterfaceTotals sum = raw(interface);
    if (const auto base = base_.find(interface); base != base_.end()) sum -= base->second;
    return sum;
}

}  // namespace weft
