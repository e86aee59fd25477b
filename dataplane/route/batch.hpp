// route_batch and route_input: the batch path of plain routing, where a packet in transit goes to a known
// neighbour. route_batch has bursts as a port receives them; route_input has what host lets in by any
// interface (sub-interface, bridge, veth, guests' offloads), of a family without rules.
//   reads   Ethernet and IP header, offload state, lengths
//   writes  Ethernet addresses, TTL and checksum or hop limit; cuts off padding
//   to      the port's transmit buffer; egress, by what is no port or with offloads left to do; ingress or
//           ip_input, for every packet that this path does not decide
//   tables  Lpm, Hop (twice for a group), the egress Interface
//   Linux   ip_rcv, ip_route_input, ip_forward, ip_finish_output2 up to dev_queue_xmit; the same of IPv6
//
// It decides what ingress, host, ip_input, ip_forward and ip_output would decide, for less. Whatever is not
// plain (options, bad headers, martians, TTL at its end, our own addresses, an unresolved neighbour, too
// large a packet, a way back by the interface it came by) goes through those stages unchanged, so there is
// one place for each rule. Packets keep the order in which they came: those that left this path are carried
// through before the next one that stays on it.
//
// Policy rules and rp_filter are asked here, too, table by table for all packets that have come to it
// (batch_rules.cpp); rp_filter where there are rules is left to ip_input.
//
// Cache lines a packet: mbuf, metadata and frame, one of each (IPv6: headers of 54 bytes lie in one); one of
// the FIB's table and one for each group below; one of the hop, one of the egress interface and one or two of
// its transmit buffer, which most packets share.
#pragma once

#include "dataplane/context.hpp"
#include "dataplane/route/flow_hash.hpp"
#include "dataplane/route/plain.hpp"
#include "dataplane/route/send_plain.hpp"
#include "weft/net/ip.hpp"
#include "weft/routing.hpp"

namespace weft {

template <StageId stage>
struct RouteStage {
    static constexpr StageId id = stage;
    static constexpr bool entered = stage == StageId::route_input;  ///< of any interface, past host

    /// What rules and rp_filter look at besides the destination. A packet just received has no mark.
    struct Asked {
        std::array<std::uint8_t, 16> source;
        std::uint8_t tos;
        IfIndex in;
    };
    struct Burst {
        const Lpm4* v4;        ///< local and main; null: IPv4 is not for this path
        const Lpm6* v6;        ///< … nor IPv6
        std::uint64_t own;     ///< route_batch: MAC address of the port, as MacAddress::raw()
        std::uint32_t spread;  ///< route_batch: MTU - 20: lengths that an IP packet may have above the least
        IfIndex in;            ///< route_batch: of all packets
        const OwnAddresses* own4;
        bool hash_l4, hash6_l4, sparse4, sparse6;
        bool spreads;  ///< there are groups
        std::uint64_t hash_key;
        const HopTable* table;
        const Hop* all_hops;  ///< of the table
        const Interface* interfaces;
        std::uint32_t interface_count;
        // of the packets in this burst that stay on the path so far
        std::uint16_t count4 = 0, count6 = 0;
        Lpm4::Key keys4[batch_size];
        Lpm6::Key keys6[batch_size];
        HopIndex hops[2 * batch_size];  ///< IPv6's from batch_size on
        const Routing* routing;
        bool unnumbered;    ///< some may be received by what has no IPv4 address
        bool left_behind;   ///< egress holds packets with work left for the port that they leave by
        bool asks4, asks6;  ///< of some packet: more than the destination decides: rules, or the way back
        Asked asked[2 * batch_size];  ///< as hops; of a family that asks
    };
    struct Prepared {
        std::uint16_t size;  ///< of the IP packet, bytes; 0: not decided here
        std::uint8_t slot;   ///< of Burst::hops
    };

    /// Whether the bursts of a port may take this path.
    [[nodiscard]] static bool takes(const Interface& in, const Routing& routing) noexcept {
        return in.bridge_port == no_index && !in.demux && in.up && !in.kernel_takes &&
               (routing.tables[0].v4 || routing.tables[0].v6);
    }

    static Burst begin(Context& context) noexcept;

    static void prepare(Packet& packet, Prepared& out, Burst& burst, Context&) noexcept {
        out = {};
        const std::byte* const frame = packet.data();
        const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame);
        std::uint32_t above;
        if (!is_received(packet, burst, above)) [[unlikely]]
            return;
        if (ethernet.type.raw() == be16{ether_type::ipv4}.raw()) [[likely]] {
            const auto& ip = *reinterpret_cast<const Ipv4Header*>(frame + ethernet_header_size);
            if (!burst.v4) [[unlikely]]
                return;
            const std::uint32_t size = plain::transit_size(ip, above + least_size);
            if (!size || !plain::are_unicast(ip) || burst.own4->may_have(ip.source) ||
                !is_trimmed(packet, size) || (burst.unnumbered && plain::is_for_dhcp_client(ip))) [[unlikely]]
                return;
            auto& key = burst.keys4[burst.count4];
            std::memcpy(key.data(), &ip.destination, sizeof key);
            burst.v4->prefetch(key, burst.sparse4);
            if (burst.asks4) [[unlikely]]
                burst.asked[burst.count4] = ask(ip, in_of(packet, burst));
            out = {.size = static_cast<std::uint16_t>(size),
                   .slot = static_cast<std::uint8_t>(burst.count4++)};
        } else if (ethernet.type.raw() == be16{ether_type::ipv6}.raw()) {
            const auto& ip = *reinterpret_cast<const Ipv6Header*>(frame + ethernet_header_size);
            if (!burst.v6) [[unlikely]]
                return;
            const std::uint32_t size = plain::transit_size(ip, above + least_size);
            if (!size || !plain::are_unicast(ip) || !is_trimmed(packet, size)) [[unlikely]]
                return;
            auto& key = burst.keys6[burst.count6];
            key = ip.destination;
            burst.v6->prefetch(key, burst.sparse6);
            if (burst.asks6) [[unlikely]]
                burst.asked[batch_size + burst.count6] = ask(ip, in_of(packet, burst));
            out = {.size = static_cast<std::uint16_t>(size),
                   .slot = static_cast<std::uint8_t>(batch_size + burst.count6++)};
        }
    }

    static void look_up(Burst& burst, Context&) noexcept;

    /// Members in the place of groups, for the flows of which this path can tell.
    static void choose(Packet* const packets[], const Prepared prepared[], unsigned count,
                       Burst& burst) noexcept {
        if (burst.spreads) [[unlikely]]
            choose_members(packets, prepared, count, burst);
    }

    // Inline also where the compiler thinks it is long: a call would cost each packet.
    [[gnu::always_inline]] static Verdict decide(Packet& packet, const Prepared& in, Burst& burst,
                                                 Context& context) noexcept {
        if (in.size == 0) [[unlikely]]
            return divert();
        const bool v6 = in.slot >= batch_size;
        const Hop* hop = burst.all_hops + burst.hops[in.slot];
        if (hop->kind != HopKind::neighbour) [[unlikely]] {
            hop = chosen(packet, burst.hops[in.slot], v6, burst);
            if (!hop) return divert();
        }
        const std::uint64_t neighbour = hop->neighbour.load(std::memory_order_acquire);
        // Control writes hops in place: one may name an interface that this topology lacks.
        if (Hop::state_of(neighbour) != NeighbourState::resolved || hop->interface == in_of(packet, burst) ||
            hop->interface >= burst.interface_count) [[unlikely]]
            return divert();
        const Interface& out = burst.interfaces[hop->interface];
        if (context.holds(slow)) [[unlikely]]
            context.run_all(context);
        if (in.size > out.plain_mtu || !fits_hop(in.size, hop->mtu) || (entered && detail::wants_of(packet)))
            [[unlikely]]
            return leave_by_egress(packet, in.size, v6, *hop, neighbour, out, burst, context);
        if constexpr (!entered)
            context.received_bytes += packet.length();
        else
            let_egress_go_first(burst.left_behind, context);
        send_plain(packet, in.size, v6, *hop, neighbour, out, context);
        return Verdict::consumed();
    }

  private:
    static constexpr std::uint32_t least_size = sizeof(Ipv4Header);

    static constexpr StageId slow = entered ? StageId::ip_input : StageId::ingress;
    static Verdict divert() noexcept { return Verdict::to(slow); }

    static bool is_received(const Packet& packet, const Burst& burst, std::uint32_t& above) noexcept {
        if constexpr (entered)
            return plain::is_entered(packet, above);
        else
            return plain::is_received(packet, burst.own, burst.spread, above);
    }
    static bool is_trimmed(const Packet& packet, std::uint32_t size) noexcept {
        return !entered || plain::is_trimmed(packet, size);
    }
    static IfIndex in_of(const Packet& packet, const Burst& burst) noexcept {
        return entered ? packet.meta.iif : burst.in;
    }
    static Asked ask(const Ipv4Header& ip, IfIndex in) noexcept {
        Asked asked{.source = {}, .tos = ip.tos, .in = in};
        std::memcpy(asked.source.data(), &ip.source, sizeof ip.source);
        return asked;
    }
    static Asked ask(const Ipv6Header& ip, IfIndex in) noexcept {
        return {.source = ip.source,
                .tos = static_cast<std::uint8_t>(ip.version_class_flow.host() >> 20),
                .in = in};
    }
    /// What the first table has that a rule names and that leads somewhere; no_hop: not for this path.
    template <unsigned bytes>
    static void find_by_rules(Burst& burst) noexcept;
    /// no_hop for those whose source has no way back, or none by the interface they came by (RFC 3704), or is
    /// of a network of ours.
    static void check_sources(Burst& burst) noexcept;
    static void choose_members(Packet* const packets[], const Prepared prepared[], unsigned count,
                               Burst& burst) noexcept;
    template <class Header, bool by_ports>
    static void choose_members(Packet* const packets[], const Prepared prepared[], unsigned count,
                               Burst& burst) noexcept;
    /// The hop at the end of a chain of choices; null of what is no choice, or if this path cannot tell.
    [[gnu::cold]] static const Hop* chosen(Packet& packet, HopIndex index, bool v6,
                                           const Burst& burst) noexcept;
    [[gnu::noinline]] static Verdict leave_by_egress(Packet& packet, std::uint16_t size, bool v6,
                                                     const Hop& hop, std::uint64_t neighbour,
                                                     const Interface& out, Burst& burst,
                                                     Context& context) noexcept;
};
using RouteBatch = RouteStage<StageId::route_batch>;
using RouteInput = RouteStage<StageId::route_input>;
static_assert(BatchStage<RouteBatch> && BatchStage<RouteInput>);

}  // namespace weft
