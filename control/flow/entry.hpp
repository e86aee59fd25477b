// A tracked connection as conntrack-tools shows it: plain data, whoever tracks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "weft/net/address.hpp"
#include "weft/sctp_state.hpp"
#include "weft/tcp_state.hpp"

namespace weft::conntrack {

/// One direction. Integers in host order.
struct Tuple {
    IpAddress source{}, destination{};
    std::uint16_t source_port = 0, destination_port = 0;  ///< of TCP, UDP, UDP-Lite, SCTP, DCCP; keys of GRE
    std::uint8_t icmp_type = 0, icmp_code = 0;
    std::uint16_t icmp_id = 0;
    std::uint16_t zone = 0;  ///< of this direction alone; 0: none
};

struct Count {
    std::uint64_t packets = 0, bytes = 0;
};

struct Entry {
    bool v6 = false;
    std::uint8_t protocol = 0;
    std::uint32_t timeout = 0;  ///< seconds left
    TcpState tcp_state = TcpState::none;
    SctpState sctp_state = SctpState::none;
    Tuple original, reply;
    std::optional<Count> original_count{}, reply_count{};  ///< with net.netfilter.nf_conntrack_acct
    bool seen_reply = false, assured = false, expected = false;
    std::uint32_t mark = 0;
    std::string helper{};                          ///< empty: none
    std::uint16_t zone = 0;                        ///< of both directions; 0: of no zone
    std::optional<std::uint64_t> delta_seconds{};  ///< of its life, with nf_conntrack_timestamp
    std::optional<std::int64_t> start{}, stop{};   ///< seconds since 1970; with nf_conntrack_timestamp
    std::uint32_t use = 1;
    std::uint32_t id = 0;
    std::uint64_t key = 0;  ///< by which who tracks it knows it
};

enum class Event : std::uint8_t { created, updated, destroyed };

}  // namespace weft::conntrack
