// The messages themselves: made, addressed and given to ip_output. For the .cpp files of this folder.
#pragma once

#include "dataplane/context.hpp"
#include "weft/hop.hpp"
#include "weft/net/ip.hpp"

namespace weft {

struct IcmpCode {
    std::uint8_t type, code;
};
inline constexpr std::uint8_t default_ttl = 64;

struct IcmpMessage4 {
    Ipv4Header ip;
    std::uint8_t type, code;
    be16 checksum;
    be32 value;
};
static_assert(sizeof(IcmpMessage4) == 28);
struct IcmpMessage6 {
    Ipv6Header ip;
    std::uint8_t type, code;
    be16 checksum;
    be32 value;
};
static_assert(sizeof(IcmpMessage6) == 48);

/// Sends the message, quoting of `about` what fits, to its source by the route to there; without a route or
/// an address of ours nothing is sent. value: the four bytes after the checksum, host order.
void send_message4(Packet& about, IcmpCode what, std::uint32_t value, Context& context) noexcept;
void send_message6(Packet& about, IcmpCode what, std::uint32_t value, Context& context) noexcept;

/// A packet of ours with room for an Ethernet header, whose metadata says that the host sends it; its L3
/// bytes are uninitialised. nullptr without a buffer.
[[nodiscard]] Packet* new_packet(std::uint16_t ether_type, std::uint32_t l3_bytes, Context& context) noexcept;
/// Bytes of a chain, which has them.
void copy_bytes(Packet& from, std::uint32_t at, std::uint32_t length, std::byte* to) noexcept;
/// Fills in both headers of an ICMPv6 message whose `payload` bytes after the first eight stand already.
void finish_message6(Packet& made, const IpAddress& from, const IpAddress& to, IcmpCode what,
                     std::uint32_t value, std::uint32_t payload, std::uint8_t hop_limit) noexcept;
/// How the source of a packet is reached: by a route, or, if it has an address of the link alone, straight
/// back on the link that the packet came by (its address says nothing on another: RFC 4007 9). The kernel
/// behind us is told by the TAP of meta.oif.
struct WayBack {
    HopIndex hop = no_hop;
    bool on_link = false;
    bool to_host = false;  ///< the kernel behind us sent it
    [[nodiscard]] bool none() const noexcept { return hop == no_hop && !on_link && !to_host; }
};
/// `from`: whose address the answer has, as far as that does not follow from the route; zero: it does.
[[nodiscard]] WayBack way_back(Packet& about, const IpAddress& from, const IpAddress& to,
                               Context& context) noexcept;
/// Sends a packet of ours there; without a way it must not be called.
void send_back(Packet& message, Packet& about, WayBack way, Context& context) noexcept;
/// The same of one that another worker has handed over for its connection (HandedFor::output), to its end:
/// its hop may be another route's by now, and is looked up again, unless it goes straight back on its link.
[[nodiscard]] Verdict leave_again(Packet& message, Context& context) noexcept;

}  // namespace weft
