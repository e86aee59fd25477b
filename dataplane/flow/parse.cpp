#include "dataplane/flow/parse.hpp"

#include <algorithm>

#include "dataplane/flow/gre.hpp"
#include "weft/net/extension.hpp"

namespace weft {

namespace {

template <class T>
T read(const std::byte* at) noexcept {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

struct Ports {
    be16 source, destination;
};
std::optional<Ports> ports_of(const L4View& l4) noexcept {
    const std::uint32_t there = std::min(l4.head, l4.length);
    if (ip_protocol::has_ports(l4.protocol)) {
        if (there < 4) return std::nullopt;
        return Ports{read<be16>(l4.data), read<be16>(l4.data + 2)};
    }
    if (ip_protocol::is_icmp(l4.protocol)) {
        if (there < 8) return std::nullopt;
        return Ports{read<be16>(l4.data + 4), read<be16>(l4.data)};
    }
    if (l4.protocol == ip_protocol::gre) {
        const auto keys = gre_keys(l4);
        if (!keys) return std::nullopt;
        return Ports{keys->source, keys->destination};
    }
    return Ports{};
}

}  // namespace

std::optional<L4View> find_l4(const Ipv4Header& ip, std::uint32_t head, bool quoted) noexcept {
    constexpr std::uint16_t offset_mask = 0x1fff;
    if (head < sizeof ip) return std::nullopt;
    const std::uint32_t size = ip.header_size(), total = quoted ? head : ip.total_length.host();
    if (size < sizeof ip || head < size || total < size) return std::nullopt;
    if (ip.fragment.host() & offset_mask) return std::nullopt;
    constexpr std::uint16_t more_fragments = 0x2000;
    const bool fragment = ip.fragment.host() & more_fragments;
    const auto* bytes = reinterpret_cast<const std::byte*>(&ip);
    return L4View{bytes + size, std::min(head, total) - size, total - size, ip.protocol, fragment};
}

std::optional<L4View> find_l4(const Ipv6Header& ip, std::uint32_t head, bool quoted) noexcept {
    if (head < sizeof ip) return std::nullopt;
    const auto* bytes = reinterpret_cast<const std::byte*>(&ip);
    const std::uint32_t total =
        quoted ? head : static_cast<std::uint32_t>(sizeof ip) + ip.payload_length.host();
    const std::uint32_t end = std::min(head, total);
    const Header6 found = find_header6(bytes, end);
    if (found.end != Header6::End::found || found.type == ip_protocol::no_next_header || found.at > end)
        return std::nullopt;
    return L4View{bytes + found.at, end - found.at, total - found.at, found.type, (found.fragment & 1) != 0};
}

bool read_tuple(const Ipv4Header& ip, const L4View& l4, Tuple4& tuple) noexcept {
    const auto ports = ports_of(l4);
    if (ports) tuple = tuple_from(ip.source, ip.destination, ports->source, ports->destination);
    return ports.has_value();
}
bool read_tuple(const Ipv6Header& ip, const L4View& l4, Tuple6& tuple) noexcept {
    const auto ports = ports_of(l4);
    if (ports) tuple = tuple_from(ip.source, ip.destination, ports->source, ports->destination);
    return ports.has_value();
}

}  // namespace weft
