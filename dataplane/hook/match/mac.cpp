// net/netfilter/xt_mac.c: a packet without Ethernet header matches neither the address nor "not the address"
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

Matched match_mac(const MacMatch& mac, Look& look) noexcept {
    if (!look.packet.has_mac) return Matched::no;
    look.rests.on_mac(look.packet);
    return matched_if((look.packet.mac == MacAddress{mac.source}.raw()) != mac.inverted);
}

}  // namespace

SharedCheck mac_check(const MacMatch& match) {
    return check_of<match_mac>(match);
}

}  // namespace weft::hook
