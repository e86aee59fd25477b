#include <netinet/in.h>

#include <cerrno>

#include "control/hook/kinds.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum TcpmssOption : unsigned { mss_set, mss_clamp };
constexpr std::uint8_t syn_bit = 0x02;
constexpr std::uint64_t mss_limit = 0xffff, ip_header = 20, ip6_header = 40;

/// The largest MSS leaves room for the family's header.
constexpr std::array<Option, 2> tcpmss_options{{
    {.name = "set-mss", .id = mss_set, .argument = Argument::own},
    {.name = "clamp-mss-to-pmtu", .id = mss_clamp},
}};

void take_tcpmss(TcpmssTarget& tcpmss, OptionCall& call) {
    if (call.option.id == mss_clamp) {
        tcpmss.mss = TcpmssTarget::clamp_to_pmtu;
        return;
    }
    const Option bounded{.name = call.option.name,
                         .id = mss_set,
                         .argument = Argument::number16,
                         .max = mss_limit - (call.family == Family::ip ? ip_header : ip6_header)};
    OptionCall number{bounded, call.kind, call.family,   call.inverted,          call.text,
                      nullptr, false,     call.protocol, call.protocol_inverted, call.warnings};
    std::uint32_t seen = 0;
    read_option(number, seen);
    tcpmss.mss = static_cast<std::uint16_t>(number.number);
}

void finish_tcpmss(const TcpmssTarget&, std::uint32_t seen) {
    if (seen == 0) refuse_parameter("TCPMSS target: At least one parameter is required");
}

void save_tcpmss(std::string& out, const TcpmssTarget& tcpmss, const Frame&) {
    if (tcpmss.mss == TcpmssTarget::clamp_to_pmtu)
        out += " --clamp-mss-to-pmtu";
    else
        append(out, " --set-mss {}", tcpmss.mss);
}
void list_tcpmss(std::string& out, const TcpmssTarget& tcpmss, const Frame&) {
    if (tcpmss.mss == TcpmssTarget::clamp_to_pmtu)
        out += " TCPMSS clamp to PMTU";
    else
        append(out, " TCPMSS set {}", tcpmss.mss);
}

/// xt_TCPMSS.c: the path is known where the packet leaves; only a SYN has the option.
Objection check_tcpmss(const TcpmssTarget& tcpmss, const Place& place) {
    if (place.rule.protocol != IPPROTO_TCP || place.rule.protocol_inverted)
        return object("only beside -p tcp");
    const auto leaving = bit(Hook::forward) | bit(Hook::output) | bit(Hook::postrouting);
    if (tcpmss.mss == TcpmssTarget::clamp_to_pmtu)
        if (auto no = only_from(place, leaving, "--clamp-mss-to-pmtu")) return no;
    for (const auto& match : place.rule.matches)
        if (const auto* tcp = std::get_if<TcpMatch>(&match);
            tcp && tcp->flag_value & syn_bit && !tcp->flags_inverted)
            return {};
    return object("only of segments with SYN, say by --tcp-flags SYN,RST SYN");
}

}  // namespace

const TargetKind& tcpmss_target() {
    static const auto kind =
        make_kind<TcpmssTarget, Target, take_tcpmss, save_tcpmss, list_tcpmss, finish_tcpmss, check_tcpmss>(
            "TCPMSS", tcpmss_options);
    return kind;
}

}  // namespace weft::hook
