#include "control/set/element.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "control/set/refusal.hpp"

namespace weft::ipset {

namespace {

using hook::Family;

/// A separator counts neither at the beginning nor at the end (ipset_strchr).
std::size_t separator(std::string_view text, char mark) {
    const auto at = text.find(mark);
    return at == 0 || text.ends_with(mark) ? std::string_view::npos : at;
}

/// IPv4 in all forms of inet_aton, as gethostbyname2 takes them. Names are not resolved.
IpAddress parse_address(std::string_view text, Family family) {
    IpAddress address;
    const std::string word(text);
    in_addr v4{};
    const bool good = family == Family::ip ? word.find_first_of(" \t\n") == std::string::npos &&
                                                 inet_aton(word.c_str(), &v4) != 0
                                           : inet_pton(AF_INET6, word.c_str(), address.bytes.data()) == 1;
    if (!good)
        refuse_syntax("cannot parse {}: resolving to {} address failed", text,
                      family == Family::ip ? "IPv4" : "IPv6");
    if (family == Family::ip) std::memcpy(address.bytes.data(), &v4, sizeof v4);
    return address;
}

}  // namespace

std::uint64_t parse_number(std::string_view text, std::uint64_t low, std::uint64_t high) {
    const std::string word(text);
    char* end = nullptr;
    errno = 0;
    const auto number = std::strtoull(word.c_str(), &end, 0);
    if (errno != ERANGE && (end == word.c_str() || *end != '\0'))
        refuse_syntax("'{}' is invalid as number", text);
    if (errno == ERANGE || number < low || number > high)
        refuse_syntax("'{}' is out of range {}-{}", text, low, high);
    return number;
}

Element parse_element(std::string_view text, const Options& options) {
    if (separator(text, ',') != std::string_view::npos)
        refuse_syntax("Elem separator in {}, but settype {} supports none.", text, to_string(options.type));
    const bool v6 = options.family == Family::ip6;
    const auto slash = separator(text, '/'), dash = separator(text, '-');
    constexpr auto none = std::string_view::npos;
    if (v6 && options.type == Type::hash_ip &&
        (dash != none || (slash != none && text.substr(slash) != "/128")))
        refuse_syntax("plain IP address must be supplied: {}", text);
    if (v6 && dash != none) refuse_syntax("IP address or IP/cidr must be specified: {}", text);
    Element element;
    auto first = text;
    if (slash != none) {
        const auto word = text.substr(slash + 1);
        const auto number = parse_number(word, 0, 255);
        if (number > options.whole()) refuse_syntax("'{}' is out of range 0-{}", word, options.whole());
        element.length = static_cast<std::uint8_t>(number);
        first = text.substr(0, slash);
    } else if (dash != none) {
        first = text.substr(0, dash);
    }
    element.address = parse_address(first, options.family);
    if (slash == none && dash != none) element.last = parse_address(text.substr(dash + 1), options.family);
    return element;
}

std::string to_string(const IpAddress& address, Family family) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(family == Family::ip ? AF_INET : AF_INET6, address.bytes.data(), text.data(), text.size());
    return text.data();
}

std::string to_string(const Element& element, Family family) {
    auto text = to_string(element.address, family);
    if (element.last) text += "-" + to_string(*element.last, family);
    if (element.length && *element.length != (family == Family::ip ? 32 : 128))
        text += "/" + std::to_string(*element.length);
    return text;
}

IpAddress cut(IpAddress address, unsigned length) {
    for (unsigned i = 0; i < address.bytes.size(); ++i) {
        const unsigned bits = length > i * 8 ? std::min(8U, length - i * 8) : 0;
        address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & ~(0xffU >> bits));
    }
    return address;
}

std::string_view to_string(Type type) noexcept {
    return type == Type::hash_ip ? "hash:ip" : "hash:net";
}

}  // namespace weft::ipset
