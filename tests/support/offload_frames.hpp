// TCP and UDP frames for offload tests, and a second opinion on them: builders and checks that work on single
// bytes in network order and share no code with include/weft/net.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace weft::test {

using Frame = std::vector<std::uint8_t>;

inline void put16(Frame& f, std::size_t at, unsigned v) {
    f[at] = static_cast<std::uint8_t>(v >> 8);
    f[at + 1] = static_cast<std::uint8_t>(v);
}
inline unsigned get16(const Frame& f, std::size_t at) {
    return f[at] << 8 | f[at + 1];
}
inline std::uint32_t get32(const Frame& f, std::size_t at) {
    return get16(f, at) << 16 | get16(f, at + 2);
}

/// The sum of RFC 1071, one pair of bytes after the other.
inline unsigned naive_sum(const Frame& f, std::size_t from, std::size_t to, unsigned sum = 0) {
    for (std::size_t i = from; i < to; i += 2) {
        sum += f[i] << 8 | (i + 1 < to ? f[i + 1] : 0);
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

/// What to build. Addresses and ports are fixed: 192.0.2.1 > 198.51.100.9, 2001:db8::1 > 2001:db8::9, 4660
/// > 80.
struct FrameSpec {
    std::vector<std::pair<unsigned, unsigned>> tags{};  ///< TPID and TCI, outermost first
    bool ipv6 = false;
    bool udp = false;
    std::size_t payload = 0;      ///< bytes, counting up modulo 251
    std::size_t ip_options = 0;   ///< bytes of NOP, IPv4
    std::size_t tcp_options = 0;  ///< bytes of NOP
    std::size_t extensions = 0;   ///< IPv6 destination option headers of 8 bytes
    unsigned tcp_flags = 0x10;    ///< ACK
    unsigned ip_id = 0xfffe;      ///< the third segment's wraps
    std::uint32_t sequence = 0xffff'ff00;
};

/// The frame, with the pseudo-header's sum in the checksum field, and where its parts begin.
struct BuiltFrame {
    Frame bytes;
    std::uint16_t l3;
    std::uint16_t l4;
    std::uint16_t payload;
    std::uint16_t checksum_offset;
};

inline BuiltFrame build(const FrameSpec& spec) {
    Frame f{0x02, 0, 0, 0, 0, 0x09, 0x02, 0, 0, 0, 0, 0x01};
    const auto add16 = [&f](unsigned v) {
        f.push_back(static_cast<std::uint8_t>(v >> 8));
        f.push_back(static_cast<std::uint8_t>(v));
    };
    for (const auto& [tpid, tci] : spec.tags) {
        add16(tpid);
        add16(tci);
    }
    add16(spec.ipv6 ? 0x86dd : 0x0800);
    BuiltFrame built{};
    built.l3 = static_cast<std::uint16_t>(f.size());
    const unsigned protocol = spec.udp ? 17 : 6;
    const std::size_t l4_header = spec.udp ? 8 : 20 + spec.tcp_options;
    const std::size_t l4_length = l4_header + spec.payload;
    unsigned pseudo = protocol + static_cast<unsigned>(l4_length);
    if (spec.ipv6) {
        add16(0x6123);
        add16(0x4567);
        add16(static_cast<unsigned>(l4_length + 8 * spec.extensions));
        f.push_back(static_cast<std::uint8_t>(spec.extensions ? 60 : protocol));
        f.push_back(61);
        for (const unsigned last : {1u, 9u})
            for (const unsigned word : {0x2001u, 0xdb8u, 0u, 0u, 0u, 0u, 0u, last})
                add16(word);
        pseudo = naive_sum(f, built.l3 + 8u, built.l3 + 40u, pseudo);
        for (std::size_t i = spec.extensions; i--;) {
            f.push_back(static_cast<std::uint8_t>(i ? 60 : protocol));
            f.insert(f.end(), {0, 1, 4, 0, 0, 0, 0});
        }
    } else {
        f.push_back(static_cast<std::uint8_t>(0x45 + spec.ip_options / 4));
        f.push_back(0x02);
        add16(static_cast<unsigned>(20 + spec.ip_options + l4_length));
        add16(spec.ip_id);
        add16(0x4000);
        f.push_back(61);
        f.push_back(static_cast<std::uint8_t>(protocol));
        add16(0);
        f.insert(f.end(), {192, 0, 2, 1, 198, 51, 100, 9});
        f.insert(f.end(), spec.ip_options, 1);
        put16(f, built.l3 + 10u, ~naive_sum(f, built.l3, f.size()) & 0xffff);
        pseudo = naive_sum(f, built.l3 + 12u, built.l3 + 20u, pseudo);
    }
    built.l4 = static_cast<std::uint16_t>(f.size());
    add16(4660);
    add16(80);
    if (spec.udp) {
        add16(static_cast<unsigned>(l4_length));
        add16(pseudo);
        built.checksum_offset = 6;
    } else {
        add16(spec.sequence >> 16);
        add16(spec.sequence & 0xffff);
        add16(0x1122);
        add16(0x3344);
        f.push_back(static_cast<std::uint8_t>((20 + spec.tcp_options) / 4 << 4));
        f.push_back(static_cast<std::uint8_t>(spec.tcp_flags));
        add16(0x2000);
        add16(pseudo);
        add16(0);
        f.insert(f.end(), spec.tcp_options, 1);
        built.checksum_offset = 16;
    }
    built.payload = static_cast<std::uint16_t>(f.size());
    for (std::size_t i = 0; i < spec.payload; ++i)
        f.push_back(static_cast<std::uint8_t>(i % 251));
    built.bytes = std::move(f);
    return built;
}

/// What is wrong with a TCP or UDP frame: tags, lengths, IPv4 header checksum, transport checksum. Empty:
/// nothing.
inline std::string fault_of(const Frame& f) {
    std::size_t l3 = 14;
    while (l3 + 4 <= f.size() && (get16(f, l3 - 2) == 0x8100 || get16(f, l3 - 2) == 0x88a8))
        l3 += 4;
    const unsigned type = get16(f, l3 - 2);
    std::size_t l4;
    unsigned protocol;
    unsigned pseudo;
    if (type == 0x0800) {
        if (f.size() < l3 + 20) return "no IPv4 header";
        l4 = l3 + (f[l3] & 15) * 4u;
        if (get16(f, l3 + 2) != f.size() - l3) return "IPv4 total length";
        if (naive_sum(f, l3, l4) != 0xffff) return "IPv4 header checksum";
        protocol = f[l3 + 9];
        pseudo = naive_sum(f, l3 + 12, l3 + 20);
    } else if (type == 0x86dd) {
        if (f.size() < l3 + 40) return "no IPv6 header";
        if (get16(f, l3 + 4) != f.size() - l3 - 40) return "IPv6 payload length";
        protocol = f[l3 + 6];
        l4 = l3 + 40;
        while (protocol == 0 || protocol == 43 || protocol == 60) {
            protocol = f.at(l4);
            l4 += 8u + f.at(l4 + 1) * 8u;
        }
        pseudo = naive_sum(f, l3 + 8, l3 + 40);
    } else {
        return "not IP";
    }
    if (protocol == 17 && get16(f, l4 + 4) != f.size() - l4) return "UDP length";
    if (protocol == 17 && get16(f, l4 + 6) == 0) return "UDP checksum missing";
    if (protocol != 6 && protocol != 17) return "not TCP or UDP";
    pseudo += protocol + static_cast<unsigned>(f.size() - l4);
    pseudo = (pseudo & 0xffff) + (pseudo >> 16);
    return naive_sum(f, l4, f.size(), pseudo) == 0xffff ? "" : "transport checksum";
}

}  // namespace weft::test
