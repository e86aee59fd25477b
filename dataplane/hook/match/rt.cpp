// net/ipv6/netfilter/ip6t_rt.c, and ipv6_find_hdr (net/ipv6/exthdrs_core.c) for NEXTHDR_ROUTING
#include "dataplane/hook/matches.hpp"
#include "weft/net/ip.hpp"

namespace weft::hook {

namespace {

struct Found {
    const std::uint8_t* header = nullptr;  ///< with four bytes that can be read
    bool broken = false;
};

bool is_skipped(std::uint8_t next) noexcept {
    return next == ip_protocol::hop_by_hop || next == ip_protocol::fragment ||
           next == ip_protocol::authentication || next == ip_protocol::destination_options;
}

Found find_routing(const std::uint8_t* ip, const std::uint8_t* end) noexcept {
    constexpr std::ptrdiff_t next_header_at = 6, smallest = 4;
    std::uint8_t next = ip[next_header_at];
    for (const auto* at = ip + sizeof(Ipv6Header);;) {
        if (next == ip_protocol::routing) return end - at < smallest ? Found{.broken = true} : Found{at};
        if (!is_skipped(next)) return {};
        if (end - at < 2 || (next == ip_protocol::fragment && end - at < smallest)) return {.broken = true};
        std::ptrdiff_t size = (at[1] + 1) * 8;
        if (next == ip_protocol::fragment) {
            if (((at[2] << 8 | at[3]) & 0xfff8) != 0) return {};
            size = 8;
        } else if (next == ip_protocol::authentication) {
            size = (at[1] + 2) * 4;
        }
        next = at[0];
        if (end - at < size) return {.broken = is_skipped(next) || next == ip_protocol::routing};
        at += size;
    }
}

template <class Value>
bool holds(const Part<Value>& part, std::uint32_t is) noexcept {
    return !part.given || (part.value == is) != part.inverted;
}

Matched match_rt(const RtMatch& match, Look& look) noexcept {
    const auto& packet = look.packet;
    const auto next = packet.ip_header[6];
    if (!is_skipped(next) && next != ip_protocol::routing) return Matched::no;
    // Packets of which an outcome is used have no such headers.
    look.rests.on(Rest::odd_header);
    const auto [header, broken] = find_routing(packet.ip_header, packet.layer4_header + packet.layer4_length);
    if (broken) return Matched::drop;
    if (!header) return Matched::no;
    const std::uint32_t length = (header[1] + 1u) * 8, segments_left = header[3];
    const auto before = static_cast<std::uint32_t>(header - packet.ip_header);
    if (packet.length < before + length) return Matched::no;
    const bool within = segments_left >= match.segments_left.low && segments_left <= match.segments_left.high;
    return matched_if(within != match.segments_left_inverted && holds(match.length, length) &&
                      holds(match.type, header[2]));
}

}  // namespace

SharedCheck rt_check(const RtMatch& match) {
    return check_of<match_rt>(match);
}

}  // namespace weft::hook
