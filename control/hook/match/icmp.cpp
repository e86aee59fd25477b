// icmp and icmp6: types and codes by number or name.
#include <netinet/in.h>

#include "control/hook/kinds.hpp"
#include "control/hook/match/ports.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

struct IcmpName {
    std::string_view name;
    std::uint8_t type, first_code, last_code;
};

constexpr std::array<IcmpName, 40> icmp_names{{
    {"any", 255, 0, 255},
    {"echo-reply", 0, 0, 255},
    {"pong", 0, 0, 255},
    {"destination-unreachable", 3, 0, 255},
    {"network-unreachable", 3, 0, 0},
    {"host-unreachable", 3, 1, 1},
    {"protocol-unreachable", 3, 2, 2},
    {"port-unreachable", 3, 3, 3},
    {"fragmentation-needed", 3, 4, 4},
    {"source-route-failed", 3, 5, 5},
    {"network-unknown", 3, 6, 6},
    {"host-unknown", 3, 7, 7},
    {"network-prohibited", 3, 9, 9},
    {"host-prohibited", 3, 10, 10},
    {"TOS-network-unreachable", 3, 11, 11},
    {"TOS-host-unreachable", 3, 12, 12},
    {"communication-prohibited", 3, 13, 13},
    {"host-precedence-violation", 3, 14, 14},
    {"precedence-cutoff", 3, 15, 15},
    {"source-quench", 4, 0, 255},
    {"redirect", 5, 0, 255},
    {"network-redirect", 5, 0, 0},
    {"host-redirect", 5, 1, 1},
    {"TOS-network-redirect", 5, 2, 2},
    {"TOS-host-redirect", 5, 3, 3},
    {"echo-request", 8, 0, 255},
    {"ping", 8, 0, 255},
    {"router-advertisement", 9, 0, 255},
    {"router-solicitation", 10, 0, 255},
    {"time-exceeded", 11, 0, 255},
    {"ttl-exceeded", 11, 0, 255},
    {"ttl-zero-during-transit", 11, 0, 0},
    {"ttl-zero-during-reassembly", 11, 1, 1},
    {"parameter-problem", 12, 0, 255},
    {"ip-header-bad", 12, 0, 0},
    {"required-option-missing", 12, 1, 1},
    {"timestamp-request", 13, 0, 255},
    {"timestamp-reply", 14, 0, 255},
    {"address-mask-request", 17, 0, 255},
    {"address-mask-reply", 18, 0, 255},
}};

constexpr std::array<IcmpName, 28> icmp6_names{{
    {"destination-unreachable", 1, 0, 255},
    {"no-route", 1, 0, 0},
    {"communication-prohibited", 1, 1, 1},
    {"beyond-scope", 1, 2, 2},
    {"address-unreachable", 1, 3, 3},
    {"port-unreachable", 1, 4, 4},
    {"failed-policy", 1, 5, 5},
    {"reject-route", 1, 6, 6},
    {"packet-too-big", 2, 0, 255},
    {"time-exceeded", 3, 0, 255},
    {"ttl-exceeded", 3, 0, 255},
    {"ttl-zero-during-transit", 3, 0, 0},
    {"ttl-zero-during-reassembly", 3, 1, 1},
    {"parameter-problem", 4, 0, 255},
    {"bad-header", 4, 0, 0},
    {"unknown-header-type", 4, 1, 1},
    {"unknown-option", 4, 2, 2},
    {"echo-request", 128, 0, 255},
    {"ping", 128, 0, 255},
    {"echo-reply", 129, 0, 255},
    {"pong", 129, 0, 255},
    {"router-solicitation", 133, 0, 255},
    {"router-advertisement", 134, 0, 255},
    {"neighbour-solicitation", 135, 0, 255},
    {"neighbor-solicitation", 135, 0, 255},
    {"neighbour-advertisement", 136, 0, 255},
    {"neighbor-advertisement", 136, 0, 255},
    {"redirect", 137, 0, 255},
}};

/// number or first:last, from the start of `text`.
std::optional<Range<std::uint8_t>> read_icmp_range(std::string_view text, std::string_view& rest) {
    const auto low = parse_number(text, 0, 255, &rest);
    if (!low) return std::nullopt;
    auto high = low;
    if (rest.starts_with(':') && !(high = parse_number(rest.substr(1), 0, 255, &rest))) return std::nullopt;
    return Range<std::uint8_t>{static_cast<std::uint8_t>(*low), static_cast<std::uint8_t>(*high)};
}

template <class IcmpData>
void read_icmp_numbers(IcmpData& icmp, std::string_view text, std::string_view protocol) {
    std::string_view rest;
    const auto type = read_icmp_range(text, rest);
    if (!type) refuse_parameter("Unknown {} type `{}'", protocol, text);
    icmp.code = {0, 255};
    if (rest.starts_with('/')) {
        const auto code = read_icmp_range(rest.substr(1), rest);
        if (!code) refuse_parameter("Unknown {} code `{}'", protocol, text);
        icmp.code = *code;
    }
    if (!rest.empty()) refuse_parameter("unknown character {}", rest.front());
    if (type->low != type->high) refuse_parameter("{} type range not supported", protocol);
    icmp.type = type->low;
}

/// A name may be cut short as long as it names one type.
template <class IcmpData>
void read_icmp(IcmpData& icmp, const OptionCall& call, std::span<const IcmpName> names,
               std::string_view protocol) {
    const IcmpName* found = nullptr;
    for (const auto& name : names) {
        if (!begins(name.name, call.text)) continue;
        if (found)
            refuse_parameter("Ambiguous {} type `{}': `{}' or `{}'?", protocol, call.text, found->name,
                             name.name);
        found = &name;
    }
    icmp.inverted = call.inverted;
    if (!found) return read_icmp_numbers(icmp, call.text, protocol);
    icmp.type = found->type;
    icmp.code = {found->first_code, found->last_code};
}

template <class IcmpData>
void list_icmp_type(std::string& out, const IcmpData& icmp, std::span<const IcmpName> names, bool numeric) {
    if (!numeric)
        for (const auto& name : names)
            if (name.type == icmp.type && name.first_code == icmp.code.low &&
                name.last_code == icmp.code.high) {
                append(out, " {}{}", icmp.inverted ? "!" : "", name.name);
                return;
            }
    append(out, "{}type {}", bang(icmp.inverted), icmp.type);
    if (icmp.code.low == icmp.code.high)
        append(out, " code {}", icmp.code.low);
    else if (icmp.code != Range<std::uint8_t>{0, 255})
        append(out, " codes {}-{}", icmp.code.low, icmp.code.high);
}

template <class IcmpData>
void save_icmp_code(std::string& out, const IcmpData& icmp) {
    if (icmp.code != Range<std::uint8_t>{0, 255}) append(out, "/{}", icmp.code.low);
}

/// As programs read it that ask which types there are: those of one type follow it, further in; another name
/// of the same in brackets.
void show_icmp_types(std::string& out, std::span<const IcmpName> names) {
    const IcmpName* before = nullptr;
    for (const IcmpName& name : names) {
        const bool same = before && before->type == name.type && before->first_code == name.first_code &&
                          before->last_code == name.last_code;
        if (same)
            append(out, " ({})", name.name);
        else
            append(out, "\n{}{}", name.last_code == 255 ? "" : "   ", name.name);
        before = &name;
    }
    out += '\n';
}

void take_icmp(IcmpMatch& icmp, OptionCall& call) {
    read_icmp(icmp, call, icmp_names, "ICMP");
}
void save_icmp(std::string& out, const IcmpMatch& icmp, const Frame&) {
    append(out, "{} --icmp-type ", bang(icmp.inverted));
    if (icmp.type == 255) {
        out += "any";
        return;
    }
    append(out, "{}", icmp.type);
    save_icmp_code(out, icmp);
}
void list_icmp(std::string& out, const IcmpMatch& icmp, const Frame& frame) {
    out += " icmp";
    list_icmp_type(out, icmp, icmp_names, frame.numeric);
}
Objection check_icmp(const IcmpMatch&, const Place& place) {
    return needs_protocol(place, IPPROTO_ICMP);
}

void take_icmp6(Icmp6Match& icmp, OptionCall& call) {
    read_icmp(icmp, call, icmp6_names, "ICMPv6");
}
void save_icmp6(std::string& out, const Icmp6Match& icmp, const Frame&) {
    append(out, "{} --icmpv6-type {}", bang(icmp.inverted), icmp.type);
    save_icmp_code(out, icmp);
}
void list_icmp6(std::string& out, const Icmp6Match& icmp, const Frame& frame) {
    out += " ipv6-icmp";
    list_icmp_type(out, icmp, icmp6_names, frame.numeric);
}
Objection check_icmp6(const Icmp6Match&, const Place& place) {
    return needs_protocol(place, IPPROTO_ICMPV6);
}

constexpr std::array<Option, 1> icmp_options{
    {{.name = "icmp-type", .argument = Argument::text, .invertible = true, .mandatory = true}}};
constexpr std::array<Option, 1> icmp6_options{
    {{.name = "icmpv6-type", .argument = Argument::text, .invertible = true, .mandatory = true}}};

}  // namespace

const MatchKind& icmp_match() {
    static const auto kind = [] {
        auto made = make_kind<IcmpMatch, Match, take_icmp, save_icmp, list_icmp, nullptr, check_icmp>(
            "icmp", icmp_options);
        made.help = [](std::string& out) {
            out += "Valid ICMP Types:";
            show_icmp_types(out, icmp_names);
        };
        made.ip6 = false;
        return made;
    }();
    return kind;
}

const MatchKind& icmp6_match() {
    static const auto kind = [] {
        auto made = make_kind<Icmp6Match, Match, take_icmp6, save_icmp6, list_icmp6, nullptr, check_icmp6>(
            "icmp6", icmp6_options);
        made.help = [](std::string& out) {
            out += "Valid ICMPv6 Types:";
            show_icmp_types(out, icmp6_names);
        };
        made.ip = false;
        return made;
    }();
    return kind;
}

}  // namespace weft::hook
