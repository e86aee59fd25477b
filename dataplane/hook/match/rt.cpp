// net/ipv6/netfilter/ip6t_rt.c
#include "dataplane/hook/matches.hpp"
#include "weft/net/extension.hpp"

namespace weft::hook {

namespace {

struct Found {
    const std::uint8_t* header = nullptr;  ///< with four bytes that can be read
    bool broken = false;
};

Found find_routing(const std::uint8_t* ip, std::uint32_t readable) noexcept {
    constexpr std::uint32_t smallest = 4;
    const Header6 found = find_header6(ip, readable, ip_protocol::routing);
    if (found.end == Header6::End::cut_off) return {.broken = true};
    if (found.end != Header6::End::found || found.type != ip_protocol::routing) return {};
    return found.at + smallest > readable ? Found{.broken = true} : Found{ip + found.at};
}

template <class Value>
bool holds(const Part<Value>& part, std::uint32_t is) noexcept {
    return !part.given || (part.value == is) != part.inverted;
}

Matched match_rt(const RtMatch& match, Look& look) noexcept {
    const auto& packet = look.packet;
    if (!is_extension6(packet.ip_header[6])) return Matched::no;
    // Packets of which an outcome is used have no such headers.
    look.rests.on(Rest::odd_header);
    const auto* const end = packet.layer4_header + packet.layer4_length;
    const auto [header, broken] =
        find_routing(packet.ip_header, static_cast<std::uint32_t>(end - packet.ip_header));
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
