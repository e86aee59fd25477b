#include <linux/rtnetlink.h>

#include <cerrno>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum AddrtypeOption : unsigned { type_source, type_destination, type_limit_in, type_limit_out };

constexpr std::array<Option, 4> addrtype_options{{
    {.name = "src-type", .id = type_source, .argument = Argument::text, .invertible = true},
    {.name = "dst-type", .id = type_destination, .argument = Argument::text, .invertible = true},
    {.name = "limit-iface-in", .id = type_limit_in, .excludes = option_bit(type_limit_out)},
    {.name = "limit-iface-out", .id = type_limit_out, .excludes = option_bit(type_limit_in)},
}};

/// The place of each is its RTN_ number.
constexpr std::array<std::string_view, 12> type_names{"UNSPEC",   "UNICAST",   "LOCAL",     "BROADCAST",
                                                      "ANYCAST",  "MULTICAST", "BLACKHOLE", "UNREACHABLE",
                                                      "PROHIBIT", "THROW",     "NAT",       "XRESOLVE"};

std::uint16_t read_types(std::string_view text) {
    unsigned types = 0;
    for (;;) {
        const auto comma = text.find(',');
        const bool last = comma == std::string_view::npos;
        const auto word = text.substr(0, comma);
        const auto found = std::find_if(type_names.begin(), type_names.end(),
                                        [&](std::string_view name) { return begins(name, word); });
        if (word.empty() || found == type_names.end())
            refuse_parameter("addrtype: bad type {}{}{}", last ? '"' : '`', text, last ? '"' : '\'');
        types |= 1U << (found - type_names.begin());
        if (last) return static_cast<std::uint16_t>(types);
        text.remove_prefix(comma + 1);
    }
}

std::string show_types(std::uint16_t types) {
    std::string text;
    for (std::size_t i = 0; i < type_names.size(); ++i)
        if (types & (1U << i)) {
            if (!text.empty()) text += ',';
            text += type_names[i];
        }
    return text;
}

void take_addrtype(AddrtypeMatch& addrtype, OptionCall& call) {
    switch (call.option.id) {
        case type_source:
            addrtype.source = read_types(call.text);
            addrtype.source_inverted = call.inverted;
            return;
        case type_destination:
            addrtype.destination = read_types(call.text);
            addrtype.destination_inverted = call.inverted;
            return;
        case type_limit_in:
            addrtype.limit_in = true;
            return;
        default:
            addrtype.limit_out = true;
    }
}

void finish_addrtype(const AddrtypeMatch& addrtype, std::uint32_t) {
    if (addrtype.source == 0 && addrtype.destination == 0)
        refuse_parameter("addrtype: you must specify --src-type or --dst-type");
}

void save_addrtype(std::string& out, const AddrtypeMatch& addrtype, const Frame&) {
    if (addrtype.source != 0)
        append(out, "{} --src-type {}", bang(addrtype.source_inverted), show_types(addrtype.source));
    if (addrtype.destination != 0)
        append(out, "{} --dst-type {}", bang(addrtype.destination_inverted),
               show_types(addrtype.destination));
    if (addrtype.limit_in) out += " --limit-iface-in";
    if (addrtype.limit_out) out += " --limit-iface-out";
}

void list_addrtype(std::string& out, const AddrtypeMatch& addrtype, const Frame&) {
    out += " ADDRTYPE match";
    if (addrtype.source != 0)
        append(out, " src-type {}{}", addrtype.source_inverted ? "!" : "", show_types(addrtype.source));
    if (addrtype.destination != 0)
        append(out, " dst-type {}{}", addrtype.destination_inverted ? "!" : "",
               show_types(addrtype.destination));
    if (addrtype.limit_in) out += " limit-in";
    if (addrtype.limit_out) out += " limit-out";
}

/// xt_addrtype.c, addrtype_mt_checkentry_v1.
Objection check_addrtype(const AddrtypeMatch& addrtype, const Place& place) {
    const HookMask comes = bit(Hook::prerouting) | bit(Hook::input), passes = bit(Hook::forward),
                   goes = bit(Hook::postrouting) | bit(Hook::output);
    if (addrtype.limit_in)
        if (auto no = only_from(place, comes | passes, "--limit-iface-in")) return no;
    if (addrtype.limit_out)
        if (auto no = only_from(place, goes | passes, "--limit-iface-out")) return no;
    if (place.family == Family::ip) return {};
    const unsigned types = addrtype.source | addrtype.destination;
    if (!(types & (1U << RTN_BLACKHOLE | 1U << RTN_BROADCAST)) && types < 1U << RTN_PROHIBIT) return {};
    return object("IPv6 has no BLACKHOLE, BROADCAST, PROHIBIT, THROW, NAT and XRESOLVE");
}

}  // namespace

const MatchKind& addrtype_match() {
    static const auto kind = make_kind<AddrtypeMatch, Match, take_addrtype, save_addrtype, list_addrtype,
                                       finish_addrtype, check_addrtype>("addrtype", addrtype_options);
    return kind;
}

}  // namespace weft::hook
