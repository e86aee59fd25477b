#include "control/hook/option.hpp"

#include <cstdlib>
#include <limits>

#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

std::uint64_t largest(Argument argument) {
    switch (argument) {
        case Argument::number8:
            return 0xff;
        case Argument::number16:
        case Argument::range16:
            return 0xffff;
        default:
            return 0xffffffff;
    }
}

void read_number(OptionCall& call) {
    const auto max = call.option.max != 0 ? call.option.max : largest(call.option.argument);
    const auto number = parse_number(call.text, call.option.min, max);
    if (!number)
        refuse_parameter("{}: bad value for option \"--{}\", or out of range ({}-{}).\n", call.kind,
                         call.option.name, call.option.min, max);
    call.number = *number;
}

void read_range(OptionCall& call) {
    const auto max = largest(call.option.argument);
    std::array<std::uint64_t, 2> ends{};
    std::string_view rest = call.text;
    for (call.values = 0;;) {
        if (call.values == ends.size())
            refuse_parameter("{}: Too many components for option \"--{}\" (max: {})\n", call.kind,
                             call.option.name, ends.size());
        auto& end = ends[call.values];
        if (rest.empty() || rest.front() == ':') {
            end = call.values == 1 ? max : 0;
        } else {
            const auto number = parse_number(rest, 0, max, &rest);
            if (!number)
                refuse_parameter("{}: bad value for option \"--{}\" near \"{}\", or out of range (0-{}).\n",
                                 call.kind, call.option.name, rest, max);
            if (!rest.empty() && rest.front() != ':')
                refuse_parameter("{}: Argument to \"--{}\" has unexpected characters near \"{}\".\n",
                                 call.kind, call.option.name, rest);
            end = *number;
        }
        ++call.values;
        if (rest.empty()) break;
        rest.remove_prefix(1);
    }
    call.range = {static_cast<std::uint32_t>(ends[0]), static_cast<std::uint32_t>(ends[call.values - 1])};
}

void read_text(const OptionCall& call) {
    if (call.option.min != 0 && call.text.size() < call.option.min)
        refuse_parameter("Argument must have a minimum length of {} characters\n", call.option.min);
    if (call.option.max != 0 && call.text.size() > call.option.max)
        refuse_parameter("Argument must have a maximum length of {} characters\n", call.option.max);
}

void read_mark(OptionCall& call) {
    std::string_view rest;
    const auto bad = [&] {
        refuse_parameter("{}: bad integer value for option \"--{}\", or out of range.\n", call.kind,
                         call.option.name);
    };
    const auto value = parse_number(call.text, 0, 0xffffffff, &rest);
    if (!value) bad();
    call.mark = {static_cast<std::uint32_t>(*value), 0xffffffff};
    if (rest.empty()) return;
    if (rest.front() == '/') {
        const auto mask = parse_number(rest.substr(1), 0, 0xffffffff, &rest);
        if (!mask) bad();
        call.mark.mask = static_cast<std::uint32_t>(*mask);
        if (rest.empty()) return;
    }
    refuse_parameter("{}: trailing garbage after value for option \"--{}\".\n", call.kind, call.option.name);
}

void read_syslog_level(OptionCall& call) {
    struct Level {
        std::string_view name;
        std::uint8_t number;
    };
    constexpr std::array<Level, 9> levels{{{"emerg", 0},
                                           {"panic", 0},
                                           {"alert", 1},
                                           {"crit", 2},
                                           {"error", 3},
                                           {"warning", 4},
                                           {"notice", 5},
                                           {"info", 6},
                                           {"debug", 7}}};
    if (const auto number = parse_number(call.text, 0, 7)) {
        call.number = *number;
        return;
    }
    for (const auto& level : levels)
        if (level.name == call.text) {
            call.number = level.number;
            return;
        }
    refuse_parameter("log level \"{}\" unknown\n", call.text);
}

/// One address; what getaddrinfo says of a name that is none.
IpAddress read_host(const OptionCall& call, std::string_view text) {
    if (const auto address = parse_host_address(call.family, text)) return *address;
    const auto found = host_addresses(call.family, std::string(text));
    if (parse_host_address(call.family == Family::ip ? Family::ip6 : Family::ip, text))
        refuse_parameter("getaddrinfo: Address family for hostname not supported\n");
    if (found.empty()) refuse_parameter("getaddrinfo: Name or service not known\n");
    if (found.size() > 1) refuse_parameter("{} resolves to more than one address\n", text);
    return found.front();
}

void read_prefix(OptionCall& call) {
    const unsigned bits = call.family == Family::ip ? 32 : 128;
    const auto slash =
        call.option.argument == Argument::prefix ? call.text.find('/') : std::string_view::npos;
    call.prefix = {read_host(call, call.text.substr(0, slash)), mask_of(call.family, bits)};
    if (slash == std::string_view::npos) return;
    const auto length_text = call.text.substr(slash + 1);
    if (const auto length = parse_number(length_text, 0, bits)) {
        call.prefix.mask = mask_of(call.family, static_cast<unsigned>(*length));
        return;
    }
    const auto mask = parse_host_address(call.family, length_text);
    if (!mask)
        refuse_parameter(
            "{}: bad value for option \"--{}\", neither a valid network mask nor valid CIDR ({}-{}).\n",
            call.kind, call.option.name, 0, bits);
    // xtopt_parse_mask: a number beyond the greatest length is an address ("33" is 0.0.0.33), and what is no
    // mask leaves the one host
    if (mask_length(call.family, *mask)) call.prefix.mask = *mask;
}

/// A port as getaddrinfo reads a service: a decimal number or a name. Where 1.8.9 takes a number above 65535
/// modulo 65536, and so matches another port than was asked for, it is refused.
std::uint16_t read_one_port(std::string_view text) {
    std::uint32_t number = 0;
    bool digits = !text.empty();
    for (const char c : text) {
        digits = digits && c >= '0' && c <= '9' && number <= 0xffff;
        if (digits) number = number * 10 + static_cast<std::uint32_t>(c - '0');
    }
    if (digits && number <= 0xffff) return static_cast<std::uint16_t>(number);
    for (const auto* protocol : {"tcp", "udp", "dccp", "udplite", "sctp"})
        if (const auto port = service_port(text, protocol)) return *port;
    refuse_parameter("Port \"{}\" does not resolve to anything.\n", text);
}

void read_port_range(OptionCall& call) {
    std::array<std::uint32_t, 2> ends{0, 0xffff};
    std::string_view rest = call.text;
    for (call.values = 0;;) {
        if (call.values == ends.size())
            refuse_parameter("{}: Too many components for option \"--{}\" (max: {})\n", call.kind,
                             call.option.name, ends.size());
        const auto colon = rest.find(':');
        if (const auto word = rest.substr(0, colon); !word.empty()) ends[call.values] = read_one_port(word);
        ++call.values;
        if (colon == std::string_view::npos) break;
        rest.remove_prefix(colon + 1);
    }
    if (call.values == 1) ends[1] = ends[0];
    call.values = 2;
    call.range = {ends[0], ends[1]};
}

void read_mac(OptionCall& call) {
    std::string text(call.text);
    const char* at = text.c_str();
    for (std::size_t i = 0; i < call.mac.size(); ++i) {
        char* end = nullptr;
        call.mac[i] = static_cast<std::uint8_t>(std::strtoul(at, &end, 16));
        const bool last = i + 1 == call.mac.size();
        if (*end != (last ? '\0' : ':') || end - at > 2) refuse_parameter("Invalid MAC address specified.");
        at = end + 1;
    }
}

void read_argument(OptionCall& call) {
    switch (call.option.argument) {
        case Argument::none:
        case Argument::own:
            return;
        case Argument::text:
            return read_text(call);
        case Argument::number8:
        case Argument::number16:
        case Argument::number32:
            return read_number(call);
        case Argument::range16:
        case Argument::range32:
            return read_range(call);
        case Argument::masked_mark:
            return read_mark(call);
        case Argument::syslog_level:
            return read_syslog_level(call);
        case Argument::address:
        case Argument::prefix:
            return read_prefix(call);
        case Argument::protocol: {
            const auto number = protocol_number(call.text);
            if (!number) refuse_parameter("unknown protocol \"{}\" specified", call.text);
            call.number = *number;
            return;
        }
        case Argument::port_range:
            return read_port_range(call);
        case Argument::mac:
            return read_mac(call);
    }
}

}  // namespace

void read_option(OptionCall& call, std::uint32_t& seen) {
    const auto& option = call.option;
    const auto self = option_bit(option.id);
    if (option.argument != Argument::own) {
        if ((!option.repeatable || (option.excludes & self)) && (seen & self))
            refuse_parameter("{}: option \"--{}\" can only be used once.\n", call.kind, option.name);
        if (call.inverted && !option.invertible)
            refuse_parameter("{}: option \"--{}\" cannot be inverted.\n", call.kind, option.name);
    }
    if (option.size != 0 && call.text.size() >= option.size) call.text = call.text.substr(0, option.size - 1);
    read_argument(call);
    seen |= self;
}

void check_options(std::string_view kind, std::span<const Option> options, std::uint32_t seen) {
    const auto first_with = [&](unsigned id) -> const Option* {
        for (const auto& option : options)
            if (option.id == id) return &option;
        return nullptr;
    };
    for (const auto& option : options) {
        const bool used = seen & option_bit(option.id);
        if (option.mandatory && !used)
            refuse_parameter("{}: option \"--{}\" must be specified\n", kind, option.name);
        if (!used) continue;
        for (unsigned id = 0; id < 32; ++id) {
            const auto* other = id == option.id ? nullptr : first_with(id);
            if (!other) continue;
            if ((option.needs & option_bit(id)) && !(seen & option_bit(id)))
                refuse_parameter("{}: option \"--{}\" also requires \"--{}\".\n", kind, option.name,
                                 other->name);
            if ((option.excludes & option_bit(id)) && (seen & option_bit(id)))
                refuse_parameter("{}: option \"--{}\" cannot be used together with \"--{}\".\n", kind,
                                 option.name, other->name);
        }
    }
}

}  // namespace weft::hook
