#include "control/command/types.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace weft::command {

namespace {

using std::string_view;

bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

template <class Number>
struct Range {
    Number low = std::numeric_limits<Number>::min(), high = std::numeric_limits<Number>::max();
};

/// "LOW..HIGH"; empty: 32 bits.
std::optional<Range<std::uint64_t>> unsigned_range(string_view parameter) {
    if (parameter.empty()) return Range<std::uint64_t>{0, std::numeric_limits<std::uint32_t>::max()};
    const auto dots = parameter.find("..");
    if (dots == string_view::npos) return std::nullopt;
    const auto low = parse_unsigned(parameter.substr(0, dots)),
               high = parse_unsigned(parameter.substr(dots + 2));
    if (!low || !high || *low > *high) return std::nullopt;
    return Range<std::uint64_t>{*low, *high};
}

std::optional<Range<std::int64_t>> signed_range(string_view parameter) {
    if (parameter.empty())
        return Range<std::int64_t>{std::numeric_limits<std::int32_t>::min(),
                                   std::numeric_limits<std::int32_t>::max()};
    const auto dots = parameter.find("..");
    if (dots == string_view::npos) return std::nullopt;
    const auto low = parse_signed(parameter.substr(0, dots)), high = parse_signed(parameter.substr(dots + 2));
    if (!low || !high || *low > *high) return std::nullopt;
    return Range<std::int64_t>{*low, *high};
}

bool accepts_unsigned(string_view word, string_view parameter) {
    const auto range = unsigned_range(parameter);
    const auto number = parse_unsigned(word);
    return number && *number >= range->low && *number <= range->high;
}

bool accepts_signed(string_view word, string_view parameter) {
    const auto range = signed_range(parameter);
    const auto number = parse_signed(word);
    return number && *number >= range->low && *number <= range->high;
}

std::string describe_unsigned(string_view parameter) {
    const auto range = unsigned_range(parameter);
    return fmt::format("a number from {} to {}", range->low, range->high);
}

std::string describe_signed(string_view parameter) {
    const auto range = signed_range(parameter);
    return fmt::format("a number from {} to {}", range->low, range->high);
}

/// One to four bytes separated by dots, in any base; what is missing is zero.
bool read_ipv4(string_view text, std::array<std::uint8_t, 16>& bytes) {
    for (std::size_t part = 0; part < 4; ++part) {
        const auto dot = text.find('.');
        const auto number = parse_unsigned(text.substr(0, dot));
        if (!number || *number > 255) return false;
        bytes[part] = static_cast<std::uint8_t>(*number);
        if (dot == string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
    return false;
}

/// Prefix length of a contiguous netmask.
std::optional<unsigned> mask_length(string_view text) {
    std::array<std::uint8_t, 16> bytes{};
    if (std::count(text.begin(), text.end(), '.') != 3 || !read_ipv4(text, bytes)) return std::nullopt;
    const std::uint32_t mask = std::uint32_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
    if (~mask & (~mask + 1)) return std::nullopt;
    return static_cast<unsigned>(__builtin_popcount(mask));
}

bool is_name(string_view word) {
    return !word.empty() && word.size() <= 63 && std::none_of(word.begin(), word.end(), [](char c) {
        return is_blank(c) || c == '/' || static_cast<unsigned char>(c) < ' ';
    });
}

/// As taskset -c: 0,2-5,8-15:2.
bool is_cpu_list(string_view word) {
    while (true) {
        const auto comma = word.find(',');
        auto item = word.substr(0, comma);
        if (const auto colon = item.find(':'); colon != string_view::npos) {
            const auto stride = parse_unsigned(item.substr(colon + 1));
            if (!stride || *stride == 0) return false;
            item = item.substr(0, colon);
        }
        const auto dash = item.find('-');
        const auto first = parse_unsigned(item.substr(0, dash));
        const auto last = dash == string_view::npos ? first : parse_unsigned(item.substr(dash + 1));
        if (!first || !last || *first > *last || *last > 1023) return false;
        if (comma == string_view::npos) return true;
        word.remove_prefix(comma + 1);
    }
}

/// A string as a template argument.
template <std::size_t Size>
struct Literal {
    char text[Size];
    constexpr Literal(const char (&literal)[Size]) { std::copy_n(literal, Size, text); }
};

template <Literal literal>
std::string sentence(string_view) {
    return literal.text;
}

/// Which names completion offers.
bool is_kind_of_name(string_view parameter) {
    constexpr string_view kinds[] = {"", "port", "bridge", "member", "tuntap", "new", "foreign"};
    return std::find(std::begin(kinds), std::end(kinds), parameter) != std::end(kinds);
}

bool no_parameter(string_view parameter) {
    return parameter.empty();
}

const Type types[] = {
    {"ifname", [](string_view word, string_view) { return is_interface_name(word); },
     sentence<"an interface name (1 to 15 characters, no '/', ':', '%' or blank)">, is_kind_of_name},
    {"name", [](string_view word, string_view) { return is_name(word); }, sentence<"a name">, no_parameter},
    {"mac", [](string_view word, string_view) { return parse_mac(word).has_value(); },
     sentence<"a MAC address like 02:00:00:00:00:01">, no_parameter},
    {"ip4",
     [](string_view word, string_view) {
         const auto address = parse_address(word);
         return address && !address->v6;
     },
     sentence<"an IPv4 address">, no_parameter},
    {"ip6",
     [](string_view word, string_view) {
         const auto address = parse_address(word);
         return address && address->v6;
     },
     sentence<"an IPv6 address">, no_parameter},
    {"ip", [](string_view word, string_view) { return parse_address(word).has_value(); },
     sentence<"an IP address">, no_parameter},
    {"prefix", [](string_view word, string_view) { return parse_prefix(word).has_value(); },
     sentence<"an address with its prefix length like 10.0.0.1/24">, no_parameter},
    {"destination",
     [](string_view word, string_view) {
         return word == "default" || word == "any" || word == "all" || parse_prefix(word).has_value();
     },
     sentence<"a destination like 10.0.0.0/8 or default">, no_parameter},
    {"uint", accepts_unsigned, describe_unsigned,
     [](string_view p) { return unsigned_range(p).has_value(); }},
    {"int", accepts_signed, describe_signed, [](string_view p) { return signed_range(p).has_value(); }},
    {"hex", [](string_view word, string_view) { return parse_unsigned(word).has_value(); },
     sentence<"a number like 255 or 0xff">, no_parameter},
    {"mask", [](string_view word, string_view) { return accepts_unsigned(word, "0..65535"); },
     sentence<"a mask of 16 bits like 0x8">, no_parameter},
    {"bool01", [](string_view word, string_view) { return word == "0" || word == "1"; }, sentence<"0 or 1">,
     no_parameter},
    {"onoff", [](string_view word, string_view) { return word == "on" || word == "off"; },
     sentence<"on or off">, no_parameter},
    {"onoff01", [](string_view word, string_view) { return parse_switch(word).has_value(); },
     sentence<"on or off">, no_parameter},
    {"vid", [](string_view word, string_view) { return accepts_unsigned(word, "1..4094"); },
     sentence<"a VLAN from 1 to 4094">, no_parameter},
    {"vidrange", [](string_view word, string_view) { return parse_vid_range(word).has_value(); },
     sentence<"a VLAN from 1 to 4094 or a range like 10-20">, no_parameter},
    {"vlanproto", [](string_view word, string_view) { return parse_vlan_protocol(word).has_value(); },
     sentence<"802.1Q or 802.1ad">, no_parameter},
    {"path", [](string_view word, string_view) { return !word.empty(); }, sentence<"a path">, no_parameter},
    {"text", [](string_view, string_view) { return true; }, sentence<"any text">, no_parameter},
    {"word", [](string_view word, string_view) { return !word.empty() && word.front() != '-'; },
     sentence<"a word without a leading '-'">, no_parameter},
    {"assignment",
     [](string_view word, string_view) { return word.find('=') != string_view::npos && word.front() != '-'; },
     sentence<"NAME=VALUE">, no_parameter},
    {"cpu", [](string_view word, string_view) { return accepts_unsigned(word, "0..1023"); },
     sentence<"a CPU number">, no_parameter},
    {"cpulist", [](string_view word, string_view) { return is_cpu_list(word); },
     sentence<"CPU numbers like 1,3-5">, no_parameter},
};

}  // namespace

const Type* find_type(string_view name) noexcept {
    const auto* type =
        std::find_if(std::begin(types), std::end(types), [&](const Type& t) { return t.name == name; });
    return type == std::end(types) ? nullptr : type;
}

std::optional<std::uint64_t> parse_unsigned(string_view text) noexcept {
    int base = 10;
    if (text.size() > 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
        base = 16;
        text.remove_prefix(2);
    } else if (text.size() > 1 && text[0] == '0') {
        base = 8;
    }
    std::uint64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number, base);
    if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
    return number;
}

std::optional<std::int64_t> parse_signed(string_view text) noexcept {
    const bool negative = !text.empty() && text.front() == '-';
    if (!text.empty() && (negative || text.front() == '+')) text.remove_prefix(1);
    const auto number = parse_unsigned(text);
    constexpr auto limit = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (!number || *number > limit) return std::nullopt;
    return negative ? -static_cast<std::int64_t>(*number) : static_cast<std::int64_t>(*number);
}

std::optional<bool> parse_switch(string_view text) noexcept {
    if (text == "on" || text == "1") return true;
    if (text == "off" || text == "0") return false;
    return std::nullopt;
}

std::optional<IpPrefix> parse_address(string_view text) {
    IpPrefix address;
    if (text.find(':') != string_view::npos) {
        address.v6 = true;
        address.length = 128;
        if (text.size() > 63 || inet_pton(AF_INET6, std::string(text).c_str(), address.bytes.data()) != 1)
            return std::nullopt;
        return address;
    }
    address.length = 32;
    if (!read_ipv4(text, address.bytes)) return std::nullopt;
    return address;
}

std::optional<IpPrefix> parse_prefix(string_view text) {
    const auto slash = text.find('/');
    auto prefix = parse_address(text.substr(0, slash));
    if (!prefix || slash == string_view::npos) return prefix;
    const auto behind = text.substr(slash + 1);
    auto length = parse_unsigned(behind);
    if (!length && !prefix->v6) {
        const auto mask = mask_length(behind);
        if (mask) length = *mask;
    }
    if (!length || *length > prefix->length) return std::nullopt;
    prefix->length = static_cast<unsigned>(*length);
    prefix->length_given = true;
    return prefix;
}

IpPrefix first_of(IpPrefix prefix) noexcept {
    for (unsigned bit = prefix.length; bit < (prefix.v6 ? 128u : 32u); ++bit)
        prefix.bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
    return prefix;
}

IpPrefix last_of(IpPrefix prefix) noexcept {
    for (unsigned bit = prefix.length; bit < (prefix.v6 ? 128u : 32u); ++bit)
        prefix.bytes[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
    return prefix;
}

std::string to_string(const IpPrefix& prefix, bool address_only) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(prefix.v6 ? AF_INET6 : AF_INET, prefix.bytes.data(), text.data(), text.size());
    return address_only ? std::string(text.data()) : fmt::format("{}/{}", text.data(), prefix.length);
}

std::optional<VidRange> parse_vid_range(string_view text) noexcept {
    const auto dash = text.find('-');
    const auto first = parse_unsigned(text.substr(0, dash));
    const auto last = dash == string_view::npos ? first : parse_unsigned(text.substr(dash + 1));
    if (!first || !last || *first < 1 || *last > 4094 || *first > *last) return std::nullopt;
    return VidRange{static_cast<std::uint16_t>(*first), static_cast<std::uint16_t>(*last)};
}

std::optional<std::uint16_t> parse_vlan_protocol(string_view text) noexcept {
    const auto equals = [&](string_view name) {
        return text.size() == name.size() && strncasecmp(text.data(), name.data(), name.size()) == 0;
    };
    if (equals("802.1Q")) return ether_type::vlan;
    if (equals("802.1ad")) return ether_type::service_vlan;
    const auto number = parse_unsigned(text);
    if (!number || *number > 0xffff || !is_vlan_tpid(static_cast<std::uint16_t>(*number)))
        return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

bool is_interface_name(string_view text) noexcept {
    if (text.empty() || text.size() > 15 || text == "." || text == "..") return false;
    return std::none_of(text.begin(), text.end(), [](char c) {
        return c == '/' || c == ':' || c == '%' || c == '\0' || is_blank(c) || c == '\xa0';
    });
}

}  // namespace weft::command
