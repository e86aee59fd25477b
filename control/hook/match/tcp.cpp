#include <netinet/in.h>

#include <string>

#include "control/hook/kinds.hpp"
#include "control/hook/match/ports.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

enum TcpOption : unsigned { tcp_source, tcp_destination, tcp_syn, tcp_flags, tcp_option };

constexpr std::array<Option, 7> tcp_options{{
    {.name = "source-port", .id = tcp_source, .argument = Argument::own},
    {.name = "sport", .id = tcp_source, .argument = Argument::own},
    {.name = "destination-port", .id = tcp_destination, .argument = Argument::own},
    {.name = "dport", .id = tcp_destination, .argument = Argument::own},
    {.name = "syn", .id = tcp_syn, .argument = Argument::none, .invertible = true, .repeatable = true},
    {.name = "tcp-flags", .id = tcp_flags, .argument = Argument::own},
    {.name = "tcp-option", .id = tcp_option, .argument = Argument::own},
}};

struct FlagName {
    std::string_view name;
    std::uint8_t bits;
};
constexpr std::array<FlagName, 8> flag_names{{{"FIN", 0x01},
                                              {"SYN", 0x02},
                                              {"RST", 0x04},
                                              {"PSH", 0x08},
                                              {"ACK", 0x10},
                                              {"URG", 0x20},
                                              {"ALL", 0x3f},
                                              {"NONE", 0}}};

/// Of TcpMatch, which parts were given; the struct has no room for it, and the line is read once.
bool given_ports(const PortRange& ports, bool inverted) {
    return ports != all_ports || inverted;
}

PortRange read_tcp_ports(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) {
        const auto port = parse_port(text, "tcp");
        return {port, port};
    }
    const auto low = text.substr(0, colon), high = text.substr(colon + 1);
    const PortRange ports{low.empty() ? std::uint16_t{0} : parse_port(low, "tcp"),
                          high.empty() ? std::uint16_t{0xffff} : parse_port(high, "tcp")};
    if (ports.low > ports.high) refuse_parameter("invalid portrange (min > max)");
    return ports;
}

std::uint8_t read_tcp_flags(std::string_view text) {
    unsigned bits = 0;
    while (!text.empty()) {
        const auto comma = text.find(',');
        const auto word = text.substr(0, comma);
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
        if (word.empty()) continue;
        const auto* found = std::find_if(flag_names.begin(), flag_names.end(), [&](const FlagName& flag) {
            return flag.name.size() == word.size() && begins(flag.name, word);
        });
        if (found == flag_names.end()) refuse_parameter("Unknown TCP flag `{}'", word);
        bits |= found->bits;
    }
    return static_cast<std::uint8_t>(bits);
}

void take_tcp_flags(TcpMatch& tcp, OptionCall& call) {
    if (tcp.flag_mask != 0 || tcp.flags_inverted)
        refuse_parameter("Only one of `--syn' or `--tcp-flags'  allowed");
    tcp.flags_inverted = call.inverted;
    if (call.option.id == tcp_syn) {
        tcp.flag_mask = 0x17;
        tcp.flag_value = 0x02;
        return;
    }
    if (!call.next || call.next->starts_with('-') || call.next->starts_with('!'))
        refuse_parameter("--tcp-flags requires two args.");
    tcp.flag_mask = read_tcp_flags(call.text);
    tcp.flag_value = read_tcp_flags(*call.next);
    call.next_taken = true;
}

void take_tcp(TcpMatch& tcp, OptionCall& call) {
    switch (call.option.id) {
        case tcp_source:
            if (given_ports(tcp.source, tcp.source_inverted))
                refuse_parameter("Only one `--source-port' allowed");
            tcp.source = read_tcp_ports(call.text);
            tcp.source_inverted = call.inverted;
            return;
        case tcp_destination:
            if (given_ports(tcp.destination, tcp.destination_inverted))
                refuse_parameter("Only one `--destination-port' allowed");
            tcp.destination = read_tcp_ports(call.text);
            tcp.destination_inverted = call.inverted;
            return;
        case tcp_option: {
            if (tcp.option != 0) refuse_parameter("Only one `--tcp-option' allowed");
            const auto number = parse_number(call.text, 1, 255);
            if (!number) refuse_parameter("Bad TCP option \"{}\"", call.text);
            tcp.option = static_cast<std::uint8_t>(*number);
            tcp.option_inverted = call.inverted;
            return;
        }
        default:
            return take_tcp_flags(tcp, call);
    }
}

std::string show_tcp_flags(unsigned bits) {
    std::string text;
    for (const auto& flag : flag_names)
        if (flag.bits != 0 && (bits & flag.bits) == flag.bits) {
            if (!text.empty()) text += ',';
            text += flag.name;
            bits &= ~static_cast<unsigned>(flag.bits);
        }
    return text.empty() ? "NONE" : text;
}

void save_tcp(std::string& out, const TcpMatch& tcp, const Frame&) {
    save_ports(out, "sport", tcp.source, tcp.source_inverted);
    save_ports(out, "dport", tcp.destination, tcp.destination_inverted);
    if (tcp.option != 0) append(out, "{} --tcp-option {}", bang(tcp.option_inverted), tcp.option);
    if (tcp.flag_mask != 0 || tcp.flags_inverted)
        append(out, "{} --tcp-flags {} {}", bang(tcp.flags_inverted), show_tcp_flags(tcp.flag_mask),
               show_tcp_flags(tcp.flag_value));
}

void list_tcp(std::string& out, const TcpMatch& tcp, const Frame& frame) {
    out += " tcp";
    list_ports(out, "spt", tcp.source, tcp.source_inverted, "tcp", frame.numeric);
    list_ports(out, "dpt", tcp.destination, tcp.destination_inverted, "tcp", frame.numeric);
    if (tcp.option != 0) append(out, " option={}{}", tcp.option_inverted ? "!" : "", tcp.option);
    if (tcp.flag_mask == 0 && !tcp.flags_inverted) return;
    append(out, " flags:{}", tcp.flags_inverted ? "!" : "");
    if (frame.numeric)
        append(out, "0x{:02X}/0x{:02X}", tcp.flag_mask, tcp.flag_value);
    else
        append(out, "{}/{}", show_tcp_flags(tcp.flag_mask), show_tcp_flags(tcp.flag_value));
}

Objection check_tcp(const TcpMatch&, const Place& place) {
    return needs_protocol(place, IPPROTO_TCP);
}

}  // namespace

const MatchKind& tcp_match() {
    static const auto kind =
        make_kind<TcpMatch, Match, take_tcp, save_tcp, list_tcp, nullptr, check_tcp>("tcp", tcp_options);
    return kind;
}

}  // namespace weft::hook
