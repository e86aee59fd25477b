// What ports without hardware counters count themselves, a cache line per queue and direction.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "weft/counters.hpp"

namespace weft::ports {

struct alignas(64) QueueCounters {
    PacketCounter good;
    Counter errors;     ///< frames lost: refused by the device, or not deliverable whole
    Counter truncated;  ///< received frames longer than what could be taken in
    Counter no_mbuf;    ///< received frames lost for want of a buffer
};

using Statistics = std::vector<std::pair<std::string, std::uint64_t>>;

/// Appends sums over all queues ("rx_packets", ...) and, where there is more than one, each queue's packets.
void append_receive(Statistics& out, const std::vector<const QueueCounters*>& queues);
void append_transmit(Statistics& out, const std::vector<const QueueCounters*>& queues);
/// The same of an array.
std::vector<const QueueCounters*> each(const QueueCounters* first, unsigned n);

}  // namespace weft::ports
