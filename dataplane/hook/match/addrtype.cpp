// net/netfilter/xt_addrtype.c, addrtype_mt_v1
#include <linux/rtnetlink.h>

#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

/// match_type6: each of these types has to hold of the address's bits; routes are asked for the rest.
bool bits_hold(const IpAddress& address, unsigned types) noexcept {
    const bool multicast = address6::multicast(address.bytes);
    const bool unspecified = address6::unspecified(address.bytes);
    const bool unicast = !multicast && !unspecified;
    return (!(types & 1U << RTN_MULTICAST) || multicast) && (!(types & 1U << RTN_UNICAST) || unicast) &&
           (!(types & 1U << RTN_UNSPEC) || unspecified);
}

bool is_of(unsigned types, const IpAddress& address, IfIndex limit, Look& look) noexcept {
    const View& packet = look.packet;
    constexpr unsigned routed6 = 1U << RTN_LOCAL | 1U << RTN_ANYCAST | 1U << RTN_UNREACHABLE;
    if (packet.family == Family::ip6) {
        if (!bits_hold(address, types)) return false;
        if (!(types & routed6)) return true;
        types &= routed6;
    }
    look.rests.on(Rest::routes);
    return packet.addresses && (types >> packet.addresses->type(packet.family, address, limit) & 1);
}

Matched match_addrtype(const AddrtypeMatch& match, Look& look) noexcept {
    const View& packet = look.packet;
    IfIndex limit = no_interface;
    if (match.limit_in) limit = packet.iif;
    if (match.limit_out) {
        limit = packet.oif;
        look.rests.on_oif(packet);
    }
    if (match.source != 0 && is_of(match.source, packet.source, limit, look) == match.source_inverted)
        return Matched::no;
    return matched_if(match.destination == 0 || is_of(match.destination, packet.destination, limit, look) !=
                                                    match.destination_inverted);
}

}  // namespace

SharedCheck addrtype_check(const AddrtypeMatch& match) {
    return check_of<match_addrtype>(match);
}

}  // namespace weft::hook
