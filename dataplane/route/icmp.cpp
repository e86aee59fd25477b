#include "dataplane/route/icmp.hpp"

#include <algorithm>

#include "dataplane/route/header.hpp"
#include "dataplane/route/icmp_message.hpp"
#include "weft/net/address.hpp"
#include "weft/net/extension.hpp"

namespace weft {

namespace {

/// inet_peer_xrlim_allow's XRLIM_BURST_FACTOR.
constexpr std::uint64_t peer_burst = 6;

constexpr IcmpCode code4(IcmpError what) noexcept {
    switch (what) {
        case IcmpError::no_route:
            return {3, 0};
        case IcmpError::prohibited:
            return {3, 13};
        case IcmpError::too_big:
            return {3, 4};
        case IcmpError::ttl_exceeded:
            return {11, 0};
        case IcmpError::never_whole:
            return {11, 1};
        case IcmpError::bad_header:
        case IcmpError::unknown_option:
            return {12, 0};
        default:
            return {3, 1};
    }
}
constexpr IcmpCode code6(IcmpError what) noexcept {
    switch (what) {
        case IcmpError::no_route:
            return {1, 0};
        case IcmpError::prohibited:
            return {1, 1};
        case IcmpError::beyond_scope:
            return {1, 2};
        case IcmpError::too_big:
            return {2, 0};
        case IcmpError::ttl_exceeded:
            return {3, 0};
        case IcmpError::never_whole:
            return {3, 1};
        case IcmpError::bad_header:
            return {4, 0};
        case IcmpError::unknown_option:
            return {4, 2};
        default:
            return {1, 3};
    }
}

/// Whether an IPv4 packet carries an ICMP error, or an ICMP message of a type that is too short to tell.
bool carries_error4(Packet& packet) noexcept {
    const Ipv4Header& ip = ipv4(packet);
    if (ip.protocol != ip_protocol::icmp) return false;
    const auto at = static_cast<std::uint16_t>(packet.meta.l3_offset + ip.header_size());
    if (packet.length() <= at) return true;
    if (packet.head_length() <= at) return false;
    const std::uint8_t type = *packet.header<std::uint8_t>(at);
    constexpr std::uint8_t last_known = 18;
    return type == 3 || type == 4 || type == 5 || type == 11 || type == 12 || type > last_known;
}

/// is_ineligible, of what lies in the first segment.
bool carries_error6(Packet& packet) noexcept {
    const std::uint32_t l3 = packet.meta.l3_offset;
    const Header6 upper = find_header6(&ipv6(packet), packet.head_length() - l3);
    if (upper.end != Header6::End::found || upper.type != ip_protocol::icmpv6) return false;
    const std::uint32_t at = l3 + upper.at;
    if (packet.length() <= at) return true;
    if (packet.head_length() <= at) return false;
    constexpr std::uint8_t first_informational = 128, redirect = 137;
    const std::uint8_t type = *packet.header<std::uint8_t>(at);
    return type < first_informational || type == redirect;
}

bool may_be_told4(Packet& about) noexcept {
    if (about.ethernet().destination.is_group()) return false;
    const Ipv4Header& ip = ipv4(about);
    const std::uint32_t source = ip.source.host(), destination = ip.destination.host();
    if (address4::multicast(source) || source == address4::broadcast || address4::zero_net(source) ||
        address4::loopback(source))
        return false;
    if (address4::multicast(destination) || destination == address4::broadcast) return false;
    constexpr std::uint16_t offset_mask = 0x1fff;
    return (ip.fragment.host() & offset_mask) == 0 && !carries_error4(about);
}
/// Whether the option at `pointer` wants an answer also to what was sent to many (RFC 8200 4.2, action 10).
bool always_answered(Packet& about, std::uint32_t pointer) noexcept {
    const std::uint32_t at = about.meta.l3_offset + pointer;
    return at < about.head_length() && (*about.header<std::uint8_t>(at) & 0xc0) == 0x80;
}

/// RFC 4443 2.4 (e).
bool may_be_told6(Packet& about, IcmpError what, std::uint32_t value) noexcept {
    const Ipv6Header& ip = ipv6(about);
    if (address6::multicast(ip.source) || address6::unspecified(ip.source) || address6::loopback(ip.source))
        return false;
    const bool to_many = about.ethernet().destination.is_group() || address6::multicast(ip.destination);
    if (to_many && what != IcmpError::too_big &&
        !(what == IcmpError::unknown_option && always_answered(about, value)))
        return false;
    return !carries_error6(about);
}

bool within_limits(const IpAddress& peer, bool v6, std::uint8_t type, Context& context) noexcept {
    const IcmpLimits& limits = context.routing->icmp;
    const bool limited = v6 ? type != 2 : limits.ratemask >> type & 1;
    if (!limited) return true;
    IcmpBuckets& buckets = *context.icmp_buckets;
    const std::uint64_t interval = (v6 ? limits.ratelimit6_ms : limits.ratelimit_ms) * std::uint64_t{1000};
    if (interval != 0 &&
        !(v6 ? buckets.peers6 : buckets.peers4).allow(peer, context.now_us, interval, peer_burst))
        return false;
    // icmp_global_allow holds whatever the limit by peer is.
    if (limits.msgs_per_sec == 0) return false;
    const std::uint64_t every = std::max(1'000'000 / limits.msgs_per_sec, 1u);
    return (v6 ? buckets.all6 : buckets.all4).allow(context.now_us, every, std::max(limits.msgs_burst, 1u));
}

void send_within_limits(Packet& about, IcmpCode code, std::uint32_t value, Context& context) noexcept {
    const bool v6 = is_ipv6(about);
    const IpAddress peer = v6 ? IpAddress{ipv6(about).source} : to_address(ipv4(about).source);
    if (!within_limits(peer, v6, code.type, context))
        return context.count_drop(DropReason::icmp_rate_limited, about.meta.iif, about.length());
    if (v6)
        send_message6(about, code, value, context);
    else
        send_message4(about, code, value, context);
}

/// RFC 4861 4.5 and 8.2, net/ipv6/ndisc.c, ndisc_send_redirect: target, destination, the target's link-layer
/// address if it is known, and of the packet what fits, in units of eight bytes.
struct Redirect6 {
    std::array<std::uint8_t, 16> target, destination;
};
struct NeighbourOption {
    std::uint8_t type, length;  ///< length in units of eight bytes
    std::array<std::uint8_t, 6> bytes;
};
static_assert(sizeof(NeighbourOption) == 8);

void send_redirect6(Packet& about, const IpAddress& target, const Hop& hop, Context& context) noexcept {
    const IpAddress source = context.routing->interface(about.meta.iif).link_local;
    const IpAddress to{ipv6(about).source};
    const WayBack back = way_back(about, source, to, context);
    if (source == IpAddress{} || back.none()) return;
    const std::uint64_t known = hop.neighbour.load(std::memory_order_relaxed);
    const bool resolved = Hop::state_of(known) == NeighbourState::resolved;
    constexpr std::uint32_t most = 1280, option = sizeof(NeighbourOption);
    const std::uint32_t fixed = sizeof(Redirect6) + (resolved ? option : 0u) + option;
    const std::uint32_t quote =
        std::min<std::uint32_t>(l3_length(about), most - sizeof(IcmpMessage6) - fixed) & ~std::uint32_t{7};
    Packet* made = new_packet(ether_type::ipv6, sizeof(IcmpMessage6) + fixed + quote, context);
    if (!made) return context.count_drop(DropReason::route_no_mbuf, about.meta.iif, 0);
    auto* at = made->header<std::byte>(ethernet_header_size + sizeof(IcmpMessage6));
    const Redirect6 redirect{target.bytes, ipv6(about).destination};
    std::memcpy(at, &redirect, sizeof redirect);
    at += sizeof redirect;
    constexpr std::uint8_t target_address = 2, redirected_header = 4;
    if (resolved) {
        const NeighbourOption address{target_address, 1, MacAddress::from_raw(known).bytes};
        std::memcpy(at, &address, option);
        at += option;
    }
    const NeighbourOption header{redirected_header, static_cast<std::uint8_t>(1 + quote / 8), {}};
    std::memcpy(at, &header, option);
    copy_bytes(about, about.meta.l3_offset, quote, at + option);
    constexpr std::uint8_t hop_limit = 255;
    finish_message6(*made, source, to, {137, 0}, 0, fixed + quote, hop_limit);
    send_back(*made, about, back, context);
}

}  // namespace

void send_icmp_error(Packet& about, IcmpError what, std::uint32_t value, Context& context) noexcept {
    const bool v6 = is_ipv6(about);
    if (!(v6 ? may_be_told6(about, what, value) : may_be_told4(about))) return;
    const IcmpCode code = v6 ? code6(what) : code4(what);
    // RFC 792: the pointer is the first of the four bytes.
    if (!v6 && code.type == 12) value <<= 24;
    send_within_limits(about, code, value, context);
}

void send_unreachable(Packet& about, std::uint8_t code, Context& context) noexcept {
    const bool v6 = is_ipv6(about);
    if (!(v6 ? may_be_told6(about, IcmpError::prohibited, 0) : may_be_told4(about))) return;
    send_within_limits(about, {static_cast<std::uint8_t>(v6 ? 1 : 3), code}, 0, context);
}

void send_redirect(Packet& about, const IpAddress& gateway, const Hop& hop, Context& context) noexcept {
    const bool v6 = is_ipv6(about);
    if (!(v6 ? may_be_told6(about, IcmpError::no_route, 0) : may_be_told4(about))) return;
    const IpAddress peer = v6 ? IpAddress{ipv6(about).source} : to_address(ipv4(about).source);
    constexpr std::uint64_t second = 1'000'000;
    if (!context.icmp_buckets->redirects.allow(peer, context.now_us, second, 1)) return;
    if (v6) return send_redirect6(about, gateway, hop, context);
    send_message4(about, {5, 1}, to_be32(gateway).host(), context);
}

}  // namespace weft
