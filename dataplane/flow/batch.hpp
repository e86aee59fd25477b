// flow_batch and flow_input: the batch path under rules, where a packet in transit belongs to a flow whose
// outcome is known. flow_batch has bursts as a port receives them; flow_input has what host lets in by any
// interface (sub-interface, bridge, veth, guests' offloads), or what other workers have handed over.
//   reads   Ethernet, IP and transport header; the payload, where nobody vouches for the transport checksum
//   writes  Ethernet addresses, TTL and checksum or hop limit; cuts off padding
//   to      the port's transmit buffer; egress, by what is no port or with offloads left to do; of all the
//           rest flow_batch to ingress, or to route_batch in a family without rules; flow_input to ip_input
//   tables  FlowTable, the flow's entry and path, Hop, the egress Interface
//   Linux   what nf_conntrack_in and the tables of netfilter do for a packet of an established flow
//
// The outcome was kept by remember() when a packet of the same direction went the slow way. It holds as long
// as the rules are the same (FlowPath), the routes are or still lead to the same interface, the packet came
// by the same interface, and what rules looked at besides (FlowCondition) is the same. Nearly always one
// comparison each says so of the first two (HookWork::epoch) and of the others (FlowDirection::terms()); else
// still_holds() looks. Then the packet is tracked as any other (windows, time-outs, accounting) and counted
// for its path. SYN, FIN and RST, fragments, options, ICMP, and whatever is not plain, go the slow way.
//
// A packet whose connection another worker owns is handed over at once.
//
// Packets keep the order in which they came: those that left this path are carried through before the next
// one that stays on it.
//
// Cache lines a packet, besides those of route_batch without the FIB's: a bucket, the direction's line and
// the connection's state; the path's counters, which flows share.
#pragma once

#include "dataplane/flow/epoch.hpp"
#include "dataplane/flow/plain_follow.hpp"
#include "dataplane/flow/tracker.hpp"
#include "dataplane/hook/hooks.hpp"
#include "dataplane/nat/prepared.hpp"
#include "dataplane/route/batch.hpp"

namespace weft {

template <StageId stage>
struct FlowStage {
    static constexpr StageId id = stage;
    static constexpr bool entered = stage == StageId::flow_input;  ///< of any interface, past host
    static constexpr std::uint16_t nobody = 0xffff;

    /// A packet that stays on the path so far.
    struct Asked {
        const std::byte* tuple;    ///< in the frame: neither header has anything between addresses and ports
        const FlowBucket* bucket;  ///< that its connection is looked for in first
        FlowDirection* way;        ///< from look_up() on: its connection's, if it has one
        std::uint32_t kind;        ///< FlowKind::word()
        std::uint32_t header;      ///< of the bucket
        FlowRef ref;               ///< from look_up() on
        std::uint16_t signature;
        std::uint16_t owner;  ///< from look_up() on: of its connection; nobody: it has none
    };
    struct Burst {
        Burst(const FlowMoment& now) noexcept : moment(now), due(now.config, now.now) {}
        FlowTracker* tracker;
        HookWork* work;
        std::uint32_t epoch;    ///< HookWork's
        IfIndex in;             ///< flow_batch: of all packets
        std::uint16_t settled;  ///< status of connections that plain:: may follow, of the bits that count
        bool flows4, flows6;    ///< the family's rules ask for connections
        bool routes4, routes6;  ///< the family has no rules
        bool hands4, hands6;    ///< the host would take the family's packets to be routed
        bool checks_sums;
        bool asks_way_back4;              ///< networks of ours; flow_batch: or rp_filter
        const std::uint16_t* slow_count;  ///< of packets that have gone the slow way
        std::uint64_t own;                ///< flow_batch: MAC address of the port, as MacAddress::raw()
        std::uint32_t spread;             ///< flow_batch: MTU - 20
        std::uint32_t interface_count;
        const Interface* interfaces;
        const Hop* hops;
        const RouteChanges* changes;
        bool left_behind;  ///< egress holds packets with work left for the port that they leave by
        FlowMoment moment;
        FlowDeadlines due;
        Asked* end = asked;         ///< of those prepared
        const Asked* next = asked;  ///< to be decided
        Asked asked[batch_size];
    };
    /// One word, so that it is stored and loaded as one.
    struct Prepared {
        std::uint32_t word;  ///< the IP packet's bytes, and flags; no bytes: not decided here
        static constexpr std::uint32_t ipv6 = 1 << 16,
                                       unruled = 1 << 17,  ///< not decided here, but by route_batch
            unsure = 1 << 18;                              ///< its transport checksum has to be looked at
        [[nodiscard]] std::uint16_t size() const noexcept { return static_cast<std::uint16_t>(word); }
        [[nodiscard]] bool has(std::uint32_t flag) const noexcept { return word & flag; }
    };

    /// Whether some family's packets may belong to flows.
    [[nodiscard]] static bool is_needed(const Context& context) noexcept {
        return context.filtering->tracks[0] || context.filtering->tracks[1];
    }

    static Burst begin(Context& context) noexcept;

    static void prepare(Packet& packet, Prepared& out, Burst& burst, Context& context) noexcept {
        out = {};
        const std::byte* const frame = packet.data();
        const auto& ethernet = *reinterpret_cast<const EthernetHeader*>(frame);
        std::uint32_t above;
        if (!is_received(packet, burst, above)) [[unlikely]] {
            out.word = unruled(ethernet, burst);
            return;
        }
        if (ethernet.type.raw() == be16{ether_type::ipv4}.raw()) [[likely]] {
            if (!burst.flows4) [[unlikely]] {
                out.word = unruled(ethernet, burst);
                return;
            }
            const auto& ip = *reinterpret_cast<const Ipv4Header*>(frame + ethernet_header_size);
            const std::uint32_t size = plain::transit_size(ip, above + least_size);
            const std::uint16_t offset_or_more = be16{0x3fff}.raw();
            if (!size || ip.fragment.raw() & offset_or_more || !is_in_sight(packet, size, burst)) [[unlikely]]
                return;
            if (!is_followed(ip.protocol, frame + first_byte4, size - std::uint32_t{sizeof ip})) {
                if (begins(ip.protocol, frame + first_byte4, size - std::uint32_t{sizeof ip}))
                    foresee_all(&ip.source, kind_of<Tuple4>(ip.protocol), burst, context);
                return;
            }
            ask<Tuple4>(burst, &ip.source, ip.protocol);
            out.word = size | unsure(packet, burst);
        } else if (ethernet.type.raw() == be16{ether_type::ipv6}.raw()) {
            if (!burst.flows6) [[unlikely]] {
                out.word = unruled(ethernet, burst);
                return;
            }
            const auto& ip = *reinterpret_cast<const Ipv6Header*>(frame + ethernet_header_size);
            const std::uint32_t size = plain::transit_size(ip, above + least_size);
            if (!size || !is_in_sight(packet, size, burst)) [[unlikely]]
                return;
            if (!is_followed(ip.next_header, frame + first_byte6, size - std::uint32_t{sizeof ip})) {
                if (begins(ip.next_header, frame + first_byte6, size - std::uint32_t{sizeof ip}))
                    foresee_all(&ip.source, kind_of<Tuple6>(ip.next_header), burst, context);
                return;
            }
            ask<Tuple6>(burst, &ip.source, ip.next_header);
            out.word = size | Prepared::ipv6 | unsure(packet, burst);
        }
    }

    static void look_up(Burst& burst, Context&) noexcept;

    [[gnu::always_inline]] static Verdict decide(Packet& packet, const Prepared& in, Burst& burst,
                                                 Context& context) noexcept {
        if (in.size() == 0) [[unlikely]]
            return !entered && in.has(Prepared::unruled) ? Verdict::to(StageId::route_batch) : divert();
        const Asked& asked = *burst.next++;
        return in.has(Prepared::ipv6) ? follow_again(packet, in, asked, burst, context)
                                      : follow<Tuple4>(packet, in, asked, burst, context);
    }

  private:
    static constexpr std::uint32_t least_size = sizeof(Ipv4Header);
    static constexpr std::size_t first_byte4 = ethernet_header_size + sizeof(Ipv4Header),
                                 first_byte6 = ethernet_header_size + sizeof(Ipv6Header);

    static constexpr StageId slow = entered ? StageId::ip_input : StageId::ingress;
    static Verdict divert() noexcept { return Verdict::to(slow); }

    static bool is_received(const Packet& packet, const Burst& burst, std::uint32_t& above) noexcept {
        if constexpr (!entered) return plain::is_received(packet, burst.own, burst.spread, above);
        return plain::is_entered(packet, above);
    }
    /// All of it lies in its first segment, or all that is needed.
    static bool is_in_sight(const Packet& packet, std::uint32_t size, const Burst& burst) noexcept {
        if constexpr (!entered) return true;
        return packet.nb_segs == 1 || (plain::is_trimmed(packet, size) && !unsure(packet, burst));
    }
    static IfIndex in_of(const Packet& packet, const Burst& burst) noexcept {
        return entered ? packet.meta.iif : burst.in;
    }
    static bool asks_way_back4(const Packet& packet, const Burst& burst, const Context& context) noexcept {
        if constexpr (!entered) return burst.asks_way_back4;
        return burst.asks_way_back4 || context.routing->interface(packet.meta.iif).rp_filter != 0;
    }

    /// All of such a family, so that none is overtaken by what is plain.
    static std::uint32_t unruled(const EthernetHeader& ethernet, const Burst& burst) noexcept {
        const bool routes = (ethernet.type.raw() == be16{ether_type::ipv4}.raw() && burst.routes4) ||
                            (ethernet.type.raw() == be16{ether_type::ipv6}.raw() && burst.routes6);
        return routes ? Prepared::unruled : 0;
    }
    static std::uint32_t unsure(const Packet& packet, const Burst& burst) noexcept {
        return burst.checks_sums && packet.meta.checksum == ChecksumState::unknown ? Prepared::unsure : 0;
    }
    static constexpr std::uint8_t fin_syn_rst_ack = 0x17, syn = 0x02, ack = 0x10;
    static constexpr std::size_t flags_at = 13;
    /// UDP, and TCP's segments but the first and last ones.
    static bool is_followed(std::uint8_t protocol, const std::byte* l4, std::uint32_t length) noexcept {
        if (protocol == ip_protocol::udp) return length >= sizeof(UdpHeader);
        return protocol == ip_protocol::tcp && length >= sizeof(TcpHeader) &&
               (static_cast<std::uint8_t>(l4[flags_at]) & fin_syn_rst_ack) == ack;
    }
    static bool begins(std::uint8_t protocol, const std::byte* l4, std::uint32_t length) noexcept {
        return protocol == ip_protocol::tcp && length >= sizeof(TcpHeader) &&
               (static_cast<std::uint8_t>(l4[flags_at]) & fin_syn_rst_ack) == syn;
    }
    /// `tuple`: the address of the frame's first one; ports follow the second.
    template <class Tuple>
    static void ask(Burst& burst, const void* tuple, std::uint8_t protocol) noexcept {
        static_assert(alignof(Tuple) == 1);
        const FlowTable& table = burst.tracker->table();
        const std::uint64_t hash = table.hash(*static_cast<const Tuple*>(tuple), protocol);
        const FlowBucket& bucket = table.first_bucket(hash);
        __builtin_prefetch(&bucket);
        Asked& asked = *burst.end++;
        asked.tuple = static_cast<const std::byte*>(tuple);
        asked.bucket = &bucket;
        asked.kind = kind_of<Tuple>(protocol).word();
        asked.signature = FlowTable::signature(hash);
    }
    template <class Tuple>
    static FlowKind kind_of(std::uint8_t protocol) noexcept {
        return {0, protocol, sizeof(Tuple) == sizeof(Tuple6) ? FlowKind::ipv6 : std::uint8_t{0}};
    }
    static FlowEntry& entry_of(const Asked& asked) noexcept {
        static_assert(offsetof(FlowEntry, direction) == 0);
        return *reinterpret_cast<FlowEntry*>(asked.way - (asked.ref & 1));
    }
    /// Of an outcome that stands.
    static std::uint32_t epoch_of(const Asked& asked, bool v6, std::uint16_t status, bool way_back,
                                  const Burst& burst) noexcept {
        return burst.epoch +
               route_generation(entry_of(asked), asked.ref & 1, v6, status, way_back, *burst.changes);
    }
    /// Whether the entry that is worth a look is the one.
    [[nodiscard]] static bool is_found(const Asked& asked) noexcept;
    /// Wherever it is.
    template <class Tuple>
    static FlowRef find(const Asked& asked, const Burst& burst) noexcept;
    [[gnu::noinline]] static void find(Asked& asked, const Burst& burst) noexcept;
    /// Of what will begin a connection, long before it does: memory is slow, and a burst is not. `tuple`: as
    /// ask()'s.
    [[gnu::noinline]] static void foresee(const void* tuple, FlowKind, const Burst&, const Context&) noexcept;
    /// Of what is not looked up, either.
    [[gnu::noinline]] static void foresee_all(const void* tuple, FlowKind, const Burst&,
                                              const Context&) noexcept;
    /// To the worker that owns its connection, or did: that one finds out.
    [[gnu::noinline]] static Verdict give(Packet& packet, const Asked& asked, Burst& burst,
                                          Context& context) noexcept;
    template <class Tuple>
    [[gnu::always_inline]] static Verdict follow(Packet& packet, const Prepared& in, const Asked& asked,
                                                 Burst& burst, Context& context) noexcept;
    [[gnu::noinline]] static Verdict follow_again(Packet& packet, const Prepared& in, const Asked& asked,
                                                  Burst& burst, Context& context) noexcept;
    /// Whether the outcome may be used by this packet, of one that is not plainly so.
    [[nodiscard, gnu::noinline]] static bool still_holds(Packet& packet, const Asked& asked,
                                                         const Burst& burst, Context& context) noexcept;
    /// Looks the route up again; false if it leads elsewhere.
    static bool renew(Packet& packet, const Asked& asked, const FlowPath& path, std::uint32_t epoch,
                      const Burst& burst, Context& context) noexcept;
    [[nodiscard]] static bool meets(const FlowCondition& condition, Packet& packet, const Asked& asked,
                                    const Burst& burst) noexcept;
    /// nf_conntrack_checksum of a plain packet.
    [[nodiscard, gnu::noinline]] static bool has_right_sum(Packet& packet, const Prepared& in) noexcept;
    /// What conntrack does with it; false if it is invalid, or ends its connection.
    [[nodiscard]] static bool is_accepted(Packet& packet, const Asked& asked, std::uint16_t status,
                                          const std::byte* l4, std::uint32_t length, Burst& burst) noexcept;
    [[nodiscard, gnu::noinline]] static bool is_accepted_slowly(Packet& packet, const Asked& asked,
                                                                const std::byte* l4, std::uint32_t length,
                                                                Burst& burst) noexcept;
    /// Tracks and counts it, and translates it if its connection is; false if it is not for this path, and
    /// unchanged.
    template <class Tuple>
    [[nodiscard, gnu::always_inline]] static bool goes_on(Packet& packet, const Prepared& in,
                                                          const Asked& asked, std::uint16_t status,
                                                          Burst& burst, Context& context) noexcept;
    /// By an interface that is no port, or with something left to do for the port's sake.
    template <class Tuple>
    [[nodiscard, gnu::noinline]] static Verdict leave_by_egress(Packet& packet, const Prepared& in,
                                                                const Asked& asked, const Hop& hop,
                                                                std::uint64_t neighbour, const Interface& out,
                                                                Burst& burst, Context& context) noexcept;
};
using FlowBatch = FlowStage<StageId::flow_batch>;
using FlowInput = FlowStage<StageId::flow_input>;
static_assert(BatchStage<FlowBatch> && BatchStage<FlowInput>);

template <StageId stage>
inline bool FlowStage<stage>::is_accepted(Packet& packet, const Asked& asked, std::uint16_t status,
                                          const std::byte* l4, std::uint32_t length, Burst& burst) noexcept {
    FlowState& state = entry_of(asked).state;
    const unsigned direction = asked.ref & 1;
    const FlowKind kind = asked.way->kind;
    if ((status & plain::settling) == burst.settled && !(kind.flags & FlowKind::accounted)) [[likely]] {
        if (kind.protocol == ip_protocol::udp
                ? plain::follow_udp(state, status, l4, length, burst.due)
                : plain::follow_ack(state, status, direction, l4, length, burst.due)) [[likely]]
            return true;
    }
    return is_accepted_slowly(packet, asked, l4, length, burst);
}

template <StageId stage>
template <class Tuple>
[[gnu::always_inline]] inline bool FlowStage<stage>::goes_on(Packet& packet, const Prepared& in,
                                                             const Asked& asked, std::uint16_t status,
                                                             Burst& burst, Context& context) noexcept {
    using Header = std::conditional_t<sizeof(Tuple) == sizeof(Tuple6), Ipv6Header, Ipv4Header>;
    const std::uint16_t size = in.size();
    std::byte* const l4 = packet.data() + ethernet_header_size + sizeof(Header);
    if (in.has(Prepared::unsure) && !has_right_sum(packet, in)) [[unlikely]]
        return false;
    if (!is_accepted(packet, asked, status, l4, size - std::uint32_t{sizeof(Header)}, burst)) [[unlikely]]
        return false;
    if constexpr (!entered) context.received_bytes += packet.length();
    FlowPath& path = burst.work->paths[asked.way->path];
    path.bytes += size;
    if (status & nat_mask)
        write_translation(*packet.header<Header>(ethernet_header_size), l4, *asked.way,
                          entry_of(asked).direction[!(asked.ref & 1)], packet.meta.checksum);
    ++path.packets;
    return true;
}

template <StageId stage>
template <class Tuple>
[[gnu::always_inline]] inline Verdict FlowStage<stage>::follow(Packet& packet, const Prepared& in,
                                                               const Asked& asked, Burst& burst,
                                                               Context& context) noexcept {
    constexpr bool v6 = sizeof(Tuple) == sizeof(Tuple6);
    if (asked.owner != burst.moment.worker) [[unlikely]]
        return give(packet, asked, burst, context);
    const FlowDirection& way = *asked.way;
    const FlowState& state = entry_of(asked).state;
    const std::uint16_t status = state.status.load(std::memory_order_acquire);
    const std::uint32_t epoch =
        epoch_of(asked, v6, status, !v6 && asks_way_back4(packet, burst, context), burst);
    if (way.epoch != epoch || status & FlowStatus::dying || FlowTracker::expired(state, burst.moment.now) ||
        way.terms() != FlowDirection::plain_terms(in_of(packet, burst), status & FlowStatus::seen_reply))
        [[unlikely]] {
        if (!still_holds(packet, asked, burst, context)) return divert();
    }
    const std::uint16_t size = in.size();
    const Hop& hop = burst.hops[way.hop.load(std::memory_order_relaxed)];
    const std::uint64_t neighbour = hop.neighbour.load(std::memory_order_acquire);
    if (Hop::state_of(neighbour) != NeighbourState::resolved || hop.interface >= burst.interface_count)
        [[unlikely]]
        return divert();
    // What came before it and went the slow way may have changed its connection.
    if (*burst.slow_count) [[unlikely]] {
        context.run_all(context);
        return follow_again(packet, in, asked, burst, context);
    }
    const Interface& out = burst.interfaces[hop.interface];
    if (size > out.plain_mtu || !fits_hop(size, hop.mtu) || (entered && detail::wants_of(packet)))
        [[unlikely]]
        return leave_by_egress<Tuple>(packet, in, asked, hop, neighbour, out, burst, context);
    if (!goes_on<Tuple>(packet, in, asked, status, burst, context)) [[unlikely]]
        return divert();
    if constexpr (entered) let_egress_go_first(burst.left_behind, context);
    send_plain(packet, size, v6, hop, neighbour, out, context);
    return Verdict::consumed();
}

}  // namespace weft
