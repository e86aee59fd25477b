// Which member of a group of next hops a flow takes: the same for all its packets, whichever stage asks.
// net.ipv4.fib_multipath_hash_policy and its IPv6 sibling: 0 addresses, 1 with protocol and ports.
#pragma once

#include <cstdint>
#include <cstring>

#include "weft/net/ip.hpp"

namespace weft::flow_hash {

/// All 32 bits are good, and none can be told without the secret: multiplied and folded twice, which is not
/// linear.
[[nodiscard]] inline std::uint32_t mix(std::uint64_t value, std::uint64_t secret) noexcept {
    __extension__ using Wide = unsigned __int128;
    const auto fold = [](std::uint64_t a, std::uint64_t b) {
        const auto product = Wide{a} * b;
        return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
    };
    const std::uint64_t key = secret * 0x9e3779b97f4a7c15 + 0xd6e8feb86659fd93;
    return static_cast<std::uint32_t>(fold(fold(value ^ key, 0xa0761d6478bd642f) ^ key, 0xe7037ed1a0b428db) >>
                                      32);
}

[[nodiscard]] inline std::uint64_t addresses(const Ipv4Header& ip) noexcept {
    return std::uint64_t{ip.source.raw()} << 32 | ip.destination.raw();
}
[[nodiscard]] inline std::uint64_t addresses(const Ipv6Header& ip) noexcept {
    std::uint64_t words[4];
    std::memcpy(words, ip.source.data(), sizeof words);
    return words[0] * 0x8ebc6af09c88c6e3 + words[1] * 0x589965cc75374cc3 + words[2] * 0x1d8e4e27c47d124f +
           words[3] * 0xeb44accab455d165;
}

/// TCP, UDP, DCCP, SCTP, UDP-Lite: what has its ports in the first four bytes.
[[nodiscard]] constexpr bool has_ports(std::uint8_t protocol) noexcept {
    constexpr std::uint8_t dccp = 33, sctp = 132, udplite = 136;
    return protocol == ip_protocol::tcp || protocol == ip_protocol::udp || protocol == dccp ||
           protocol == sctp || protocol == udplite;
}

/// `ports`: the two of them as they lie in the packet; 0 if it has none.
[[nodiscard]] inline std::uint64_t with_ports(std::uint64_t secret, std::uint32_t ports,
                                              std::uint8_t protocol) noexcept {
    return secret ^ std::uint64_t{ports} << 8 ^ std::uint64_t{protocol} << 40;
}
/// Policy 0 of IPv6 takes the flow label and the next header too (net/ipv6/route.c, ip6_multipath_l3_keys).
[[nodiscard]] inline std::uint64_t with_label(std::uint64_t secret, const Ipv6Header& ip) noexcept {
    return secret ^ std::uint64_t{ip.version_class_flow.host() & 0xfffff} << 32 ^
           std::uint64_t{ip.next_header} << 56;
}

}  // namespace weft::flow_hash
