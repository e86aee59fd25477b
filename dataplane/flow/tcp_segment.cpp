// Headers, options and the table of transitions.
#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/flow/tcp.hpp"

namespace weft {

namespace {

constexpr std::uint8_t option_end = 0, option_nop = 1, option_scale = 3, option_sack_permitted = 4,
                       option_sack = 5, option_timestamp = 8, greatest_scale = 14;

/// Calls use(kind, data, size of data) until it says false; stops where the kernel does.
template <class Use>
void for_each_option(const TcpSegment& segment, Use&& use) noexcept {
    const auto* at = reinterpret_cast<const std::uint8_t*>(segment.options);
    for (unsigned left = segment.options_length; left > 0;) {
        const std::uint8_t kind = *at;
        if (kind == option_end) return;
        if (kind == option_nop) {
            ++at;
            --left;
            continue;
        }
        if (left < 2 || at[1] < 2 || at[1] > left) return;
        if (!use(kind, at + 2, at[1] - 2U)) return;
        left -= at[1];
        at += at[1];
    }
}

constexpr bool after(std::uint32_t a, std::uint32_t b) noexcept {
    return static_cast<std::int32_t>(b - a) < 0;
}

}  // namespace

std::optional<TcpSegment> parse_tcp(const L4View& l4) noexcept {
    using namespace tcp_flag;
    if (std::min(l4.head, l4.length) < sizeof(TcpHeader)) return std::nullopt;
    const auto& header = *reinterpret_cast<const TcpHeader*>(l4.data);
    const std::uint32_t size = (header.data_offset >> 4) * 4;
    if (size < sizeof header || size > l4.length || size > l4.head) return std::nullopt;
    switch (header.flags & (fin | syn | rst | ack | urg)) {
        case syn:
        case syn | urg:
        case syn | ack:
        case rst:
        case rst | ack:
        case fin | ack:
        case fin | ack | urg:
        case ack:
        case ack | urg:
            break;
        default:
            return std::nullopt;
    }
    return TcpSegment{header.sequence.host(), header.acknowledgement.host(),
                      l4.length - size,       header.window.host(),
                      header.flags,           static_cast<std::uint8_t>(size - sizeof header),
                      l4.data + sizeof header};
}

TcpOptions parse_tcp_options(const TcpSegment& segment) noexcept {
    TcpOptions options;
    for_each_option(segment, [&](std::uint8_t kind, const std::uint8_t* data, unsigned size) {
        if (kind == option_sack_permitted && size == 0) options.flags |= TcpSideFlags::sack_permitted;
        if (kind == option_scale && size == 1) {
            options.scale = std::min(*data, greatest_scale);
            options.flags |= TcpSideFlags::window_scale;
        }
        return true;
    });
    return options;
}

std::uint32_t highest_sack(const TcpSegment& segment) noexcept {
    std::uint32_t highest = segment.ack;
    constexpr std::uint8_t only_timestamp[] = {option_nop, option_nop, option_timestamp, 10};
    if (segment.options_length == 12 && std::memcmp(segment.options, only_timestamp, 4) == 0) return highest;
    for_each_option(segment, [&](std::uint8_t kind, const std::uint8_t* data, unsigned size) {
        if (kind != option_sack || size < 8 || size % 8) return true;
        for (unsigned block = 0; block < size; block += 8) {
            be32 right;
            std::memcpy(&right, data + block + 4, sizeof right);
            if (after(right.host(), highest)) highest = right.host();
        }
        return false;
    });
    return highest;
}

namespace {

constexpr TcpState SS = TcpState::syn_sent, SR = TcpState::syn_recv, ES = TcpState::established,
                   FW = TcpState::fin_wait, CW = TcpState::close_wait, LA = TcpState::last_ack,
                   TW = TcpState::time_wait, CL = TcpState::close, S2 = TcpState::syn_sent2,
                   iv = TcpState::invalid, ig = TcpState::ignore;
using Row = std::array<TcpState, tcp_state_count>;
using Side = std::array<Row, 6>;

// Columns: none, syn_sent, syn_recv, established, fin_wait, close_wait, last_ack, time_wait, close,
// syn_sent2. Rows: syn, synack, fin, ack, rst, none.
constexpr std::array<Side, 2> transitions{{{{{SS, SS, ig, ig, ig, ig, ig, SS, SS, S2},
                                             {iv, iv, SR, iv, iv, iv, iv, iv, iv, SR},
                                             {iv, iv, FW, FW, LA, LA, LA, TW, CL, iv},
                                             {ES, iv, ES, ES, CW, CW, TW, TW, CL, iv},
                                             {iv, CL, CL, CL, CL, CL, CL, CL, CL, CL},
                                             {iv, iv, iv, iv, iv, iv, iv, iv, iv, iv}}},
                                           {{{iv, S2, iv, iv, iv, iv, iv, SS, iv, S2},
                                             {iv, SR, ig, ig, ig, ig, ig, ig, ig, SR},
                                             {iv, iv, FW, FW, LA, LA, LA, TW, CL, iv},
                                             {iv, ig, SR, ES, CW, CW, TW, TW, CL, ig},
                                             {iv, CL, CL, CL, CL, CL, CL, CL, CL, CL},
                                             {iv, iv, iv, iv, iv, iv, iv, iv, iv, iv}}}}};

}  // namespace

TcpState tcp_transition(unsigned direction, TcpKind kind, TcpState state) noexcept {
    return transitions[direction][static_cast<std::size_t>(kind)][static_cast<std::size_t>(state)];
}

}  // namespace weft
