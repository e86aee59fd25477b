#include "control/hook/kinds.hpp"

namespace weft::hook {

namespace {

/// In the order of Match's alternatives: each has one kind.
constexpr std::array match_kinds{
    tcp_match,   udp_match,     icmp_match,     icmp6_match,     multiport_match, iprange_match,
    mac_match,   mark_match,    connmark_match, conntrack_match, state_match,     recent_match,
    limit_match, comment_match, addrtype_match, physdev_match,   pkttype_match,   length_match,
    set_match,   ttl_match,     hl_match,       rt_match,        statistic_match, rpfilter_match};

constexpr std::array target_kinds{reject_target,   reject6_target, log_target,     mark_target,
                                  connmark_target, ct_target,      notrack_target, tcpmss_target,
                                  trace_target,    snat_target,    dnat_target,    masquerade_target,
                                  redirect_target, netmap_target};

template <class Variant>
bool serves(const Kind<Variant>& kind, Family family) {
    return family == Family::ip ? kind.ip : kind.ip6;
}

template <class Kinds>
auto* find_by_name(const Kinds& kinds, Family family, std::string_view name) {
    for (const auto& kind : kinds)
        if (serves(kind(), family) && kind().name == name) return &kind();
    return static_cast<decltype(&kinds[0]())>(nullptr);
}

template <class Kinds, class Variant>
auto* find_by_data(const Kinds& kinds, Family family, const Variant& data) {
    for (const auto& kind : kinds)
        if (serves(kind(), family) && kind().is(data)) return &kind();
    return static_cast<decltype(&kinds[0]())>(nullptr);
}

}  // namespace

const MatchKind* find_match(Family family, std::string_view name) {
    if (name == "icmpv6" || name == "ipv6-icmp") name = "icmp6";
    return find_by_name(match_kinds, family, name);
}

const TargetKind* find_target(Family family, std::string_view name) {
    return find_by_name(target_kinds, family, name);
}

const MatchKind& kind_of(const Match& match) {
    static_assert(match_kinds.size() == std::variant_size_v<Match>);
    return match_kinds[match.index()]();
}

const TargetKind* kind_of(Family family, const Target& target) {
    constexpr std::size_t without_kind = 3;  // NoTarget, Verdict, Jump
    if (target.index() < without_kind) return nullptr;
    return find_by_data(target_kinds, family, target);
}

}  // namespace weft::hook
