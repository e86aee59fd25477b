// net/netfilter/xt_tcpudp.c, udp_mt
#include "dataplane/hook/match/ports.hpp"
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

Matched match_udp(const UdpMatch& udp, Look& look) noexcept {
    const View& packet = look.packet;
    if (packet.layer4 != Layer4::whole) return packet.layer4 == Layer4::odd ? Matched::drop : Matched::no;
    return matched_if(port_matches(udp.source, udp.source_inverted, packet.source_port) &&
                      port_matches(udp.destination, udp.destination_inverted, packet.destination_port));
}

}  // namespace

SharedCheck udp_check(const UdpMatch& match) {
    return check_of<match_udp>(match);
}

}  // namespace weft::hook
