#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum IprangeOption : unsigned { range_source, range_destination };

constexpr std::array<Option, 2> iprange_options{{
    {.name = "src-range", .id = range_source, .argument = Argument::text, .invertible = true},
    {.name = "dst-range", .id = range_destination, .argument = Argument::text, .invertible = true},
}};

IpAddress read_range_end(const OptionCall& call, std::string_view text) {
    const auto address = parse_address(call.family, text);
    if (!address) refuse_parameter("iprange: Bad value for \"--{}\" option: \"{}\"", call.option.name, text);
    return *address;
}

void take_iprange(IprangeMatch& iprange, OptionCall& call) {
    const auto dash = call.text.find('-');
    const auto low = read_range_end(call, call.text.substr(0, dash));
    const auto high = dash == std::string_view::npos ? low : read_range_end(call, call.text.substr(dash + 1));
    if (high.bytes < low.bytes)
        append(call.warnings, "xt_iprange: range {} is reversed and will never match\n", call.text);
    (call.option.id == range_source ? iprange.source : iprange.destination) = {
        {low, high}, true, call.inverted};
}

void finish_iprange(const IprangeMatch&, std::uint32_t seen) {
    if (seen == 0) refuse_parameter("iprange match: You must specify `--src-range' or `--dst-range'");
}

std::string show_range(Family family, const AddressRange& range) {
    return show_address(family, range.low) + "-" + show_address(family, range.high);
}

void save_iprange(std::string& out, const IprangeMatch& iprange, const Frame& frame) {
    if (const auto& part = iprange.source; part.given)
        append(out, "{} --src-range {}", bang(part.inverted), show_range(frame.family, part.value));
    if (const auto& part = iprange.destination; part.given)
        append(out, "{} --dst-range {}", bang(part.inverted), show_range(frame.family, part.value));
}

void list_iprange(std::string& out, const IprangeMatch& iprange, const Frame& frame) {
    if (const auto& part = iprange.source; part.given)
        append(out, " source IP range{} {}", bang(part.inverted), show_range(frame.family, part.value));
    if (const auto& part = iprange.destination; part.given)
        append(out, " destination IP range{} {}", bang(part.inverted), show_range(frame.family, part.value));
}

}  // namespace

const MatchKind& iprange_match() {
    static const auto kind =
        make_kind<IprangeMatch, Match, take_iprange, save_iprange, list_iprange, finish_iprange>(
            "iprange", iprange_options);
    return kind;
}

}  // namespace weft::hook
