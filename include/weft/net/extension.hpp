// The way along IPv6's extension headers (RFC 8200 4, RFC 4302 2.2), as ipv6_find_hdr and ipv6_skip_exthdr go
// it (net/ipv6/exthdrs_core.c). Those two differ in what they make of its end, and so do who asks here.
#pragma once

#include <cstdint>

#include "weft/net/ip.hpp"

namespace weft {

/// Hop-by-hop, routing, fragment, authentication and destination options.
[[nodiscard]] constexpr bool is_extension6(std::uint8_t type) noexcept {
    constexpr auto bit = [](std::uint8_t of) { return std::uint64_t{1} << of; };
    constexpr std::uint64_t all = bit(ip_protocol::hop_by_hop) | bit(ip_protocol::routing) |
                                  bit(ip_protocol::fragment) | bit(ip_protocol::authentication) |
                                  bit(ip_protocol::destination_options);
    return type < 64 && (all >> type & 1) != 0;
}

/// Bytes of the extension header of this type whose second byte is `length`.
[[nodiscard]] constexpr std::uint32_t extension6_size(std::uint8_t type, std::uint8_t length) noexcept {
    if (type == ip_protocol::fragment) return 8;
    return type == ip_protocol::authentication ? (length + 2u) * 4 : (length + 1u) * 8;
}

/// Where such a way ended.
struct Header6 {
    enum class End : std::uint8_t {
        found,           ///< at the header wanted, or at the first that is no extension header
        cut_off,         ///< at an extension header whose length cannot be read
        later_fragment,  ///< at the fragment header of a fragment that is not the first: none follows
    };
    End end;
    std::uint8_t type;           ///< of the header there
    std::uint32_t at;            ///< bytes from the IPv6 header on; may be more than there are
    std::uint32_t type_at = 6;   ///< where its type stands, in the header before it
    std::uint16_t fragment = 0;  ///< the word of offset and flags of the fragment header met last; 0: none
};

inline constexpr int upper_layer = -1;

/// From an IPv6 header, of which `readable` bytes (at least its own 40) can be read, to the first header of
/// the type `wanted` (upper_layer: to the first that is no extension header).
[[nodiscard]] inline Header6 find_header6(const void* ip, std::uint32_t readable,
                                          int wanted = upper_layer) noexcept {
    const auto* bytes = static_cast<const std::uint8_t*>(ip);
    Header6 header{Header6::End::found, bytes[6], sizeof(Ipv6Header)};
    while (header.type != wanted && is_extension6(header.type)) {
        const bool is_fragment = header.type == ip_protocol::fragment;
        if (header.at + (is_fragment ? 4 : 2) > readable) {
            header.end = Header6::End::cut_off;
            return header;
        }
        const std::uint8_t* const here = bytes + header.at;
        if (is_fragment) {
            header.fragment = static_cast<std::uint16_t>(here[2] << 8 | here[3]);
            if (header.fragment & 0xfff8) {
                header.end = Header6::End::later_fragment;
                return header;
            }
        }
        header.type_at = header.at;
        header.at += extension6_size(header.type, here[1]);
        header.type = here[0];
    }
    return header;
}

}  // namespace weft
