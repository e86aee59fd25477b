#include "control/hook/names.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <strings.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>

#include "control/hook/refusal.hpp"

namespace weft::hook {

namespace {

/// Names that iptables knows without /etc/protocols; the first with a number names it.
struct WellKnown {
    std::string_view name;
    std::uint8_t number;
};
constexpr std::array<WellKnown, 13> well_known{{{"tcp", IPPROTO_TCP},
                                                {"sctp", IPPROTO_SCTP},
                                                {"udp", IPPROTO_UDP},
                                                {"udplite", IPPROTO_UDPLITE},
                                                {"icmp", IPPROTO_ICMP},
                                                {"ipv6-icmp", IPPROTO_ICMPV6},
                                                {"icmpv6", IPPROTO_ICMPV6},
                                                {"esp", IPPROTO_ESP},
                                                {"ah", IPPROTO_AH},
                                                {"mobility-header", IPPROTO_MH},
                                                {"ipv6-mh", IPPROTO_MH},
                                                {"mh", IPPROTO_MH},
                                                {"all", 0}}};

constexpr std::size_t name_buffer = 4096;

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t min, std::uint64_t max,
                                          std::string_view* rest) {
    const std::string copy(text.substr(0, text.find('\0')));
    std::size_t first = 0;
    while (first < copy.size() && std::isspace(static_cast<unsigned char>(copy[first])))
        ++first;
    if (first < copy.size() && copy[first] == '-') return std::nullopt;
    char* end = nullptr;
    errno = 0;
    const unsigned long long value = std::strtoull(copy.c_str(), &end, 0);
    if (end == copy.c_str() || errno == ERANGE || value < min || value > max) return std::nullopt;
    const auto used = static_cast<std::size_t>(end - copy.c_str());
    if (rest)
        *rest = text.substr(used);
    else if (used != text.size())
        return std::nullopt;
    return value;
}

std::optional<std::uint8_t> protocol_number(std::string_view name) {
    if (const auto number = parse_number(name, 0, 255)) return static_cast<std::uint8_t>(*number);
    for (const auto& known : well_known)
        if (known.name == name) return known.number;
    protoent entry{};
    protoent* found = nullptr;
    std::array<char, name_buffer> buffer;
    if (getprotobyname_r(std::string(name).c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 ||
        !found)
        return std::nullopt;
    return static_cast<std::uint8_t>(found->p_proto);
}

std::string protocol_name(std::uint8_t protocol, bool well_known_only) {
    for (const auto& known : well_known)
        if (known.number == protocol) return std::string(known.name);
    if (well_known_only || protocol == 0) return {};
    protoent entry{};
    protoent* found = nullptr;
    std::array<char, name_buffer> buffer;
    if (getprotobynumber_r(protocol, &entry, buffer.data(), buffer.size(), &found) != 0 || !found) return {};
    return found->p_name;
}

std::optional<std::uint16_t> service_port(std::string_view name, std::string_view protocol) {
    if (name.empty()) return std::nullopt;
    servent entry{};
    servent* found = nullptr;
    std::array<char, name_buffer> buffer;
    const std::string wanted(name), by(protocol);
    if (getservbyname_r(wanted.c_str(), by.empty() ? nullptr : by.c_str(), &entry, buffer.data(),
                        buffer.size(), &found) != 0 ||
        !found)
        return std::nullopt;
    return be16::from_raw(static_cast<std::uint16_t>(found->s_port)).host();
}

std::string service_name(std::uint16_t port, std::string_view protocol) {
    servent entry{};
    servent* found = nullptr;
    std::array<char, name_buffer> buffer;
    if (getservbyport_r(be16(port).raw(), std::string(protocol).c_str(), &entry, buffer.data(), buffer.size(),
                        &found) != 0 ||
        !found)
        return {};
    return found->s_name;
}

std::uint16_t parse_port(std::string_view text, std::string_view protocol) {
    if (const auto number = parse_number(text, 0, 0xffff)) return static_cast<std::uint16_t>(*number);
    if (const auto port = service_port(text, protocol)) return *port;
    refuse_parameter("invalid port/service `{}' specified", text);
}

std::string show_port(std::uint16_t port, std::string_view protocol, bool numeric) {
    if (!numeric)
        if (auto name = service_name(port, protocol); !name.empty()) return name;
    return fmt::format("{}", port);
}

Interface parse_interface(std::string_view name, std::string& warnings) {
    if (name.size() > Interface::max_length)
        refuse_parameter("interface name `{}' must be shorter than IFNAMSIZ ({})", name,
                         static_cast<int>(Interface::max_length));
    Interface interface;
    std::memcpy(interface.name.data(), name.data(), name.size());
    if (name.find_first_of("/ ") != std::string_view::npos)
        warnings += fmt::format(
            "Warning: weird character in interface `{}' ('/' and ' ' are not allowed by the kernel).\n",
            name);
    return interface;
}

std::string show_mac(const std::array<std::uint8_t, 6>& mac) {
    return fmt::format("{:02x}", fmt::join(mac, ":"));
}

bool begins(std::string_view name, std::string_view text) noexcept {
    return text.size() <= name.size() && strncasecmp(name.data(), text.data(), text.size()) == 0;
}

void save_string(std::string& out, std::string_view value) {
    constexpr std::string_view plain = "_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    out += ' ';
    if (!value.empty() && value.find_first_not_of(plain) == std::string_view::npos) {
        out += value;
        return;
    }
    out += '"';
    for (const char c : value) {
        if (c == '"' || c == '\\' || c == '\'') out += '\\';
        out += c;
    }
    out += '"';
}

void save_word(std::string& out, std::string_view word) {
    if (!word.empty() && word.find_first_of(" \t\"") == std::string_view::npos) {
        out += ' ';
        out += word;
        return;
    }
    save_string(out, word);
}

}  // namespace weft::hook
