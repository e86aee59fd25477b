// net/netfilter/xt_physdev.c, physdev_mt: a packet that passed no bridge matches if all that is asked is
// inverted
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

bool holds(const Part<bool>& part, bool truth) noexcept {
    return !part.given || truth != part.inverted;
}

/// What matches a packet that passed no bridge, or not yet a port out of it: "not" of what is asked.
bool all_inverted(const PhysdevMatch& match) noexcept {
    const auto fine = [](const auto& part) { return !part.given || part.inverted; };
    return fine(match.is_bridged) && fine(match.is_in) && fine(match.is_out) && fine(match.in) &&
           fine(match.out);
}

Matched match_physdev(const PhysdevTest& test, Look& look) noexcept {
    const View& packet = look.packet;
    const auto& match = test.match;
    look.rests.on_physical(packet);
    if (!packet.bridged) return matched_if(all_inverted(match));
    const auto in = packet.physical_in, out = packet.physical_out;
    if (!holds(match.is_bridged, out != no_interface) || !holds(match.is_in, in != no_interface) ||
        !holds(match.is_out, out != no_interface))
        return Matched::no;
    if (match.in.given && in != no_interface && test.in.holds(in) == match.in.inverted) return Matched::no;
    if (!match.out.given) return Matched::yes;
    return matched_if(out != no_interface && test.out.holds(out) != match.out.inverted);
}

}  // namespace

SharedCheck physdev_check(PhysdevTest test) {
    return check_of<match_physdev>(std::move(test));
}

}  // namespace weft::hook
