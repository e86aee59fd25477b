#include <cerrno>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"

namespace weft::hook {

namespace {

constexpr std::array<Option, 1> mac_options{
    {{.name = "mac-source", .argument = Argument::mac, .invertible = true, .mandatory = true}}};

void take_mac(MacMatch& mac, OptionCall& call) {
    mac = {call.mac, call.inverted};
}
void save_mac(std::string& out, const MacMatch& mac, const Frame&) {
    append(out, "{} --mac-source {}", bang(mac.inverted), show_mac(mac.source));
}
void list_mac(std::string& out, const MacMatch& mac, const Frame&) {
    append(out, " MAC {}{}", mac.inverted ? "! " : "", show_mac(mac.source));
}
/// There is a link-layer source only on the way in (xt_mac.c).
Objection check_mac(const MacMatch&, const Place& place) {
    return only_from(place, bit(Hook::prerouting) | bit(Hook::input) | bit(Hook::forward), "it");
}

}  // namespace

const MatchKind& mac_match() {
    static const auto kind =
        make_kind<MacMatch, Match, take_mac, save_mac, list_mac, nullptr, check_mac>("mac", mac_options);
    return kind;
}

}  // namespace weft::hook
