// conntrack and state.
#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum ConntrackOption : unsigned {
    ct_state,
    ct_protocol,
    ct_original_source,
    ct_original_destination,
    ct_reply_source,
    ct_reply_destination,
    ct_original_source_port,
    ct_original_destination_port,
    ct_reply_source_port,
    ct_reply_destination_port,
    ct_status,
    ct_expire,
    ct_direction
};

constexpr std::array<Option, 13> conntrack_options{{
    {.name = "ctstate", .id = ct_state, .argument = Argument::text, .invertible = true},
    {.name = "ctproto", .id = ct_protocol, .argument = Argument::protocol, .invertible = true},
    {.name = "ctorigsrc", .id = ct_original_source, .argument = Argument::prefix, .invertible = true},
    {.name = "ctorigdst", .id = ct_original_destination, .argument = Argument::prefix, .invertible = true},
    {.name = "ctreplsrc", .id = ct_reply_source, .argument = Argument::prefix, .invertible = true},
    {.name = "ctrepldst", .id = ct_reply_destination, .argument = Argument::prefix, .invertible = true},
    {.name = "ctstatus", .id = ct_status, .argument = Argument::text, .invertible = true},
    {.name = "ctexpire", .id = ct_expire, .argument = Argument::range32, .invertible = true},
    {.name = "ctorigsrcport",
     .id = ct_original_source_port,
     .argument = Argument::port_range,
     .invertible = true},
    {.name = "ctorigdstport",
     .id = ct_original_destination_port,
     .argument = Argument::port_range,
     .invertible = true},
    {.name = "ctreplsrcport",
     .id = ct_reply_source_port,
     .argument = Argument::port_range,
     .invertible = true},
    {.name = "ctrepldstport",
     .id = ct_reply_destination_port,
     .argument = Argument::port_range,
     .invertible = true},
    {.name = "ctdir", .id = ct_direction, .argument = Argument::text},
}};

struct BitName {
    std::string_view name;
    std::uint8_t bit;
};
/// In the order in which they are printed.
constexpr std::array<BitName, 7> state_names{{{"INVALID", ConntrackState::invalid},
                                              {"NEW", ConntrackState::new_},
                                              {"RELATED", ConntrackState::related},
                                              {"ESTABLISHED", ConntrackState::established},
                                              {"UNTRACKED", ConntrackState::untracked},
                                              {"SNAT", ConntrackState::snat},
                                              {"DNAT", ConntrackState::dnat}}};
constexpr std::array<BitName, 5> status_names{{{"NONE", 0},
                                               {"EXPECTED", ConntrackStatus::expected},
                                               {"SEEN_REPLY", ConntrackStatus::seen_reply},
                                               {"ASSURED", ConntrackStatus::assured},
                                               {"CONFIRMED", ConntrackStatus::confirmed}}};

/// A comma list of names, each cut short as one likes; the first that it begins is meant.
std::uint8_t read_bits(std::string_view text, std::span<const BitName> names, std::string_view what) {
    unsigned bits = 0;
    for (;;) {
        const auto comma = text.find(',');
        const auto word = text.substr(0, comma);
        const auto found = std::find_if(names.begin(), names.end(),
                                        [&](const BitName& name) { return begins(name.name, word); });
        if (word.empty() || found == names.end()) refuse_parameter("Bad {} \"{}\"", what, text);
        bits |= found->bit;
        if (comma == std::string_view::npos) return static_cast<std::uint8_t>(bits);
        text.remove_prefix(comma + 1);
    }
}

std::string show_bits(std::uint8_t bits, std::span<const BitName> names) {
    std::string text;
    for (const auto& name : names)
        if (bits & name.bit) {
            if (!text.empty()) text += ',';
            text += name.name;
        }
    return text;
}

std::span<const BitName> plain_states() {
    return std::span(state_names).first(5);
}

void take_direction(ConntrackMatch& conntrack, const OptionCall& call) {
    const auto is = [&](std::string_view name) {
        return name.size() == call.text.size() && begins(name, call.text);
    };
    if (!is("ORIGINAL") && !is("REPLY"))
        refuse_parameter("conntrack: Bad value for \"--ctdir\" option: \"{}\"", call.text);
    conntrack.reply = {is("REPLY"), true, false};
}

void take_conntrack(ConntrackMatch& conntrack, OptionCall& call) {
    const PortRange ports{static_cast<std::uint16_t>(call.range.low),
                          static_cast<std::uint16_t>(call.range.high)};
    const bool inverted = call.inverted;
    switch (call.option.id) {
        case ct_state:
            conntrack.state = {read_bits(call.text, state_names, "ctstate"), true, inverted};
            return;
        case ct_protocol:
            conntrack.protocol = {static_cast<std::uint8_t>(call.number), true, inverted};
            return;
        case ct_original_source:
            conntrack.original_source = {call.prefix, true, inverted};
            return;
        case ct_original_destination:
            conntrack.original_destination = {call.prefix, true, inverted};
            return;
        case ct_reply_source:
            conntrack.reply_source = {call.prefix, true, inverted};
            return;
        case ct_reply_destination:
            conntrack.reply_destination = {call.prefix, true, inverted};
            return;
        case ct_original_source_port:
            conntrack.original_source_port = {ports, true, inverted};
            return;
        case ct_original_destination_port:
            conntrack.original_destination_port = {ports, true, inverted};
            return;
        case ct_reply_source_port:
            conntrack.reply_source_port = {ports, true, inverted};
            return;
        case ct_reply_destination_port:
            conntrack.reply_destination_port = {ports, true, inverted};
            return;
        case ct_status:
            conntrack.status = {read_bits(call.text, status_names, "ctstatus"), true, inverted};
            return;
        case ct_expire:
            conntrack.expire = {call.range, true, inverted};
            return;
        default:
            return take_direction(conntrack, call);
    }
}

void finish_conntrack(const ConntrackMatch&, std::uint32_t seen) {
    if (seen == 0) refuse_parameter("conntrack: At least one option is required");
}

void put_conntrack(std::string& out, const ConntrackMatch& conntrack, const Frame& frame,
                   std::string_view dashes, bool numeric) {
    const auto put = [&](const auto& part, std::string_view name, auto&& show) {
        if (!part.given) return;
        append(out, "{} {}{} ", bang(part.inverted), dashes, name);
        show(part.value);
    };
    const auto prefix = [&](const Prefix& value) {
        if (!numeric && value.address == IpAddress{})
            out += "anywhere";
        else
            out += show_address(frame.family, value.address) + show_mask(frame.family, value.mask);
    };
    const auto ports = [&](const PortRange& value) {
        append(out, "{}", value.low);
        if (value.high != 0 && value.high != value.low) append(out, ":{}", value.high);
    };
    put(conntrack.state, "ctstate", [&](std::uint8_t bits) { out += show_bits(bits, state_names); });
    put(conntrack.protocol, "ctproto", [&](std::uint8_t protocol) { append(out, "{}", protocol); });
    put(conntrack.original_source, "ctorigsrc", prefix);
    put(conntrack.original_destination, "ctorigdst", prefix);
    put(conntrack.reply_source, "ctreplsrc", prefix);
    put(conntrack.reply_destination, "ctrepldst", prefix);
    put(conntrack.original_source_port, "ctorigsrcport", ports);
    put(conntrack.original_destination_port, "ctorigdstport", ports);
    put(conntrack.reply_source_port, "ctreplsrcport", ports);
    put(conntrack.reply_destination_port, "ctrepldstport", ports);
    put(conntrack.status, "ctstatus",
        [&](std::uint8_t bits) { out += bits == 0 ? "NONE" : show_bits(bits, status_names); });
    put(conntrack.expire, "ctexpire", [&](const Range<std::uint32_t>& seconds) {
        append(out, "{}", seconds.low);
        if (seconds.high != seconds.low) append(out, ":{}", seconds.high);
    });
    put(conntrack.reply, "ctdir", [&](bool reply) { out += reply ? "REPLY" : "ORIGINAL"; });
}

void save_conntrack(std::string& out, const ConntrackMatch& conntrack, const Frame& frame) {
    put_conntrack(out, conntrack, frame, "--", true);
}
void list_conntrack(std::string& out, const ConntrackMatch& conntrack, const Frame& frame) {
    put_conntrack(out, conntrack, frame, "", frame.numeric);
}

constexpr std::array<Option, 1> state_options{
    {{.name = "state", .argument = Argument::text, .invertible = true, .mandatory = true}}};

void take_state(StateMatch& state, OptionCall& call) {
    if (call.text.empty() || call.text.ends_with(','))
        refuse_parameter("\"--state\" requires a list of states with no spaces, e.g. ESTABLISHED,RELATED");
    state = {read_bits(call.text, plain_states(), "state"), call.inverted};
}
void save_state(std::string& out, const StateMatch& state, const Frame&) {
    append(out, "{} --state {}", bang(state.inverted), show_bits(state.state, state_names));
}
void list_state(std::string& out, const StateMatch& state, const Frame&) {
    append(out, "{} state {}", bang(state.inverted), show_bits(state.state, state_names));
}

}  // namespace

const MatchKind& conntrack_match() {
    static const auto kind =
        make_kind<ConntrackMatch, Match, take_conntrack, save_conntrack, list_conntrack, finish_conntrack>(
            "conntrack", conntrack_options);
    return kind;
}

const MatchKind& state_match() {
    static const auto kind =
        make_kind<StateMatch, Match, take_state, save_state, list_state>("state", state_options);
    return kind;
}

}  // namespace weft::hook
