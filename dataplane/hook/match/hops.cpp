// net/netfilter/xt_hl.c
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

Matched match_hops(const HopsMatch& match, Look& look) noexcept {
    using Compare = HopsMatch::Compare;
    look.rests.on(Rest::ttl);
    const auto hops = look.packet.ttl;
    switch (match.compare) {
        case Compare::equal:
            return matched_if(hops == match.value);
        case Compare::unequal:
            return matched_if(hops != match.value);
        case Compare::less:
            return matched_if(hops < match.value);
        default:
            return matched_if(hops > match.value);
    }
}

}  // namespace

SharedCheck hops_check(const HopsMatch& match) {
    return check_of<match_hops>(match);
}

}  // namespace weft::hook
