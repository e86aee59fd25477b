// What a rule does with a packet that it matches, as data; a new target is a struct here and a file in
// target/.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "weft/hook/types.hpp"

namespace weft::hook {

/// The rule only counts.
struct NoTarget {
    friend bool operator==(const NoTarget&, const NoTarget&) = default;
};

enum class Verdict : std::uint8_t { accept, drop, return_ };

/// To a user chain of the same table; with `go`, RETURN there goes to this chain's caller.
struct Jump {
    std::string chain;
    bool go = false;
    friend bool operator==(const Jump&, const Jump&) = default;
};

/// The name is that of --reject-with; the numbers are the wire's.
struct RejectTarget {
    bool tcp_reset = false;
    std::uint8_t icmp_code = 3;  ///< of type 3, or of ICMPv6 type 1
    friend bool operator==(const RejectTarget&, const RejectTarget&) = default;
};

struct LogTarget {
    /// Bits of include/uapi/linux/netfilter/xt_LOG.h.
    enum : std::uint8_t { tcp_sequence = 1, tcp_options = 2, ip_options = 4, uid = 8, mac = 32 };
    std::uint8_t level = 4;  ///< of syslog
    std::uint8_t flags = 0;
    std::string prefix;
    friend bool operator==(const LogTarget&, const LogTarget&) = default;
};

/// mark = (mark & ~mask) ^ value
struct MarkTarget {
    std::uint32_t value = 0, mask = 0;
    friend bool operator==(const MarkTarget&, const MarkTarget&) = default;
};

/// xt_connmark.c, connmark_tg: set (ctmark & ~ctmask) ^ value, save and restore through both masks.
struct ConnmarkTarget {
    enum class Mode : std::uint8_t { set, save, restore };
    Mode mode = Mode::set;
    std::uint32_t value = 0, ctmask = 0xffffffff, nfmask = 0xffffffff;
    bool shift_right = false;
    std::uint8_t shift_bits = 0;
    friend bool operator==(const ConnmarkTarget&, const ConnmarkTarget&) = default;
};

struct CtTarget {
    bool notrack = false;
    bool alias = false;  ///< given as -j NOTRACK
    std::string helper;
    std::uint16_t events = 0;  ///< 1 << enum ip_conntrack_events
    std::uint8_t expectation_events = 0;
    std::uint16_t zone = 0;
    bool zone_from_mark = false, zone_original = false, zone_reply = false;
    friend bool operator==(const CtTarget&, const CtTarget&) = default;
};

struct TcpmssTarget {
    static constexpr std::uint16_t clamp_to_pmtu = 0xffff;
    std::uint16_t mss = 0;
    friend bool operator==(const TcpmssTarget&, const TcpmssTarget&) = default;
};

struct TraceTarget {
    friend bool operator==(const TraceTarget&, const TraceTarget&) = default;
};

/// SNAT, DNAT, MASQUERADE, REDIRECT and NETMAP: to which addresses and ports.
struct NatTarget {
    enum class Kind : std::uint8_t { snat, dnat, masquerade, redirect, netmap };
    Kind kind = Kind::snat;
    bool map_addresses = false, map_ports = false, offset = false;
    AddressRange addresses;  ///< NETMAP: first and last of the prefix
    PortRange ports{};
    std::uint16_t base_port = 0;  ///< with offset: ports.low + (destination - base), DNAT only
    bool random = false, random_fully = false, persistent = false;
    /// weft's own, of SNAT and MASQUERADE: one outside port for all that a source talks to, by which anybody
    /// reaches it (RFC 4787 REQ-1 and REQ-8).
    bool endpoint_independent = false;
    /// weft's own, of SNAT for IPv4: each subscriber has so many ports of one outside address, decided by its
    /// own address (port_block.hpp). 0: there are no blocks.
    std::uint16_t port_block = 0;
    AddressRange subscribers;  ///< with blocks: first and last of the rule's source
    friend bool operator==(const NatTarget&, const NatTarget&) = default;
};

using Target = std::variant<NoTarget, Verdict, Jump, RejectTarget, LogTarget, MarkTarget, ConnmarkTarget,
                            CtTarget, TcpmssTarget, TraceTarget, NatTarget>;

}  // namespace weft::hook
