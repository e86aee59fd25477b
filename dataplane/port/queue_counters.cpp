#include "dataplane/port/queue_counters.hpp"

namespace weft::ports {

namespace {

void append_queues(Statistics& out, const char* direction, const std::vector<const QueueCounters*>& queues) {
    for (std::size_t q = 0; queues.size() > 1 && q < queues.size(); ++q)
        out.emplace_back(direction + std::to_string(q) + "_packets", queues[q]->good.packets.get());
}

}  // namespace

void append_receive(Statistics& out, const std::vector<const QueueCounters*>& queues) {
    std::uint64_t packets = 0, bytes = 0, errors = 0, truncated = 0, no_mbuf = 0;
    for (const auto* queue : queues) {
        packets += queue->good.packets.get();
        bytes += queue->good.bytes.get();
        errors += queue->errors.get();
        truncated += queue->truncated.get();
        no_mbuf += queue->no_mbuf.get();
    }
    out.insert(out.end(), {{"rx_packets", packets},
                           {"rx_bytes", bytes},
                           {"rx_errors", errors},
                           {"rx_truncated", truncated},
                           {"rx_no_mbuf", no_mbuf}});
    append_queues(out, "rx_q", queues);
}

void append_transmit(Statistics& out, const std::vector<const QueueCounters*>& queues) {
    std::uint64_t packets = 0, bytes = 0, errors = 0;
    for (const auto* queue : queues) {
        packets += queue->good.packets.get();
        bytes += queue->good.bytes.get();
        errors += queue->errors.get();
    }
    out.insert(out.end(), {{"tx_packets", packets}, {"tx_bytes", bytes}, {"tx_errors", errors}});
    append_queues(out, "tx_q", queues);
}

std::vector<const QueueCounters*> each(const QueueCounters* first, unsigned n) {
    std::vector<const QueueCounters*> all(n);
    for (unsigned i = 0; i < n; ++i)
        all[i] = first + i;
    return all;
}

}  // namespace weft::ports
