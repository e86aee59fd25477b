#include "dataplane/flow/batch.hpp"

#include <algorithm>

#include "dataplane/hook/connection.hpp"
#include "dataplane/ingress/enter.hpp"
#include "dataplane/route/forward.hpp"
#include "dataplane/route/lookup.hpp"
#include "weft/net/checksum.hpp"

namespace weft {

namespace {

/// A UDP sum of 0 is none (as udp_error, over IPv6 too).
template <class Header>
bool sums_up(const Header& ip, std::uint8_t protocol, std::uint32_t size) noexcept {
    const auto* const l4 = reinterpret_cast<const std::byte*>(&ip + 1);
    const std::uint32_t length = size - std::uint32_t{sizeof ip};
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

template <StageId stage>
typename FlowStage<stage>::Burst FlowStage<stage>::begin(Context& context) noexcept {
    const Filtering& filtering = *context.filtering;
    Burst burst{moment_of(context)};
    burst.tracker = filtering.tracker.get();
    burst.work = context.hooks;
    burst.epoch = burst.work->epoch;
    // Of what somebody is told nothing may be missed: no status is this one.
    constexpr std::uint16_t none = FlowStatus::seen_reply;
    static_assert((none & plain::settling) == 0);
    burst.settled = burst.tracker->events(context.worker).wanted() ? none : FlowStatus::confirmed;
    burst.flows4 = filtering.tracks[0];
    burst.flows6 = filtering.tracks[1];
    burst.routes4 = !has_rules(false, context);
    burst.routes6 = !has_rules(true, context);
    const Routing& routing = *context.routing;
    burst.hands4 = routing.tables[0].v4 || !routing.rules4.empty();
    burst.hands6 = routing.tables[0].v6 || !routing.rules6.empty();
    burst.checks_sums = filtering.checks_sums;
    burst.slow_count = &context.next[static_cast<std::size_t>(slow)].count;
    burst.left_behind = entered && context.holds(StageId::egress);
    burst.asks_way_back4 = routing.local_networks4;
    if constexpr (!entered) {
        const Interface& in = *context.receiving;
        burst.own = in.mac.raw();
        burst.spread = in.mtu - least_size;
        burst.in = in.index;
        burst.asks_way_back4 |= routing.interface(in.index).rp_filter != 0;
    }
    burst.hops = &(*context.hops)[0];
    burst.changes = &context.hops->changes();
    burst.interfaces = context.topology->interfaces.data();
    burst.interface_count = static_cast<std::uint32_t>(context.topology->interfaces.size());
    return burst;
}

template <StageId stage>
[[gnu::always_inline]] inline bool FlowStage<stage>::is_found(const Asked& asked) noexcept {
    const std::uint64_t differs =
        (asked.kind >> 24 & FlowKind::ipv6)
            ? asked.way->differences(*reinterpret_cast<const Tuple6*>(asked.tuple), asked.kind)
            : asked.way->differences(*reinterpret_cast<const Tuple4*>(asked.tuple), asked.kind);
    return differs == 0 && FlowBucket::same_version(asked.header, asked.bucket->header_now());
}

template <StageId stage>
template <class Tuple>
FlowRef FlowStage<stage>::find(const Asked& asked, const Burst& burst) noexcept {
    const auto& tuple = *reinterpret_cast<const Tuple*>(asked.tuple);
    const auto kind = std::bit_cast<FlowKind>(asked.kind);
    const FlowTable& table = burst.tracker->table();
    return table.find(tuple, kind, table.hash(tuple, kind.protocol));
}

template <StageId stage>
void FlowStage<stage>::find(Asked& asked, const Burst& burst) noexcept {
    const bool v6 = asked.kind >> 24 & FlowKind::ipv6;
    asked.ref = v6 ? find<Tuple6>(asked, burst) : find<Tuple4>(asked, burst);
    asked.way = &burst.tracker->table().direction_of(asked.ref);
}

template <StageId stage>
void FlowStage<stage>::foresee(const void* tuple, FlowKind kind, const Burst& burst,
                               const Context& context) noexcept {
    const auto of = [&]<class Tuple>(const Tuple& source, bool translates) {
        asm volatile("");  // the whole is to have an effect, too (FlowTable::prefetch)
        if (translates)
            burst.tracker->foresee(*static_cast<const Tuple*>(tuple), kind, source);
        else
            burst.tracker->foresee(*static_cast<const Tuple*>(tuple), kind);
    };
    if (kind.flags & FlowKind::ipv6)
        of(burst.work->foreseen6, context.filtering->translates[1]);
    else
        of(burst.work->foreseen4, context.filtering->translates[0]);
}

template <StageId stage>
void FlowStage<stage>::foresee_all(const void* tuple, FlowKind kind, const Burst& burst,
                                   const Context& context) noexcept {
    const FlowTable& table = burst.tracker->table();
    const std::uint64_t hash = kind.flags & FlowKind::ipv6
                                   ? table.hash(*static_cast<const Tuple6*>(tuple), kind.protocol)
                                   : table.hash(*static_cast<const Tuple4*>(tuple), kind.protocol);
    table.prefetch(hash);
    foresee(tuple, kind, burst, context);
}

/// What is found and this worker's stays what it is to the end of the round: others free nothing of ours.
template <StageId stage>
void FlowStage<stage>::look_up(Burst& burst, Context& context) noexcept {
    const FlowTable& table = burst.tracker->table();
    const Asked* const end = burst.end;
    for (Asked* asked = burst.asked; asked != end; ++asked) {
        const FlowCandidate candidate = table.candidate(*asked->bucket, asked->signature);
        asked->header = candidate.header;
        asked->ref = candidate.ref;
        asked->way = &table.direction_of(candidate.ref);
        __builtin_prefetch(asked->way);
    }
    for (Asked* asked = burst.asked; asked != end; ++asked) {
        // Entry 0 is nobody's and matches nothing.
        if (!is_found(*asked)) [[unlikely]] {
            find(*asked, burst);
            if (!asked->ref) {
                asked->owner = nobody;
                foresee(asked->tuple, std::bit_cast<FlowKind>(asked->kind), burst, context);
                continue;
            }
        }
        asked->owner = asked->way->owner.load(std::memory_order_acquire);
        // Not of others: their owners would have to fetch the line back.
        if (asked->owner != burst.moment.worker) continue;
        __builtin_prefetch(&entry_of(*asked).state);
        __builtin_prefetch(burst.hops + asked->way->hop.load(std::memory_order_relaxed) % hop_capacity);
    }
}

template <StageId stage>
Verdict FlowStage<stage>::give(Packet& packet, const Asked& asked, Burst& burst, Context& context) noexcept {
    if (asked.owner == nobody) return divert();
    const bool routed = asked.kind >> 24 & FlowKind::ipv6 ? burst.hands6 : burst.hands4;
    if (!routed) return divert();
    // Of the same flow, perhaps.
    if (context.holds(slow)) context.run_all(context);
    if constexpr (!entered) {
        enter_metadata(packet, *context.receiving);
        packet.meta.tag_place = TagPlace::none;
        context.received_bytes += packet.length();
    }
    return hand_over(packet, HandedFor::input, asked.owner, context);
}

template <StageId stage>
bool FlowStage<stage>::renew(Packet& packet, const Asked& asked, const FlowPath& path, std::uint32_t epoch,
                             const Burst& burst, Context& context) noexcept {
    FlowDirection& way = *asked.way;
    const bool v6 = way.kind.flags & FlowKind::ipv6;
    const Routing& routing = *context.routing;
    if (path.rests_on_routes || !(v6 ? routing.rules6 : routing.rules4).empty()) return false;
    if constexpr (!entered) packet.meta.iif = burst.in;
    packet.meta.mark = 0;
    packet.meta.l3_offset = ethernet_header_size;
    if (!v6 && (asks_way_back4(packet, burst, context) || routing.own4.may_have(ipv4(packet).source)))
        return false;
    RouteKey key = key_of(packet, routing);
    // It is translated before it is routed.
    if (entry_of(asked).state.has(nat_mask))
        key.destination = v6 ? to_address(entry_of(asked).direction[!(asked.ref & 1)].v6.source)
                             : to_address(way.v4.translated.destination);
    const RouteAnswer route = find_route(key, routing, *context.hops);
    if (route.kind != HopKind::neighbour || (*context.hops)[route.index].interface != way.oif) return false;
    if (route.by_tos || (v6 && !routing.hash6_l4 && route.table_entry != route.index)) return false;
    way.hop.store(route.index, std::memory_order_relaxed);
    way.epoch = epoch;
    return true;
}

template <StageId stage>
bool FlowStage<stage>::meets(const FlowCondition& condition, Packet& packet, const Asked& asked,
                             const Burst& burst) noexcept {
    constexpr std::size_t flags_at = 13;
    if (condition.asks_mac && packet.ethernet().source.raw() != condition.mac) return false;
    if (condition.asks_connection_mark &&
        burst.tracker->mark(asked.ref).load(std::memory_order_relaxed) != condition.connection_mark)
        return false;
    const FlowKind kind = asked.way->kind;
    const std::byte* const l4 = packet.data() + (kind.flags & FlowKind::ipv6 ? first_byte6 : first_byte4);
    return kind.protocol != ip_protocol::tcp ||
           (static_cast<std::uint8_t>(l4[flags_at]) & condition.tcp_mask) == condition.tcp_flags;
}

template <StageId stage>
bool FlowStage<stage>::still_holds(Packet& packet, const Asked& asked, const Burst& burst,
                                   Context& context) noexcept {
    const FlowDirection& way = *asked.way;
    const FlowState& state = entry_of(asked).state;
    FlowPaths& paths = burst.work->paths;
    const bool answered = state.has(FlowStatus::seen_reply);
    if (state.has(FlowStatus::dying) || FlowTracker::expired(state, burst.moment.now) ||
        !paths.stands(way.path) || way.iif != in_of(packet, burst) ||
        answered != ((way.condition & FlowDirection::answered) != 0))
        return false;
    const FlowCondition& condition =
        paths.condition(static_cast<std::uint16_t>(way.condition & ~FlowDirection::answered));
    if (!meets(condition, packet, asked, burst)) return false;
    // Asked before the route is.
    const std::uint32_t epoch =
        condition.asks_routes
            ? burst.epoch + burst.work->changes
            : epoch_of(asked, way.kind.flags & FlowKind::ipv6, state.status.load(std::memory_order_relaxed),
                       asks_way_back4(packet, burst, context), burst);
    return way.epoch == epoch || renew(packet, asked, paths[way.path], epoch, burst, context);
}

template <StageId stage>
bool FlowStage<stage>::has_right_sum(Packet& packet, const Prepared& in) noexcept {
    if (in.has(Prepared::ipv6)) {
        const auto& ip = *packet.header<Ipv6Header>(ethernet_header_size);
        return sums_up(ip, ip.next_header, in.size());
    }
    const auto& ip = *packet.header<Ipv4Header>(ethernet_header_size);
    return sums_up(ip, ip.protocol, in.size());
}

template <StageId stage>
bool FlowStage<stage>::is_accepted_slowly(Packet& packet, const Asked& asked, const std::byte* l4,
                                          std::uint32_t length, Burst& burst) noexcept {
    const auto before = static_cast<std::uint32_t>(l4 - packet.data());
    const L4View view{.data = l4,
                      .head = std::min(length, packet.head_length() - before),
                      .length = length,
                      .protocol = asked.way->kind.protocol};
    const std::uint32_t size = before - ethernet_header_size + length;
    return burst.tracker->follow(asked.ref, view, size, burst.moment) == L4Verdict::accept;
}

template <StageId stage>
Verdict FlowStage<stage>::follow_again(Packet& packet, const Prepared& in, const Asked& asked, Burst& burst,
                                       Context& context) noexcept {
    return in.has(Prepared::ipv6) ? follow<Tuple6>(packet, in, asked, burst, context)
                                  : follow<Tuple4>(packet, in, asked, burst, context);
}

template <StageId stage>
template <class Tuple>
Verdict FlowStage<stage>::leave_by_egress(Packet& packet, const Prepared& in, const Asked& asked,
                                          const Hop& hop, std::uint64_t neighbour, const Interface& out,
                                          Burst& burst, Context& context) noexcept {
    if (!may_leave_by_egress(packet, hop, out, entered, context)) return divert();
    const std::uint16_t status = entry_of(asked).state.status.load(std::memory_order_acquire);
    if (!goes_on<Tuple>(packet, in, asked, status, burst, context)) return divert();
    if (entered && detail::wants_of(packet)) burst.left_behind = true;
    packet.meta.mark = burst.work->paths[asked.way->path].mark;
    return weft::leave_by_egress(packet, in.size(), sizeof(Tuple) == sizeof(Tuple6), hop, neighbour, out,
                                 context);
}

template struct FlowStage<StageId::flow_batch>;
template struct FlowStage<StageId::flow_input>;

}  // namespace weft
