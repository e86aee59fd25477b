// net/netfilter/xt_length.c
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

Matched match_length(const LengthMatch& match, Look& look) noexcept {
    look.rests.on(Rest::length);
    const auto length = look.packet.length;
    return matched_if((length >= match.length.low && length <= match.length.high) != match.inverted);
}

}  // namespace

SharedCheck length_check(const LengthMatch& match) {
    return check_of<match_length>(match);
}

}  // namespace weft::hook
