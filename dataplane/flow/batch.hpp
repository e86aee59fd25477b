// flow_batch: the batch path under rules, where a packet in transit belongs to a flow whose outcome is known.
//   reads   Ethernet, IP and transport header; the payload, where nobody vouches for the transport checksum
//   writes  Ethernet addresses, TTL and checksum or hop limit; cuts off padding
//   to      the port's transmit buffer; route_batch, of a family without rules; ingress, for all the rest
//   tables  FlowTable, the flow's entry and path, Hop, the egress Interface
//   Linux   what nf_conntrack_in and the tables of netfilter do for a packet of an established flow
//
// The outcome was kept by remember() when a packet of the same direction went the slow way. It holds as long
// as the rules are the same (FlowPath), the routes are or still lead to the same interface, the packet came
// by the same interface, and what rules looked at besides (FlowCondition) is the same. Then the packet is
// tracked as any other (windows, time-outs, accounting) and counted for its path. SYN, FIN and RST,
// fragments, options, ICMP, and whatever is not plain, go the slow way.
//
// A packet whose connection another worker owns is handed over at once; what comes so from others has passed
// their ingress, and goes the slow way from ip_input on.
//
// Packets keep the order in which they came: those that left this path are carried through before the next
// one that stays on it.
//
// Cache lines a packet, besides those of route_batch without the FIB's: a bucket, the direction's line and
// the connection's state; the path's counters, which flows share.
#pragma once

#include "dataplane/flow/deadlines.hpp"
#include "dataplane/flow/tracker.hpp"
#include "dataplane/hook/hooks.hpp"
#include "dataplane/route/batch.hpp"

namespace weft {

struct FlowBatch {
    static constexpr StageId id = StageId::flow_batch;

    /// A packet that stays on the path so far.
    struct Asked {
        std::uint64_t hash;
        const std::byte* tuple;  ///< in the frame: neither header has anything between addresses and ports
        FlowKind kind;
        FlowCandidate candidate;
        FlowRef ref;          ///< from look_up() on: its connection, or 0
        std::uint32_t owner;  ///< of that
    };
    struct Burst {
        Burst(const FlowMoment& now) noexcept : moment(now), due(now.config, now.now) {}
        FlowTracker* tracker;
        HookWork* work;
        FlowEntry* entries;     ///< of the tracker's table
        bool flows4, flows6;    ///< the family's rules ask for connections
        bool routes4, routes6;  ///< the family has no rules
        bool hands4, hands6;    ///< the host would take the family's packets to be routed
        bool checks_sums;
        StageId slow;          ///< where packets go that are not for this path
        bool tells;            ///< somebody wants to know what changes in connections
        std::uint64_t own;     ///< MAC address of the port, as MacAddress::raw()
        std::uint32_t spread;  ///< MTU - 20
        IfIndex in;
        bool asks_way_back4;  ///< rp_filter
        const Interface* interfaces;
        std::uint32_t interface_count;
        FlowMoment moment;
        FlowDeadlines due;
        std::uint32_t count = 0;  ///< of asked
        Asked asked[batch_size];
    };
    struct Prepared {
        std::uint16_t size;  ///< of the IP packet, bytes; 0: not decided here
        std::uint8_t slot;   ///< of Burst::asked
        bool v6;
        bool unruled;  ///< not decided here, but by route_batch
    };

    /// Whether some family's packets may belong to flows.
    [[nodiscard]] static bool is_needed(const Context& context) noexcept {
        return context.filtering->tracks[0] || context.filtering->tracks[1];
    }

    static Burst begin(Context& context) noexcept;

    static void prepare(Packet& packet, Prepared& out, Burst& burst, Context&) noexcept {
        out = {};
        const std::byte* const frame = packet.data();
        const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame);
        std::uint32_t above;
        if (!plain::is_received(packet, burst.own, burst.spread, above)) [[unlikely]]
            return;
        if (ethernet.type.raw() == be16{ether_type::ipv4}.raw()) [[likely]] {
            out.unruled = burst.routes4;
            const auto& ip = *reinterpret_cast<const Ipv4Header*>(frame + ethernet_header_size);
            constexpr std::uint16_t offset_or_more = 0x3fff;
            if (!burst.flows4 || !plain::is_transit(ip, above + least_size) ||
                ip.fragment.host() & offset_or_more) [[unlikely]]
                return;
            const std::uint16_t size = ip.total_length.host();
            if (!is_followed(ip.protocol, frame + first_byte4, size - std::uint32_t{sizeof ip})) return;
            ask<Tuple4>(burst, &ip.source, ip.protocol);
            out.size = size;
            out.slot = static_cast<std::uint8_t>(burst.count++);
        } else if (ethernet.type.raw() == be16{ether_type::ipv6}.raw()) {
            out.unruled = burst.routes6;
            const auto& ip = *reinterpret_cast<const Ipv6Header*>(frame + ethernet_header_size);
            if (!burst.flows6 || !plain::is_transit(ip, above + least_size)) [[unlikely]]
                return;
            const std::uint32_t length = ip.payload_length.host();
            if (!is_followed(ip.next_header, frame + first_byte6, length)) return;
            ask<Tuple6>(burst, &ip.source, ip.next_header);
            out.size = static_cast<std::uint16_t>(sizeof ip + length);
            out.slot = static_cast<std::uint8_t>(burst.count++);
            out.v6 = true;
        }
    }

    static void look_up(Burst& burst, Context&) noexcept;

    static Verdict decide(Packet& packet, const Prepared& in, Burst& burst, Context& context) noexcept {
        if (in.size == 0) [[unlikely]]
            return in.unruled && burst.slow == StageId::ingress ? Verdict::to(StageId::route_batch)
                                                                : divert(burst);
        return in.v6 ? follow<Tuple6>(packet, in, burst, context)
                     : follow<Tuple4>(packet, in, burst, context);
    }

  private:
    static constexpr std::uint32_t least_size = sizeof(Ipv4Header);
    static constexpr std::size_t first_byte4 = ethernet_header_size + sizeof(Ipv4Header),
                                 first_byte6 = ethernet_header_size + sizeof(Ipv6Header);

    static Verdict divert(const Burst& burst) noexcept { return Verdict::to(burst.slow); }

    /// UDP, and TCP's segments but the first and last ones.
    static bool is_followed(std::uint8_t protocol, const std::byte* l4, std::uint32_t length) noexcept {
        constexpr std::uint8_t fin_syn_rst_ack = 0x17, ack = 0x10;
        constexpr std::size_t flags_at = 13;
        if (protocol == ip_protocol::udp) return length >= sizeof(UdpHeader);
        return protocol == ip_protocol::tcp && length >= sizeof(TcpHeader) &&
               (static_cast<std::uint8_t>(l4[flags_at]) & fin_syn_rst_ack) == ack;
    }
    /// `tuple`: the address of the frame's first one; ports follow the second.
    template <class Tuple>
    static void ask(Burst& burst, const void* tuple, std::uint8_t protocol) noexcept {
        static_assert(alignof(Tuple) == 1);
        const FlowTable& table = burst.tracker->table();
        Asked& asked = burst.asked[burst.count];
        asked.tuple = static_cast<const std::byte*>(tuple);
        asked.kind = {0, protocol, sizeof(Tuple) == sizeof(Tuple6) ? FlowKind::ipv6 : std::uint8_t{0}};
        asked.hash = table.hash(*static_cast<const Tuple*>(tuple), protocol);
        table.prefetch(asked.hash);
    }
    template <class Tuple>
    [[gnu::noinline]] static void find(Asked& asked, const Burst& burst) noexcept;
    /// To the worker that owns its connection.
    [[gnu::noinline]] static Verdict give(Packet& packet, const Asked& asked, Burst& burst,
                                          Context& context) noexcept;
    template <class Tuple>
    static Verdict follow(Packet& packet, const Prepared& in, Burst& burst, Context& context) noexcept;
    /// What conntrack does with it; false if it is invalid, or ends its connection.
    template <class Header>
    [[nodiscard]] static bool is_accepted(FlowRef ref, std::uint16_t status, const Header& ip,
                                          const std::byte* l4, const Prepared& in, Burst& burst) noexcept;
    /// Looks the route up again; false if it leads elsewhere.
    [[gnu::noinline]] static bool renew(Packet& packet, FlowRef ref, const FlowPath& path, bool v6,
                                        const Burst& burst, Context& context) noexcept;
    [[nodiscard]] static bool holds(const FlowCondition& condition, Packet& packet, const std::byte* l4,
                                    std::uint8_t protocol, FlowRef ref, const Burst& burst) noexcept;
};
static_assert(BatchStage<FlowBatch>);

}  // namespace weft
