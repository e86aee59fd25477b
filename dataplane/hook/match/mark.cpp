// net/netfilter/xt_mark.c, mark_mt; net/netfilter/xt_connmark.c, connmark_mt
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

Matched match_mark(const MarkMatch& match, Look& look) noexcept {
    look.rests.on_mark(look.packet, match.mark.mask);
    return matched_if(((look.packet.mark & match.mark.mask) == match.mark.value) != match.inverted);
}

Matched match_connmark(const ConnmarkMatch& match, Look& look) noexcept {
    if (!look.packet.connection) return Matched::no;
    look.rests.on_connection_mark(look.packet, match.mark.mask);
    return matched_if(((look.packet.connection->mark & match.mark.mask) == match.mark.value) !=
                      match.inverted);
}

}  // namespace

SharedCheck mark_check(const MarkMatch& match) {
    return check_of<match_mark>(match);
}
SharedCheck connmark_check(const ConnmarkMatch& match) {
    return check_of<match_connmark>(match);
}

}  // namespace weft::hook
