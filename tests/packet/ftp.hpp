// A control connection of FTP, segment by segment, as a translator's two sides see it.
#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "dataplane/flow/tcp.hpp"
#include "tests/packet/nat.hpp"

namespace weft::test {

inline constexpr std::uint8_t SYN = tcp_flag::syn, ACK = tcp_flag::ack, PSH = tcp_flag::psh;

inline Bytes text(const std::string& words) {
    return {words.begin(), words.end()};
}

struct Side {
    std::string address;
    unsigned port;
};
struct Say {
    std::uint8_t flags = ACK;
    std::uint32_t seq = 0, ack = 0;
    std::string words{};
    Bytes options{};
};
inline Ip segment(const Side& from, const Side& to, const Say& say) {
    Bytes bytes;
    const auto put16 = [&](unsigned value) {
        bytes.push_back(static_cast<std::uint8_t>(value >> 8));
        bytes.push_back(static_cast<std::uint8_t>(value));
    };
    put16(from.port);
    put16(to.port);
    for (const std::uint32_t number : {say.seq, say.ack}) {
        put16(number >> 16);
        put16(number & 0xffff);
    }
    bytes.push_back(static_cast<std::uint8_t>((20 + say.options.size()) / 4 << 4));
    bytes.push_back(say.flags);
    put16(0x4000);
    put16(0);
    put16(0);
    bytes.insert(bytes.end(), say.options.begin(), say.options.end());
    const Bytes words = text(say.words);
    bytes.insert(bytes.end(), words.begin(), words.end());
    return Ip(from.address, to.address).payload(bytes).protocol(6).summed();
}
inline Bytes forwarded(Ip ip) {
    return ip.ttl(63).bytes();
}
/// A client of FTP and its server, each by the port of the router before it. `seen`: as the other side knows
/// it, where it is translated.
struct Ftp {
    std::reference_wrapper<NatLab> lab;
    const char *client_port, *server_port;
    Side client, server, client_seen, server_seen;

    using Packets = std::vector<Bytes>;
    Packets to_server(const Say& say) {
        return lab.get().pass(client_port, segment(client, server_seen, say), server_port);
    }
    Packets to_client(const Say& say) {
        return lab.get().pass(server_port, segment(server, client_seen, say), client_port);
    }
    Packets at_server(const Say& say) const { return {forwarded(segment(client_seen, server, say))}; }
    Packets at_client(const Say& say) const { return {forwarded(segment(server_seen, client, say))}; }

    /// Up to the first lines of both, which end at 1009 and 5009.
    void open() {
        EXPECT_EQ(to_server({SYN, 1000}), at_server({SYN, 1000}));
        EXPECT_EQ(to_client({SYN | ACK, 5000, 1001}), at_client({SYN | ACK, 5000, 1001}));
        EXPECT_EQ(to_server({ACK, 1001, 5001}).size(), 1u);
        EXPECT_EQ(to_client({PSH | ACK, 5001, 1001, "220 hi\r\n"}).size(), 1u);
        EXPECT_EQ(to_server({PSH | ACK, 1001, 5009, "USER a\r\n"}).size(), 1u);
    }
};

}  // namespace weft::test
