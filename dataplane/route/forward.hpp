// ip_forward: a packet in transit.
//   reads   hop, oif, the IP header
//   writes  TTL or hop limit, header checksum, options that record
//   to      ip_output
//   tables  Hop, Interface, RoutedInterface
//   Linux   ip_forward (net/ipv4/ip_forward.c), ip6_forward (net/ipv6/ip6_output.c)
#pragma once

#include "dataplane/hook/hooks.hpp"
#include "dataplane/route/header.hpp"

namespace weft {

struct IpForward {
    static constexpr StageId id = StageId::ip_forward;
    struct Prepared {};

    static void prepare(Packet&, Prepared&, Context&) noexcept {}
    static Verdict decide(Packet& packet, const Prepared&, Context& context) noexcept {
        const Verdict verdict = forward(packet, context);
        if (!has_rules(is_ipv6(packet), context) || !verdict.is_stage()) [[likely]]
            return verdict;
        if (const auto end = pass_forward(packet, context)) return *end;
        return pass_postrouting(packet, packet.meta.iif, context).value_or(verdict);
    }

    /// Without the hooks.
    static Verdict forward(Packet& packet, Context& context) noexcept {
        // Unicast in a broadcast of the link: RFC 1122 3.3.6, RFC 1812 5.3.4
        if (packet.ethernet().destination.is_group()) return Verdict::drop(DropReason::route_link_group);
        return is_ipv6(packet) ? forward6(packet, context) : forward4(packet, context);
    }

  private:
    static Verdict forward4(Packet& packet, Context& context) noexcept;
    static Verdict forward6(Packet& packet, Context& context) noexcept;
};
static_assert(Stage<IpForward>);

/// What may leave by a hop at a time, bytes from the IP header on: the route's MTU, else the interface's.
[[nodiscard]] inline std::uint16_t mtu_of(const Hop& hop, const Interface& out) noexcept {
    return hop.mtu != 0 && hop.mtu < out.mtu ? hop.mtu : out.mtu;
}
[[nodiscard]] inline std::uint16_t mtu_of(const Hop& hop, Context& context) noexcept {
    return mtu_of(hop, context.topology->interface(hop.interface));
}
/// Whether the packet, or a segment of it if it is a GSO frame, is longer than that.
[[nodiscard]] bool exceeds_mtu(Packet& packet, std::uint16_t mtu) noexcept;

}  // namespace weft
