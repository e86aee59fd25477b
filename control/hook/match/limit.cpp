#include <cerrno>
#include <cstdlib>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum LimitOption : unsigned { limit_rate, limit_burst };
constexpr std::uint32_t limit_scale = 10000;  // XT_LIMIT_SCALE: parts of a second
constexpr std::uint32_t default_burst = 5;

constexpr std::array<Option, 2> limit_options{{
    {.name = "limit", .id = limit_rate, .argument = Argument::text},
    {.name = "limit-burst", .id = limit_burst, .argument = Argument::number32, .max = 10000},
}};

struct Period {
    std::string_view read, shown;
    std::uint32_t seconds;
};
constexpr std::array<Period, 4> periods{
    {{"day", "day", 86400}, {"hour", "hour", 3600}, {"minute", "min", 60}, {"second", "sec", 1}}};

std::uint32_t read_interval(std::string_view rate) {
    const auto bad = [&] { refuse_parameter("bad rate \"{}\"'", rate); };
    std::uint32_t seconds = 1;
    if (const auto slash = rate.find('/'); slash != std::string_view::npos) {
        const auto word = rate.substr(slash + 1);
        const auto found = std::find_if(periods.begin(), periods.end(),
                                        [&](const Period& period) { return begins(period.read, word); });
        if (word.empty() || found == periods.end()) bad();
        seconds = found->seconds;
    }
    const auto count = static_cast<std::uint32_t>(std::atoi(std::string(rate).c_str()));
    if (count == 0) bad();
    const auto interval = limit_scale * seconds / count;
    if (interval == 0) refuse_parameter("Rate too fast \"{}\"", rate);
    return interval;
}

LimitMatch fresh_limit(Family) {
    return {read_interval("3/hour"), default_burst};
}

void take_limit(LimitMatch& limit, OptionCall& call) {
    if (call.option.id == limit_rate)
        limit.interval = read_interval(call.text);
    else
        limit.burst = static_cast<std::uint32_t>(call.number);
}

/// In the longest period that holds at least one, as long as the shorter one would not be exact.
void put_rate(std::string& out, std::uint32_t interval) {
    std::size_t i = 1;
    for (; i < periods.size(); ++i) {
        const auto length = periods[i].seconds * limit_scale;
        if (interval > length || length / interval < length % interval) break;
    }
    append(out, " {}/{}", periods[i - 1].seconds * limit_scale / interval, periods[i - 1].shown);
}

void save_limit(std::string& out, const LimitMatch& limit, const Frame&) {
    out += " --limit";
    put_rate(out, limit.interval);
    if (limit.burst != default_burst) append(out, " --limit-burst {}", limit.burst);
}

void list_limit(std::string& out, const LimitMatch& limit, const Frame&) {
    out += " limit: avg";
    put_rate(out, limit.interval);
    append(out, " burst {}", limit.burst);
}

/// xt_limit.c, user2credits: 32 bits wide, at HZ 1000 and 32 credits a jiffy.
std::uint32_t limit_credits(std::uint32_t user) {
    constexpr std::uint32_t jiffies_a_second = 1000, credits_a_jiffy = 32;
    if (user > 0xffffffffU / (jiffies_a_second * credits_a_jiffy))
        return user / limit_scale * jiffies_a_second * credits_a_jiffy;
    return user * jiffies_a_second * credits_a_jiffy / limit_scale;
}

Objection check_limit(const LimitMatch& limit, const Place&) {
    const bool overflows = limit_credits(limit.interval * limit.burst) < limit_credits(limit.interval);
    if (limit.burst == 0) return {ERANGE, "--limit-burst may not be 0"};
    if (overflows) return {ERANGE, "--limit-burst is too much for such a --limit"};
    return {};
}

}  // namespace

const MatchKind& limit_match() {
    static const auto kind =
        make_kind<LimitMatch, Match, take_limit, save_limit, list_limit, nullptr, check_limit, fresh_limit>(
            "limit", limit_options);
    return kind;
}

}  // namespace weft::hook
