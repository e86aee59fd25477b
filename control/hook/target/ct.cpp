// CT and its alias NOTRACK.
#include <cerrno>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"
#include "weft/flow_helper.hpp"

namespace weft::hook {

namespace {

enum CtTargetOption : unsigned { notrack_option, helper_option, zone_option, unsupported_option };

/// Those of unsupported_option are known so that they are refused by name.
constexpr std::array<Option, 8> ct_option_list{{
    {.name = "notrack", .id = notrack_option},
    {.name = "helper", .id = helper_option, .argument = Argument::text},
    {.name = "timeout", .id = unsupported_option},
    {.name = "ctevents", .id = unsupported_option},
    {.name = "expevents", .id = unsupported_option},
    {.name = "zone-orig", .id = unsupported_option},
    {.name = "zone-reply", .id = unsupported_option},
    {.name = "zone", .id = zone_option, .argument = Argument::text},
}};

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
        case zone_option:
            return take_zone(ct, call);
        default:
            refuse_parameter("CT: option \"--{}\" is not supported", call.option.name);
    }
}

void put_ct(std::string& out, const CtTarget& ct, std::string_view dashes) {
    if (ct.notrack) append(out, " {}notrack", dashes);
    if (!ct.helper.empty()) append(out, " {}helper {}", dashes, ct.helper);
    if (ct.zone_from_mark)
        append(out, " {}zone mark", dashes);
    else if (ct.zone != 0)
        append(out, " {}zone {}", dashes, ct.zone);
}

void save_ct(std::string& out, const CtTarget& ct, const Frame&) {
    put_ct(out, ct, "--");
}
void list_ct(std::string& out, const CtTarget& ct, const Frame&) {
    out += " CT";
    put_ct(out, ct, "");
}

/// xt_CT.c; xt_ct_set_helper: the protocol, not inverted, has to have such a helper.
int check_ct(const CtTarget& ct, const Place& place) {
    if (place.table != TableId::raw) return EINVAL;
    if (ct.notrack || ct.helper.empty()) return 0;
    const bool known =
        !place.rule.protocol_inverted && helper_of(ct.helper, place.rule.protocol) != FlowHelper::none;
    return known ? 0 : ENOENT;
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
