#include <netinet/in.h>

#include <cerrno>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum MultiportOption : unsigned { multiport_source, multiport_destination, multiport_either };
constexpr std::uint32_t multiport_any = 7;
constexpr std::size_t most_ports = 15;  // XT_MULTI_PORTS

constexpr std::array<Option, 5> multiport_options{{
    {.name = "source-ports",
     .id = multiport_source,
     .argument = Argument::text,
     .invertible = true,
     .excludes = multiport_any},
    {.name = "sports",
     .id = multiport_source,
     .argument = Argument::text,
     .invertible = true,
     .excludes = multiport_any},
    {.name = "destination-ports",
     .id = multiport_destination,
     .argument = Argument::text,
     .invertible = true,
     .excludes = multiport_any},
    {.name = "dports",
     .id = multiport_destination,
     .argument = Argument::text,
     .invertible = true,
     .excludes = multiport_any},
    {.name = "ports",
     .id = multiport_either,
     .argument = Argument::text,
     .invertible = true,
     .excludes = multiport_any},
}};

std::string_view multiport_protocol(std::uint8_t protocol) {
    switch (protocol) {
        case IPPROTO_TCP:
            return "tcp";
        case IPPROTO_UDP:
            return "udp";
        case IPPROTO_UDPLITE:
            return "udplite";
        case IPPROTO_SCTP:
            return "sctp";
        case IPPROTO_DCCP:
            return "dccp";
        default:
            return {};
    }
}

/// The protocol must stand before the ports, their services are its.
std::string_view protocol_of(const OptionCall& call) {
    const auto name = multiport_protocol(call.protocol);
    if (!call.protocol_inverted && !name.empty()) return name;
    if (!call.protocol_inverted && call.protocol == 0)
        refuse_parameter("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'");
    refuse_parameter("multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP");
}

void take_multiport(MultiportMatch& multiport, OptionCall& call) {
    const auto protocol = protocol_of(call);
    std::size_t numbers = 0;
    for (std::string_view rest = call.text;;) {
        const auto comma = rest.find(',');
        const auto word = rest.substr(0, comma);
        const auto colon = word.find(':');
        const bool range = colon != std::string_view::npos;
        numbers += range ? 2 : 1;
        if (numbers > most_ports) refuse_parameter("too many ports specified");
        const auto low = parse_port(word.substr(0, colon), protocol);
        const auto high = range ? parse_port(word.substr(colon + 1), protocol) : low;
        if (range && low >= high) refuse_parameter("invalid portrange specified");
        multiport.ports.push_back({{low, high}, range});
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + 1);
    }
    multiport.side = static_cast<MultiportMatch::Side>(call.option.id);
    multiport.inverted = call.inverted;
}

void finish_multiport(const MultiportMatch&, std::uint32_t seen) {
    if (seen == 0) refuse_parameter("multiport expection an option");
}

constexpr std::array<std::string_view, 3> side_names{"sports", "dports", "ports"};

std::string_view side_name(const MultiportMatch& multiport) {
    return side_names[static_cast<std::size_t>(multiport.side)];
}

void put_ports(std::string& out, const MultiportMatch& multiport, std::string_view protocol, bool numeric) {
    bool first = true;
    for (const auto& [ports, range] : multiport.ports) {
        append(out, "{}{}", first ? "" : ",", show_port(ports.low, protocol, numeric));
        if (range) append(out, ":{}", show_port(ports.high, protocol, numeric));
        first = false;
    }
}

void save_multiport(std::string& out, const MultiportMatch& multiport, const Frame&) {
    append(out, "{} --{} ", bang(multiport.inverted), side_name(multiport));
    put_ports(out, multiport, {}, true);
}

void list_multiport(std::string& out, const MultiportMatch& multiport, const Frame& frame) {
    append(out, " multiport {} {}", side_name(multiport), bang(multiport.inverted));
    put_ports(out, multiport, multiport_protocol(frame.rule.protocol), frame.numeric);
}

Objection check_multiport(const MultiportMatch&, const Place& place) {
    if (!place.rule.protocol_inverted && !multiport_protocol(place.rule.protocol).empty()) return {};
    return object("only beside -p tcp, udp, udplite, sctp or dccp");
}

}  // namespace

const MatchKind& multiport_match() {
    static const auto kind = make_kind<MultiportMatch, Match, take_multiport, save_multiport, list_multiport,
                                       finish_multiport, check_multiport>("multiport", multiport_options);
    return kind;
}

}  // namespace weft::hook
