// net/netfilter/xt_iprange.c: bytes of addresses compare as their numbers do
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

bool in_range(const Part<AddressRange>& part, const IpAddress& address) noexcept {
    if (!part.given) return true;
    const bool inside = address.bytes >= part.value.low.bytes && address.bytes <= part.value.high.bytes;
    return inside != part.inverted;
}

Matched match_iprange(const IprangeMatch& range, Look& look) noexcept {
    return matched_if(in_range(range.source, look.packet.source) &&
                      in_range(range.destination, look.packet.destination));
}

}  // namespace

SharedCheck iprange_check(const IprangeMatch& match) {
    return check_of<match_iprange>(match);
}

}  // namespace weft::hook
