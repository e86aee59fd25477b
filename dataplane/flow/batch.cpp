#include "dataplane/flow/batch.hpp"

#include <time.h>

#include "dataplane/flow/plain_follow.hpp"
#include "dataplane/hook/connection.hpp"
#include "dataplane/ingress/enter.hpp"
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
[[gnu::noinline]] bool has_right_sum(const Header& ip, std::uint8_t protocol, const std::byte* l4,
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
    burst.entries = &burst.tracker->table().pool()[0];
    burst.tells = burst.tracker->events(context.worker).wanted();
    burst.work = context.hooks;
    burst.flows4 = filtering.tracks[0];
    burst.flows6 = filtering.tracks[1];
    burst.routes4 = !has_rules(false, context);
    burst.routes6 = !has_rules(true, context);
    const Routing& routing = *context.routing;
    burst.hands4 = routing.tables[0].v4 || !routing.rules4.empty();
    burst.hands6 = routing.tables[0].v6 || !routing.rules6.empty();
    burst.checks_sums = filtering.checks_sums;
    burst.slow = context.hooks->takes_over ? StageId::ip_input : StageId::ingress;
    burst.own = in.mac.raw();
    burst.spread = in.mtu - least_size;
    burst.in = in.index;
    burst.asks_way_back4 = routing.interface(in.index).rp_filter != 0;
    burst.interfaces = context.topology->interfaces.data();
    burst.interface_count = static_cast<std::uint32_t>(context.topology->interfaces.size());
    return burst;
}

/// Not the candidate.
template <class Tuple>
void FlowBatch::find(Asked& asked, const Burst& burst) noexcept {
    const auto& tuple = *reinterpret_cast<const Tuple*>(asked.tuple);
    asked.ref = burst.tracker->table().find(tuple, asked.kind, asked.hash);
}

/// What is found and this worker's stays what it is to the end of the round: others free nothing of ours.
void FlowBatch::look_up(Burst& burst, Context& context) noexcept {
    const FlowTable& table = burst.tracker->table();
    Asked* const end = burst.asked + burst.count;
    for (Asked* asked = burst.asked; asked != end; ++asked) {
        asked->candidate = table.candidate(asked->hash);
        __builtin_prefetch(&table.direction_of(asked->candidate.ref));
    }
    const HopTable& hops = *context.hops;
    for (Asked* asked = burst.asked; asked != end; ++asked) {
        const FlowCandidate& candidate = asked->candidate;
        const bool v6 = asked->kind.flags & FlowKind::ipv6;
        asked->ref = candidate.ref;
        if (v6 ? !table.matches(candidate, *reinterpret_cast<const Tuple6*>(asked->tuple), asked->kind)
               : !table.matches(candidate, *reinterpret_cast<const Tuple4*>(asked->tuple), asked->kind))
            [[unlikely]]
            v6 ? find<Tuple6>(*asked, burst) : find<Tuple4>(*asked, burst);
        const FlowEntry& entry = burst.entries[asked->ref >> 1];
        const FlowDirection& way = entry.direction[asked->ref & 1];
        asked->owner = way.owner.load(std::memory_order_acquire);
        // Not of others: their owners would have to fetch the line back.
        if (asked->owner != burst.moment.worker) continue;
        __builtin_prefetch(&entry.state);
        __builtin_prefetch(&hops[way.hop.load(std::memory_order_relaxed) % hop_capacity]);
    }
}

Verdict FlowBatch::give(Packet& packet, const Asked& asked, Burst& burst, Context& context) noexcept {
    const bool routed = asked.kind.flags & FlowKind::ipv6 ? burst.hands6 : burst.hands4;
    if (!routed) return divert(burst);
    // Of the same flow, perhaps.
    if (context.holds(burst.slow)) context.run_all(context);
    if (burst.slow == StageId::ingress) {
        enter_metadata(packet, *context.receiving);
        packet.meta.tag_place = TagPlace::none;
        context.received_bytes += packet.length();
    }
    return hand_over(packet, HandedFor::input, asked.owner, context);
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
    if (route.by_tos || (v6 && !routing.hash6_l4 && route.table_entry != route.index)) return false;
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

template <class Header>
bool FlowBatch::is_accepted(FlowRef ref, std::uint16_t status, const Header& ip, const std::byte* l4,
                            const Prepared& in, Burst& burst) noexcept {
    FlowEntry& entry = burst.entries[ref >> 1];
    const unsigned direction = ref & 1;
    const std::uint32_t length = in.size - std::uint32_t{sizeof ip};
    const std::uint8_t protocol = entry.direction[direction].kind.protocol;
    const bool counted = entry.direction[direction].kind.flags & FlowKind::accounted;
    if (plain::is_settled(status, direction) && !counted && !burst.tells) [[likely]] {
        if (protocol == ip_protocol::udp
                ? plain::follow_udp(entry.state, status, l4, length, burst.due)
                : plain::follow_ack(entry.state, status, direction, l4, length, burst.due)) [[likely]]
            return true;
    }
    const L4View view{.data = l4, .head = length, .length = length, .protocol = protocol};
    return burst.tracker->follow(ref, view, in.size, burst.moment) == L4Verdict::accept;
}

template <class Tuple>
Verdict FlowBatch::follow(Packet& packet, const Prepared& in, Burst& burst, Context& context) noexcept {
    constexpr bool v6 = is_v6<Tuple>;
    using Header = std::conditional_t<v6, Ipv6Header, Ipv4Header>;
    const Asked& asked = burst.asked[in.slot];
    const FlowRef ref = asked.ref;
    if (!ref) [[unlikely]]
        return divert(burst);
    if (asked.owner != burst.moment.worker) [[unlikely]]
        return give(packet, asked, burst, context);
    FlowEntry& entry = burst.entries[ref >> 1];
    FlowDirection& way = entry.direction[ref & 1];
    HookWork& work = *burst.work;
    const std::uint16_t status = entry.state.status.load(std::memory_order_acquire);
    if (status & FlowStatus::dying || FlowTracker::expired(entry.state, burst.moment.now) ||
        !work.paths.stands(way.path) || way.iif != burst.in) [[unlikely]]
        return divert(burst);
    FlowPath& path = work.paths[way.path];
    const bool answered = ref & 1 || status & FlowStatus::seen_reply;
    const auto& ip = *packet.header<Header>(ethernet_header_size);
    const std::byte* const l4 = packet.data() + ethernet_header_size + sizeof(Header);
    if (way.condition != (answered ? FlowDirection::answered : 0)) [[unlikely]] {
        if (answered != ((way.condition & FlowDirection::answered) != 0)) return divert(burst);
        const auto number = static_cast<std::uint16_t>(way.condition & ~FlowDirection::answered);
        if (!holds(work.paths.condition(number), packet, l4, asked.kind.protocol, ref, burst))
            return divert(burst);
    }
    if (way.routes != work.routes && !renew(packet, ref, path, v6, burst, context)) [[unlikely]]
        return divert(burst);

    const Hop& hop = (*context.hops)[way.hop.load(std::memory_order_relaxed)];
    const std::uint64_t neighbour = hop.neighbour.load(std::memory_order_acquire);
    if (Hop::state_of(neighbour) != NeighbourState::resolved || hop.interface >= burst.interface_count)
        [[unlikely]]
        return divert(burst);
    const Interface& out = burst.interfaces[hop.interface];
    if (in.size > out.plain_mtu || !fits_hop(in.size, hop.mtu)) [[unlikely]]
        return divert(burst);
    if (burst.checks_sums && packet.meta.checksum == ChecksumState::unknown &&
        !has_right_sum(ip, asked.kind.protocol, l4, in.size - std::uint32_t{sizeof ip})) [[unlikely]]
        return divert(burst);
    // What came before it and went the slow way may have changed its connection.
    if (context.holds(burst.slow)) [[unlikely]] {
        context.run_all(context);
        return follow<Tuple>(packet, in, burst, context);
    }
    if (!is_accepted(ref, status, ip, l4, in, burst)) [[unlikely]]
        return divert(burst);
    context.received_bytes += packet.length();
    ++path.packets;
    path.bytes += in.size;
    if (status & nat_mask)
        write_translation(*packet.header<Header>(ethernet_header_size),
                          packet.data() + ethernet_header_size + sizeof(Header), way,
                          entry.direction[!(ref & 1)], packet.meta.checksum);
    send_plain(packet, in.size, v6, hop, neighbour, out, context);
    return Verdict::consumed();
}

template Verdict FlowBatch::follow<Tuple4>(Packet&, const Prepared&, Burst&, Context&) noexcept;
template Verdict FlowBatch::follow<Tuple6>(Packet&, const Prepared&, Burst&, Context&) noexcept;

}  // namespace weft
