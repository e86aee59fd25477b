#include "dataplane/flow/batch.hpp"

#include <time.h>

#include "dataplane/nat/prepared.hpp"
#include "dataplane/route/header.hpp"
#include "dataplane/route/lookup.hpp"
#include "weft/net/checksum.hpp"

namespace weft {

namespace {

template <class Tuple>
constexpr bool is_v6 = sizeof(Tuple) == sizeof(Tuple6);

/// nf_conntrack_checksum of a plain packet. A UDP sum of 0 is none (as udp_error, over IPv6 too).
template <class Header>
bool has_right_sum(const Header& ip, std::uint8_t protocol, const std::byte* l4,
                   std::uint32_t length) noexcept {
    if (protocol == ip_protocol::udp) {
        be16 field;
        std::memcpy(&field, l4 + offsetof(UdpHeader, checksum), sizeof field);
        if (field.raw() == 0) return true;
    }
    InternetSum sum = pseudo_header(ip, protocol, length);
    sum.add(l4, length);
    return sum.checksum().raw() == 0;
}

}  // namespace

FlowBatch::Burst FlowBatch::begin(Context& context) noexcept {
    const Interface& in = *context.receiving;
    const Filtering& filtering = *context.filtering;
    Burst burst{{.config = filtering.flows,
                 .worker = context.worker,
                 .now = static_cast<FlowTime>(context.now_us / 1000),
                 .wall_seconds = static_cast<std::uint32_t>(time(nullptr))}};
    burst.tracker = filtering.tracker.get();
    burst.work = context.hooks;
    burst.flows4 = filtering.tracks[0];
    burst.flows6 = filtering.tracks[1];
    burst.routes4 = !has_rules(false, context);
    burst.routes6 = !has_rules(true, context);
    burst.checks_sums = filtering.checks_sums;
    burst.own = in.mac.raw();
    burst.spread = in.mtu - least_size;
    burst.in = in.index;
    burst.asks_way_back4 = context.routing->interface(in.index).rp_filter != 0;
    burst.interfaces = context.topology->interfaces.data();
    burst.interface_count = static_cast<std::uint32_t>(context.topology->interfaces.size());
    return burst;
}

void FlowBatch::look_up(Burst& burst, Context& context) noexcept {
    const FlowTable& table = burst.tracker->table();
    for (unsigned i = 0; i < burst.count; ++i) {
        burst.candidates[i] = table.candidate(burst.hashes[i]);
        if (burst.candidates[i].ref) table.prefetch_entry(burst.candidates[i].ref);
    }
    for (unsigned i = 0; i < burst.count; ++i)
        if (burst.candidates[i].ref)
            __builtin_prefetch(&(
                *context
                     .hops)[table.direction_of(burst.candidates[i].ref).hop.load(std::memory_order_relaxed) %
                            hop_capacity]);
}

bool FlowBatch::renew(Packet& packet, FlowRef ref, const FlowPath& path, bool v6, const Burst& burst,
                      Context& context) noexcept {
    FlowTable& table = burst.tracker->table();
    FlowDirection& way = table.direction_of(ref);
    const Routing& routing = *context.routing;
    if (path.rests_on_routes || !(v6 ? routing.rules6 : routing.rules4).empty()) return false;
    packet.meta.iif = burst.in;
    packet.meta.mark = 0;
    packet.meta.l3_offset = ethernet_header_size;
    if (!v6 && (burst.asks_way_back4 || routing.own4.may_have(ipv4(packet).source))) return false;
    RouteKey key = key_of(packet, routing);
    // It is translated before it is routed.
    if (burst.tracker->state_of(ref).has(nat_mask))
        key.destination = v6 ? to_address(table.direction_of(ref ^ 1).v6.source)
                             : to_address(way.v4.translated.destination);
    const RouteAnswer route = find_route(key, routing, *context.hops);
    if (route.kind != HopKind::neighbour || (*context.hops)[route.index].interface != way.oif) return false;
    if (v6 && !routing.hash6_l4 && route.table_entry != route.index) return false;
    way.hop.store(route.index, std::memory_order_relaxed);
    way.routes = context.hooks->routes;
    return true;
}

bool FlowBatch::holds(const FlowCondition& condition, Packet& packet, const std::byte* l4,
                      std::uint8_t protocol, FlowRef ref, const Burst& burst) noexcept {
    constexpr std::size_t flags_at = 13;
    if (condition.asks_mac && packet.ethernet().source.raw() != condition.mac) return false;
    if (condition.asks_connection_mark &&
        burst.tracker->mark(ref).load(std::memory_order_relaxed) != condition.connection_mark)
        return false;
    return protocol != ip_protocol::tcp ||
           (static_cast<std::uint8_t>(l4[flags_at]) & condition.tcp_mask) == condition.tcp_flags;
}

template <class Tuple>
Verdict FlowBatch::follow(Packet& packet, const Tuple& tuple, const Prepared& in, Burst& burst,
                          Context& context) noexcept {
    constexpr bool v6 = is_v6<Tuple>;
    using Header = std::conditional_t<v6, Ipv6Header, Ipv4Header>;
    FlowTracker& tracker = *burst.tracker;
    const auto& ip = *packet.header<Header>(ethernet_header_size);
    std::uint8_t protocol;
    if constexpr (v6)
        protocol = ip.next_header;
    else
        protocol = ip.protocol;
    const FlowKind kind{0, protocol, v6 ? FlowKind::ipv6 : std::uint8_t{0}};
    FlowRef ref = burst.candidates[in.slot].ref;
    if (!tracker.table().matches(burst.candidates[in.slot], tuple, kind)) [[unlikely]]
        ref = tracker.table().find(tuple, kind, burst.hashes[in.slot]);
    if (!ref) return divert();

    FlowState& state = tracker.state_of(ref);
    if (state.owner() != context.worker || state.has(FlowStatus::dying) ||
        FlowTracker::expired(state, burst.moment.now)) [[unlikely]]
        return divert();
    FlowDirection& way = tracker.table().direction_of(ref);
    HookWork& work = *burst.work;
    if (!work.paths.stands(way.path) || way.iif != burst.in) [[unlikely]]
        return divert();
    const bool answered = FlowTable::direction(ref) || state.has(FlowStatus::seen_reply);
    if (answered != ((way.condition & FlowDirection::answered) != 0)) [[unlikely]]
        return divert();
    FlowPath& path = work.paths[way.path];
    const std::byte* const l4 = packet.data() + ethernet_header_size + sizeof(Header);
    if (const auto number = static_cast<std::uint16_t>(way.condition & ~FlowDirection::answered)) [[unlikely]]
        if (!holds(work.paths.condition(number), packet, l4, protocol, ref, burst)) return divert();
    if (way.routes != work.routes && !renew(packet, ref, path, v6, burst, context)) [[unlikely]]
        return divert();

    const Hop& hop = (*context.hops)[way.hop.load(std::memory_order_relaxed)];
    const std::uint64_t neighbour = hop.neighbour.load(std::memory_order_acquire);
    if (Hop::state_of(neighbour) != NeighbourState::resolved || hop.interface >= burst.interface_count)
        [[unlikely]]
        return divert();
    const Interface& out = burst.interfaces[hop.interface];
    if (in.size > out.plain_mtu || !fits_hop(in.size, hop.mtu)) [[unlikely]]
        return divert();
    const std::uint32_t length = in.size - std::uint32_t{sizeof(Header)};
    if (burst.checks_sums && packet.meta.checksum == ChecksumState::unknown &&
        !has_right_sum(ip, protocol, l4, length)) [[unlikely]]
        return divert();
    // What came before it and went the slow way may have changed its connection.
    if (context.holds(StageId::ingress)) [[unlikely]] {
        context.run_all(context);
        return follow(packet, tuple, in, burst, context);
    }
    const L4View view{.data = l4, .head = length, .length = length, .protocol = protocol};
    if (tracker.follow(ref, view, in.size, burst.moment) != L4Verdict::accept) [[unlikely]]
        return divert();
    context.received_bytes += packet.length();
    ++path.packets;
    path.bytes += in.size;
    if (state.has(nat_mask))
        write_translation(*packet.header<Header>(ethernet_header_size),
                          packet.data() + ethernet_header_size + sizeof(Header), way,
                          tracker.table().direction_of(ref ^ 1), packet.meta.checksum);
    send_plain(packet, in.size, v6, hop, neighbour, out, context);
    return Verdict::consumed();
}

template Verdict FlowBatch::follow(Packet&, const Tuple4&, const Prepared&, Burst&, Context&) noexcept;
template Verdict FlowBatch::follow(Packet&, const Tuple6&, const Prepared&, Burst&, Context&) noexcept;

}  // namespace weft
