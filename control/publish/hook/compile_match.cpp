#include <variant>

#include "control/publish/hook/compile_rule.hpp"

namespace weft::hook {

namespace {

constexpr std::size_t most_hashed_ports = 16;

bool is_open(const PortTest& test) {
    return test.range == all_ports && !test.inverted;
}

/// What a classifier may hash of a range: nothing if it is inverted or too wide.
std::vector<std::uint16_t> ports_of(const PortRange& range, bool inverted) {
    std::vector<std::uint16_t> ports;
    if (inverted || range.high - range.low >= static_cast<int>(most_hashed_ports)) return ports;
    for (unsigned port = range.low; port <= range.high; ++port)
        ports.push_back(static_cast<std::uint16_t>(port));
    return ports;
}

void absorb_ports(PortTest& test, std::vector<std::uint16_t>& hashed, const PortRange& range, bool inverted) {
    test = {range, inverted};
    if (hashed.empty()) hashed = ports_of(range, inverted);
}

/// Both tests at once, or none.
bool absorb_both(SimplePart& simple, const auto& match) {
    if (!is_open(simple.source_port) || !is_open(simple.destination_port)) return false;
    simple.needs_layer4 = true;
    absorb_ports(simple.source_port, simple.source_ports, match.source, match.source_inverted);
    absorb_ports(simple.destination_port, simple.destination_ports, match.destination,
                 match.destination_inverted);
    return true;
}

/// One side of multiport: its ports are hashed; a single one or range is compared.
bool absorb_multiport(SimplePart& simple, const MultiportMatch& match) {
    if (match.inverted || match.side == MultiportMatch::Side::either) return false;
    const bool source = match.side == MultiportMatch::Side::source;
    auto& test = source ? simple.source_port : simple.destination_port;
    auto& hashed = source ? simple.source_ports : simple.destination_ports;
    if (match.ports.size() == 1 && is_open(test)) {
        simple.needs_layer4 = true;
        absorb_ports(test, hashed, match.ports.front().ports, false);
        return true;
    }
    std::vector<std::uint16_t> all;
    for (const auto& part : match.ports) {
        const auto ports = ports_of(part.ports, false);
        if (ports.empty()) return false;
        all.insert(all.end(), ports.begin(), ports.end());
    }
    if (hashed.empty() && all.size() <= most_hashed_ports) hashed = std::move(all);
    return false;
}

struct Compile {
    RuleCompiler& rules;
    RuleCode& code;
    bool& may_absorb;

    /// Every match is a check; those that the simple part says wholly are not asked again.
    void put(SharedCheck check, bool absorbed = false) const {
        if (!absorbed) code.rest.push_back(check.get());
        code.checks.push_back(std::move(check));
    }
    /// What stands behind a match that remembers packets, or may drop one, is not to be asked before it.
    void put_barrier(SharedCheck check) const {
        put(std::move(check));
        may_absorb = false;
    }

    void operator()(const TcpMatch& match) const {
        const bool ports_only = match.flag_mask == 0 && !match.flags_inverted && match.option == 0;
        const bool absorbed = may_absorb && absorb_both(code.simple, match);
        if (match.option != 0)
            put_barrier(tcp_check(match));
        else
            put(tcp_check(match), absorbed && ports_only);
    }
    void operator()(const UdpMatch& match) const {
        put(udp_check(match), may_absorb && absorb_both(code.simple, match));
    }
    void operator()(const MultiportMatch& match) const {
        put(multiport_check(match), may_absorb && absorb_multiport(code.simple, match));
    }
    void operator()(const MacMatch& match) const {
        auto& simple = code.simple;
        const bool absorb = may_absorb && !simple.has_mac;
        if (absorb) {
            simple.has_mac = true;
            simple.mac_inverted = match.inverted;
            simple.mac = MacAddress{match.source}.raw();
        }
        put(mac_check(match), absorb);
    }
    void operator()(const RecentMatch& match) const { put_barrier(recent_check(match, rules.recent(match))); }
    void operator()(const LimitMatch& match) const { put_barrier(limit_check(match)); }
    void operator()(const StatisticMatch& match) const {
        put_barrier(statistic_check(match, rules.new_seed()));
    }
    void operator()(const TtlMatch& match) const { put(hops_check(match)); }
    void operator()(const HlMatch& match) const { put(hops_check(match)); }
    void operator()(const RtMatch& match) const { put_barrier(rt_check(match)); }
    void operator()(const RpfilterMatch& match) const { put(rpfilter_check(match)); }
    void operator()(const SetMatch& match) const { put_barrier(set_check(match, rules.set(match.set))); }
    void operator()(const PhysdevMatch& match) const {
        put(physdev_check({match, rules.interface(match.in.value), rules.interface(match.out.value)}));
    }
    void operator()(const CommentMatch&) const {}
    void operator()(const IcmpMatch& match) const { put(icmp_check(match)); }
    void operator()(const Icmp6Match& match) const { put(icmp6_check(match)); }
    void operator()(const IprangeMatch& match) const { put(iprange_check(match)); }
    void operator()(const MarkMatch& match) const { put(mark_check(match)); }
    void operator()(const ConnmarkMatch& match) const { put(connmark_check(match)); }
    void operator()(const ConntrackMatch& match) const { put(conntrack_check(match)); }
    void operator()(const StateMatch& match) const { put(state_check(match)); }
    void operator()(const AddrtypeMatch& match) const { put(addrtype_check(match)); }
    void operator()(const PkttypeMatch& match) const { put(pkttype_check(match)); }
    void operator()(const LengthMatch& match) const { put(length_check(match)); }
};

}  // namespace

void compile_match(RuleCompiler& rules, const Match& match, RuleCode& code, bool& may_absorb) {
    std::visit(Compile{rules, code, may_absorb}, match);
}

}  // namespace weft::hook
