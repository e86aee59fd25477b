// net/netfilter/xt_multiport.c, multiport_mt
#include <algorithm>

#include "dataplane/hook/match/ports.hpp"
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

Matched match_multiport(const MultiportMatch& multiport, Look& look) noexcept {
    using Side = MultiportMatch::Side;
    const View& packet = look.packet;
    if (packet.fragment != 0) return Matched::no;
    if (packet.layer4_length < 4) return Matched::drop;  // short TCP headers do, if the ports are there
    const auto port = [&](std::size_t at) {
        return static_cast<std::uint16_t>(packet.layer4_header[at] << 8 | packet.layer4_header[at + 1]);
    };
    const auto source = port(0), destination = port(2);
    const bool found =
        std::any_of(multiport.ports.begin(), multiport.ports.end(), [&](const MultiportMatch::Ports& wanted) {
            return (multiport.side != Side::destination && port_matches(wanted.ports, false, source)) ||
                   (multiport.side != Side::source && port_matches(wanted.ports, false, destination));
        });
    return matched_if(found != multiport.inverted);
}

}  // namespace

SharedCheck multiport_check(const MultiportMatch& match) {
    return check_of<match_multiport>(match);
}

}  // namespace weft::hook
