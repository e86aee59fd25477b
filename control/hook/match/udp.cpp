#include <netinet/in.h>

#include "control/hook/kinds.hpp"
#include "control/hook/match/ports.hpp"

namespace weft::hook {

namespace {

enum UdpOption : unsigned { udp_source, udp_destination };

constexpr std::array<Option, 4> udp_options{{
    {.name = "source-port", .id = udp_source, .argument = Argument::port_range, .invertible = true},
    {.name = "sport", .id = udp_source, .argument = Argument::port_range, .invertible = true},
    {.name = "destination-port", .id = udp_destination, .argument = Argument::port_range, .invertible = true},
    {.name = "dport", .id = udp_destination, .argument = Argument::port_range, .invertible = true},
}};

void take_udp(UdpMatch& udp, OptionCall& call) {
    const PortRange ports{static_cast<std::uint16_t>(call.range.low),
                          static_cast<std::uint16_t>(call.range.high)};
    (call.option.id == udp_source ? udp.source : udp.destination) = ports;
    (call.option.id == udp_source ? udp.source_inverted : udp.destination_inverted) = call.inverted;
}

void save_udp(std::string& out, const UdpMatch& udp, const Frame&) {
    save_ports(out, "sport", udp.source, udp.source_inverted);
    save_ports(out, "dport", udp.destination, udp.destination_inverted);
}

void list_udp(std::string& out, const UdpMatch& udp, const Frame& frame) {
    out += " udp";
    list_ports(out, "spt", udp.source, udp.source_inverted, "udp", frame.numeric);
    list_ports(out, "dpt", udp.destination, udp.destination_inverted, "udp", frame.numeric);
}

Objection check_udp(const UdpMatch&, const Place& place) {
    return needs_protocol(place, IPPROTO_UDP);
}

}  // namespace

const MatchKind& udp_match() {
    static const auto kind =
        make_kind<UdpMatch, Match, take_udp, save_udp, list_udp, nullptr, check_udp>("udp", udp_options);
    return kind;
}

}  // namespace weft::hook
