// net/ipv4/netfilter/ipt_rpfilter.c and net/ipv6/netfilter/ip6t_rpfilter.c
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

/// Sources that no route can lead back to, and that pass all the same: of who has no address yet.
bool is_exempt(const View& packet) noexcept {
    if (packet.family == Family::ip6) return address6::unspecified(packet.source.bytes);
    constexpr std::uint32_t local_multicast = 0xe000'0000, its_mask = 0xffff'ff00;
    const std::uint32_t to = to_be32(packet.destination).host();
    return address4::zero_net(to_be32(packet.source).host()) &&
           (to == address4::broadcast || (to & its_mask) == local_multicast);
}

bool passes(const RpfilterMatch& match, Look& look) noexcept {
    const View& packet = look.packet;
    if (!packet.addresses) return false;
    look.rests.on(Rest::routes);
    if (match.valid_mark) look.rests.on_mark(packet, ~std::uint32_t{0});
    const WayBack back = packet.addresses->way_back(packet, match.valid_mark ? packet.mark : 0);
    if (back.by_tos) look.rests.on(Rest::tos);
    if (back.kind == WayBack::nowhere) return false;
    if (back.kind == WayBack::to_host) {
        if (!match.accept_local) return false;
        if (packet.family == Family::ip6) return true;
    }
    return back.same || match.loose;
}

Matched match_rpfilter(const RpfilterMatch& match, Look& look) noexcept {
    return matched_if((is_exempt(look.packet) || passes(match, look)) != match.inverted);
}

}  // namespace

SharedCheck rpfilter_check(const RpfilterMatch& match) {
    return check_of<match_rpfilter>(match);
}

}  // namespace weft::hook
