#include <cmath>
#include <cstdlib>

#include "control/hook/kinds.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum StatisticOption : unsigned { statistic_mode, statistic_probability, statistic_every, statistic_packet };

constexpr std::array<Option, 4> statistic_options{{
    {.name = "mode", .id = statistic_mode, .argument = Argument::text, .mandatory = true},
    {.name = "probability",
     .id = statistic_probability,
     .argument = Argument::text,
     .invertible = true,
     .excludes = option_bit(statistic_every) | option_bit(statistic_packet)},
    {.name = "every",
     .id = statistic_every,
     .argument = Argument::number32,
     .invertible = true,
     .excludes = option_bit(statistic_probability),
     .needs = option_bit(statistic_packet),
     .min = 1},
    {.name = "packet",
     .id = statistic_packet,
     .argument = Argument::number32,
     .excludes = option_bit(statistic_probability),
     .needs = option_bit(statistic_every)},
}};

std::uint32_t read_probability(std::string_view text) {
    const std::string word(text);
    char* end = nullptr;
    const double part = std::strtod(word.c_str(), &end);
    if (end == word.c_str() || *end != '\0' || !(part >= 0) || part > 1)
        refuse_parameter("statistic: bad value for option \"--probability\", or out of range (0-1).\n");
    return static_cast<std::uint32_t>(std::lround(part * StatisticMatch::always));
}

void take_statistic(StatisticMatch& statistic, OptionCall& call) {
    switch (call.option.id) {
        case statistic_mode:
            if (call.text != "random" && call.text != "nth") refuse_parameter("Bad mode \"{}\"", call.text);
            statistic.nth = call.text == "nth";
            return;
        case statistic_probability:
            statistic.probability = read_probability(call.text);
            break;
        case statistic_every:
            statistic.every = static_cast<std::uint32_t>(call.number);
            break;
        default:
            statistic.packet = static_cast<std::uint32_t>(call.number);
            return;
    }
    statistic.inverted = statistic.inverted || call.inverted;
}

void finish_statistic(const StatisticMatch& statistic, std::uint32_t seen) {
    const auto nth = option_bit(statistic_every) | option_bit(statistic_packet);
    if (!statistic.nth && !(seen & option_bit(statistic_probability)))
        refuse_parameter("--probability must be specified when using random mode");
    if (statistic.nth && !(seen & nth))
        refuse_parameter("--every and --packet must be specified when using nth mode");
    if (statistic.packet >= statistic.every) refuse_parameter("the --packet p must be 0 <= p <= n-1");
}

double share(const StatisticMatch& statistic) {
    return 1.0 * statistic.probability / StatisticMatch::always;
}

void save_statistic(std::string& out, const StatisticMatch& statistic, const Frame&) {
    const auto no = bang(statistic.inverted);
    if (statistic.nth)
        append(out, " --mode nth{} --every {} --packet {}", no, statistic.every, statistic.packet);
    else
        append(out, " --mode random{} --probability {:.11f}", no, share(statistic));
}

void list_statistic(std::string& out, const StatisticMatch& statistic, const Frame&) {
    const auto no = bang(statistic.inverted);
    if (!statistic.nth) {
        append(out, " statistic mode random{} probability {:.11f}", no, share(statistic));
        return;
    }
    append(out, " statistic mode nth{} every {}", no, statistic.every);
    if (statistic.packet != 0) append(out, " packet {}", statistic.packet);
}

}  // namespace

const MatchKind& statistic_match() {
    static const auto kind =
        make_kind<StatisticMatch, Match, take_statistic, save_statistic, list_statistic, finish_statistic>(
            "statistic", statistic_options);
    return kind;
}

}  // namespace weft::hook
