#include <cerrno>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum RecentOption : unsigned {
    recent_set,
    recent_check,
    recent_update,
    recent_remove,
    recent_seconds,
    recent_reap,
    recent_hitcount,
    recent_ttl,
    recent_name,
    recent_source,
    recent_destination,
    recent_mask
};
constexpr std::uint32_t recent_actions = 15;
constexpr std::size_t recent_name_size = 200;      // XT_RECENT_NAME_LEN
constexpr std::uint32_t recent_most_stamps = 256;  // XT_RECENT_MAX_NSTAMPS

constexpr std::array<Option, 12> recent_options{{
    {.name = "set", .id = recent_set, .invertible = true, .excludes = recent_actions},
    {.name = "rcheck", .id = recent_check, .invertible = true, .excludes = recent_actions},
    {.name = "update", .id = recent_update, .invertible = true, .excludes = recent_actions},
    {.name = "remove", .id = recent_remove, .invertible = true, .excludes = recent_actions},
    {.name = "seconds", .id = recent_seconds, .argument = Argument::number32, .min = 1},
    {.name = "reap", .id = recent_reap, .needs = option_bit(recent_seconds)},
    {.name = "hitcount", .id = recent_hitcount, .argument = Argument::number32},
    {.name = "rttl", .id = recent_ttl, .excludes = option_bit(recent_set) | option_bit(recent_remove)},
    {.name = "name", .id = recent_name, .argument = Argument::text, .size = recent_name_size},
    {.name = "rsource", .id = recent_source},
    {.name = "rdest", .id = recent_destination},
    {.name = "mask", .id = recent_mask, .argument = Argument::address},
}};

RecentMatch fresh_recent(Family family) {
    RecentMatch recent;
    recent.mask = mask_of(family, family == Family::ip ? 32 : 128);
    return recent;
}

void take_recent(RecentMatch& recent, OptionCall& call) {
    switch (call.option.id) {
        case recent_seconds:
            recent.seconds = static_cast<std::uint32_t>(call.number);
            return;
        case recent_reap:
            recent.reap = true;
            return;
        case recent_hitcount:
            recent.hit_count = static_cast<std::uint32_t>(call.number);
            return;
        case recent_ttl:
            recent.same_ttl = true;
            return;
        case recent_name:
            recent.name = call.text;
            return;
        case recent_source:
            recent.destination = false;
            return;
        case recent_destination:
            recent.destination = true;
            return;
        case recent_mask:
            recent.mask = call.prefix.address;
            return;
        default:
            recent.action = static_cast<RecentMatch::Action>(call.option.id + 1);
            recent.inverted = recent.inverted || call.inverted;
    }
}

void finish_recent(const RecentMatch& recent, std::uint32_t) {
    if (recent.action == RecentMatch::Action::none)
        refuse_parameter("recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'");
}

void save_recent(std::string& out, const RecentMatch& recent, const Frame& frame) {
    constexpr std::array<std::string_view, 5> names{"", " --set", " --rcheck", " --update", " --remove"};
    append(out, "{}{}", bang(recent.inverted), names[static_cast<std::size_t>(recent.action)]);
    if (recent.seconds != 0) append(out, " --seconds {}", static_cast<std::int32_t>(recent.seconds));
    if (recent.reap) out += " --reap";
    if (recent.hit_count != 0) append(out, " --hitcount {}", static_cast<std::int32_t>(recent.hit_count));
    if (recent.same_ttl) out += " --rttl";
    out += " --name";
    save_word(out, recent.name);
    append(out, " --mask {}{}", show_address(frame.family, recent.mask),
           recent.destination ? " --rdest" : " --rsource");
}

void list_recent(std::string& out, const RecentMatch& recent, const Frame& frame) {
    constexpr std::array<std::string_view, 5> names{"", " SET", " CHECK", " UPDATE", " REMOVE"};
    append(out, "{} recent:{}", bang(recent.inverted), names[static_cast<std::size_t>(recent.action)]);
    if (recent.seconds != 0) append(out, " seconds: {}", static_cast<std::int32_t>(recent.seconds));
    if (recent.reap) out += " reap";
    if (recent.hit_count != 0) append(out, " hit_count: {}", static_cast<std::int32_t>(recent.hit_count));
    if (recent.same_ttl) out += " TTL-Match";
    append(out, " name: {} side: {} mask: {}", recent.name, recent.destination ? "dest" : "source",
           show_address(frame.family, recent.mask));
}

/// xt_recent.c, recent_mt_check.
Objection check_recent(const RecentMatch& recent, const Place&) {
    const bool only_writes =
        recent.action == RecentMatch::Action::set || recent.action == RecentMatch::Action::remove;
    if (only_writes && (recent.seconds != 0 || recent.hit_count != 0 || recent.same_ttl || recent.reap))
        return object("--set and --remove take no --seconds, --hitcount, --rttl or --reap");
    if (recent.hit_count >= recent_most_stamps)
        return object("--hitcount may be at most {}", recent_most_stamps - 1);
    const auto& name = recent.name;
    if (!name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos) return {};
    return object("\"{}\" cannot be a list's name", name);
}

}  // namespace

const MatchKind& recent_match() {
    static const auto kind = make_kind<RecentMatch, Match, take_recent, save_recent, list_recent,
                                       finish_recent, check_recent, fresh_recent>("recent", recent_options);
    return kind;
}

}  // namespace weft::hook
