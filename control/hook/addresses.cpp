#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstring>
#include <fstream>
#include <sstream>

#include "control/hook/names.hpp"
#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

constexpr std::size_t longest_host_name = 255;

unsigned address_bits(Family family) {
    return family == Family::ip ? 32 : 128;
}

/// As iptables reads IPv4: each byte in any of C's bases, the missing last ones are 0 unless it is a mask.
std::optional<IpAddress> dotted(std::string_view text, bool is_mask) {
    IpAddress address;
    for (std::size_t i = 0; i < 4; ++i) {
        const auto dot = i < 3 ? text.find('.') : std::string_view::npos;
        if (i < 3 && dot == std::string_view::npos && is_mask) return std::nullopt;
        const auto byte = parse_number(text.substr(0, dot), 0, 255);
        if (!byte) return std::nullopt;
        address.bytes[i] = static_cast<std::uint8_t>(*byte);
        if (dot == std::string_view::npos) return address;
        text.remove_prefix(dot + 1);
    }
    return address;
}

std::vector<IpAddress> host_or_network(Family family, const std::string& name) {
    if (const auto address = parse_address(family, name)) return {*address};
    if (const auto address = parse_host_address(family, name)) return {*address};
    auto found = host_addresses(family, name);
    if (found.empty()) refuse_parameter("host/network `{}' not found", name);
    return found;
}

}  // namespace

std::optional<IpAddress> parse_strict_address(Family family, std::string_view text) {
    IpAddress address;
    const std::string copy(text.substr(0, text.find('\0')));
    const int kind = family == Family::ip ? AF_INET : AF_INET6;
    if (copy.size() != text.size() || inet_pton(kind, copy.c_str(), address.bytes.data()) != 1)
        return std::nullopt;
    return address;
}

std::optional<IpAddress> parse_host_address(Family family, std::string_view text) {
    if (family == Family::ip6) return parse_strict_address(family, text);
    const std::string copy(text);
    in_addr address{};
    const bool odd = text.find('\0') != std::string_view::npos ||
                     std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c); });
    if (odd || inet_aton(copy.c_str(), &address) == 0) return std::nullopt;
    IpAddress found;
    std::memcpy(found.bytes.data(), &address, sizeof address);
    return found;
}

std::optional<IpAddress> parse_address(Family family, std::string_view text) {
    return family == Family::ip ? dotted(text, false) : parse_strict_address(family, text);
}

IpAddress mask_of(Family, unsigned length) {
    IpAddress mask;
    for (std::size_t i = 0; length > 0; ++i) {
        const unsigned here = std::min(length, 8U);
        mask.bytes[i] = static_cast<std::uint8_t>(0xff00U >> here);
        length -= here;
    }
    return mask;
}

std::optional<unsigned> mask_length(Family family, const IpAddress& mask) {
    unsigned length = 0;
    for (const auto byte : mask.bytes)
        length += static_cast<unsigned>(std::popcount(byte));
    if (mask != mask_of(family, length)) return std::nullopt;
    return length;
}

IpAddress parse_mask(Family family, std::string_view text) {
    const auto address = family == Family::ip ? dotted(text, true) : parse_strict_address(family, text);
    if (address) return *address;
    const auto length = parse_number(text, 0, address_bits(family));
    if (!length) refuse_parameter("invalid mask `{}' specified", text);
    return mask_of(family, static_cast<unsigned>(*length));
}

std::vector<Prefix> parse_prefixes(Family family, std::string_view text) {
    std::vector<Prefix> prefixes;
    for (bool more = true; more;) {
        while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())))
            text.remove_prefix(1);
        const auto comma = text.find(',');
        more = comma != std::string_view::npos;
        const auto item = text.substr(0, comma);
        if (more) text.remove_prefix(comma + 1);
        if (item.size() > longest_host_name) refuse_parameter("Hostname too long");
        const auto slash = item.rfind('/');
        const auto mask = slash == std::string_view::npos ? mask_of(family, address_bits(family))
                                                          : parse_mask(family, item.substr(slash + 1));
        const auto found = mask == IpAddress{} ? std::vector<IpAddress>(1)
                                               : host_or_network(family, std::string(item.substr(0, slash)));
        for (const auto& address : found) {
            auto& prefix = prefixes.emplace_back(Prefix{address, mask});
            for (std::size_t i = 0; i < prefix.address.bytes.size(); ++i)
                prefix.address.bytes[i] &= mask.bytes[i];
        }
    }
    return prefixes;
}

std::string show_address(Family family, const IpAddress& address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family == Family::ip ? AF_INET : AF_INET6, address.bytes.data(), text.data(), text.size());
    return text.data();
}

std::string show_mask(Family family, const IpAddress& mask) {
    const auto length = mask_length(family, mask);
    if (!length) return "/" + show_address(family, mask);
    return *length == address_bits(family) ? std::string() : fmt::format("/{}", *length);
}

std::vector<IpAddress> host_addresses(Family family, const std::string& name) {
    std::vector<IpAddress> found;
    if (name.empty()) return found;
    std::ifstream file("/etc/hosts");
    for (std::string line; std::getline(file, line);) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string address, alias;
        words >> address;
        while (words >> alias)
            if (alias.size() == name.size() && begins(alias, name))
                if (const auto parsed = parse_strict_address(family, address);
                    parsed && std::find(found.begin(), found.end(), *parsed) == found.end())
                    found.push_back(*parsed);
    }
    return found;
}

}  // namespace weft::hook
