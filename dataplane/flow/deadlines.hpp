// When connections end that packets of this moment keep alive: what refresh() would store, once a burst.
#pragma once

#include <algorithm>

#include "dataplane/flow/protocol.hpp"

namespace weft {

/// Milliseconds of the tracker's clock.
struct FlowDeadlines {
    /// Why an established connection may end earlier than others (Step::seconds in tcp.cpp).
    enum Haste : std::uint8_t { none, retransmitted, unacknowledged, hastes };

    FlowTime now, udp, udp_stream;
    FlowTime established[hastes][2];  ///< and whether a reply was seen
    std::uint8_t max_retransmissions;
    /// Whoever is in haste ends earlier. If not, these deadlines are not to be used for TCP.
    bool tcp_is_usual;

    FlowDeadlines(const FlowConfig& config, FlowTime at) noexcept
        : now(at),
          udp(at + span_of(config.udp_timeout)),
          udp_stream(at + span_of(config.udp_timeout_stream)),
          max_retransmissions(config.tcp_max_retrans) {
        const TcpTimeouts& t = config.tcp_timeout;
        const std::uint32_t seconds[hastes] = {t.established, t.max_retrans, t.unacknowledged};
        for (unsigned haste = 0; haste < hastes; ++haste) {
            established[haste][0] = at + span_of(std::min(seconds[haste], t.unacknowledged));
            established[haste][1] = at + span_of(seconds[haste]);
        }
        tcp_is_usual = t.established > t.max_retrans && t.established > t.unacknowledged;
    }
};

}  // namespace weft
