// Which member of a group of next hops a flow takes: the same for all its packets, whichever stage asks.
// net.ipv4.fib_multipath_hash_policy and its IPv6 sibling: 0 addresses, 1 with protocol and ports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "weft/net/ip.hpp"
#include "weft/packet.hpp"

namespace weft::flow_hash {

/// What a flow's hash is keyed by, of Routing::hash_secret.
[[nodiscard]] constexpr std::uint64_t key_of(std::uint32_t secret) noexcept {
    return secret * std::uint64_t{0x9e3779b97f4a7c15} + 0xd6e8feb86659fd93;
}

/// All 32 bits are good, and none can be told without the key: multiplied and folded, which is not linear.
[[nodiscard]] inline std::uint32_t mix(std::uint64_t flow, std::uint64_t key) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = Wide{flow ^ key} * 0xa0761d6478bd642f;
    const auto low = static_cast<std::uint64_t>(product), high = static_cast<std::uint64_t>(product >> 64);
    return static_cast<std::uint32_t>((low ^ high) >> 32);
}

[[nodiscard]] inline std::uint64_t addresses(const Ipv4Header& ip) noexcept {
    std::uint64_t both;
    std::memcpy(&both, reinterpret_cast<const std::byte*>(&ip) + offsetof(Ipv4Header, source), sizeof both);
    return both;
}
[[nodiscard]] inline std::uint64_t addresses(const Ipv6Header& ip) noexcept {
    const auto word = [&](std::size_t at) {
        std::uint64_t eight;
        std::memcpy(&eight, reinterpret_cast<const std::byte*>(&ip) + offsetof(Ipv6Header, source) + at,
                    sizeof eight);
        return eight;
    };
    return word(0) + word(8) * 0x589965cc75374cc3 + word(16) * 0x1d8e4e27c47d124f +
           word(24) * 0xeb44accab455d165;
}

/// Both ports as they lie in the packet at `at`, behind the IP header; 0 if it has none, or not in the first
/// segment.
[[nodiscard]] inline std::uint32_t ports_at(Packet& packet, std::uint32_t at,
                                            std::uint8_t protocol) noexcept {
    if (!ip_protocol::has_ports(protocol) || packet.head_length() < at + sizeof(be32)) return 0;
    return packet.header<be32>(at)->raw();
}

/// Policy 1. `ports`: the two of them as they lie in the packet; 0 if it has none.
[[nodiscard]] inline std::uint64_t with_ports(std::uint64_t flow, std::uint32_t ports,
                                              std::uint8_t protocol) noexcept {
    return flow ^ (std::uint64_t{ports} << 8 | protocol) * 0x9e3779b97f4a7c15;
}
/// Policy 0 of IPv6 takes the flow label and the next header too (net/ipv6/route.c, ip6_multipath_l3_keys).
[[nodiscard]] inline std::uint64_t with_label(std::uint64_t flow, const Ipv6Header& ip) noexcept {
    return flow ^ std::uint64_t{ip.version_class_flow.host() & 0xfffff} << 32 ^
           std::uint64_t{ip.next_header} << 56;
}

}  // namespace weft::flow_hash
