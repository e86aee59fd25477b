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
inline void append_receive(Statistics& out, const QueueCounters* queues, unsigned n) {
    std::uint64_t packets = 0, bytes = 0, errors = 0, truncated = 0, no_mbuf = 0;
    for (unsigned q = 0; q < n; ++q) {
        packets += queues[q].good.packets.get();
        bytes += queues[q].good.bytes.get();
        errors += queues[q].errors.get();
        truncated += queues[q].truncated.get();
        no_mbuf += queues[q].no_mbuf.get();
    }
    out.insert(out.end(), {{"rx_packets", packets},
                           {"rx_bytes", bytes},
                           {"rx_errors", errors},
                           {"rx_truncated", truncated},
                           {"rx_no_mbuf", no_mbuf}});
    for (unsigned q = 0; n > 1 && q < n; ++q)
        out.emplace_back("rx_q" + std::to_string(q) + "_packets", queues[q].good.packets.get());
}

inline void append_transmit(Statistics& out, const QueueCounters* queues, unsigned n) {
    std::uint64_t packets = 0, bytes = 0, errors = 0;
    for (unsigned q = 0; q < n; ++q) {
        packets += queues[q].good.packets.get();
        bytes += queues[q].good.bytes.get();
        errors += queues[q].errors.get();
    }
    out.insert(out.end(), {{"tx_packets", packets}, {"tx_bytes", bytes}, {"tx_errors", errors}});
    for (unsigned q = 0; n > 1 && q < n; ++q)
        out.emplace_back("tx_q" + std::to_string(q) + "_packets", queues[q].good.packets.get());
}

}  // namespace weft::ports
