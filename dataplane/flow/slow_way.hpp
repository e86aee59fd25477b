// Why packets of a flow go the slow way, as far as the last one that did has shown.
#pragma once

#include <cstdint>

namespace weft {

enum class SlowWay : std::uint8_t {
    unseen,  ///< none has come yet that could leave an outcome
    kept,    ///< the last one has left an outcome
    // what the packet was
    fragments,
    handed_over,  ///< another worker's receive queue gets them
    marked,       ///< it had a mark before any rule
    protocol,     ///< neither TCP nor UDP
    tcp_ends,     ///< SYN, FIN or RST, or no ACK
    // what rules have asked or done; the first of these in the order of hook::Rest
    length,
    ttl,
    tcp_option,
    expiry,
    limit,
    recent,
    odd_header,
    set_counter,
    log,
    trace,
    tcpmss,
    sets,
    future_status,     ///< a status that the connection may still get
    marks_connection,  ///< they gave the connection another mark
    marked_by_nat,     ///< the table nat gave the packet or the connection a mark
    dropped,
    // what the connection is
    helper,  ///< somebody reads what it says
    zone,
    // where it went
    to_host,
    of_host,
    not_neighbour,
    same_interface,
    route_by_tos,
    route_by_label,
    too_many,  ///< FlowPaths is full
    count
};

}  // namespace weft
