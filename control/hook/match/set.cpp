// set: membership in a set of ipset, by name.
#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum SetOption : unsigned {
    set_match_set,
    set_nomatch,
    set_counters,
    set_subcounters,
    set_packets_equal,
    set_packets_less,
    set_packets_greater,
    set_bytes_equal,
    set_bytes_less,
    set_bytes_greater
};
constexpr std::size_t set_name_size = 32;   // IPSET_MAXNAMELEN
constexpr std::size_t most_dimensions = 6;  // IPSET_DIM_MAX

constexpr std::array<Option, 11> set_options{{
    {.name = "match-set", .id = set_match_set, .argument = Argument::own},
    {.name = "set", .id = set_match_set, .argument = Argument::own},
    {.name = "return-nomatch", .id = set_nomatch, .invertible = true, .repeatable = true},
    {.name = "update-counters", .id = set_counters, .invertible = true, .repeatable = true},
    {.name = "packets-eq", .id = set_packets_equal, .argument = Argument::own},
    {.name = "packets-lt", .id = set_packets_less, .argument = Argument::own},
    {.name = "packets-gt", .id = set_packets_greater, .argument = Argument::own},
    {.name = "bytes-eq", .id = set_bytes_equal, .argument = Argument::own},
    {.name = "bytes-lt", .id = set_bytes_less, .argument = Argument::own},
    {.name = "bytes-gt", .id = set_bytes_greater, .argument = Argument::own},
    {.name = "update-subcounters", .id = set_subcounters, .invertible = true, .repeatable = true},
}};

void take_directions(SetMatch& match, std::string_view text) {
    for (bool more = true; more;) {
        if (match.source.size() == most_dimensions)
            refuse_parameter("Can't be more src/dst options than {}.", most_dimensions);
        const auto comma = text.find(',');
        more = comma != std::string_view::npos;
        const auto word = text.substr(0, comma);
        if (!word.starts_with("src") && !word.starts_with("dst"))
            refuse_parameter("You must spefify (the comma separated list of) 'src' or 'dst'.");
        match.source.push_back(word.starts_with("src"));
        if (more) text.remove_prefix(comma + 1);
    }
}

void look_up_set(std::string_view name, Family family, const Environment& environment) {
    using SetFamily = Environment::SetFamily;
    const auto found = environment.find_set ? environment.find_set(name) : std::nullopt;
    if (!found) refuse_parameter("Set {} doesn't exist.\n", name);
    const auto wanted = family == Family::ip ? SetFamily::ip : SetFamily::ip6;
    if (*found != SetFamily::any && *found != wanted)
        refuse_parameter("The protocol family of set {} is {}, which is not applicable.\n", name,
                         *found == SetFamily::ip ? "IPv4" : "IPv6");
}

void take_name(SetMatch& match, OptionCall& call, const Environment& environment) {
    if (call.option.name == "set") call.warnings += "--set option deprecated, please use --match-set\n";
    if (!match.source.empty()) refuse_parameter("--match-set can be specified only once");
    match.inverted = call.inverted;
    if (!call.next || call.next->starts_with('-') || call.next->starts_with('!'))
        refuse_parameter("--match-set requires two args.");
    if (call.text.size() > set_name_size - 1)
        refuse_parameter("setname `{}' too long, max {} characters.", call.text, set_name_size - 1);
    look_up_set(call.text, call.family, environment);
    match.set = call.text;
    take_directions(match, *call.next);
    call.next_taken = true;
}

void take_count(SetMatch::Count& count, const OptionCall& call, std::string_view what, unsigned equal) {
    using Compare = SetMatch::Compare;
    if (count.compare != Compare::none) refuse_parameter("only one of the --{}-[eq|lt|gt] is allowed", what);
    if (call.option.id != equal && call.inverted)
        refuse_parameter("--{} option cannot be inverted", call.option.name);
    const auto value = parse_number(call.text, 0, ~std::uint64_t{0});
    if (!value) refuse_parameter("Cannot parse {} as a counter value", call.text);
    count.value = *value;
    if (call.option.id == equal)
        count.compare = call.inverted ? Compare::unequal : Compare::equal;
    else
        count.compare = call.option.id == equal + 1 ? Compare::less : Compare::greater;
}

void take_set(SetMatch& match, OptionCall& call, const Environment& environment) {
    switch (call.option.id) {
        case set_match_set:
            return take_name(match, call, environment);
        case set_nomatch:
            if (call.inverted) refuse_parameter("--return-nomatch flag cannot be inverted");
            match.return_nomatch = true;
            return;
        case set_counters:
            match.keep_counters = match.keep_counters || call.inverted;
            return;
        case set_subcounters:
            match.keep_subcounters = match.keep_subcounters || call.inverted;
            return;
        case set_packets_equal:
        case set_packets_less:
        case set_packets_greater:
            return take_count(match.packets, call, "packets", set_packets_equal);
        default:
            return take_count(match.bytes, call, "bytes", set_bytes_equal);
    }
}

void finish_set(const SetMatch& match, std::uint32_t) {
    if (match.source.empty()) refuse_parameter("You must specify `--match-set' with proper arguments");
}

void put_set(std::string& out, const SetMatch& match, std::string_view dashes) {
    append(out, "{} {}match-set", bang(match.inverted), dashes);
    save_word(out, match.set);
    char separator = ' ';
    for (const bool source : match.source) {
        append(out, "{}{}", separator, source ? "src" : "dst");
        separator = ',';
    }
    if (match.return_nomatch) append(out, " {}return-nomatch", dashes);
    if (match.keep_counters) append(out, " ! {}update-counters", dashes);
    if (match.keep_subcounters) append(out, " ! {}update-subcounters", dashes);
    const auto count = [&](const SetMatch::Count& counted, std::string_view name) {
        constexpr std::array<std::string_view, 5> ends{"", "eq", "eq", "lt", "gt"};
        if (counted.compare == SetMatch::Compare::none) return;
        append(out, "{} {}{}-{} {}", bang(counted.compare == SetMatch::Compare::unequal), dashes, name,
               ends[static_cast<std::size_t>(counted.compare)], counted.value);
    };
    count(match.packets, "packets");
    count(match.bytes, "bytes");
}

void save_set(std::string& out, const SetMatch& match, const Frame&) {
    put_set(out, match, "--");
}
void list_set(std::string& out, const SetMatch& match, const Frame&) {
    put_set(out, match, "");
}

}  // namespace

const MatchKind& set_match() {
    static const auto kind =
        make_kind<SetMatch, Match, take_set, save_set, list_set, finish_set>("set", set_options);
    return kind;
}

}  // namespace weft::hook
