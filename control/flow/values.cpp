#include "control/flow/values.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <strings.h>

#include <array>
#include <charconv>
#include <cstring>

#include "control/flow/command.hpp"
#include "control/flow/print.hpp"

namespace weft::conntrack {

namespace {

Error bad_parameter(const std::string& text) {
    return misused(fmt::format("Bad parameter `{}'", text));
}

/// As strtoul(…, 0), but of the whole text, and no sign.
std::optional<std::uint64_t> number_of(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X"))
        text.remove_prefix(2), base = 16;
    else if (text.size() > 1 && text.front() == '0')
        text.remove_prefix(1), base = 8;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

const NamedBits* find_bits(std::string_view beginning, std::span<const NamedBits> names) {
    for (const auto& one : names)
        if (!beginning.empty() && beginning.size() <= one.name.size() &&
            strncasecmp(beginning.data(), one.name.data(), beginning.size()) == 0)
            return &one;
    return nullptr;
}

/// Calls take(part, rest) for what commas part; stops at its error.
template <class Take>
Result<> each_part(const std::string& text, Take&& take) {
    for (std::size_t at = 0; at <= text.size();) {
        const auto comma = std::min(text.find(',', at), text.size());
        if (auto taken = take(std::string_view(text).substr(at, comma - at), text.substr(at)); !taken)
            return taken;
        at = comma + 1;
    }
    return {};
}

IpAddress mask_of(unsigned length) {
    IpAddress mask;
    for (unsigned bit = 0; bit < length; ++bit)
        mask.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
    return mask;
}

}  // namespace

Error misused(const std::string& message) {
    return {static_cast<ErrorCode>(2),
            fmt::format("{}: {}\nTry `conntrack -h' or 'conntrack --help' for more information.",
                        program_text(), message),
            0};
}
Error failed(const std::string& message) {
    return {static_cast<ErrorCode>(1), fmt::format("{}: {}", program_text(), message), 0};
}
Error not_supported(const std::string& what) {
    return failed(what + " is not supported in this version");
}

Result<AddressValue> read_address(const std::string& text) {
    const auto slash = text.find('/');
    const auto address = text.substr(0, slash);
    AddressValue value;
    in_addr v4{};
    auto* bytes = value.address.address.bytes.data();
    if (inet_aton(address.c_str(), &v4) != 0)
        std::memcpy(bytes, &v4, sizeof v4);
    else if (inet_pton(AF_INET6, address.c_str(), bytes) > 0)
        value.v6 = true;
    else
        return misused(fmt::format("Invalid IP address `{}'", text));
    const unsigned whole = value.v6 ? 128 : 32;
    std::uint64_t length = whole;
    if (slash != std::string::npos) {
        value.masked = true;
        const auto given = number_of(text.substr(slash + 1));
        if (!given || *given > whole) return misused("Invalid netmask");
        length = *given;
    }
    value.address.mask = mask_of(static_cast<unsigned>(length));
    for (std::size_t i = 0; i < value.address.mask.bytes.size(); ++i)
        value.address.address.bytes[i] &= value.address.mask.bytes[i];
    return value;
}

Result<std::uint8_t> read_protocol(const std::string& text) {
    for (const int known :
         std::initializer_list<int>{IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDPLITE, IPPROTO_ICMP, IPPROTO_ICMPV6,
                                    IPPROTO_SCTP, IPPROTO_DCCP, IPPROTO_GRE})
        if (strcasecmp(text.c_str(), protocol_name(static_cast<std::uint8_t>(known)).data()) == 0)
            return static_cast<std::uint8_t>(known);
    if (const auto* entry = getprotobyname(text.c_str())) return static_cast<std::uint8_t>(entry->p_proto);
    if (const auto number = number_of(text); number && *number <= IPPROTO_RAW)
        return static_cast<std::uint8_t>(*number);
    return misused(fmt::format("`{}' unsupported protocol", text));
}

Result<std::uint32_t> read_number(const std::string& text, std::uint32_t most) {
    const auto number = number_of(text);
    if (!number || *number > most) return bad_parameter(text);
    return static_cast<std::uint32_t>(*number);
}

Result<MaskedNumber> read_mark(const std::string& text) {
    constexpr std::uint32_t most = 0xffffffff;
    const auto slash = text.find('/');
    const auto value = read_number(text.substr(0, slash), most);
    if (!value) return bad_parameter(text);
    if (slash == std::string::npos) return MaskedNumber{*value, most};
    const auto mask = read_number(text.substr(slash + 1), most);
    if (!mask) return bad_parameter(text);
    return MaskedNumber{*value, *mask};
}

Result<TcpState> read_tcp_state(const std::string& text) {
    for (auto state = TcpState::none; state <= TcpState::syn_sent2;
         state = static_cast<TcpState>(static_cast<unsigned>(state) + 1))
        if (text == tcp_state_name(state)) return state;
    if (text == "LISTEN") return TcpState::syn_sent2;  // its name before Linux 2.6.31
    return misused(fmt::format("unknown TCP state `{}'", text));
}

Result<SctpState> read_sctp_state(const std::string& text) {
    for (unsigned state = 0; state < sctp_state_count; ++state)
        if (text == sctp_state_names[state]) return static_cast<SctpState>(state);
    return misused(fmt::format("unknown SCTP state `{}'", text));
}

Result<NatFilter> read_nat(const std::string& text) {
    std::string address = text, port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string::npos) return misused("No closing ']' around IPv6 address");
        address = text.substr(1, end - 1);
        has_port = end + 1 < text.size() && text[end + 1] == ':';
        if (has_port) port = text.substr(end + 2);
    } else if (const auto colon = text.find(':'); colon != std::string::npos && colon == text.rfind(':')) {
        address = text.substr(0, colon);
        port = text.substr(colon + 1);
        has_port = true;
    }
    NatFilter nat;
    if (has_port) {
        if (port.empty()) return misused("No port specified after `:'");
        const auto number = read_number(port, 0xffff);
        if (!number) return misused(fmt::format("Invalid port `{}'", port));
        nat.port = static_cast<std::uint16_t>(*number);
    }
    const auto read = read_address(address);
    if (!read || address.empty()) return misused(fmt::format("Invalid IP address `{}'", address));
    nat.v6 = read->v6;
    nat.address = read->address.address;
    return nat;
}

Result<> read_status(const std::string& text, Filter& filter, std::vector<std::string>& warnings) {
    static constexpr std::array<NamedBits, 7> names{{{"ASSURED", Status::assured},
                                                     {"SEEN_REPLY", Status::seen_reply},
                                                     {"UNSET", 0},
                                                     {"FIXED_TIMEOUT", Status::fixed_timeout},
                                                     {"EXPECTED", Status::expected},
                                                     {"OFFLOAD", Status::offload},
                                                     {"HW_OFFLOAD", Status::hw_offload}}};
    static constexpr std::array<NamedBits, 2> sides{{{"SRC_NAT", 0}, {"DST_NAT", 1}}};
    if (auto read =
            each_part(text,
                      [&](std::string_view part, const std::string& rest) -> Result<> {
                          const bool negated = part.starts_with('!');
                          if (!negated && part.starts_with("UNREPLIED")) {
                              filter.no_status |= Status::seen_reply;
                              return {};
                          }
                          if (negated) part.remove_prefix(1);
                          const auto* found = find_bits(part, names);
                          if (const auto* side = found ? nullptr : find_bits(part, sides)) {
                              warnings.push_back(fmt::format("WARNING: ignoring {}, use --{}-nat instead",
                                                             side->name, side->bits ? "dst" : "src"));
                              return {};
                          }
                          if (found == nullptr) return bad_parameter(rest.substr(negated ? 1 : 0));
                          (negated ? filter.no_status : filter.status) |= found->bits;
                          return {};
                      });
        !read)
        return read;
    // The kernel takes no filter that asks for nothing.
    if (filter.status == 0 && filter.no_status == 0) return failed("Operation failed: invalid parameters");
    return {};
}

Result<std::uint32_t> read_list(const std::string& text, std::span<const NamedBits> names) {
    std::uint32_t bits = 0;
    if (auto read = each_part(text,
                              [&](std::string_view part, const std::string& rest) -> Result<> {
                                  const auto* found = find_bits(part, names);
                                  if (found == nullptr) return bad_parameter(rest);
                                  bits |= found->bits;
                                  return {};
                              });
        !read)
        return read.error();
    return bits;
}

}  // namespace weft::conntrack
