// CT and its alias NOTRACK.
#include <linux/netfilter/nf_conntrack_common.h>

#include <cerrno>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum CtTargetOption : unsigned {
    notrack_option,
    helper_option,
    timeout_option,
    event_option,
    expectation_event_option,
    zone_option,
    zone_original_option,
    zone_reply_option
};
constexpr std::size_t helper_name_size = 16;

constexpr std::array<Option, 8> ct_option_list{{
    {.name = "notrack", .id = notrack_option},
    {.name = "helper", .id = helper_option, .argument = Argument::text, .size = helper_name_size},
    {.name = "timeout", .id = timeout_option, .argument = Argument::text},
    {.name = "ctevents", .id = event_option, .argument = Argument::text},
    {.name = "expevents", .id = expectation_event_option, .argument = Argument::text},
    {.name = "zone-orig", .id = zone_original_option, .argument = Argument::text},
    {.name = "zone-reply", .id = zone_reply_option, .argument = Argument::text},
    {.name = "zone", .id = zone_option, .argument = Argument::text},
}};

struct EventName {
    std::string_view name;
    unsigned event;
};
constexpr std::array<EventName, 10> event_names{{{"new", IPCT_NEW},
                                                 {"related", IPCT_RELATED},
                                                 {"destroy", IPCT_DESTROY},
                                                 {"reply", IPCT_REPLY},
                                                 {"assured", IPCT_ASSURED},
                                                 {"protoinfo", IPCT_PROTOINFO},
                                                 {"helper", IPCT_HELPER},
                                                 {"mark", IPCT_MARK},
                                                 {"natseqinfo", IPCT_NATSEQADJ},
                                                 {"secmark", IPCT_SECMARK}}};
constexpr std::array<EventName, 1> expectation_event_names{{{"new", IPEXP_NEW}}};

unsigned read_events(std::string_view text, std::span<const EventName> names) {
    unsigned events = 0;
    for (bool more = true; more;) {
        const auto comma = text.find(',');
        more = comma != std::string_view::npos;
        const auto word = text.substr(0, comma);
        if (more) text.remove_prefix(comma + 1);
        const auto found = std::find_if(names.begin(), names.end(),
                                        [&](const EventName& known) { return known.name == word; });
        if (found == names.end()) refuse_parameter("Unknown event type \"{}\"", word);
        events |= 1U << found->event;
    }
    return events;
}

void put_events(std::string& out, std::string_view option, unsigned events,
                std::span<const EventName> names) {
    if (events == 0) return;
    append(out, " {} ", option);
    bool first = true;
    for (const auto& known : names)
        if (events & (1U << known.event)) {
            append(out, "{}{}", first ? "" : ",", known.name);
            first = false;
        }
}

void take_zone(CtTarget& ct, const OptionCall& call) {
    ct.zone_original = ct.zone_original || call.option.id == zone_original_option;
    ct.zone_reply = ct.zone_reply || call.option.id == zone_reply_option;
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
        case timeout_option:
            refuse_parameter("CT: option \"--timeout\" is not supported");
        case event_option:
            ct.events = static_cast<std::uint16_t>(read_events(call.text, event_names));
            return;
        case expectation_event_option:
            ct.expectation_events =
                static_cast<std::uint8_t>(read_events(call.text, expectation_event_names));
            return;
        default:
            take_zone(ct, call);
    }
}

void put_ct(std::string& out, const CtTarget& ct, std::string_view dashes) {
    if (ct.notrack) append(out, " {}notrack", dashes);
    if (!ct.helper.empty()) {
        append(out, " {}helper", dashes);
        save_word(out, ct.helper);
    }
    put_events(out, fmt::format("{}ctevents", dashes), ct.events, event_names);
    put_events(out, fmt::format("{}expevents", dashes), ct.expectation_events, expectation_event_names);
    if (!ct.zone_from_mark && ct.zone == 0) return;
    append(out, " {}zone", dashes);
    if (ct.zone_original != ct.zone_reply) out += ct.zone_original ? "-orig" : "-reply";
    if (ct.zone_from_mark)
        out += " mark";
    else
        append(out, " {}", ct.zone);
}

void save_ct(std::string& out, const CtTarget& ct, const Frame&) {
    put_ct(out, ct, "--");
}
void list_ct(std::string& out, const CtTarget& ct, const Frame&) {
    out += " CT";
    put_ct(out, ct, "");
}

/// xt_CT.c: in raw; a helper that is not there, and one without a protocol, is ENOENT.
int check_ct(const CtTarget& ct, const Place& place) {
    if (place.table != TableId::raw) return EINVAL;
    if (ct.helper.empty() || ct.notrack) return 0;
    const bool known = ct.helper == "ftp" || ct.helper == "tftp";
    return known && place.rule.protocol != 0 && !place.rule.protocol_inverted ? 0 : ENOENT;
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
