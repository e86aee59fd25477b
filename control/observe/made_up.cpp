#include "control/observe/made_up.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "control/command/types.hpp"
#include "control/model/refusal.hpp"
#include "weft/net/checksum.hpp"
#include "weft/net/ip.hpp"

namespace weft {

namespace {

constexpr MacAddress stranger{{0x02, 0, 0, 0, 0, 0x01}};
constexpr std::size_t least_frame = 60, most_hex = 9022;

using FrameBytes = std::vector<std::byte>;

template <class Header>
void append(FrameBytes& to, const Header& header) {
    const auto* from = reinterpret_cast<const std::byte*>(&header);
    to.insert(to.end(), from, from + sizeof header);
}

std::uint16_t number(const command::Match& match, std::string_view name, std::uint16_t otherwise) {
    const auto* item = match.argument(name);
    return item ? static_cast<std::uint16_t>(*command::parse_unsigned(item->value)) : otherwise;
}

Result<FrameBytes> from_hex(const command::Item& item) {
    FrameBytes bytes;
    std::string digits = item.value;
    std::erase_if(digits, [](char c) { return c == ':' || c == ' ' || c == '-'; });
    if (digits.starts_with("0x")) digits.erase(0, 2);
    if (digits.empty() || digits.size() % 2 || digits.size() / 2 > most_hex)
        return wrong_word(item, fmt::format("1 to {} bytes of two hexadecimal digits", most_hex));
    for (std::size_t i = 0; i < digits.size(); i += 2) {
        unsigned value = 0;
        const auto [end, error] = std::from_chars(&digits[i], &digits[i] + 2, value, 16);
        if (error != std::errc{} || end != &digits[i] + 2) return wrong_word(item, "hexadecimal digits");
        bytes.push_back(std::byte(value));
    }
    return bytes;
}

/// F, S, R, P, A or '.', U, E, W in any order and case, as tcpdump prints them.
Result<std::uint8_t> tcp_flags_of(const command::Item* item) {
    if (!item) return std::uint8_t{0x02};
    constexpr std::string_view letters = "FSRPAUEW";
    std::uint8_t flags = 0;
    for (const char c : item->value) {
        const char upper = c == '.' ? 'A' : static_cast<char>(c & ~0x20);
        const auto at = letters.find(upper);
        if (at == std::string_view::npos) return wrong_word(*item, "TCP flags out of F S R P A U E W");
        flags |= static_cast<std::uint8_t>(1U << at);
    }
    return flags;
}

/// The transport header with a checksum field of zero, and where that field is; no header: empty.
struct Transport {
    std::uint8_t protocol = 59;  // "no next header", RFC 8200 4.7
    FrameBytes bytes;
    std::size_t checksum_at = 0;
};

Result<Transport> transport_of(const command::Match& match, bool v6) {
    Transport made;
    const be16 from{number(match, "SPORT", 0)}, to{number(match, "DPORT", 0)};
    if (match.has("udp")) {
        made.protocol = ip_protocol::udp;
        append(made.bytes, UdpHeader{from, to, be16{0}, be16{0}});
        made.checksum_at = 6;
    } else if (match.has("tcp")) {
        const auto flags = tcp_flags_of(match.argument("FLAGS"));
        if (!flags) return flags.error();
        made.protocol = ip_protocol::tcp;
        append(made.bytes,
               TcpHeader{from, to, be32{1}, be32{0}, 0x50, *flags, be16{65535}, be16{0}, be16{0}});
        made.checksum_at = 16;
    } else if (match.has("icmp")) {
        made.protocol = v6 ? ip_protocol::icmpv6 : ip_protocol::icmp;
        made.bytes.resize(8);
        made.bytes[0] = std::byte(number(match, "TYPE", 8));
        made.checksum_at = 2;
    }
    return made;
}

void set(FrameBytes& at, std::size_t place, be16 value) {
    std::memcpy(&at[place], &value, sizeof value);
}

/// The transport header and zeros up to `room` bytes, its length and checksum right.
void finish(Transport& made, InternetSum sum, std::size_t room) {
    made.bytes.resize(std::max(made.bytes.size(), room));
    if (made.checksum_at == 0) return;
    if (made.protocol == ip_protocol::udp)
        set(made.bytes, 4, be16{static_cast<std::uint16_t>(made.bytes.size())});
    sum.add(made.bytes.data(), made.bytes.size());
    set(made.bytes, made.checksum_at, sum.checksum());
}

std::uint8_t ttl_of(const command::Match& match) {
    return static_cast<std::uint8_t>(number(match, "TTL", 64));
}

Result<FrameBytes> ipv4_packet(const command::Match& match) {
    auto made = transport_of(match, false);
    if (!made) return std::move(made).error();
    Ipv4Header ip{};
    const std::size_t length = std::max<std::size_t>(number(match, "LEN", 0), sizeof ip + made->bytes.size());
    ip.version_ihl = 0x45;
    ip.total_length = be16{static_cast<std::uint16_t>(length)};
    ip.ttl = ttl_of(match);
    ip.protocol = made->protocol;
    std::memcpy(&ip.source, command::parse_address(match.argument("SRC")->value)->bytes.data(), 4);
    std::memcpy(&ip.destination, command::parse_address(match.argument("DST")->value)->bytes.data(), 4);
    ip.checksum = ipv4_checksum(ip);
    const auto rest = length - sizeof ip;
    const bool icmp = made->protocol == ip_protocol::icmp;
    finish(*made, icmp ? InternetSum{} : pseudo_header(ip, ip.protocol, static_cast<std::uint32_t>(rest)),
           rest);
    FrameBytes packet;
    append(packet, ip);
    packet.insert(packet.end(), made->bytes.begin(), made->bytes.end());
    return packet;
}

Result<FrameBytes> ipv6_packet(const command::Match& match) {
    auto made = transport_of(match, true);
    if (!made) return std::move(made).error();
    Ipv6Header ip{};
    const std::size_t length = std::max<std::size_t>(number(match, "LEN", 0), sizeof ip + made->bytes.size());
    const auto rest = length - sizeof ip;
    ip.version_class_flow = be32{0x60000000};
    ip.payload_length = be16{static_cast<std::uint16_t>(rest)};
    ip.next_header = made->protocol;
    ip.hop_limit = ttl_of(match);
    ip.source = command::parse_address(match.argument("SRC6")->value)->bytes;
    ip.destination = command::parse_address(match.argument("DST6")->value)->bytes;
    finish(*made, pseudo_header(ip, ip.next_header, static_cast<std::uint32_t>(rest)), rest);
    FrameBytes packet;
    append(packet, ip);
    packet.insert(packet.end(), made->bytes.begin(), made->bytes.end());
    return packet;
}

}  // namespace

Result<std::vector<std::byte>> made_up_frame(const command::Match& match, const MacAddress& to) {
    if (const auto* hex = match.argument("BYTES")) return from_hex(*hex);
    const bool v6 = match.has("ip6");
    auto packet = v6 ? ipv6_packet(match) : ipv4_packet(match);
    if (!packet) return std::move(packet).error();
    EthernetHeader ethernet{
        .destination = to, .source = stranger, .type = be16{v6 ? ether_type::ipv6 : ether_type::ipv4}};
    if (const auto* destination = match.argument("EDST"))
        ethernet.destination = *parse_mac(destination->value);
    if (const auto* source = match.argument("ESRC")) ethernet.source = *parse_mac(source->value);
    FrameBytes frame;
    if (match.has("vlan")) {
        const be16 type = ethernet.type;
        ethernet.type = be16{ether_type::vlan};
        append(frame, ethernet);
        append(frame, be16{number(match, "VID", 0)});
        append(frame, type);
    } else {
        append(frame, ethernet);
    }
    frame.insert(frame.end(), packet->begin(), packet->end());
    frame.resize(std::max(frame.size(), least_frame));
    return frame;
}

}  // namespace weft
