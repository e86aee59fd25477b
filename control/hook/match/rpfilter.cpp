#include "control/hook/kinds.hpp"

namespace weft::hook {

namespace {

enum RpfilterOption : unsigned {
    rpfilter_loose,
    rpfilter_valid_mark,
    rpfilter_accept_local,
    rpfilter_invert
};

constexpr std::array<Option, 4> rpfilter_options{{
    {.name = "loose", .id = rpfilter_loose},
    {.name = "validmark", .id = rpfilter_valid_mark},
    {.name = "accept-local", .id = rpfilter_accept_local},
    {.name = "invert", .id = rpfilter_invert},
}};

void take_rpfilter(RpfilterMatch& rpfilter, OptionCall& call) {
    bool* const flags[] = {&rpfilter.loose, &rpfilter.valid_mark, &rpfilter.accept_local, &rpfilter.inverted};
    *flags[call.option.id] = true;
}

void put_rpfilter(std::string& out, const RpfilterMatch& rpfilter, std::string_view dashes) {
    const bool flags[] = {rpfilter.loose, rpfilter.valid_mark, rpfilter.accept_local, rpfilter.inverted};
    for (const Option& option : rpfilter_options)
        if (flags[option.id]) append(out, " {}{}", dashes, option.name);
}

void save_rpfilter(std::string& out, const RpfilterMatch& rpfilter, const Frame&) {
    put_rpfilter(out, rpfilter, "--");
}

void list_rpfilter(std::string& out, const RpfilterMatch& rpfilter, const Frame&) {
    out += " rpfilter";
    put_rpfilter(out, rpfilter, "");
}

/// ipt_rpfilter.c and ip6t_rpfilter.c, rpfilter_check.
Objection check_rpfilter(const RpfilterMatch&, const Place& place) {
    if (place.table != TableId::raw && place.table != TableId::mangle)
        return object("only in the tables raw and mangle");
    return only_from(place, bit(Hook::prerouting), "it");
}

}  // namespace

const MatchKind& rpfilter_match() {
    static const auto kind =
        make_kind<RpfilterMatch, Match, take_rpfilter, save_rpfilter, list_rpfilter, nullptr, check_rpfilter>(
            "rpfilter", rpfilter_options);
    return kind;
}

}  // namespace weft::hook
