// net/netfilter/xt_tcpudp.c (before 6.16 net/ipv4/netfilter/ip_tables.c), icmp_match; ip6_tables.c,
// icmp6_match
#include "dataplane/hook/matches.hpp"

namespace weft::hook {

namespace {

constexpr std::uint8_t any_type = 0xff;

template <class IcmpOrIcmp6>
Matched match_icmp(const IcmpOrIcmp6& icmp, bool any, Look& look) noexcept {
    const View& packet = look.packet;
    if (packet.layer4 != Layer4::whole) return packet.layer4 == Layer4::odd ? Matched::drop : Matched::no;
    const auto type = packet.layer4_header[0], code = packet.layer4_header[1];
    look.rests.on_icmp(type, code);
    const bool same = any || (type == icmp.type && code >= icmp.code.low && code <= icmp.code.high);
    return matched_if(same != icmp.inverted);
}

Matched match_icmp4(const IcmpMatch& icmp, Look& look) noexcept {
    return match_icmp(icmp, icmp.type == any_type, look);
}
Matched match_icmp6(const Icmp6Match& icmp, Look& look) noexcept {
    return match_icmp(icmp, false, look);
}

}  // namespace

SharedCheck icmp_check(const IcmpMatch& match) {
    return check_of<match_icmp4>(match);
}
SharedCheck icmp6_check(const Icmp6Match& match) {
    return check_of<match_icmp6>(match);
}

}  // namespace weft::hook
