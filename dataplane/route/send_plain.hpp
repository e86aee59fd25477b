// The end of the batch paths of IP: a plain packet leaves by a hop whose neighbour is known.
#pragma once

#include <cstring>

#include "dataplane/context.hpp"
#include "dataplane/egress/transmit.hpp"
#include "dataplane/route/ttl.hpp"
#include "weft/net/ip.hpp"

namespace weft {

/// Of a hop's own MTU, which it need not have: then one less than 0 is the most there is.
[[nodiscard]] inline bool fits_hop(std::uint16_t size, std::uint16_t hop_mtu) noexcept {
    return static_cast<std::uint16_t>(size - 1) <= static_cast<std::uint16_t>(hop_mtu - 1);
}

/// Writes addresses, TTL and checksum or hop limit, cuts off padding. `size`: of the IP packet, bytes; of a
/// packet in segments it is the whole.
inline void write_plain(Packet& packet, std::uint16_t size, bool v6, const Hop& hop, std::uint64_t neighbour,
                        const Context& context) noexcept {
    const std::uint32_t length = size + std::uint32_t{ethernet_header_size};
    if (length != packet.length()) [[unlikely]]  // padding
        packet.pkt_len = packet.data_len = static_cast<std::uint16_t>(length);
    std::byte* const frame = packet.data();
    if (v6)
        --reinterpret_cast<Ipv6Header*>(frame + ethernet_header_size)->hop_limit;
    else
        decrease_ttl(*reinterpret_cast<Ipv4Header*>(frame + ethernet_header_size));
    const std::uint64_t own = hop.own.load(std::memory_order_relaxed);
    const std::uint64_t first = (neighbour & 0xffff'ffff'ffff) | own << 48;
    const auto rest = static_cast<std::uint32_t>(own >> 16);
    std::memcpy(frame, &first, sizeof first);
    std::memcpy(frame + sizeof first, &rest, sizeof rest);
    hop.touch(context.now_seconds);
}
/// Whether it may leave by what is no port, or with work left for the port, as it is. What ingress and host
/// write is written, unless they have (`entered`). `out`: of the hop, when it was read.
[[nodiscard]] bool may_leave_by_egress(Packet& packet, const Hop& hop, const Interface& out, bool entered,
                                       Context& context) noexcept;
/// It does.
[[nodiscard]] Verdict leave_by_egress(Packet& packet, std::uint16_t size, bool v6, const Hop& hop,
                                      std::uint64_t neighbour, const Interface& out,
                                      Context& context) noexcept;
/// Before a packet that leaves at once: what is `left_behind` in egress may be of the same flow.
inline void let_egress_go_first(bool& left_behind, Context& context) noexcept {
    if (!left_behind) [[likely]]
        return;
    left_behind = false;
    context.run_now(StageId::egress, context);
}
/// As write_plain(), and away by a port.
inline void send_plain(Packet& packet, std::uint16_t size, bool v6, const Hop& hop, std::uint64_t neighbour,
                       const Interface& out, Context& context) noexcept {
    write_plain(packet, size, v6, hop, neighbour, context);
    collect(packet, out.port, context);
}

}  // namespace weft
