// TCP as net/netfilter/nf_conntrack_proto_tcp.c of Linux 6.1 tracks it: states, windows, time-outs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/flow/parse.hpp"
#include "dataplane/flow/protocol.hpp"

namespace weft {

namespace tcp_flag {
inline constexpr std::uint8_t fin = 1, syn = 2, rst = 4, psh = 8, ack = 16, urg = 32, ece = 64, cwr = 128;
}

/// A segment in host order; the options are borrowed bytes.
struct TcpSegment {
    std::uint32_t seq, ack;
    std::uint32_t payload;  ///< bytes
    std::uint16_t window;
    std::uint8_t flags;  ///< tcp_flag
    std::uint8_t options_length;
    const std::byte* options;
    std::uint32_t ack_change = 0;  ///< what NAT has added to the numbers that it acknowledges

    [[nodiscard]] constexpr bool has(std::uint8_t flag) const noexcept { return flags & flag; }
    /// Sequence number after the segment; SYN and FIN count one each.
    [[nodiscard]] constexpr std::uint32_t end() const noexcept {
        return seq + payload + has(tcp_flag::syn) + has(tcp_flag::fin);
    }
    [[nodiscard]] constexpr TcpKind kind() const noexcept {
        if (has(tcp_flag::rst)) return TcpKind::rst;
        if (has(tcp_flag::syn)) return has(tcp_flag::ack) ? TcpKind::synack : TcpKind::syn;
        if (has(tcp_flag::fin)) return TcpKind::fin;
        return has(tcp_flag::ack) ? TcpKind::ack : TcpKind::none;
    }
};

/// Nothing if lengths or flags are such as no TCP sends (tcp_error; the checksum is the caller's). The header
/// with its options must lie within `head`.
[[nodiscard]] std::optional<TcpSegment> parse_tcp(const L4View&) noexcept;

/// The state after a segment of this kind from this side: also invalid or ignore.
[[nodiscard]] TcpState tcp_transition(unsigned direction, TcpKind, TcpState) noexcept;

/// What a side says in its options.
struct TcpOptions {
    std::uint8_t scale = 0;  ///< at most 14
    std::uint8_t flags = 0;  ///< TcpSideFlags::window_scale, sack_permitted
};
[[nodiscard]] TcpOptions parse_tcp_options(const TcpSegment&) noexcept;
/// The highest right edge of its SACK blocks (RFC 2018), or the acknowledgement if that is higher.
[[nodiscard]] std::uint32_t highest_sack(const TcpSegment&) noexcept;

enum class TcpWindow : std::uint8_t { accept, ignore, invalid };
/// Whether the segment intersects the window, and what it says of both sides (tcp_in_window).
[[nodiscard]] TcpWindow check_window(FlowState&, unsigned direction, const TcpSegment&,
                                     const FlowConfig&) noexcept;

/// A segment of this connection (nf_conntrack_tcp_packet). An unconfirmed one is begun by it. seen_reply is
/// set by the caller afterwards. Owner only.
[[nodiscard]] L4Verdict track_tcp(FlowState&, unsigned direction, const TcpSegment&, const FlowConfig&,
                                  FlowTime now) noexcept;

/// May go before its time when the table is full, though assured (tcp_can_early_drop).
[[nodiscard]] constexpr bool tcp_is_closing(TcpState state) noexcept {
    return state == TcpState::fin_wait || state == TcpState::last_ack || state == TcpState::time_wait ||
           state == TcpState::close || state == TcpState::close_wait;
}

}  // namespace weft
