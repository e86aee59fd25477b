// net/netfilter/xt_pkttype.c; packets that loop back are not among those that weft sees
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

Matched match_pkttype(const PkttypeMatch& match, Look& look) noexcept {
    look.rests.on_packet_type(look.packet);
    return matched_if((look.packet.packet_type == match.type) != match.inverted);
}

}  // namespace

SharedCheck pkttype_check(const PkttypeMatch& match) {
    return check_of<match_pkttype>(match);
}

}  // namespace weft::hook
