// Datagrams of ip_frame.hpp in fragments.
#pragma once

#include "tests/support/ip_frame.hpp"

namespace weft::test {

/// What follows the IP header of a datagram without extension headers.
inline Bytes body_of(const Ip& whole) {
    Bytes bytes = whole.bytes();
    bytes.erase(bytes.begin(), bytes.begin() + (whole.v6() ? 40 : 20));
    return bytes;
}

/// Bytes `from` to `to` of this body, under the header of `ip`, whose protocol is the body's.
inline Ip piece_of(Ip ip, const Bytes& body, std::size_t from, std::size_t to, std::uint8_t id) {
    const bool more = to < body.size();
    const auto at = [&](std::size_t n) { return body.begin() + static_cast<std::ptrdiff_t>(n); };
    ip.id(id).payload(Bytes(at(from), at(to)));
    if (ip.v6())
        ip.extension(44, {0, 0, static_cast<std::uint8_t>(from >> 8),
                          static_cast<std::uint8_t>((from & 0xf8) | (more ? 1 : 0)), 0, 0, 0, id});
    else
        ip.fragment(from, more);
    return ip;
}

/// A datagram without extension headers in pieces that end at these bytes of its body, and the rest.
inline std::vector<Ip> cut_at(const Ip& whole, const std::vector<std::size_t>& ends, std::uint8_t id) {
    const Bytes body = body_of(whole);
    std::vector<Ip> pieces;
    std::size_t from = 0;
    for (const std::size_t end : ends) {
        pieces.push_back(piece_of(whole, body, from, end, id));
        from = end;
    }
    pieces.push_back(piece_of(whole, body, from, body.size(), id));
    return pieces;
}

}  // namespace weft::test
