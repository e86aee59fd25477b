#include <netinet/in.h>

#include <cerrno>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

constexpr std::array<Option, 1> reject_options{{{.name = "reject-with", .argument = Argument::text}}};

struct RejectName {
    std::string_view name, alias;
    bool reset;
    std::uint8_t code;
};
/// In the order of enum ipt_reject_with: the first that a word begins is meant.
constexpr std::array<RejectName, 8> reject_names{{
    {"icmp-net-unreachable", "net-unreach", false, 0},
    {"icmp-host-unreachable", "host-unreach", false, 1},
    {"icmp-proto-unreachable", "proto-unreach", false, 2},
    {"icmp-port-unreachable", "port-unreach", false, 3},
    {"icmp-net-prohibited", "net-prohib", false, 9},
    {"icmp-host-prohibited", "host-prohib", false, 10},
    {"tcp-reset", "tcp-rst", true, 0},
    {"icmp-admin-prohibited", "admin-prohib", false, 13},
}};
constexpr std::array<RejectName, 7> reject6_names{{
    {"icmp6-no-route", "no-route", false, 0},
    {"icmp6-adm-prohibited", "adm-prohibited", false, 1},
    {"icmp6-addr-unreachable", "addr-unreach", false, 3},
    {"icmp6-port-unreachable", "port-unreach", false, 4},
    {"tcp-reset", "tcp-reset", true, 0},
    {"icmp6-policy-fail", "policy-fail", false, 5},
    {"icmp6-reject-route", "reject-route", false, 6},
}};

RejectTarget fresh_reject(Family family) {
    return {false, static_cast<std::uint8_t>(family == Family::ip ? 3 : 4)};
}

void take_reject_name(RejectTarget& reject, const OptionCall& call, std::span<const RejectName> names) {
    for (const auto& known : names)
        if (begins(known.name, call.text) || begins(known.alias, call.text)) {
            reject = {known.reset, known.code};
            return;
        }
    refuse_parameter("unknown reject type \"{}\"", call.text);
}

std::string_view reject_name(const RejectTarget& reject, Family family) {
    const std::span<const RejectName> names = family == Family::ip
                                                  ? std::span<const RejectName>(reject_names)
                                                  : std::span<const RejectName>(reject6_names);
    return std::find_if(names.begin(), names.end(),
                        [&](const RejectName& known) {
                            return known.reset == reject.tcp_reset &&
                                   (known.reset || known.code == reject.icmp_code);
                        })
        ->name;
}

void take_reject(RejectTarget& reject, OptionCall& call) {
    take_reject_name(reject, call, reject_names);
}
void take_reject6(RejectTarget& reject, OptionCall& call) {
    take_reject_name(reject, call, reject6_names);
}
void save_reject(std::string& out, const RejectTarget& reject, const Frame& frame) {
    append(out, " --reject-with {}", reject_name(reject, frame.family));
}
void list_reject(std::string& out, const RejectTarget& reject, const Frame& frame) {
    append(out, " reject-with {}", reject_name(reject, frame.family));
}

/// ipt_REJECT.c: in filter, and a reset answers TCP only.
Objection check_reject(const RejectTarget& reject, const Place& place) {
    if (auto no = only_in(place, TableId::filter)) return no;
    const bool tcp = place.rule.protocol == IPPROTO_TCP && !place.rule.protocol_inverted;
    if (!reject.tcp_reset || tcp) return {};
    return object("tcp-reset only beside -p tcp");
}

}  // namespace

const TargetKind& reject_target() {
    static const auto kind = [] {
        auto made = make_kind<RejectTarget, Target, take_reject, save_reject, list_reject, nullptr,
                              check_reject, fresh_reject>("REJECT", reject_options);
        made.ip6 = false;
        return made;
    }();
    return kind;
}

const TargetKind& reject6_target() {
    static const auto kind = [] {
        auto made = make_kind<RejectTarget, Target, take_reject6, save_reject, list_reject, nullptr,
                              check_reject, fresh_reject>("REJECT", reject_options);
        made.ip = false;
        return made;
    }();
    return kind;
}

}  // namespace weft::hook
