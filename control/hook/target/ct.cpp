// CT and its alias NOTRACK.
#include <algorithm>
#include <cerrno>
#include <span>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"
#include "weft/flow_helper.hpp"

namespace weft::hook {

namespace {

enum CtTargetOption : unsigned {
    notrack_option,
    helper_option,
    timeout_option,
    events_option,
    expectation_events_option,
    zone_original_option,
    zone_reply_option,
    zone_option
};

/// That of timeout_option is known so that it is refused by name.
constexpr std::array<Option, 8> ct_option_list{{
    {.name = "notrack", .id = notrack_option},
    {.name = "helper", .id = helper_option, .argument = Argument::text},
    {.name = "timeout", .id = timeout_option},
    {.name = "ctevents", .id = events_option, .argument = Argument::text},
    {.name = "expevents", .id = expectation_events_option, .argument = Argument::text},
    {.name = "zone-orig", .id = zone_original_option, .argument = Argument::text},
    {.name = "zone-reply", .id = zone_reply_option, .argument = Argument::text},
    {.name = "zone", .id = zone_option, .argument = Argument::text},
}};

/// In the order of enum ip_conntrack_events and enum ip_conntrack_expect_events.
constexpr std::array<std::string_view, 10> event_names{
    "new", "related", "destroy", "reply", "assured", "protoinfo", "helper", "mark", "natseqinfo", "secmark"};
constexpr std::array<std::string_view, 1> expectation_event_names{"new"};

unsigned events_of(std::string_view text, std::span<const std::string_view> names) {
    unsigned events = 0;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find(',', at), text.size());
        const auto word = text.substr(at, end - at);
        const auto name = std::find(names.begin(), names.end(), word);
        if (name == names.end()) refuse_parameter("Unknown event type \"{}\"", word);
        events |= 1u << (name - names.begin());
        at = end + 1;
    }
    return events;
}

void put_events(std::string& out, std::string_view dashes, std::string_view what, unsigned events,
                std::span<const std::string_view> names) {
    if (events == 0) return;
    append(out, " {}{} ", dashes, what);
    bool first = true;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!(events >> i & 1)) continue;
        append(out, "{}{}", first ? "" : ",", names[i]);
        first = false;
    }
}

void take_zone(CtTarget& ct, const OptionCall& call) {
    ct.zone = 0;
    if (call.text.size() == 4 && begins("mark", call.text)) {
        ct.zone_from_mark = true;
        return;
    }
    const auto zone = parse_number(call.text, 0, 0xffff);
    if (!zone) refuse_parameter("Cannot parse {} as a zone ID", call.text);
    ct.zone = static_cast<std::uint16_t>(*zone);
}

void take_ct(CtTarget& ct, OptionCall& call) {
    switch (call.option.id) {
        case notrack_option:
            ct.notrack = true;
            return;
        case helper_option:
            ct.helper = call.text;
            return;
        case events_option:
            ct.events = static_cast<std::uint16_t>(events_of(call.text, event_names));
            return;
        case expectation_events_option:
            ct.expectation_events = static_cast<std::uint8_t>(events_of(call.text, expectation_event_names));
            return;
        case zone_original_option:
            ct.zone_original = true;
            return take_zone(ct, call);
        case zone_reply_option:
            ct.zone_reply = true;
            return take_zone(ct, call);
        case zone_option:
            return take_zone(ct, call);
        default:
            refuse_parameter("CT: option \"--{}\" is not supported", call.option.name);
    }
}

void put_ct(std::string& out, const CtTarget& ct, std::string_view dashes) {
    if (ct.notrack) append(out, " {}notrack", dashes);
    if (!ct.helper.empty()) append(out, " {}helper {}", dashes, ct.helper);
    put_events(out, dashes, "ctevents", ct.events, event_names);
    put_events(out, dashes, "expevents", ct.expectation_events, expectation_event_names);
    const char* const way = ct.zone_original == ct.zone_reply ? "" : ct.zone_original ? "-orig" : "-reply";
    if (ct.zone_from_mark)
        append(out, " {}zone{} mark", dashes, way);
    else if (ct.zone != 0)
        append(out, " {}zone{} {}", dashes, way, ct.zone);
}

void save_ct(std::string& out, const CtTarget& ct, const Frame&) {
    put_ct(out, ct, "--");
}
void list_ct(std::string& out, const CtTarget& ct, const Frame&) {
    out += " CT";
    put_ct(out, ct, "");
}

/// xt_CT.c; xt_ct_set_helper: the protocol, not inverted, has to have such a helper.
Objection check_ct(const CtTarget& ct, const Place& place) {
    if (auto no = only_in(place, TableId::raw)) return no;
    if (ct.notrack || ct.helper.empty()) return {};
    const bool known =
        !place.rule.protocol_inverted && helper_of(ct.helper, place.rule.protocol) != FlowHelper::none;
    if (known) return {};
    const bool one = place.rule.protocol != 0 && !place.rule.protocol_inverted;
    return {ENOENT, one ? fmt::format("there is no helper \"{}\" of {}", ct.helper,
                                      protocol_name(place.rule.protocol, false))
                        : std::string("--helper only beside -p")};
}

CtTarget fresh_notrack(Family) {
    CtTarget ct;
    ct.notrack = ct.alias = true;
    return ct;
}
void list_notrack(std::string& out, const CtTarget&, const Frame&) {
    out += " NOTRACK";
}

}  // namespace

const TargetKind& ct_target() {
    static const auto kind = [] {
        auto made =
            make_kind<CtTarget, Target, take_ct, save_ct, list_ct, nullptr, check_ct>("CT", ct_option_list);
        made.is = [](const Target& target) {
            const auto* ct = std::get_if<CtTarget>(&target);
            return ct && !ct->alias;
        };
        return made;
    }();
    return kind;
}

const TargetKind& notrack_target() {
    static const auto kind = [] {
        auto made =
            make_kind<CtTarget, Target, nullptr, nullptr, list_notrack, nullptr, check_ct, fresh_notrack>(
                "NOTRACK", {});
        made.listed = "CT";
        made.is = [](const Target& target) {
            const auto* ct = std::get_if<CtTarget>(&target);
            return ct && ct->alias;
        };
        return made;
    }();
    return kind;
}

}  // namespace weft::hook
