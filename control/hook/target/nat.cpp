// SNAT, DNAT, MASQUERADE, REDIRECT and NETMAP.
#include <netinet/in.h>

#include <cerrno>

#include "control/hook/kinds.hpp"
#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

using NatKind = NatTarget::Kind;
enum NatOption : unsigned {
    nat_to_address,
    nat_to_ports,
    nat_random,
    nat_random_fully,
    nat_persistent,
    nat_to_prefix,
    nat_endpoint_independent,
    nat_port_block
};

constexpr std::array<Option, 6> snat_options{{
    {.name = "to-source", .id = nat_to_address, .argument = Argument::text, .mandatory = true},
    {.name = "random", .id = nat_random},
    {.name = "random-fully", .id = nat_random_fully},
    {.name = "persistent", .id = nat_persistent},
    {.name = "endpoint-independent", .id = nat_endpoint_independent},
    {.name = "port-block", .id = nat_port_block, .argument = Argument::text},
}};
constexpr std::array<Option, 3> dnat_options{{
    {.name = "to-destination", .id = nat_to_address, .argument = Argument::text, .mandatory = true},
    {.name = "random", .id = nat_random},
    {.name = "persistent", .id = nat_persistent},
}};
constexpr std::array<Option, 4> masquerade_options{{
    {.name = "to-ports", .id = nat_to_ports, .argument = Argument::text},
    {.name = "random", .id = nat_random},
    {.name = "random-fully", .id = nat_random_fully},
    {.name = "endpoint-independent", .id = nat_endpoint_independent},
}};
constexpr std::array<Option, 2> redirect_options{{
    {.name = "to-ports", .id = nat_to_ports, .argument = Argument::text},
    {.name = "random", .id = nat_random},
}};
constexpr std::array<Option, 1> netmap_options{
    {{.name = "to", .id = nat_to_prefix, .argument = Argument::prefix, .mandatory = true}}};

bool has_ports(std::uint8_t protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
           protocol == IPPROTO_DCCP || protocol == IPPROTO_ICMP;
}

std::uint16_t nat_service(std::string_view text) {
    const auto port = service_port(text, {});
    if (!port) refuse_parameter("Port `{}' not valid", text);
    return *port;
}

/// port, first-last, or first-last/base. A service name is the whole of a port.
void read_nat_ports(NatTarget& nat, std::string_view text, std::uint8_t protocol) {
    if (!has_ports(protocol)) refuse_parameter("Need TCP, UDP, SCTP or DCCP with port specification");
    nat.map_ports = true;
    std::string_view rest;
    const auto low = parse_number(text, 0, 0xffff, &rest);
    if (!low) {
        const auto port = nat_service(text);
        nat.ports = {port, port};
        return;
    }
    nat.ports = {static_cast<std::uint16_t>(*low), static_cast<std::uint16_t>(*low)};
    if (rest.empty()) return;
    if (rest.front() == ':') refuse_parameter("Invalid port:port syntax - use dash");
    if (rest.front() != '-') refuse_parameter("Garbage after port value: `{}'", rest);
    text = rest.substr(1);
    const auto high = parse_number(text, 0, 0xffff, &rest);
    if (!high) refuse_parameter("Port `{}' not valid", text);
    if (*high < *low) refuse_parameter("Port range `{}' funky", text);
    nat.ports.high = static_cast<std::uint16_t>(*high);
    if (rest.empty()) return;
    if (rest.front() != '/') refuse_parameter("Garbage after port range: `{}'", rest);
    text = rest.substr(1);
    nat.offset = true;
    const auto base = parse_number(text, 1, 0xffff, &rest);
    nat.base_port = base ? static_cast<std::uint16_t>(*base) : nat_service(text);
}

IpAddress read_nat_address(Family family, std::string_view text) {
    const auto address = parse_strict_address(family, text);
    if (!address) refuse_parameter("Bad IP address \"{}\"", text);
    return *address;
}

/// address[-address][:ports]; IPv6 with ports stands in brackets.
void read_nat_address_and_ports(NatTarget& nat, const OptionCall& call) {
    const auto text = call.text;
    auto addresses = text;
    auto colon = std::string_view::npos;
    if (const auto open = text.find('['); open == std::string_view::npos) {
        colon = text.find(':');
        if (colon != std::string_view::npos && text.find(':', colon + 1) != std::string_view::npos)
            colon = std::string_view::npos;
        addresses = text.substr(0, colon);
    } else {
        const auto close = text.find(']', open);
        if (close == std::string_view::npos || call.family == Family::ip)
            refuse_parameter("Invalid address format");
        addresses = text.substr(open + 1, close - open - 1);
        colon = text.find(':', close);
    }
    if (colon != std::string_view::npos) {
        read_nat_ports(nat, text.substr(colon + 1), call.protocol);
        if (addresses.empty()) return;
    }
    nat.map_addresses = true;
    const auto dash = addresses.find('-');
    nat.addresses.low = read_nat_address(call.family, addresses.substr(0, dash));
    nat.addresses.high = dash == std::string_view::npos
                             ? nat.addresses.low
                             : read_nat_address(call.family, addresses.substr(dash + 1));
}

void read_nat_prefix(NatTarget& nat, const Prefix& prefix) {
    nat.map_addresses = true;
    for (std::size_t i = 0; i < prefix.mask.bytes.size(); ++i) {
        nat.addresses.low.bytes[i] = prefix.address.bytes[i] & prefix.mask.bytes[i];
        nat.addresses.high.bytes[i] =
            static_cast<std::uint8_t>(nat.addresses.low.bytes[i] | ~prefix.mask.bytes[i]);
    }
}

void read_port_block(NatTarget& nat, const OptionCall& call) {
    if (call.family != Family::ip) refuse_parameter("--port-block is of IPv4 alone (RFC 7422)");
    const auto size = parse_number(call.text, 1, 0xffff);
    if (!size) refuse_parameter("--port-block: `{}' is no number of ports from 1 to 65535", call.text);
    nat.port_block = static_cast<std::uint16_t>(*size);
}

void take_nat(NatTarget& nat, OptionCall& call) {
    switch (call.option.id) {
        case nat_to_address:
            read_nat_address_and_ports(nat, call);
            break;
        case nat_to_ports:
            read_nat_ports(nat, call.text, call.protocol);
            break;
        case nat_random:
            nat.random = true;
            return;
        case nat_random_fully:
            nat.random_fully = true;
            return;
        case nat_persistent:
            nat.persistent = true;
            return;
        case nat_endpoint_independent:
            nat.endpoint_independent = true;
            return;
        case nat_port_block:
            return read_port_block(nat, call);
        default:
            read_nat_prefix(nat, call.prefix);
    }
    if (call.family == Family::ip)
        for (std::size_t i = 4; i < 16; ++i)
            nat.addresses.high.bytes[i] = 0;
}

void finish_redirect(const NatTarget& nat, std::uint32_t) {
    if (nat.offset) refuse_parameter("Shifted portmap ranges not supported with this kernel");
}

void finish_source(const NatTarget& nat, std::uint32_t) {
    if (nat.endpoint_independent && (nat.random || nat.random_fully))
        refuse_parameter("--endpoint-independent keeps ports, --random draws them: choose one");
    if (nat.port_block && nat.offset)
        refuse_parameter("--port-block gives each subscriber ports of its own, none can be shifted");
}

void put_nat(std::string& out, const NatTarget& nat, Family family, std::string_view option,
             std::string_view dashes) {
    std::string range;
    if (nat.map_addresses) {
        range = show_address(family, nat.addresses.low);
        if (nat.addresses.high != nat.addresses.low) range += "-" + show_address(family, nat.addresses.high);
        if (family == Family::ip6 && nat.map_ports) range = "[" + range + "]";
    }
    if (nat.map_ports) {
        if (nat.kind == NatKind::snat || nat.kind == NatKind::dnat) range += ':';
        append(range, "{}", nat.ports.low);
        if (nat.ports.high != nat.ports.low) append(range, "-{}", nat.ports.high);
        if (nat.offset) append(range, "/{}", nat.base_port);
    }
    if (!range.empty()) append(out, " {}{}", option, range);
    if (nat.random) append(out, " {}random", dashes);
    if (nat.random_fully) append(out, " {}random-fully", dashes);
    if (nat.persistent) append(out, " {}persistent", dashes);
    if (nat.endpoint_independent) append(out, " {}endpoint-independent", dashes);
    if (nat.port_block) append(out, " {}port-block {}", dashes, nat.port_block);
}

void put_netmap(std::string& out, const NatTarget& nat, Family family) {
    IpAddress mask;
    for (std::size_t i = 0; i < (family == Family::ip ? 4U : 16U); ++i)
        mask.bytes[i] =
            static_cast<std::uint8_t>(~(nat.addresses.low.bytes[i] ^ nat.addresses.high.bytes[i]));
    out += show_address(family, nat.addresses.low);
    if (const auto length = mask_length(family, mask))
        append(out, "/{}", *length);
    else
        append(out, "/{}", show_address(family, mask));
}

void save_nat(std::string& out, const NatTarget& nat, const Frame& frame) {
    constexpr std::array<std::string_view, 4> options{"--to-source ", "--to-destination ", "--to-ports ",
                                                      "--to-ports "};
    if (nat.kind != NatKind::netmap)
        return put_nat(out, nat, frame.family, options[static_cast<std::size_t>(nat.kind)], "--");
    out += " --to ";
    put_netmap(out, nat, frame.family);
}

void list_nat(std::string& out, const NatTarget& nat, const Frame& frame) {
    constexpr std::array<std::string_view, 4> options{"to:", "to:", "masq ports: ", "redir ports "};
    if (nat.kind != NatKind::netmap)
        return put_nat(out, nat, frame.family, options[static_cast<std::size_t>(nat.kind)], "");
    out += " to:";
    put_netmap(out, nat, frame.family);
}

/// xt_nat.c, xt_MASQUERADE.c, xt_REDIRECT.c, xt_NETMAP.c: in nat, and where the translation can still be
/// made.
Objection check_nat(const NatTarget& nat, const Place& place) {
    if (auto no = only_in(place, TableId::nat)) return no;
    HookMask allowed = 0;
    switch (nat.kind) {
        case NatKind::snat:
            allowed = bit(Hook::postrouting) | bit(Hook::input);
            break;
        case NatKind::dnat:
        case NatKind::redirect:
            allowed = bit(Hook::prerouting) | bit(Hook::output);
            break;
        case NatKind::masquerade:
            allowed = bit(Hook::postrouting);
            break;
        case NatKind::netmap:
            allowed = bit(Hook::prerouting) | bit(Hook::input) | bit(Hook::output) | bit(Hook::postrouting);
    }
    return only_from(place, allowed, "it");
}

template <NatKind kind>
NatTarget fresh_nat(Family) {
    NatTarget nat;
    nat.kind = kind;
    return nat;
}

template <NatKind wanted, auto Finish = nullptr>
TargetKind nat_kind(std::string_view name, std::span<const Option> options) {
    auto made =
        make_kind<NatTarget, Target, take_nat, save_nat, list_nat, Finish, check_nat, fresh_nat<wanted>>(
            name, options);
    made.is = [](const Target& target) {
        const auto* nat = std::get_if<NatTarget>(&target);
        return nat && nat->kind == wanted;
    };
    return made;
}

}  // namespace

const TargetKind& snat_target() {
    static const auto kind = nat_kind<NatKind::snat, finish_source>("SNAT", snat_options);
    return kind;
}
const TargetKind& dnat_target() {
    static const auto kind = nat_kind<NatKind::dnat>("DNAT", dnat_options);
    return kind;
}
const TargetKind& masquerade_target() {
    static const auto kind = nat_kind<NatKind::masquerade, finish_source>("MASQUERADE", masquerade_options);
    return kind;
}
const TargetKind& redirect_target() {
    static const auto kind = nat_kind<NatKind::redirect, finish_redirect>("REDIRECT", redirect_options);
    return kind;
}
const TargetKind& netmap_target() {
    static const auto kind = nat_kind<NatKind::netmap>("NETMAP", netmap_options);
    return kind;
}

}  // namespace weft::hook
