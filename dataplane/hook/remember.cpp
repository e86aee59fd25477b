#include "dataplane/hook/remember.hpp"

#include <algorithm>
#include <bit>

#include "dataplane/flow/epoch.hpp"
#include "dataplane/flow/tcp.hpp"
#include "dataplane/hook/connection.hpp"
#include "dataplane/hook/layer4.hpp"
#include "dataplane/nat/side.hpp"
#include "dataplane/route/header.hpp"
#include "dataplane/route/lookup.hpp"

namespace weft {

namespace {

using hook::Rest;

constexpr std::uint8_t shape_flags = tcp_flag::fin | tcp_flag::syn | tcp_flag::rst | tcp_flag::ack;

/// Segments that begin and end connections are looked at one by one, here and there.
SlowWay kind_of(Packet& packet, std::uint8_t protocol, const Context& context) noexcept {
    if (protocol == ip_protocol::udp) return SlowWay::kept;
    if (protocol != ip_protocol::tcp) return SlowWay::protocol;
    const auto l4 = layer4_of(packet, context);
    constexpr std::size_t flags_at = 13;
    const bool inside = l4 && l4->head >= sizeof(TcpHeader) &&
                        (static_cast<std::uint8_t>(l4->data[flags_at]) & shape_flags) == tcp_flag::ack;
    return inside ? SlowWay::kept : SlowWay::tcp_ends;
}

/// The first of what rules have asked that no other packet need share.
SlowWay asked_by_rules(const hook::Rests& rests) noexcept {
    static_assert(Rest::length == 1 && Rest::tcpmss == 1 << (static_cast<unsigned>(SlowWay::tcpmss) -
                                                             static_cast<unsigned>(SlowWay::length)));
    if (const std::uint32_t bits = rests.reasons & Rest::never)
        return static_cast<SlowWay>(static_cast<int>(SlowWay::length) + std::countr_zero(bits));
    if (rests.reasons & Rest::tos) return SlowWay::route_by_tos;
    return rests.reasons & Rest::sets ? SlowWay::sets : SlowWay::kept;
}

bool routes_by_tos(bool v6, const Routing& routing) noexcept {
    const auto& rules = v6 ? routing.rules6 : routing.rules4;
    return std::any_of(rules.begin(), rules.end(), [](const RoutingRule& rule) { return rule.tos != 0; });
}

/// What a packet's way rests on that is not its flow's: its TOS, or the flow label, by which IPv6 names the
/// member of a group (fib_multipath_hash_policy 0).
SlowWay routed_by(Packet& packet, bool v6, const FlowState& state, const Context& context) noexcept {
    const Routing& routing = *context.routing;
    if (routes_by_tos(v6, routing)) return SlowWay::route_by_tos;
    if (v6 ? routing.hash6_l4 : !routing.tos_routes) return SlowWay::kept;
    // Rules have looked at the source before it was translated, and at another mark; the way back may have a
    // TOS, too.
    const bool asked_otherwise =
        !(v6 ? routing.rules6 : routing.rules4).empty() && (state.has(nat_mask) || packet.meta.mark != 0);
    if (asked_otherwise || (!v6 && routing.interface(packet.meta.iif).rp_filter != 0))
        return v6 ? SlowWay::route_by_label : SlowWay::route_by_tos;
    const RouteAnswer route = find_route(key_of(packet, routing), routing, *context.hops);
    if (route.by_tos) return SlowWay::route_by_tos;
    return v6 && route.table_entry != route.index ? SlowWay::route_by_label : SlowWay::kept;
}

/// The next packet would find another mark, and might be given another one again.
bool changes_connection_mark(const Packet& packet, const Recording& recording,
                             FlowTracker& tracker) noexcept {
    return recording.marks_connection &&
           tracker.mark(packet.meta.connection_index).load(std::memory_order_relaxed) !=
               recording.connection_mark;
}

FlowCondition condition_of(const hook::Rests& rests, const Recording& recording) noexcept {
    FlowCondition condition;
    if (rests.mask.mac != 0) {
        condition.asks_mac = true;
        condition.mac = rests.value.mac;
    }
    if (rests.mask.connection_mark != 0 || recording.marks_connection) {
        condition.asks_connection_mark = true;
        condition.connection_mark = recording.connection_mark;
    }
    condition.tcp_mask = static_cast<std::uint8_t>(rests.mask.tcp_flags & ~shape_flags);
    condition.tcp_flags = rests.value.tcp_flags & condition.tcp_mask;
    condition.asks_routes = rests.reasons & Rest::routes;
    return condition;
}

/// Bits that once set stay set: what rests on one that is not may be otherwise soon.
bool rests_on_future(const hook::Rests& rests, std::uint16_t status) noexcept {
    using Bits = hook::ConntrackStatus;
    const auto open = [&](std::uint8_t bit, std::uint16_t of) {
        return (rests.mask.status & bit) && !(status & of);
    };
    return open(Bits::seen_reply, FlowStatus::seen_reply) || open(Bits::assured, FlowStatus::assured) ||
           open(Bits::confirmed, FlowStatus::confirmed);
}

/// The first packet is asked about before it is known what its connection becomes.
bool rests_on_translation(const hook::Rests& rests, std::uint16_t before, std::uint16_t now) noexcept {
    using Bits = hook::ConnectionStatus;
    return rests.mask.status & (Bits::source_nat | Bits::destination_nat) && (before ^ now) & nat_mask;
}

/// What route_generation() was when the packet was routed, in this round: if a route has changed meanwhile,
/// what no longer is, so that the next packet asks again.
std::uint32_t generation_of(const Packet& packet, const FlowEntry& entry, bool v6,
                            const Context& context) noexcept {
    const RouteChanges& changes = context.hops->changes();
    const bool way_back =
        context.routing->local_networks4 || context.routing->interface(packet.meta.iif).rp_filter != 0;
    const std::uint32_t now =
        route_generation(entry, FlowTable::direction(packet.meta.connection_index), v6,
                         entry.state.status.load(std::memory_order_relaxed), way_back, changes);
    return changes.none_since(context.hooks->changes) ? now : now - 1;
}

/// SlowWay::kept, or why not.
SlowWay keep(Packet& packet, Context& context) noexcept {
    HookWork& work = *context.hooks;
    const Recording& recording = work.recording;
    const hook::Rests& rests = work.trail.rests;
    if (recording.slow != SlowWay::kept) return recording.slow;
    const bool v6 = is_ipv6(packet);
    FlowTracker& tracker = *context.filtering->tracker;
    const FlowRef ref = packet.meta.connection_index;
    FlowEntry& entry = tracker.table().pool()[FlowTable::index(ref)];
    const FlowState& state = entry.state;
    FlowDirection& way = entry.direction[ref & 1];
    const FlowKind kind = way.kind_now();
    const CtInfo info = connection_info(packet);
    const Hop& hop = (*context.hops)[packet.meta.hop];
    // Of a connection that is another's, or not this packet's own, nothing will be noted either.
    if (state.version() != packet.meta.connection_version || state.owner() != context.worker ||
        !state.has(FlowStatus::confirmed) || info == CtInfo::related || info == CtInfo::related_reply)
        return SlowWay::unseen;
    if (state.has(FlowStatus::helper)) return SlowWay::helper;
    if (kind.zone != 0 || kind.flags & FlowKind::hinted) return SlowWay::zone;
    if (const SlowWay of_packet = kind_of(packet, kind.protocol, context); of_packet != SlowWay::kept)
        return of_packet;
    if (const SlowWay asked = asked_by_rules(rests); asked != SlowWay::kept) return asked;
    if (rests_on_future(rests, recording.status) ||
        rests_on_translation(rests, recording.status, state.status.load(std::memory_order_relaxed)))
        return SlowWay::future_status;
    if (changes_connection_mark(packet, recording, tracker)) return SlowWay::marks_connection;
    if (hop.kind != HopKind::neighbour) return SlowWay::not_neighbour;
    if (hop.interface == packet.meta.iif) return SlowWay::same_interface;
    if (const SlowWay routed = routed_by(packet, v6, state, context); routed != SlowWay::kept) return routed;
    const std::uint32_t path =
        work.paths.intern(recording.path, v6, packet.meta.mark, rests.reasons & Rest::routes);
    if (path == FlowPaths::none) return SlowWay::too_many;
    const std::uint16_t condition = work.paths.intern(condition_of(rests, recording));
    if (condition == FlowPaths::most_conditions) return SlowWay::too_many;
    way.hop.store(packet.meta.hop, std::memory_order_relaxed);
    way.oif = hop.interface;
    way.iif = packet.meta.iif;
    // By words: others may be comparing the line with a tuple of IPv6.
    if (!v6 && !state.has(nat_mask)) store_words(&way.v4.translated, way.v4.tuple);
    way.epoch = work.epoch +
                (rests.reasons & Rest::routes ? work.changes : generation_of(packet, entry, v6, context));
    way.condition =
        static_cast<std::uint16_t>(condition | (info == CtInfo::fresh ? 0 : FlowDirection::answered));
    way.path = path;
    return SlowWay::kept;
}

}  // namespace

void begin_recording(const Packet& packet, Context& context) noexcept {
    Recording& recording = context.hooks->recording;
    recording.path.clear();
    context.hooks->trail.rests = {};
    recording.marks_connection = false;
    recording.slow = context.hooks->datagram.count != 0 ? SlowWay::fragments
                     : was_handed_over(packet)          ? SlowWay::handed_over
                     : packet.meta.mark != 0            ? SlowWay::marked
                                                        : SlowWay::kept;
}

void record_connection(const Packet& packet, Context& context) noexcept {
    Recording& recording = context.hooks->recording;
    if (!has_connection(packet)) return;
    FlowTracker& tracker = *context.filtering->tracker;
    recording.connection_mark = tracker.mark(packet.meta.connection_index).load(std::memory_order_relaxed);
    recording.status = tracker.state_of(packet.meta.connection_index).status.load(std::memory_order_relaxed);
}

void note_slow(const Packet& packet, SlowWay why, const Context& context) noexcept {
    if (!has_connection(packet)) return;
    FlowTracker& tracker = *context.filtering->tracker;
    const FlowRef ref = packet.meta.connection_index;
    const CtInfo info = connection_info(packet);
    const FlowState& state = tracker.state_of(ref);
    if (state.version() != packet.meta.connection_version || state.owner() != context.worker ||
        info == CtInfo::related || info == CtInfo::related_reply)
        return;
    tracker.table().direction_of(ref).slow = why;
}

void remember(Packet& packet, Context& context) noexcept {
    if (has_connection(packet)) note_slow(packet, keep(packet, context), context);
}

}  // namespace weft
