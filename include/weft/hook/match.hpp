// The matches of rules as data, one struct a match; a new one is a struct here and a file in match/.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "weft/hook/types.hpp"

namespace weft::hook {

/// tcp: flags are those of the header's 14th byte; option 0 is none asked for.
struct TcpMatch {
    PortRange source = all_ports, destination = all_ports;
    bool source_inverted = false, destination_inverted = false;
    std::uint8_t flag_mask = 0, flag_value = 0;
    bool flags_inverted = false;
    std::uint8_t option = 0;
    bool option_inverted = false;
    friend bool operator==(const TcpMatch&, const TcpMatch&) = default;
};

struct UdpMatch {
    PortRange source = all_ports, destination = all_ports;
    bool source_inverted = false, destination_inverted = false;
    friend bool operator==(const UdpMatch&, const UdpMatch&) = default;
};

/// icmp of IPv4; type 255 is any.
struct IcmpMatch {
    std::uint8_t type = 0xff;
    Range<std::uint8_t> code{0, 0xff};
    bool inverted = false;
    friend bool operator==(const IcmpMatch&, const IcmpMatch&) = default;
};

struct Icmp6Match {
    std::uint8_t type = 0;
    Range<std::uint8_t> code{0, 0xff};
    bool inverted = false;
    friend bool operator==(const Icmp6Match&, const Icmp6Match&) = default;
};

/// multiport: at most 15 numbers, a range counts two. `range` tells a range of one port from a port.
struct MultiportMatch {
    enum class Side : std::uint8_t { source, destination, either };
    struct Ports {
        PortRange ports;
        bool range = false;
        friend bool operator==(const Ports&, const Ports&) = default;
    };
    Side side = Side::source;
    std::vector<Ports> ports;
    bool inverted = false;
    friend bool operator==(const MultiportMatch&, const MultiportMatch&) = default;
};

struct IprangeMatch {
    Part<AddressRange> source, destination;
    friend bool operator==(const IprangeMatch&, const IprangeMatch&) = default;
};

struct MacMatch {
    std::array<std::uint8_t, 6> source{};
    bool inverted = false;
    friend bool operator==(const MacMatch&, const MacMatch&) = default;
};

struct MarkMatch {
    MaskedMark mark;
    bool inverted = false;
    friend bool operator==(const MarkMatch&, const MarkMatch&) = default;
};

struct ConnmarkMatch {
    MaskedMark mark;
    bool inverted = false;
    friend bool operator==(const ConnmarkMatch&, const ConnmarkMatch&) = default;
};

/// Bits of a connection's state, as --ctstate and --state name them.
struct ConntrackState {
    enum : std::uint8_t {
        invalid = 1,
        new_ = 2,
        related = 4,
        established = 8,
        untracked = 16,
        snat = 32,
        dnat = 64
    };
};
/// Bits of enum ip_conntrack_status that --ctstatus names.
struct ConntrackStatus {
    enum : std::uint8_t { expected = 1, seen_reply = 2, assured = 4, confirmed = 8 };
};

struct ConntrackMatch {
    Part<std::uint8_t> state;     ///< bits of ConntrackState
    Part<std::uint8_t> protocol;  ///< layer 4
    Part<Prefix> original_source, original_destination, reply_source, reply_destination;
    Part<PortRange> original_source_port, original_destination_port, reply_source_port,
        reply_destination_port;
    Part<std::uint8_t> status;          ///< bits of ConntrackStatus
    Part<Range<std::uint32_t>> expire;  ///< seconds left
    Part<bool> reply;                   ///< true: the packet goes in reply direction
    friend bool operator==(const ConntrackMatch&, const ConntrackMatch&) = default;
};

struct StateMatch {
    std::uint8_t state = 0;  ///< bits of ConntrackState
    bool inverted = false;
    friend bool operator==(const StateMatch&, const StateMatch&) = default;
};

struct RecentMatch {
    enum class Action : std::uint8_t { none, set, check, update, remove };
    Action action = Action::none;
    bool inverted = false;
    std::uint32_t seconds = 0, hit_count = 0;  ///< 0: not asked for
    bool reap = false, same_ttl = false;
    std::string name = "DEFAULT";
    IpAddress mask;
    bool destination = false;  ///< the list holds destinations
    friend bool operator==(const RecentMatch&, const RecentMatch&) = default;
};

/// limit: a token bucket; the interval between tokens is in units of 1/10000 s, as the kernel rounds it.
struct LimitMatch {
    std::uint32_t interval = 0, burst = 5;
    friend bool operator==(const LimitMatch&, const LimitMatch&) = default;
};

struct CommentMatch {
    std::string text;
    friend bool operator==(const CommentMatch&, const CommentMatch&) = default;
};

/// addrtype: bits are 1 << RTN_* (include/uapi/linux/rtnetlink.h); 0 is not asked for.
struct AddrtypeMatch {
    std::uint16_t source = 0, destination = 0;
    bool source_inverted = false, destination_inverted = false;
    bool limit_in = false, limit_out = false;
    friend bool operator==(const AddrtypeMatch&, const AddrtypeMatch&) = default;
};

struct PhysdevMatch {
    Part<Interface> in, out;
    Part<bool> is_in, is_out, is_bridged;
    friend bool operator==(const PhysdevMatch&, const PhysdevMatch&) = default;
};

/// pkttype: PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST.
struct PkttypeMatch {
    std::uint8_t type = 0;
    bool inverted = false;
    friend bool operator==(const PkttypeMatch&, const PkttypeMatch&) = default;
};

/// Length of the IP packet with its header (xt_length.c).
struct LengthMatch {
    Range<std::uint16_t> length;
    bool inverted = false;
    friend bool operator==(const LengthMatch&, const LengthMatch&) = default;
};

/// ttl and hl: the packet's TTL or hop limit (xt_hl.c).
struct HopsMatch {
    enum class Compare : std::uint8_t { equal, unequal, less, greater };
    Compare compare = Compare::equal;
    std::uint8_t value = 0;
    friend bool operator==(const HopsMatch&, const HopsMatch&) = default;
};
struct TtlMatch : HopsMatch {
    friend bool operator==(const TtlMatch&, const TtlMatch&) = default;
};
struct HlMatch : HopsMatch {
    friend bool operator==(const HlMatch&, const HlMatch&) = default;
};

/// IPv6's routing header (ip6t_rt.c); a packet without one does not match, whatever is asked.
struct RtMatch {
    Part<std::uint32_t> type, length;  ///< length: of the header, in bytes
    Range<std::uint32_t> segments_left{0, 0xffff'ffff};
    bool segments_left_inverted = false;
    friend bool operator==(const RtMatch&, const RtMatch&) = default;
};

/// statistic: by chance, or one of `every` packets (xt_statistic.c).
struct StatisticMatch {
    static constexpr std::uint32_t always = 0x8000'0000;
    bool nth = false, inverted = false;
    std::uint32_t probability = 0;  ///< of `always`
    std::uint32_t every = 1, packet = 0;
    friend bool operator==(const StatisticMatch&, const StatisticMatch&) = default;
};

/// rpfilter: an answer would leave by the interface that the packet came by (ipt_rpfilter.c,
/// ip6t_rpfilter.c).
struct RpfilterMatch {
    bool loose = false, valid_mark = false, accept_local = false, inverted = false;
    friend bool operator==(const RpfilterMatch&, const RpfilterMatch&) = default;
};

struct SetMatch {
    enum class Compare : std::uint8_t { none, equal, unequal, less, greater };
    struct Count {
        Compare compare = Compare::none;
        std::uint64_t value = 0;
        friend bool operator==(const Count&, const Count&) = default;
    };
    std::string set;
    std::vector<bool> source;  ///< for each dimension: source, or else destination
    bool inverted = false;
    bool return_nomatch = false, keep_counters = false, keep_subcounters = false;
    Count packets, bytes;
    friend bool operator==(const SetMatch&, const SetMatch&) = default;
};

using Match = std::variant<TcpMatch, UdpMatch, IcmpMatch, Icmp6Match, MultiportMatch, IprangeMatch, MacMatch,
                           MarkMatch, ConnmarkMatch, ConntrackMatch, StateMatch, RecentMatch, LimitMatch,
                           CommentMatch, AddrtypeMatch, PhysdevMatch, PkttypeMatch, LengthMatch, SetMatch,
                           TtlMatch, HlMatch, RtMatch, StatisticMatch, RpfilterMatch>;

}  // namespace weft::hook
